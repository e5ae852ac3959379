//! Concurrent transactions on one item. Each one wins, is refused and returns the stored item, or loses a conflict and
//! is retried.
//!
//! Neither backend has conflicts of its own: they run one transaction after the other, where AWS answers
//! `TransactionConflict`. Here [`InFront`] answers so, in AWS's words.

use domain::stock::Stock;
use serde_json::{Value, json};
use store::{CommitError, ProductSlugClaim, Tx, keys};

use super::{
    backend::Backend,
    fixtures::{TENANT, VARIANT, at, claim, claim_key, commit, refused, stock, token, tx, units},
    in_front::InFront,
};

pub(super) async fn of_rival_updates_one_wins_and_the_others_are_told(backend: Backend) {
    const RIVALS: usize = 8;
    let db = backend.db();
    commit(&db, |tx| _ = tx.create(TENANT, &stock(VARIANT, 0, 0))).await;
    let answers = backend.at_once(RIVALS, async |rival, db| {
        let mine = stock(VARIANT, 1 + i64::try_from(rival).unwrap(), 0);
        let mut tx = tx();
        let op = tx.update(TENANT, &mine, 1);
        match db.commit(tx).await {
            Ok(()) => (true, mine),
            Err(CommitError::Refused(refused)) => {
                let found = refused.found::<Stock>(op).unwrap().unwrap();
                assert_eq!(found.version, 2);
                (false, found.value)
            }
            Err(other) => panic!("neither won nor refused: {other}"),
        }
    });
    assert_eq!(answers.iter().filter(|(won, _)| *won).count(), 1);
    let stored = db.get::<Stock>(&keys::stock(TENANT, VARIANT)).await.unwrap().unwrap();
    assert_eq!(stored.version, 2);
    // Every refusal returned the winner's value.
    assert!(answers.iter().all(|(_, seen)| *seen == stored.value), "{answers:?}");
}

pub(super) async fn no_change_is_lost(backend: Backend) {
    const WRITERS: usize = 4;
    const EACH: i64 = 5;
    let (db, key) = (backend.db(), keys::stock(TENANT, VARIANT));
    commit(&db, |tx| _ = tx.create(TENANT, &stock(VARIANT, 0, 0))).await;
    backend.at_once(WRITERS, async |_, db| {
        let mut done = 0;
        while done < EACH {
            let read = db.get::<Stock>(&key).await.unwrap().unwrap();
            let mut tx = tx();
            tx.update(TENANT, &read.value.adjust(1, at(1)).unwrap(), read.version);
            match db.commit(tx).await {
                Ok(()) => done += 1,
                Err(CommitError::Refused(_)) => {}
                Err(other) => panic!("neither won nor refused: {other}"),
            }
        }
    });
    let total = EACH * i64::try_from(WRITERS).unwrap();
    let stored = db.get::<Stock>(&key).await.unwrap().unwrap();
    assert_eq!((stored.value.on_hand, i64::try_from(stored.version).unwrap()), (total, total + 1));
}

pub(super) async fn a_conflict_is_tried_again_and_takes_effect_once(backend: Backend) {
    let db = backend.db();
    commit(&db, |tx| _ = tx.create(TENANT, &stock(VARIANT, 10, 0))).await;
    for (number, error) in [(1, conflict(&["None", "TransactionConflict"])), (2, in_progress())] {
        let (in_front, busy_db) = busy(&backend, 3, error);
        commit(&busy_db, |tx| {
            tx.create(TENANT, &claim(number));
            tx.reserve_stock(TENANT, VARIANT, 3, at(1));
        })
        .await;
        assert_eq!(in_front.left(), 0);
    }
    assert_eq!(units(&db, VARIANT).await, (10, 6, 4));
}

pub(super) async fn a_refusal_beside_a_conflict_is_a_refusal(backend: Backend) {
    let (in_front, busy_db) = busy(&backend, 1, conflict(&["ConditionalCheckFailed", "TransactionConflict"]));
    let mut tx = tx();
    let (first, second) = (tx.check(claim_key(1), 1), tx.create(TENANT, &claim(2)));
    let refused = refused(&busy_db, tx).await;
    assert!(refused.contains(first) && !refused.contains(second));
    assert_eq!((refused.found::<ProductSlugClaim>(first).unwrap(), in_front.left()), (None, 0));
}

pub(super) async fn conflicts_without_end_are_told_and_change_nothing(backend: Backend) {
    let db = backend.db();
    let token = token();
    let expected = json!(token);
    let (in_front, busy_db) = InFront::answering(&backend, "TransactWriteItems", 100, move |request| {
        // All the same transaction, should one have happened after all.
        assert_eq!(request["ClientRequestToken"], expected);
        (400, conflict(&["TransactionConflict"]))
    });
    let mut tx = Tx::new(token);
    tx.create(TENANT, &claim(1));
    assert!(matches!(busy_db.commit(tx).await, Err(CommitError::Busy)));
    assert_eq!(in_front.left(), 100 - 15);
    assert_eq!(db.get::<ProductSlugClaim>(&claim_key(1)).await.unwrap(), None);
}

/// Answers the first `times` transactions with this error.
fn busy(backend: &Backend, times: u32, error: Value) -> (InFront, store::Db) {
    InFront::answering(backend, "TransactWriteItems", times, move |_| (400, error.clone()))
}

/// A cancelled transaction with these reasons.
fn conflict(codes: &[&str]) -> Value {
    let reasons: Vec<_> = codes
        .iter()
        .map(|code| match *code {
            "None" => json!({ "Code": "None" }),
            "TransactionConflict" => json!({ "Code": code, "Message": "Transaction is ongoing for the item" }),
            _ => json!({ "Code": code, "Message": "The conditional request failed" }),
        })
        .collect();
    let message = "Transaction cancelled, please refer cancellation reasons for specific reasons";
    json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": format!("{message} [{}]", codes.join(", ")),
        "CancellationReasons": reasons,
    })
}

/// The error for a token whose transaction is still in progress.
fn in_progress() -> Value {
    json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionInProgressException",
        "Message": "The transaction with the given request token is already in progress.",
    })
}
