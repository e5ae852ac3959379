//! Reads of items by their keys.

use domain::{
    catalog::{Product, ProductStatus},
    stock::{Movement, Stock},
};
use serde_json::{Value, json};
use store::{EmailClaim, Key, ProductSlugClaim, SkuClaim, SortOrder, StoreError, keys};

use super::{
    backend::Backend,
    fixtures::{OTHER_TENANT, STORE, TENANT, VARIANT, claim, claim_key, commit, movement, product, stock},
    in_front::InFront,
};

pub(super) async fn what_was_committed_is_read_at_once(backend: Backend) {
    let (writer, reader) = (backend.db(), backend.db());
    let key = keys::stock(TENANT, VARIANT);
    commit(&writer, |tx| _ = tx.create(TENANT, &stock(VARIANT, 0, 0))).await;
    for version in 1..=20 {
        commit(&writer, |tx| _ = tx.update(TENANT, &stock(VARIANT, version, 0), version.cast_unsigned())).await;
        assert_eq!(reader.get::<Stock>(&key).await.unwrap().unwrap().value.on_hand, version);
        let mut found = reader.batch_get(std::slice::from_ref(&key)).await.unwrap();
        assert_eq!(found.take::<Stock>(&key).unwrap().unwrap().value.on_hand, version);
    }
    commit(&writer, |tx| _ = tx.remove(key.clone())).await;
    assert_eq!(reader.get::<Stock>(&key).await.unwrap(), None);
}

/// No emulator returns stale data, so only the requests show whether reads on AWS would be consistent.
pub(super) async fn reads_ask_for_what_is_there_now(backend: Backend) {
    let is_consistent = |read: &Value| read["ConsistentRead"] == json!(true);
    let (_, db) = InFront::answering(&backend, "GetItem", 1, move |request| {
        assert!(is_consistent(request), "{request}");
        (200, json!({}))
    });
    db.get::<Stock>(&keys::stock(TENANT, VARIANT)).await.unwrap();

    let (_, db) = InFront::answering(&backend, "BatchGetItem", 1, move |request| {
        let tables = request["RequestItems"].as_object().unwrap();
        assert!(tables.len() == 2 && tables.values().all(is_consistent), "{request}");
        (200, json!({ "Responses": {}, "UnprocessedKeys": {} }))
    });
    db.batch_get(&[claim_key(1), claim_key(2), keys::stock(TENANT, VARIANT)]).await.unwrap();

    let (in_front, db) = InFront::answering(&backend, "Query", 2, move |request| {
        // Indexes have no consistent reads.
        assert_eq!(is_consistent(request), request.get("IndexName").is_none(), "{request}");
        (200, json!({ "Items": [], "Count": 0 }))
    });
    db.list::<Movement>(&keys::movements(TENANT, VARIANT), SortOrder::Ascending, 10, None).await.unwrap();
    db.list::<Stock>(&keys::stocks(TENANT, STORE), SortOrder::Ascending, 10, None).await.unwrap();
    assert_eq!(in_front.left(), 0);
}

pub(super) async fn an_item_of_another_kind_is_an_error(backend: Backend) {
    let db = backend.db();
    commit(&db, |tx| _ = tx.create(TENANT, &claim(1))).await;
    assert!(matches!(db.get::<SkuClaim>(&claim_key(1)).await, Err(StoreError::Corrupt { .. })));
}

pub(super) async fn a_batch_finds_what_is_there_in_every_table(backend: Backend) {
    let db = backend.db();
    let book = product(1, ProductStatus::Active);
    commit(&db, |tx| {
        tx.create(TENANT, &claim(1));
        tx.create(TENANT, &claim(2));
        tx.create(TENANT, &book);
        tx.create(TENANT, &stock(VARIANT, 5, 1));
        tx.create(TENANT, &movement(1));
    })
    .await;
    let (book_key, stock_key) = (keys::product(TENANT, book.id), keys::stock(TENANT, VARIANT));
    let movement_key = keys::movement(TENANT, VARIANT, movement(1).id);
    let (nobody, theirs) = (keys::email("nobody@example.com"), keys::stock(OTHER_TENANT, VARIANT));
    let wanted = [
        claim_key(2),
        nobody.clone(),
        stock_key.clone(),
        claim_key(3),
        book_key.clone(),
        movement_key.clone(),
        claim_key(1),
        theirs.clone(),
    ];
    let mut found = db.batch_get(&wanted).await.unwrap();
    for number in [1, 2] {
        let value = found.take::<ProductSlugClaim>(&claim_key(number)).unwrap().unwrap().value;
        assert_eq!(value, claim(number));
    }
    assert_eq!(found.take::<ProductSlugClaim>(&claim_key(3)).unwrap(), None);
    assert_eq!(found.take::<EmailClaim>(&nobody).unwrap(), None);
    assert_eq!(found.take::<Stock>(&theirs).unwrap(), None);
    assert_eq!(found.take::<Product>(&book_key).unwrap().unwrap().value, book);
    assert_eq!(found.take::<Stock>(&stock_key).unwrap().unwrap().value, stock(VARIANT, 5, 1));
    assert_eq!(found.take::<Movement>(&movement_key).unwrap().unwrap().value, movement(1));
}

pub(super) async fn a_batch_of_nothing_finds_nothing(backend: Backend) {
    let mut found = backend.db().batch_get(&[]).await.unwrap();
    assert_eq!(found.take::<ProductSlugClaim>(&claim_key(1)).unwrap(), None);
}

pub(super) async fn a_batch_takes_a_hundred_keys_and_each_only_once(backend: Backend) {
    let db = backend.db();
    commit(&db, |tx| (1..=100).for_each(|number| _ = tx.create(TENANT, &claim(number)))).await;
    // Over two tables, as a cart's products and stock are.
    let mut wanted: Vec<_> = (1..=60).map(claim_key).collect();
    wanted.extend((1..=40).map(|number| keys::movement(TENANT, VARIANT, movement(number).id)));
    let mut found = db.batch_get(&wanted).await.unwrap();
    for number in 1..=60 {
        let value = found.take::<ProductSlugClaim>(&claim_key(number)).unwrap().unwrap().value;
        assert_eq!(value, claim(number));
    }

    let all: Vec<_> = (1..=100).map(claim_key).collect();
    db.batch_get(&all).await.unwrap();
    assert_refused(&db, &[all, vec![claim_key(101)]].concat()).await;
    assert_refused(&db, &[claim_key(1), claim_key(2), claim_key(1)]).await;
    wanted.push(claim_key(61));
    if backend.counts_keys_for_each_table() {
        db.batch_get(&wanted).await.unwrap();
    } else {
        assert_refused(&db, &wanted).await;
    }
}

async fn assert_refused(db: &store::Db, wanted: &[Key]) {
    match db.batch_get(wanted).await.map(|_| "found") {
        Err(StoreError::Fault(words)) => assert!(words.starts_with("ValidationException"), "{words}"),
        other => panic!("not an error: {other:?}"),
    }
}

pub(super) async fn what_a_batch_leaves_is_asked_for_again(backend: Backend) {
    let db = backend.db();
    commit(&db, |tx| {
        tx.create(TENANT, &claim(1));
        tx.create(TENANT, &movement(1));
    })
    .await;
    let movement_key = keys::movement(TENANT, VARIANT, movement(1).id);
    let wanted = [claim_key(1), movement_key.clone()];
    let (in_front, db) = nothing_processed(&backend, 3);
    let mut found = db.batch_get(&wanted).await.unwrap();
    assert_eq!(in_front.left(), 0);
    assert_eq!(found.take::<ProductSlugClaim>(&claim_key(1)).unwrap().unwrap().value, claim(1));
    assert_eq!(found.take::<Movement>(&movement_key).unwrap().unwrap().value, movement(1));

    let (_, db) = nothing_processed(&backend, 100);
    assert!(matches!(db.batch_get(&wanted).await, Err(StoreError::Unavailable(_))));
}

/// What DynamoDB answers to a batch for which it has no capacity.
fn nothing_processed(backend: &Backend, times: u32) -> (InFront, store::Db) {
    InFront::answering(backend, "BatchGetItem", times, |request| {
        (200, json!({ "Responses": {}, "UnprocessedKeys": request["RequestItems"] }))
    })
}
