//! Orders for tests, as inventory sees them: reservations, and the events about orders.

use contracts::{
    events::{Envelope, OrderCancelled, OrderPaymentCompleted},
    table::Table,
};
use domain::{
    Currency, Money, OrderId, PaymentId, VariantId,
    reservation::{Reservation, ReservationState, ReservedLine},
    stock::{Movement, MovementReason, Stock},
};
use runtime::StepError;
use serde_json::Value;
use store::{SortOrder, keys};
use testing::World;

use crate::{on_order_cancelled, on_order_paid};

/// Reserves stock for a new order, as placing an order does.
pub(crate) async fn reserve(world: &World, lines: &[(VariantId, u32)]) -> OrderId {
    try_reserve(world, lines).await.unwrap()
}

pub(crate) async fn try_reserve(world: &World, lines: &[(VariantId, u32)]) -> Option<OrderId> {
    let (order, now) = (world.deps.id(OrderId::from_ulid), world.deps.now());
    let reserved =
        lines.iter().map(|(variant_id, quantity)| ReservedLine { variant_id: *variant_id, quantity: *quantity });
    let mut tx = world.deps.tx();
    tx.create(world.tenant, &Reservation::hold(order, world.store.id, reserved.collect(), now));
    for (variant, quantity) in lines {
        tx.reserve_stock(world.tenant, *variant, *quantity, now);
    }
    world.deps.db.commit(tx).await.ok().map(|()| order)
}

pub(crate) fn paid(world: &World, order: OrderId, version: u64) -> Envelope<OrderPaymentCompleted> {
    let data = OrderPaymentCompleted {
        store_id: world.store.id,
        order_id: order,
        number: "7KQ2-M9XD".into(),
        payment_id: world.deps.id(PaymentId::from_ulid),
        total: Money::new(300, Currency::Ngn),
    };
    world.event(order, version, data)
}

pub(crate) async fn deliver_paid(world: &World, event: &Envelope<OrderPaymentCompleted>) -> Result<(), StepError> {
    on_order_paid::handle(&world.deps.granted(), event.clone()).await
}

pub(crate) async fn deliver_cancelled(world: &World, event: &Envelope<OrderCancelled>) -> Result<(), StepError> {
    on_order_cancelled::handle(&world.deps.granted(), event.clone()).await
}

pub(crate) async fn stock(world: &World, variant: VariantId) -> Stock {
    world.deps.db.get(&keys::stock(world.tenant, variant)).await.unwrap().unwrap().value
}

pub(crate) async fn state(world: &World, order: OrderId) -> ReservationState {
    let key = keys::reservation(world.tenant, order);
    world.deps.db.get::<Reservation>(&key).await.unwrap().unwrap().value.state
}

/// The movements of a variant, oldest first.
pub(crate) async fn movements(world: &World, variant: VariantId) -> Vec<(i64, MovementReason, Option<String>)> {
    let list = keys::movements(world.tenant, variant);
    let (found, _) = world.deps.db.list::<Movement>(&list, SortOrder::Ascending, 100, None).await.unwrap();
    found.into_iter().map(|m| (m.value.delta, m.value.reason, m.value.reference)).collect()
}

/// Every committed event, sorted by id. Ids are ULIDs, so events of different milliseconds are oldest first.
pub(crate) fn events(world: &World) -> Vec<Value> {
    let detail = |item: &Value| serde_json::from_str(item["data"]["M"]["detail"]["S"].as_str().unwrap()).unwrap();
    let mut events: Vec<Value> = world.dynamo.items(Table::Outbox).iter().map(detail).collect();
    events.sort_by_key(|event| event["id"].as_str().unwrap().to_owned());
    events
}
