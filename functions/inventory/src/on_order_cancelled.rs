//! `ORDER_CANCELLED`: the reserved stock is released, or put back on hand if it was sold already.

use contracts::{
    events::{Envelope, OrderCancelled, StockReleased},
    inventory::OnOrderCancelled,
};
use domain::{MovementId, VariantId, reservation::ReservedLine};
use runtime::{Granted, StepCommit, StepError, Tries, Try, retry};

use crate::moves::{move_lines, reservation, stock_lines};

pub async fn handle(deps: &Granted<OnOrderCancelled>, event: Envelope<OrderCancelled>) -> Result<(), StepError> {
    let (tenant, order_id, received) = (event.tenant_id, event.data.order_id, deps.received(&event));
    let mut removed: Vec<VariantId> = vec![];
    retry!(Tries::FEW_RIVALS, {
        let held = reservation(deps, tenant, order_id).await?;
        let Some((next, effect)) = held.value.release(event.version, deps.now()) else { return Ok(()) };

        let mut tx = received.tx(deps);
        let reservation = tx.update(tenant, &next, held.version);
        let is_there = |line: &&ReservedLine| !removed.contains(&line.variant_id);
        let lines: Vec<_> = next.lines.iter().filter(is_there).cloned().collect();
        let moves = effect.map(|effect| {
            let (store_id, lines_told) = (next.store_id, stock_lines(&lines, effect));
            let freed = StockReleased { store_id, order_id, lines: lines_told };
            tx.emit(&deps.event(&received.cause, tenant, order_id, next.order_version, freed));
            let id = || deps.id(MovementId::from_ulid);
            move_lines(&mut tx, tenant, order_id, &lines, effect, deps.now(), id)
        });
        let StepCommit::Refused(refused) = tx.commit().await? else { return Ok(()) };

        if let Some(moves) = moves
            && !refused.contains(reservation)
        {
            removed.extend(moves.removed(&refused)?);
        }
        Try::Lost
    })
}

#[cfg(test)]
mod tests {
    use domain::{reservation::ReservationState, stock::MovementReason};
    use serde_json::json;
    use store::keys;
    use testing::World;

    use super::*;
    use crate::fixtures::{deliver_cancelled, deliver_paid, events, movements, paid, reserve, state, stock};

    #[tokio::test]
    async fn what_was_reserved_is_free_again() {
        let world = World::new().await;
        let (_, variant) = world.product("Book", 100, 7).await;
        let order = reserve(&world, &[(variant, 3)]).await;
        world.dynamo.take_calls();
        deliver_cancelled(&world, &world.order_cancelled(order, 2)).await.unwrap();
        let calls = world.dynamo.take_calls();
        assert_eq!(calls, [("GetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)].into());
        let after = stock(&world, variant).await;
        assert_eq!((after.on_hand, after.reserved, after.available), (7, 0, 7));
        assert_eq!(state(&world, order).await, ReservationState::Released);
        assert!(movements(&world, variant).await.is_empty());
        let told = events(&world);
        assert_eq!((told.len(), &told[0]["type"]), (1, &json!("STOCK_RELEASED")));
        assert_eq!(told[0]["data"]["lines"], json!([{ "variant_id": variant, "delta": 3 }]));
    }

    #[tokio::test]
    async fn what_was_sold_is_back_on_hand() {
        let world = World::new().await;
        let (_, variant) = world.product("Book", 100, 7).await;
        let order = reserve(&world, &[(variant, 3)]).await;
        deliver_paid(&world, &paid(&world, order, 2)).await.unwrap();
        world.clock.advance_s(1);
        deliver_cancelled(&world, &world.order_cancelled(order, 3)).await.unwrap();
        let after = stock(&world, variant).await;
        assert_eq!((after.on_hand, after.reserved, after.available), (7, 0, 7));
        assert_eq!(state(&world, order).await, ReservationState::Returned);
        let moved: Vec<_> = movements(&world, variant).await.into_iter().map(|m| (m.0, m.1)).collect();
        assert_eq!(moved, [(-3, MovementReason::Sale), (3, MovementReason::Return)]);
    }

    #[tokio::test]
    async fn an_event_that_comes_twice_gives_back_once() {
        let world = World::new().await;
        let (_, variant) = world.product("Book", 100, 7).await;
        let order = reserve(&world, &[(variant, 3)]).await;
        let event = world.order_cancelled(order, 2);
        for _ in 0..3 {
            deliver_cancelled(&world, &event).await.unwrap();
        }
        assert_eq!(stock(&world, variant).await.available, 7);
        assert_eq!(events(&world).len(), 1);
    }

    #[tokio::test]
    async fn a_cancellation_overtaken_by_the_payment_gives_nothing_back() {
        let world = World::new().await;
        let (_, variant) = world.product("Book", 100, 7).await;
        let order = reserve(&world, &[(variant, 3)]).await;
        deliver_paid(&world, &paid(&world, order, 3)).await.unwrap();
        deliver_cancelled(&world, &world.order_cancelled(order, 2)).await.unwrap();
        let after = stock(&world, variant).await;
        assert_eq!((after.on_hand, after.reserved, after.available), (4, 0, 4));
        assert_eq!(state(&world, order).await, ReservationState::Committed);
    }

    #[tokio::test]
    async fn a_variant_removed_since_does_not_hold_up_the_rest() {
        let world = World::new().await;
        let (_, gone) = world.product("Gone", 100, 2).await;
        let (_, kept) = world.product("Kept", 100, 2).await;
        let order = reserve(&world, &[(gone, 2), (kept, 2)]).await;
        deliver_paid(&world, &paid(&world, order, 2)).await.unwrap();
        let mut tx = world.deps.tx();
        tx.remove(keys::stock(world.tenant, gone));
        world.deps.db.commit(tx).await.unwrap();
        deliver_cancelled(&world, &world.order_cancelled(order, 3)).await.unwrap();
        assert_eq!(stock(&world, kept).await.on_hand, 2);
        assert_eq!(state(&world, order).await, ReservationState::Returned);
        let told = events(&world).pop().unwrap();
        assert_eq!(told["data"]["lines"], json!([{ "variant_id": kept, "delta": 2 }]));
    }

    #[tokio::test]
    async fn books_that_do_not_hold_what_was_promised_are_poison() {
        let world = World::new().await;
        let (_, variant) = world.product("Book", 100, 7).await;
        let order = reserve(&world, &[(variant, 3)]).await;
        let mut broken = stock(&world, variant).await;
        (broken.reserved, broken.available) = (0, 7);
        let mut tx = world.deps.tx();
        tx.update(world.tenant, &broken, 2);
        world.deps.db.commit(tx).await.unwrap();
        let cancelled = deliver_cancelled(&world, &world.order_cancelled(order, 2)).await;
        assert!(matches!(cancelled, Err(StepError::Poison(_))), "{cancelled:?}");
        let paid = deliver_paid(&world, &paid(&world, order, 2)).await;
        assert!(matches!(paid, Err(StepError::Poison(_))), "{paid:?}");
    }
}
