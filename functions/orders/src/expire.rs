//! The timer of an order's payment window: an order that is still unpaid when it closes is cancelled and its cart given
//! back.

use contracts::{orders::Expire, timers::Due};
use domain::OrderId;
use runtime::{Granted, StepError};

use crate::transition::apply_event;

pub async fn handle(deps: &Granted<Expire>, due: Due<OrderId>) -> Result<(), StepError> {
    let now = deps.now();
    apply_event(deps, &deps.due(&due), due.subject, |order| Ok(order.expire(now))).await
}

#[cfg(test)]
mod tests {
    use domain::order::OrderStatus;
    use runtime::{Running, host};
    use serde_json::json;
    use testing::timers;

    use super::*;
    use crate::{
        fixtures::{Fixture, everything},
        on_payment_completed,
    };

    #[tokio::test]
    async fn cancels_an_unpaid_order_and_gives_the_cart_back_in_one_read_and_one_transaction() {
        let fixture = Fixture::new().await;
        fixture.world.clock.advance_s(900);
        handle(&fixture.granted(), fixture.due()).await.unwrap();
        let calls = fixture.world.dynamo.take_calls();
        assert_eq!(calls, [("GetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)].into());
        fixture.assert_moved(2, OrderStatus::Cancelled, "ORDER_CANCELLED").await;
        let sent = fixture.sent().pop().unwrap();
        assert_eq!((&sent.data["refund"], &sent.data["reason"]), (&false.into(), &"expired".into()));
        assert_eq!(fixture.cart().await.lines.len(), 1);

        let before = everything(&fixture.world);
        handle(&fixture.granted(), fixture.due()).await.unwrap();
        assert_eq!(everything(&fixture.world), before);
    }

    #[tokio::test]
    async fn placing_sets_the_timer_and_no_order_that_moved_on_leaves_one() {
        let fixture = Fixture::new().await;
        let timer = ("orders-expire".to_owned(), fixture.order.id.to_string(), fixture.order.expires_at);
        assert_eq!(timers(&fixture.world), [timer]);
        on_payment_completed::handle(&fixture.granted(), fixture.completed()).await.unwrap();
        assert_eq!(timers(&fixture.world), []);
        let fixture = Fixture::new().await;
        fixture.world.clock.advance_s(900);
        handle(&fixture.granted(), fixture.due()).await.unwrap();
        assert_eq!(timers(&fixture.world), []);
    }

    /// The sweep's clock may be ahead of this function's. The timer is gone by then, so its message must not be.
    #[tokio::test]
    async fn a_timer_that_comes_early_comes_again() {
        let fixture = Fixture::new().await;
        let Running::Queue(expire) = host::timer(handle).start(fixture.deps().boot()) else { panic!("not a queue") };
        let message = || {
            serde_json::from_value(json!({
                "messageId": "1", "receiptHandle": "r", "body": serde_json::to_string(&fixture.due()).unwrap(),
                "attributes": { "ApproximateReceiveCount": "1" },
            }))
        };
        let answer = expire(vec![message().unwrap()]).await;
        assert_eq!(answer.batch_item_failures.len(), 1);
        assert_eq!((fixture.status().await, fixture.world.aws.take_held_back_s()), (OrderStatus::Pending, vec![5]));
        fixture.world.clock.advance_s(900);
        assert!(expire(vec![message().unwrap()]).await.batch_item_failures.is_empty());
        assert_eq!(fixture.status().await, OrderStatus::Cancelled);
    }

    #[tokio::test]
    async fn a_paid_order_does_not_lapse() {
        let fixture = Fixture::new().await;
        on_payment_completed::handle(&fixture.granted(), fixture.completed()).await.unwrap();
        fixture.world.clock.advance_s(900);
        handle(&fixture.granted(), fixture.due()).await.unwrap();
        fixture.assert_moved(2, OrderStatus::Paid, "ORDER_PAYMENT_COMPLETED").await;
    }
}
