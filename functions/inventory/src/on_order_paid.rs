//! `ORDER_PAYMENT_COMPLETED`: the reserved stock is sold. If the reservation was released before, available stock is
//! sold instead. If there is not enough, nothing is sold, and `STOCK_REJECTED` names the variants that are short.

use contracts::{
    events::{Envelope, OrderPaymentCompleted, StockCountUpdated, StockRejected},
    inventory::OnOrderPaid,
};
use domain::{
    MovementId, VariantId,
    reservation::{Reservation, StockEffect},
};
use runtime::{Deps, Granted, Received, StepCommit, StepError, Tries, retry};
use store::Versioned;

use crate::moves::{move_lines, reservation, stock_lines};

type Paid = Envelope<OrderPaymentCompleted>;

pub async fn handle(deps: &Granted<OnOrderPaid>, event: Paid) -> Result<(), StepError> {
    let (tenant, order_id, received) = (event.tenant_id, event.data.order_id, deps.received(&event));
    retry!(Tries::FEW_RIVALS, {
        let held = reservation(deps, tenant, order_id).await?;
        let Some((next, effect)) = held.value.clone().commit(event.version, deps.now()) else { return Ok(()) };

        let mut tx = received.tx(deps);
        let reservation = tx.update(tenant, &next, held.version);
        let id = || deps.id(MovementId::from_ulid);
        let moves = move_lines(&mut tx, tenant, order_id, &next.lines, effect, deps.now(), id);
        let (store_id, lines) = (next.store_id, stock_lines(&next.lines, effect));
        let sold = StockCountUpdated { store_id, order_id, lines };
        tx.emit(&deps.event(&received.cause, tenant, order_id, next.order_version, sold));
        let StepCommit::Refused(refused) = tx.commit().await? else { return Ok(()) };

        if refused.contains(reservation) {
            continue;
        }
        let short = moves.refused(&refused);
        if effect == StockEffect::SellHeld {
            return Err(StepError::poison(format!("reserved units are not there: {short:?}")));
        }
        reject(deps, &received, event.version, held, short).await?.into()
    })
}

async fn reject(
    deps: &Deps,
    received: &Received,
    order_version: u64,
    held: Versioned<Reservation>,
    short: Vec<VariantId>,
) -> Result<StepCommit, StepError> {
    let Some(rejected) = held.value.reject(order_version, deps.now()) else { return Ok(StepCommit::Done) };
    let (tenant, order_id) = (received.tenant_id, rejected.order_id);
    let mut tx = received.tx(deps);
    tx.update(tenant, &rejected, held.version);
    let gone = StockRejected { store_id: rejected.store_id, order_id, short };
    tx.emit(&deps.event(&received.cause, tenant, order_id, rejected.order_version, gone));
    tx.commit().await
}

#[cfg(test)]
mod tests {
    use domain::{OrderId, reservation::ReservationState, stock::MovementReason};
    use serde_json::json;
    use testing::World;

    use super::*;
    use crate::fixtures::{deliver_cancelled, deliver_paid, events, movements, paid, reserve, state, stock};

    #[tokio::test]
    async fn what_was_reserved_is_sold_and_told() {
        let world = World::new().await;
        let (_, variant) = world.product("Book", 100, 7).await;
        let order = reserve(&world, &[(variant, 3)]).await;
        world.dynamo.take_calls();
        deliver_paid(&world, &paid(&world, order, 2)).await.unwrap();
        let calls = world.dynamo.take_calls();
        assert_eq!(calls, [("GetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)].into());
        let after = stock(&world, variant).await;
        assert_eq!((after.on_hand, after.reserved, after.available), (4, 0, 4));
        assert_eq!(state(&world, order).await, ReservationState::Committed);
        assert_eq!(movements(&world, variant).await, [(-3, MovementReason::Sale, Some(order.to_string()))]);
        let told = events(&world);
        assert_eq!((told.len(), &told[0]["type"]), (1, &json!("STOCK_COUNT_UPDATED")));
        assert_eq!((&told[0]["subject"], &told[0]["version"]), (&json!(order), &json!(2)));
        assert_eq!(told[0]["data"]["lines"], json!([{ "variant_id": variant, "delta": -3 }]));
    }

    #[tokio::test]
    async fn an_event_that_comes_twice_sells_once() {
        let world = World::new().await;
        let (_, variant) = world.product("Book", 100, 7).await;
        let order = reserve(&world, &[(variant, 3)]).await;
        let event = paid(&world, order, 2);
        for _ in 0..2 {
            deliver_paid(&world, &event).await.unwrap();
        }
        // The same payment again, as a new event with another id.
        deliver_paid(&world, &paid(&world, order, 2)).await.unwrap();
        assert_eq!(stock(&world, variant).await.on_hand, 4);
        assert_eq!(movements(&world, variant).await.len(), 1);
        assert_eq!(events(&world).len(), 1);
    }

    #[tokio::test]
    async fn a_payment_overtaken_by_the_cancellation_sells_nothing() {
        let world = World::new().await;
        let (_, variant) = world.product("Book", 100, 7).await;
        let order = reserve(&world, &[(variant, 3)]).await;
        deliver_cancelled(&world, &world.order_cancelled(order, 3)).await.unwrap();
        deliver_paid(&world, &paid(&world, order, 2)).await.unwrap();
        let after = stock(&world, variant).await;
        assert_eq!((after.on_hand, after.reserved, after.available), (7, 0, 7));
        assert_eq!(state(&world, order).await, ReservationState::Released);
    }

    #[tokio::test]
    async fn a_payment_between_two_cancellations_sells_nothing() {
        let world = World::new().await;
        let (_, variant) = world.product("Book", 100, 7).await;
        let order = reserve(&world, &[(variant, 3)]).await;
        deliver_cancelled(&world, &world.order_cancelled(order, 2)).await.unwrap();
        deliver_cancelled(&world, &world.order_cancelled(order, 4)).await.unwrap();
        deliver_paid(&world, &paid(&world, order, 3)).await.unwrap();
        assert_eq!(stock(&world, variant).await.on_hand, 7);
        assert_eq!(events(&world).len(), 1);
    }

    #[tokio::test]
    async fn a_lapsed_reservation_takes_what_is_free() {
        let world = World::new().await;
        let (_, variant) = world.product("Book", 100, 7).await;
        let order = reserve(&world, &[(variant, 3)]).await;
        deliver_cancelled(&world, &world.order_cancelled(order, 2)).await.unwrap();
        deliver_paid(&world, &paid(&world, order, 3)).await.unwrap();
        let after = stock(&world, variant).await;
        assert_eq!((after.on_hand, after.reserved, after.available), (4, 0, 4));
        assert_eq!(state(&world, order).await, ReservationState::Committed);
    }

    #[tokio::test]
    async fn a_lapsed_reservation_whose_stock_is_gone_is_rejected_whole() {
        let world = World::new().await;
        let (_, plenty) = world.product("Plenty", 100, 50).await;
        let (_, scarce) = world.product("Scarce", 100, 3).await;
        let order = reserve(&world, &[(plenty, 2), (scarce, 3)]).await;
        deliver_cancelled(&world, &world.order_cancelled(order, 2)).await.unwrap();
        reserve(&world, &[(scarce, 1)]).await;
        let event = paid(&world, order, 3);
        for _ in 0..2 {
            deliver_paid(&world, &event).await.unwrap();
        }
        assert_eq!(state(&world, order).await, ReservationState::Rejected);
        assert_eq!(stock(&world, plenty).await.on_hand, 50);
        assert_eq!(stock(&world, scarce).await.available, 2);
        let rejections: Vec<_> = events(&world).into_iter().filter(|event| event["type"] == "STOCK_REJECTED").collect();
        assert_eq!(rejections.len(), 1);
        assert_eq!(rejections[0]["data"]["short"], json!([scarce]));
        assert_eq!(rejections[0]["causation_id"], json!(event.id));
        // The order is then cancelled with a refund. There is no stock to release.
        deliver_cancelled(&world, &world.order_cancelled(order, 4)).await.unwrap();
        assert_eq!(stock(&world, scarce).await.available, 2);
    }

    #[tokio::test]
    async fn forty_lines_fit_one_transaction() {
        let world = World::new().await;
        let mut lines = vec![];
        for line in 0..40 {
            lines.push((world.product(&format!("Book {line}"), 100, 5).await.1, 2));
        }
        let order = reserve(&world, &lines).await;
        world.dynamo.take_calls();
        deliver_paid(&world, &paid(&world, order, 2)).await.unwrap();
        assert_eq!(world.dynamo.take_calls()["TransactWriteItems"], 1);
        for (variant, _) in &lines {
            assert_eq!(stock(&world, *variant).await.on_hand, 3);
        }
        deliver_cancelled(&world, &world.order_cancelled(order, 3)).await.unwrap();
        for (variant, _) in &lines {
            assert_eq!(stock(&world, *variant).await.on_hand, 5);
        }
    }

    #[tokio::test]
    async fn an_order_not_heard_of_is_tried_again() {
        let world = World::new().await;
        let unknown = world.deps.id(OrderId::from_ulid);
        assert!(matches!(deliver_paid(&world, &paid(&world, unknown, 2)).await, Err(StepError::Retry(_))));
        // An order of another tenant is not found.
        let neighbour = world.neighbour().await;
        let (_, variant) = neighbour.product("Book", 100, 7).await;
        let theirs = reserve(&neighbour, &[(variant, 3)]).await;
        assert!(matches!(deliver_paid(&world, &paid(&world, theirs, 2)).await, Err(StepError::Retry(_))));
        assert_eq!(stock(&neighbour, variant).await.reserved, 3);
    }
}
