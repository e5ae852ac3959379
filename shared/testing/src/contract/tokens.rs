//! A transaction's idempotency token: a transaction sent again, because its answer was lost, has no second effect.

use store::{CommitError, ProductSlugClaim, StoreError, Tx};

use super::{
    backend::Backend,
    fixtures::{TENANT, VARIANT, at, claim, claim_key, commit, refused, stock, token, units},
    in_front::InFront,
};

/// As a buyer's order: a record, and arithmetic.
fn order(token: &str, quantity: u32) -> Tx {
    let mut tx = Tx::new(token);
    tx.create(TENANT, &claim(1));
    tx.reserve_stock(TENANT, VARIANT, quantity, at(1));
    tx
}

pub(super) async fn a_transaction_sent_twice_happens_once(backend: Backend) {
    let (db, token) = (backend.db(), token());
    commit(&db, |tx| _ = tx.create(TENANT, &stock(VARIANT, 10, 0))).await;
    for _ in 0..2 {
        db.commit(order(&token, 3)).await.unwrap();
        assert_eq!(units(&db, VARIANT).await, (10, 3, 7));
    }
    // Even when what it made has changed since.
    commit(&db, |tx| _ = tx.remove(claim_key(1))).await;
    backend.db().commit(order(&token, 3)).await.unwrap();
    assert_eq!(db.get::<ProductSlugClaim>(&claim_key(1)).await.unwrap(), None);
    assert_eq!(units(&db, VARIANT).await, (10, 3, 7));
}

pub(super) async fn arithmetic_sent_twice_happens_once(backend: Backend) {
    let (db, token) = (backend.db(), token());
    commit(&db, |tx| _ = tx.create(TENANT, &stock(VARIANT, 10, 0))).await;
    let reserve = || {
        let mut tx = Tx::new(&token);
        tx.reserve_stock(TENANT, VARIANT, 6, at(1));
        tx
    };
    // The second time its condition would not even hold.
    for _ in 0..3 {
        db.commit(reserve()).await.unwrap();
    }
    assert_eq!(units(&db, VARIANT).await, (10, 6, 4));
}

pub(super) async fn arithmetic_sent_by_many_at_once_happens_once(backend: Backend) {
    let (db, token) = (backend.db(), token());
    commit(&db, |tx| _ = tx.create(TENANT, &stock(VARIANT, 10, 0))).await;
    let answers = backend.at_once(8, async |_, db| db.commit(order(&token, 3)).await);
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(units(&db, VARIANT).await, (10, 3, 7));
}

pub(super) async fn a_lost_answer_is_no_second_effect(backend: Backend) {
    let db = backend.db();
    commit(&db, |tx| _ = tx.create(TENANT, &stock(VARIANT, 10, 0))).await;
    let (in_front, lossy_db) = InFront::losing_answers(&backend, "TransactWriteItems", 2);
    lossy_db.commit(order(&token(), 3)).await.unwrap();
    assert_eq!((in_front.left(), units(&db, VARIANT).await), (0, (10, 3, 7)));
}

pub(super) async fn a_token_with_another_transaction_is_an_error(backend: Backend) {
    let (db, token) = (backend.db(), token());
    commit(&db, |tx| _ = tx.create(TENANT, &stock(VARIANT, 10, 0))).await;
    db.commit(order(&token, 3)).await.unwrap();
    let Err(CommitError::Store(StoreError::Fault(words))) = db.commit(order(&token, 4)).await else {
        panic!("not an error")
    };
    assert!(words.starts_with("IdempotentParameterMismatch"), "{words}");
    assert_eq!(units(&db, VARIANT).await, (10, 3, 7));
}

/// [`store::Db::commit`] sends a transaction that lost against another again under the same token, and means it.
pub(super) async fn a_refused_transaction_does_not_use_up_its_token(backend: Backend) {
    let (db, token) = (backend.db(), token());
    commit(&db, |tx| _ = tx.create(TENANT, &stock(VARIANT, 2, 0))).await;
    refused(&db, order(&token, 3)).await;
    commit(&db, |tx| _ = tx.update(TENANT, &stock(VARIANT, 5, 0), 1)).await;
    db.commit(order(&token, 3)).await.unwrap();
    assert_eq!(units(&db, VARIANT).await, (5, 3, 2));
}
