//! Tests that a handler's dependencies permit what its function's row grants, and nothing else.

use contracts::{
    auth::Logout,
    coupons::OnOrderCancelled,
    events::StoreCreated,
    gate::Gate,
    inventory::Adjust,
    orders::Expire,
    row::Grant,
    table::{Action, Table},
};
use domain::{ProductId, VariantId, stock::Stock, tenant::Tenant};
use runtime::{Boot, Granted};
use serde_json::Value;
use store::{CommitError, StoreError, Tx, keys};

use crate::World;

/// A boot without a witness, as on AWS: a use that is not granted is an error instead of a panic.
fn unwitnessed(world: &World) -> Boot {
    Boot { gate: Gate::open(), ..world.deps.boot().clone() }
}

fn created(world: &World) -> Tx {
    let (name, slug) = (world.store.name.clone(), world.store.slug.clone());
    let data = StoreCreated { store_id: world.store.id, name, slug, actor: world.owner.account_id };
    let mut tx = world.deps.tx();
    tx.emit(&world.event(world.store.id, 1, data));
    tx
}

#[tokio::test]
async fn a_table_that_the_row_does_not_name_cannot_be_read() {
    let world = World::new().await;
    let (_, variant) = world.product("Book", 100, 7).await;
    let deps: Granted<OnOrderCancelled> = Granted::from_boot(&unwitnessed(&world));
    world.dynamo.take_calls();
    let error = deps.db.get::<Stock>(&keys::stock(world.tenant, variant)).await.unwrap_err();
    assert!(matches!(error, StoreError::NotGranted(_)), "{error}");
    let words = "coupons-on-order-cancelled may not: inventory dynamodb:GetItem; its row does not grant it";
    assert_eq!(error.to_string(), words);
    assert!(world.dynamo.take_calls().is_empty());
    // The function whose row names it can.
    let deps: Granted<Adjust> = Granted::from_boot(&unwitnessed(&world));
    deps.db.get::<Stock>(&keys::stock(world.tenant, variant)).await.unwrap().unwrap();
}

#[tokio::test]
async fn reading_one_by_one_is_not_reading_many_at_once() {
    let world = World::new().await;
    let deps: Granted<OnOrderCancelled> = Granted::from_boot(&unwitnessed(&world));
    let key = keys::coupon(world.tenant, world.store.id, world.coupon("SAVE10", |_| ()).await.id);
    deps.db.get::<domain::coupon::Coupon>(&key).await.unwrap().unwrap();
    let error = deps.db.batch_get(&[key]).await.unwrap_err();
    assert!(error.to_string().contains("coupons dynamodb:BatchGetItem"), "{error}");
}

#[tokio::test]
async fn one_part_that_is_not_granted_keeps_the_whole_transaction_from_being_sent() {
    let world = World::new().await;
    let deps: Granted<Adjust> = Granted::from_boot(&unwitnessed(&world));
    let stock = Stock::empty(
        world.deps.id(ProductId::from_ulid),
        world.deps.id(VariantId::from_ulid),
        world.store.id,
        world.deps.now(),
    );
    let mut tx = deps.tx();
    tx.create(world.tenant, &stock);
    tx.remove(keys::tenant(world.tenant));
    world.dynamo.take_calls();
    let Err(CommitError::Store(error)) = deps.db.commit(tx).await else { panic!("it was sent") };
    let words = format!("inventory-adjust may not: tenants {}; its row does not grant it", Action::Delete.iam());
    assert_eq!(error.to_string(), words);
    assert!(world.dynamo.take_calls().is_empty() && world.dynamo.items(Table::Inventory).is_empty());
    world.deps.db.get::<Tenant>(&keys::tenant(world.tenant)).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_event_that_the_row_does_not_list_is_not_sent() {
    let world = World::new().await;
    // It may put events of its own into the outbox, but not this one.
    let deps: Granted<Adjust> = Granted::from_boot(&unwitnessed(&world));
    let Err(CommitError::Store(error)) = deps.db.commit(created(&world)).await else { panic!("it was sent") };
    let words = "inventory-adjust may not: emit STORE_CREATED; its row does not grant it";
    assert_eq!(error.to_string(), words);
    assert!(world.dynamo.items(Table::Outbox).is_empty());
    let deps: Granted<contracts::stores::Create> = Granted::from_boot(&unwitnessed(&world));
    deps.db.commit(created(&world)).await.unwrap();
}

#[tokio::test]
async fn a_secret_that_the_row_does_not_grant_is_not_read_even_where_it_is_kept() {
    let world = World::new().await;
    let boot = unwitnessed(&world);
    let list: Granted<contracts::coupons::List> = Granted::from_boot(&boot);
    list.secret::<Value>(Grant::CursorKey).await.unwrap();
    let logout: Granted<Logout> = Granted::from_boot(&boot);
    let error = logout.secret::<Value>(Grant::CursorKey).await.unwrap_err();
    assert!(error.detail.contains("auth-logout may not: grant CursorKey"), "{error}");
}

#[tokio::test]
#[should_panic(expected = "orders-expire may not: inventory dynamodb:GetItem; its row does not grant it")]
async fn a_test_that_sees_it_stops() {
    let world = World::new().await;
    let deps: Granted<Expire> = world.deps.granted();
    let variant = world.deps.id(VariantId::from_ulid);
    // Whatever the handler makes of the error.
    let _ = deps.db.get::<Stock>(&keys::stock(world.tenant, variant)).await;
}

#[tokio::test]
async fn what_furnishes_a_test_may_everything() {
    let world = World::new().await;
    world.deps.db.commit(created(&world)).await.unwrap();
    world.deps.secret::<Value>(Grant::Paystack).await.unwrap();
}
