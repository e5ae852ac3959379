//! DynamoDB's limits: a request within a limit succeeds; one beyond it is an error and writes nothing.

use contracts::events::{EVENT_BYTES_MAX, StockAdjusted};
use domain::{limits::ORDER_LINES_MAX, stock::Movement};
use store::{CommitError, ProductSlugClaim, StoreError, Tx, keys};

use super::{
    backend::Backend,
    fixtures::{BUYER, STORE, TENANT, VARIANT, claim, claim_key, commit, event, invalid, movement, tx},
};

const KB: usize = 1_024;

fn claims(many: u128) -> Tx {
    let mut tx = tx();
    for number in 1..=many {
        tx.create(TENANT, &claim(number));
    }
    tx
}

fn large_movement(number: u128, bytes: usize) -> Movement {
    Movement { reference: Some("x".repeat(bytes)), ..movement(number) }
}

pub(super) async fn nothing_to_do_is_done(backend: Backend) {
    backend.db().commit(tx()).await.unwrap();
}

pub(super) async fn a_hundred_parts_fit(backend: Backend) {
    let db = backend.db();
    db.commit(claims(100)).await.unwrap();
    for number in [1, 41, 100] {
        assert!(db.get::<ProductSlugClaim>(&claim_key(number)).await.unwrap().is_some());
    }
    // So does selling the largest order: two items a line, its reservation, its inbox, its event.
    const { assert!(2 * ORDER_LINES_MAX + 3 <= 100) };
}

pub(super) async fn a_hundred_and_one_parts_are_an_error(backend: Backend) {
    let db = backend.db();
    let words = invalid(&db, claims(101)).await;
    assert!(words.starts_with("ValidationException"), "{words}");
    assert_eq!(db.get::<ProductSlugClaim>(&claim_key(1)).await.unwrap(), None);
}

pub(super) async fn two_parts_on_one_item_are_an_error(backend: Backend) {
    let db = backend.db();
    commit(&db, |tx| _ = tx.create(TENANT, &claim(1))).await;
    let mut twice = tx();
    twice.create(TENANT, &claim(2));
    twice.check(claim_key(1), 1);
    twice.update(TENANT, &claim(1), 1);
    let words = invalid(&db, twice).await;
    assert!(words.starts_with("ValidationException"), "{words}");
    assert_eq!(db.get::<ProductSlugClaim>(&claim_key(2)).await.unwrap(), None);
}

pub(super) async fn an_item_may_be_large_but_not_too_large(backend: Backend) {
    let db = backend.db();
    // 400 KB with names and keys.
    let large = large_movement(1, 399 * KB);
    commit(&db, |tx| _ = tx.create(TENANT, &large)).await;
    let read = db.get::<Movement>(&keys::movement(TENANT, VARIANT, large.id)).await.unwrap().unwrap();
    assert_eq!(read.value, large);

    let mut tx = tx();
    tx.create(TENANT, &claim(1));
    tx.create(TENANT, &large_movement(2, 401 * KB));
    let words = invalid(&db, tx).await;
    assert!(words.starts_with("ValidationException"), "{words}");
    assert_eq!(db.get::<ProductSlugClaim>(&claim_key(1)).await.unwrap(), None);
}

pub(super) async fn a_transaction_may_be_large_but_not_too_large(backend: Backend) {
    let db = backend.db();
    commit(&db, |tx| {
        for number in 1..=10 {
            tx.create(TENANT, &large_movement(number, 390 * KB));
        }
    })
    .await;
    let mut tx = tx();
    for number in 11..=21 {
        tx.create(TENANT, &large_movement(number, 390 * KB));
    }
    let words = invalid(&db, tx).await;
    assert!(words.starts_with("ValidationException"), "{words}");
    assert_eq!(db.get::<Movement>(&keys::movement(TENANT, VARIANT, movement(11).id)).await.unwrap(), None);
}

pub(super) async fn an_event_too_large_is_an_error(backend: Backend) {
    let db = backend.db();
    let adjusted = |reason_bytes: usize| {
        let reason = "x".repeat(reason_bytes);
        event(9, StockAdjusted { store_id: STORE, variant_id: VARIANT, delta: 1, on_hand: 1, reason, actor: BUYER })
    };
    let mut tx = tx();
    tx.create(TENANT, &claim(1));
    tx.emit(&adjusted(EVENT_BYTES_MAX));
    assert!(matches!(db.commit(tx).await, Err(CommitError::Store(StoreError::Corrupt { .. }))));
    assert_eq!(db.get::<ProductSlugClaim>(&claim_key(1)).await.unwrap(), None);
    commit(&db, |tx| _ = tx.emit(&adjusted(EVENT_BYTES_MAX - KB))).await;
}
