//! Writing, updating and removing single items, each with its condition.

use contracts::events::{Envelope, StockReleased};
use domain::{EventId, SessionId, stock::Stock};
use serde_json::json;
use store::{EndedGuest, OutboxRecord, ProductSlugClaim, StoredAnswer, entity::TTL_ATTRIBUTE, keys};
use ulid::Ulid;

use super::{
    backend::Backend,
    fixtures::{
        ORDER, OTHER_TENANT, STORE, TENANT, VARIANT, at, claim, claim_key, commit, event, refused, stock, tx, units,
    },
};

pub(super) async fn a_second_create_is_refused_and_told_what_is_there(backend: Backend) {
    let db = backend.db();
    commit(&db, |tx| _ = tx.create(TENANT, &claim(1))).await;
    let second = ProductSlugClaim { product_id: claim(2).product_id, ..claim(1) };
    let mut again = tx();
    let op = again.create(TENANT, &second);
    let found = refused(&db, again).await.found::<ProductSlugClaim>(op).unwrap().unwrap();
    assert_eq!((found.value, found.version), (claim(1), 1));
    assert_eq!(db.get::<ProductSlugClaim>(&claim_key(1)).await.unwrap().unwrap().value, claim(1));

    // The same of another tenant is another item.
    commit(&db, |tx| _ = tx.create(OTHER_TENANT, &second)).await;
}

pub(super) async fn an_update_follows_the_version_it_was_read_at(backend: Backend) {
    let db = backend.db();
    commit(&db, |tx| _ = tx.save(TENANT, &stock(VARIANT, 5, 0), None)).await;
    for (version, on_hand) in [(1, 6), (2, 7), (3, 8)] {
        let read = db.get::<Stock>(&keys::stock(TENANT, VARIANT)).await.unwrap().unwrap();
        assert_eq!(read.version, version);
        commit(&db, |tx| _ = tx.save(TENANT, &stock(VARIANT, on_hand, 1), Some(read.version))).await;
        assert_eq!(units(&db, VARIANT).await, (on_hand, 1, on_hand - 1));
    }
}

pub(super) async fn a_stale_update_is_refused_and_told_the_current_value(backend: Backend) {
    let db = backend.db();
    commit(&db, |tx| _ = tx.create(TENANT, &stock(VARIANT, 5, 0))).await;
    commit(&db, |tx| _ = tx.update(TENANT, &stock(VARIANT, 6, 0), 1)).await;
    for stale in [0, 1, 3] {
        let mut late = tx();
        let op = late.update(TENANT, &stock(VARIANT, 50, 0), stale);
        let found = refused(&db, late).await.found::<Stock>(op).unwrap().unwrap();
        assert_eq!((found.value, found.version), (stock(VARIANT, 6, 0), 2));
    }
    assert_eq!(units(&db, VARIANT).await, (6, 0, 6));
}

pub(super) async fn a_delete_at_its_version_removes_and_at_a_stale_one_is_refused(backend: Backend) {
    let (db, key) = (backend.db(), keys::stock(TENANT, VARIANT));
    commit(&db, |tx| _ = tx.create(TENANT, &stock(VARIANT, 5, 0))).await;
    commit(&db, |tx| _ = tx.update(TENANT, &stock(VARIANT, 6, 0), 1)).await;
    let mut late = tx();
    let op = late.delete(key.clone(), 1);
    let found = refused(&db, late).await.found::<Stock>(op).unwrap().unwrap();
    assert_eq!((found.value.on_hand, found.version), (6, 2));

    commit(&db, |tx| _ = tx.delete(key.clone(), 2)).await;
    assert_eq!(db.get::<Stock>(&key).await.unwrap(), None);
    // What comes after is new.
    commit(&db, |tx| _ = tx.create(TENANT, &stock(VARIANT, 1, 0))).await;
    assert_eq!(db.get::<Stock>(&key).await.unwrap().unwrap().version, 1);
}

pub(super) async fn a_check_holds_at_its_version_and_changes_nothing(backend: Backend) {
    let (db, key) = (backend.db(), keys::stock(TENANT, VARIANT));
    commit(&db, |tx| _ = tx.create(TENANT, &stock(VARIANT, 5, 0))).await;
    let before = backend.raw_item(&key).await;
    commit(&db, |tx| {
        tx.check(key.clone(), 1);
        tx.create(TENANT, &claim(1));
    })
    .await;
    assert_eq!(backend.raw_item(&key).await, before);

    let mut late = tx();
    let check = late.check(key.clone(), 2);
    let create = late.create(TENANT, &claim(2));
    let refused = refused(&db, late).await;
    assert!(refused.contains(check) && !refused.contains(create));
    assert_eq!(refused.found::<Stock>(check).unwrap().unwrap().version, 1);
    assert_eq!(db.get::<ProductSlugClaim>(&claim_key(2)).await.unwrap(), None);
}

pub(super) async fn a_removal_takes_any_version(backend: Backend) {
    let (db, key) = (backend.db(), keys::stock(TENANT, VARIANT));
    commit(&db, |tx| _ = tx.create(TENANT, &stock(VARIANT, 5, 0))).await;
    commit(&db, |tx| _ = tx.update(TENANT, &stock(VARIANT, 6, 0), 1)).await;
    commit(&db, |tx| _ = tx.remove(key.clone())).await;
    assert_eq!(db.get::<Stock>(&key).await.unwrap(), None);
}

pub(super) async fn what_is_not_there_is_refused_with_nothing_found(backend: Backend) {
    let (db, key) = (backend.db(), keys::stock(TENANT, VARIANT));
    let mut tries = vec![];
    for part in 0..4 {
        let mut tx = tx();
        let op = match part {
            0 => tx.update(TENANT, &stock(VARIANT, 5, 0), 1),
            1 => tx.delete(key.clone(), 1),
            2 => tx.check(key.clone(), 1),
            _ => tx.remove(key.clone()),
        };
        tries.push((tx, op));
    }
    for (tx, op) in tries {
        let refused = refused(&db, tx).await;
        assert!(refused.contains(op));
        assert_eq!(refused.found::<Stock>(op).unwrap(), None);
    }
    assert_eq!(db.get::<Stock>(&key).await.unwrap(), None);
}

pub(super) async fn a_live_value_stays_and_an_expired_one_is_replaced(backend: Backend) {
    let db = backend.db();
    let id = SessionId::from_ulid(Ulid(1));
    let ended = |second| EndedGuest { session_id: id, ends_at: at(second + 60) };
    commit(&db, |tx| _ = tx.create_unless_live(&ended(0), at(0))).await;
    for now in [0, 59] {
        let mut early = tx();
        let op = early.create_unless_live(&ended(now), at(now));
        let found = refused(&db, early).await.found::<EndedGuest>(op).unwrap().unwrap();
        assert_eq!(found.value, ended(0));
    }
    // It ends with its 60th second.
    commit(&db, |tx| _ = tx.create_unless_live(&ended(60), at(60))).await;
    let key = keys::ended_guest(id);
    let now = db.get::<EndedGuest>(&key).await.unwrap().unwrap();
    assert_eq!((now.value, now.version), (ended(60), 1));
    let mut early = tx();
    early.create_unless_live(&ended(61), at(61));
    refused(&db, early).await;
}

pub(super) async fn an_expired_value_is_still_read(backend: Backend) {
    let db = backend.db();
    let answer = StoredAnswer {
        tenant_id: Some(TENANT),
        principal: "acc".into(),
        function: "orders-place".into(),
        key: "key".into(),
        fingerprint: "print".into(),
        status: 201,
        etag: None,
        body: "{}".into(),
        // Ended long before this test runs: DynamoDB itself cleans up within days, and readers may not count on it.
        at: at(-3_600 * 24 * 365),
    };
    let key = keys::idempotency(Some(TENANT), "acc", "orders-place", "key");
    commit(&db, |tx| {
        tx.create((), &answer);
        tx.create(TENANT, &claim(1));
    })
    .await;
    let ends_at = answer.at.as_second() + 24 * 3_600;
    assert_eq!(backend.raw_item(&key).await[TTL_ATTRIBUTE], json!({ "N": ends_at.to_string() }));
    assert_eq!(db.get::<StoredAnswer>(&key).await.unwrap().unwrap().value, answer);
    // A record without an end has no TTL attribute, so DynamoDB never removes it.
    assert!(backend.raw_item(&claim_key(1)).await.get(TTL_ATTRIBUTE).is_none());
}

pub(super) async fn an_event_is_stored_as_the_relay_reads_it(backend: Backend) {
    let db = backend.db();
    let released = event(9, StockReleased { store_id: STORE, order_id: ORDER, lines: vec![] });
    commit(&db, |tx| _ = tx.emit(&released)).await;
    let key = keys::outbox(TENANT, released.id);
    let image = backend.raw_item(&key).await;
    let record = json!({ "eventName": "INSERT", "dynamodb": { "NewImage": image } });
    let read = OutboxRecord::from_stream(&record).unwrap().unwrap();
    assert_eq!(db.get::<OutboxRecord>(&key).await.unwrap().unwrap().value, read);
    assert_eq!((read.id, read.time, read.source.as_str()), (released.id, at(0), "selleasi.inventory"));
    assert_eq!(read.event_type, "STOCK_RELEASED");
    assert_eq!(serde_json::from_str::<Envelope<StockReleased>>(&read.detail).unwrap(), released);

    // The same event is not sent again.
    let mut again = tx();
    let op = again.emit(&released);
    assert!(refused(&db, again).await.contains(op));
}

pub(super) async fn an_inbox_takes_an_event_once_for_each_consumer(backend: Backend) {
    let db = backend.db();
    let event = EventId::from_ulid(Ulid(9));
    for consumer in ["one", "two"] {
        commit(&db, |tx| _ = tx.inbox(TENANT, consumer, event, at(0))).await;
        let mut again = tx();
        let op = again.inbox(TENANT, consumer, event, at(1));
        assert!(refused(&db, again).await.contains(op));
    }
}
