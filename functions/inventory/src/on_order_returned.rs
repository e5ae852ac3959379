//! `ORDER_RETURNED`: a return was accepted. If its goods can be sold again, they are put back into stock. The lines are
//! read from the event and not from the reservation, because a return may cover only a part of the order. Movements
//! have the id of the return, so that they are recorded once, however often the event arrives.

use std::collections::BTreeMap;

use contracts::{
    events::{Envelope, OrderReturned, StockLine, StockReleased},
    inventory::OnOrderReturned,
};
use domain::{
    MovementId, ReturnId, VariantId,
    reservation::{ReservedLine, StockEffect},
};
use runtime::{Granted, StepCommit, StepError, Tries, Try, retry};

use crate::moves::{move_lines, stock_lines};

pub async fn handle(deps: &Granted<OnOrderReturned>, event: Envelope<OrderReturned>) -> Result<(), StepError> {
    let received = deps.received(&event);
    let (tenant, order_id, store_id) = (event.tenant_id, event.data.order_id, event.data.store_id);
    let mut lines = returned(&event.data.lines)?;
    if event.data.restock == Some(false) {
        return Ok(());
    }
    let id = MovementId::from_ulid(event.data.return_id.map_or(event.id.ulid(), ReturnId::ulid));
    retry!(Tries::FEW_RIVALS, {
        // The seller has removed the stock of all returned variants.
        if lines.is_empty() {
            return Ok(());
        }
        let mut tx = received.tx(deps);
        let moves = move_lines(&mut tx, tenant, order_id, &lines, StockEffect::Return, deps.now(), || id);
        let back = StockReleased { store_id, order_id, lines: stock_lines(&lines, StockEffect::Return) };
        tx.emit(&deps.event(&received.cause, tenant, order_id, event.version, back));
        let StepCommit::Refused(refused) = tx.commit().await? else { return Ok(()) };
        if moves.made_before(&refused) {
            return Ok(());
        }
        let removed = moves.removed(&refused)?;
        lines.retain(|line| !removed.contains(&line.variant_id));
        Try::Lost
    })
}

/// The returned units, summed by variant, because a transaction cannot write one item twice.
fn returned(lines: &[StockLine]) -> Result<Vec<ReservedLine>, StepError> {
    let mut units: BTreeMap<VariantId, u32> = BTreeMap::new();
    for line in lines {
        let delta = u32::try_from(line.delta).ok().filter(|delta| *delta > 0);
        let delta = delta.ok_or_else(|| StepError::poison(format!("{} units cannot return", line.delta)))?;
        let sum = units.entry(line.variant_id).or_default();
        *sum = sum.checked_add(delta).ok_or_else(|| StepError::poison("too many units"))?;
    }
    Ok(units.into_iter().map(|(variant_id, quantity)| ReservedLine { variant_id, quantity }).collect())
}

#[cfg(test)]
mod tests {
    use contracts::Function;
    use domain::{OrderId, reservation::ReservationState, stock::MovementReason};
    use serde_json::json;
    use store::keys;
    use testing::World;

    use super::*;
    use crate::fixtures::{deliver_paid, events, movements, paid, reserve, state, stock};

    fn event(world: &World, order: OrderId, lines: &[(VariantId, i64)]) -> Envelope<OrderReturned> {
        let lines = lines.iter().map(|(variant_id, delta)| StockLine { variant_id: *variant_id, delta: *delta });
        let data = OrderReturned {
            store_id: world.store.id,
            order_id: order,
            number: "7KQ2-M9XD".into(),
            lines: lines.collect(),
            return_id: Some(world.deps.id(ReturnId::from_ulid)),
            restock: Some(true),
            refund: None,
        };
        world.event(order, 6, data)
    }

    /// Deletes the inbox record, so that only the movements can show that the event was handled.
    async fn forget_inbox(world: &World, event: &Envelope<OrderReturned>) {
        let mut tx = world.deps.tx();
        tx.remove(keys::inbox(world.tenant, OnOrderReturned::ROW.function, event.id));
        world.deps.db.commit(tx).await.unwrap();
    }

    async fn sold(world: &World, lines: &[(VariantId, u32)]) -> OrderId {
        let order = reserve(world, lines).await;
        deliver_paid(world, &paid(world, order, 2)).await.unwrap();
        order
    }

    #[tokio::test]
    async fn a_part_comes_back_once() {
        let world = World::new().await;
        let (_, variant) = world.product("Book", 100, 7).await;
        let order = sold(&world, &[(variant, 3)]).await;
        world.clock.advance_s(1);
        let event = event(&world, order, &[(variant, 1), (variant, 1)]);
        world.dynamo.take_calls();
        handle(&world.deps.granted(), event.clone()).await.unwrap();
        assert_eq!(world.dynamo.take_calls(), [("TransactWriteItems".to_owned(), 1)].into());
        handle(&world.deps.granted(), event.clone()).await.unwrap();
        forget_inbox(&world, &event).await;
        handle(&world.deps.granted(), event.clone()).await.unwrap();
        let after = stock(&world, variant).await;
        assert_eq!((after.on_hand, after.available), (6, 6));
        let reference = Some(order.to_string());
        let moved = [(-3, MovementReason::Sale, reference.clone()), (2, MovementReason::Return, reference)];
        assert_eq!(movements(&world, variant).await, moved);
        let told: Vec<_> = events(&world).into_iter().filter(|event| event["type"] == "STOCK_RELEASED").collect();
        assert_eq!(told.len(), 1);
        assert_eq!(told[0]["data"]["lines"], json!([{ "variant_id": variant, "delta": 2 }]));
        assert_eq!(state(&world, order).await, ReservationState::Committed);
    }

    #[tokio::test]
    async fn what_cannot_be_sold_again_is_not_on_hand_again() {
        let world = World::new().await;
        let (_, variant) = world.product("Book", 100, 7).await;
        let order = sold(&world, &[(variant, 3)]).await;
        let mut event = event(&world, order, &[(variant, 3)]);
        event.data.restock = Some(false);
        handle(&world.deps.granted(), event.clone()).await.unwrap();
        assert_eq!(stock(&world, variant).await.on_hand, 4);
    }

    /// Events from before sellers decided about returns lack these fields, and all their goods go back into stock.
    #[tokio::test]
    async fn older_events_restock_once() {
        let world = World::new().await;
        let (_, variant) = world.product("Book", 100, 7).await;
        let order = sold(&world, &[(variant, 3)]).await;
        let mut older = serde_json::to_value(event(&world, order, &[(variant, 2)])).unwrap();
        for later in ["return_id", "restock", "refund"] {
            older["data"].as_object_mut().unwrap().remove(later);
        }
        let older: Envelope<OrderReturned> = serde_json::from_value(older).unwrap();
        handle(&world.deps.granted(), older.clone()).await.unwrap();
        forget_inbox(&world, &older).await;
        handle(&world.deps.granted(), older.clone()).await.unwrap();
        assert_eq!(stock(&world, variant).await.on_hand, 6);
    }

    #[tokio::test]
    async fn goods_that_the_seller_has_removed_leave_nothing_to_do() {
        let world = World::new().await;
        let (_, variant) = world.product("Book", 100, 7).await;
        let order = sold(&world, &[(variant, 3)]).await;
        let mut tx = world.deps.tx();
        tx.remove(keys::stock(world.tenant, variant));
        world.deps.db.commit(tx).await.unwrap();
        let before = events(&world).len();
        handle(&world.deps.granted(), event(&world, order, &[(variant, 3)])).await.unwrap();
        assert_eq!(events(&world).len(), before);
    }

    #[tokio::test]
    async fn forty_lines_fit_and_removed_variants_do_not_hold_up_the_rest() {
        let world = World::new().await;
        let mut lines = vec![];
        for line in 0..40 {
            lines.push((world.product(&format!("Book {line}"), 100, 5).await.1, 2));
        }
        let order = sold(&world, &lines).await;
        let mut tx = world.deps.tx();
        tx.remove(keys::stock(world.tenant, lines[7].0));
        world.deps.db.commit(tx).await.unwrap();
        let back: Vec<_> = lines.iter().map(|(variant, quantity)| (*variant, i64::from(*quantity))).collect();
        handle(&world.deps.granted(), event(&world, order, &back)).await.unwrap();
        assert_eq!(stock(&world, lines[0].0).await.on_hand, 5);
        assert_eq!(stock(&world, lines[39].0).await.on_hand, 5);
    }

    #[tokio::test]
    async fn what_is_no_return_is_poison() {
        let world = World::new().await;
        let (_, variant) = world.product("Book", 100, 7).await;
        let order = sold(&world, &[(variant, 3)]).await;
        for delta in [0, -1, i64::MAX] {
            let outcome = handle(&world.deps.granted(), event(&world, order, &[(variant, delta)])).await;
            assert!(matches!(outcome, Err(StepError::Poison(_))), "{delta}");
        }
        assert_eq!(stock(&world, variant).await.on_hand, 4);
    }
}
