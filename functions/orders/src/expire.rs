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
    use runtime::queue::Sent;

    use super::*;
    use crate::{
        fixtures::{Fixture, everything},
        on_payment_completed,
    };

    fn take(sent: &Sent) -> Vec<(String, i32)> {
        std::mem::take(&mut sent.lock().unwrap())
    }

    #[tokio::test]
    async fn cancels_an_unpaid_order_and_gives_the_cart_back_in_one_read_and_one_transaction() {
        let fixture = Fixture::new().await;
        let (deps, created) = (fixture.expire_deps(), fixture.created());
        fixture.world.clock.advance_s(900);
        handle(&fixture.granted(), created.clone()).await.unwrap();
        let calls = fixture.world.dynamo.take_calls();
        assert_eq!(calls, [("GetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)].into());
        fixture.assert_moved(2, OrderStatus::Cancelled, "ORDER_CANCELLED").await;
        let sent = fixture.sent().pop().unwrap();
        assert_eq!((&sent.data["refund"], &sent.data["reason"]), (&false.into(), &"expired".into()));
        assert_eq!(fixture.cart().await.lines.len(), 1);

        let before = everything(&fixture.world);
        handle(&fixture.granted(), created).await.unwrap();
        assert_eq!(everything(&fixture.world), before);
    }

    #[tokio::test]
    async fn until_the_window_closes_the_message_is_sent_on() {
        let fixture = Fixture::new().await;
        let (queue, sent) = OwnQueue::kept();
        let deps = ExpireDeps { core: fixture.deps().clone(), queue };
        let mut message = fixture.created();
        message.detail.data.expires_at = domain::time::after(fixture.order.placed_at, 2_000);
        let before = everything(&fixture.world);
        for (attempt, (waited_s, left_s)) in [(60, 900), (900, 900), (900, 140)].into_iter().enumerate() {
            fixture.world.clock.advance_s(waited_s);
            handle(&deps, message).await.unwrap();
            let [(body, delay_s)] = take(&sent).try_into().unwrap();
            assert_eq!(delay_s, left_s);
            message = serde_json::from_str(&body).unwrap();
            assert_eq!(message.attempt as usize, attempt + 1);
        }
        assert_eq!(everything(&fixture.world), before);
        fixture.world.clock.advance_s(140);
        handle(&deps, message).await.unwrap();
        assert!(take(&sent).is_empty());
        assert_eq!(fixture.status().await, OrderStatus::Cancelled);
    }

    #[tokio::test]
    async fn a_paid_order_does_not_lapse() {
        let fixture = Fixture::new().await;
        let (deps, created) = (fixture.expire_deps(), fixture.created());
        on_payment_completed::handle(&fixture.granted(), fixture.completed()).await.unwrap();
        fixture.world.clock.advance_s(900);
        handle(&fixture.granted(), created).await.unwrap();
        fixture.assert_moved(2, OrderStatus::Paid, "ORDER_PAYMENT_COMPLETED").await;
    }
}
