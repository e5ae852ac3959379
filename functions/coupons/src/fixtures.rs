//! Shared by the tests of this package.

use contracts::{coupons::Coupon as View, table::Table};
use domain::{
    CouponId, OrderId,
    coupon::{Coupon, CustomerUses, Redemption, RedemptionState},
};
use serde_json::{Value, json};
use store::{Versioned, keys};
use testing::{TestRequest, World, http::Answer};
pub(crate) use testing::{everything, hidden_from_others};

use crate::create;

/// A request by the store's owner to the store.
pub(crate) fn request(world: &World) -> TestRequest {
    TestRequest::new().by(&world.owner).store(&world.store.slug)
}

pub(crate) fn naira(amount: i64) -> Value {
    json!({ "amount_minor": amount * 100, "currency": "NGN" })
}

pub(crate) async fn create(world: &World, body: Value) -> Answer {
    request(world).json(body).send(&world.deps, create::handle).await
}

/// Creates a coupon of ten percent with these additional terms.
pub(crate) async fn coupon(world: &World, code: &str, terms: Value) -> View {
    let mut body = json!({ "code": code, "discount": { "kind": "percentage", "basis_points": 1_000 } });
    body.as_object_mut().unwrap().extend(terms.as_object().unwrap().clone());
    create(world, body).await.ok()
}

pub(crate) async fn stored(world: &World, id: CouponId) -> Option<Versioned<Coupon>> {
    world.deps.db.get(&keys::coupon(world.tenant, world.store.id, id)).await.unwrap()
}

/// Uses a coupon for a new order, as placing an order does.
pub(crate) async fn redeem(world: &World, id: CouponId, email: &str) -> OrderId {
    let (order_id, now) = (world.deps.id(OrderId::from_ulid), world.deps.now());
    let coupon = stored(world, id).await.unwrap().value;
    let key = keys::coupon_customer(world.tenant, id, email);
    let found = world.deps.db.get::<CustomerUses>(&key).await.unwrap();
    let version = found.as_ref().map(|found| found.version);
    let uses = found.map_or_else(|| CustomerUses::none(id, email.into(), now), |found| found.value);
    let mut tx = world.deps.tx();
    tx.use_coupon(world.tenant, &coupon, now);
    tx.save(world.tenant, &uses.once_more(now), version);
    let redemption = Redemption {
        order_id,
        store_id: coupon.store_id,
        coupon_id: id,
        email: email.into(),
        state: RedemptionState::Held,
        redeemed_at: now,
        updated_at: now,
    };
    tx.create(world.tenant, &redemption);
    world.deps.db.commit(tx).await.unwrap();
    order_id
}

pub(crate) async fn customer_uses(world: &World, id: CouponId, email: &str) -> u32 {
    let key = keys::coupon_customer(world.tenant, id, email);
    world.deps.db.get::<CustomerUses>(&key).await.unwrap().unwrap().value.uses
}

pub(crate) async fn state(world: &World, order: OrderId) -> RedemptionState {
    let key = keys::redemption(world.tenant, order);
    world.deps.db.get::<Redemption>(&key).await.unwrap().unwrap().value.state
}

/// The envelopes of all events of a type, sorted by coupon code.
pub(crate) fn events(world: &World, event_type: &str) -> Vec<Value> {
    let mut events = testing::events(world, event_type);
    events.sort_by_key(|event| event["data"]["code"].to_string());
    events
}

/// The sort keys of all coupon codes in use.
pub(crate) fn codes(world: &World) -> Vec<String> {
    let items = world.dynamo.items(Table::Coupons);
    let mut codes: Vec<_> = items
        .iter()
        .filter(|item| item["pk"]["S"].as_str().unwrap().ends_with("#UNIQUE"))
        .map(|item| item["sk"]["S"].as_str().unwrap().to_owned())
        .collect();
    codes.sort();
    codes
}
