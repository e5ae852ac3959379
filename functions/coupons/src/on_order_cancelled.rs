//! `ORDER_CANCELLED`: the order's use of its coupon is given back. An order with a coupon is never revived, so this is
//! final: the first cancellation event of an order gives the use back, and later ones have nothing to do.

use contracts::{
    coupons::OnOrderCancelled,
    events::{Envelope, OrderCancelled},
};
use domain::coupon::{Coupon, Redemption};
use runtime::{Granted, StepCommit, StepError, Tries, Try, retry};
use store::keys;

pub async fn handle(deps: &Granted<OnOrderCancelled>, event: Envelope<OrderCancelled>) -> Result<(), StepError> {
    let (tenant, now, received) = (event.tenant_id, deps.now(), deps.received(&event));
    let mut is_deleted = false;
    // Another cancellation event of the same order may be handled concurrently.
    retry!(Tries::FEW_RIVALS, {
        // The redemption is written together with the order, so without one the order used no coupon.
        let found = deps.db.get::<Redemption>(&keys::redemption(tenant, event.data.order_id)).await?;
        let Some(held) = found else { return Ok(()) };
        let Some(next) = held.value.release(now) else { return Ok(()) };

        let mut tx = received.tx(deps);
        let redemption = tx.update(tenant, &next, held.version);
        let customer = tx.give_back_customers_use(tenant, next.coupon_id, &next.email, now);
        let coupon = (!is_deleted).then(|| tx.give_back_coupon(tenant, next.store_id, next.coupon_id, now));
        let StepCommit::Refused(refused) = tx.commit().await? else { return Ok(()) };

        if refused.contains(redemption) {
            continue;
        }
        is_deleted = match coupon {
            Some(op) => refused.contains(op) && refused.found::<Coupon>(op)?.is_none(),
            None => false,
        };
        if !is_deleted || refused.contains(customer) {
            return Err(StepError::poison(format!("{} does not count what was used of it", next.coupon_id)));
        }
        Try::Lost
    })
}

#[cfg(test)]
mod tests {
    use contracts::coupons::Coupon as View;
    use domain::{OrderId, coupon::RedemptionState};
    use serde_json::json;
    use testing::World;

    use super::*;
    use crate::{
        delete,
        fixtures::{coupon, customer_uses, everything, redeem, request, state, stored},
    };

    const ADA: &str = "ada@example.com";

    #[tokio::test]
    async fn the_use_is_given_back_once() {
        let world = World::new().await;
        let made: View = coupon(&world, "SAVE10", json!({ "cap": 2 })).await;
        let order = redeem(&world, made.id, ADA).await;
        redeem(&world, made.id, ADA).await;
        let event = world.order_cancelled(order, 2);
        world.dynamo.take_calls();
        handle(&world.deps.granted(), event.clone()).await.unwrap();
        let calls = [("GetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)];
        assert_eq!(world.dynamo.take_calls(), calls.into());
        let coupon = stored(&world, made.id).await.unwrap();
        assert_eq!((coupon.value.uses, coupon.version), (1, 4));
        assert_eq!(customer_uses(&world, made.id, ADA).await, 1);
        assert_eq!(state(&world, order).await, RedemptionState::Released);

        // The same event again, and the second cancellation that a late payment causes.
        let before = everything(&world);
        handle(&world.deps.granted(), event.clone()).await.unwrap();
        handle(&world.deps.granted(), world.order_cancelled(order, 3)).await.unwrap();
        assert_eq!(everything(&world), before);
    }

    #[tokio::test]
    async fn an_order_without_a_coupon_costs_one_read() {
        let world = World::new().await;
        let before = everything(&world);
        world.dynamo.take_calls();
        let order = world.deps.id(OrderId::from_ulid);
        handle(&world.deps.granted(), world.order_cancelled(order, 2)).await.unwrap();
        assert_eq!(world.dynamo.take_calls(), [("GetItem".to_owned(), 1)].into());
        assert_eq!(everything(&world), before);
    }

    #[tokio::test]
    async fn a_coupon_deleted_since_holds_nothing_up() {
        let world = World::new().await;
        let made: View = coupon(&world, "SAVE10", json!({})).await;
        let order = redeem(&world, made.id, ADA).await;
        request(&world).path("id", made.id).send(&world.deps, delete::handle).await.ok::<View>();
        handle(&world.deps.granted(), world.order_cancelled(order, 2)).await.unwrap();
        assert_eq!(state(&world, order).await, RedemptionState::Released);
        assert_eq!(customer_uses(&world, made.id, ADA).await, 0);
    }

    #[tokio::test]
    async fn another_tenants_order_is_none() {
        let world = World::new().await;
        let made: View = coupon(&world, "SAVE10", json!({})).await;
        let order = redeem(&world, made.id, ADA).await;
        let neighbour = world.neighbour().await;
        handle(&world.deps.granted(), neighbour.order_cancelled(order, 2)).await.unwrap();
        assert_eq!(state(&world, order).await, RedemptionState::Held);
    }

    #[tokio::test]
    async fn books_that_do_not_count_what_was_used_are_poison() {
        let world = World::new().await;
        let made: View = coupon(&world, "SAVE10", json!({})).await;
        let order = redeem(&world, made.id, ADA).await;
        let mut broken = stored(&world, made.id).await.unwrap();
        broken.value.uses = 0;
        let mut tx = world.deps.tx();
        tx.update(world.tenant, &broken.value, broken.version);
        world.deps.db.commit(tx).await.unwrap();
        let outcome = handle(&world.deps.granted(), world.order_cancelled(order, 2)).await;
        assert!(matches!(outcome, Err(StepError::Poison(_))), "{outcome:?}");
    }
}
