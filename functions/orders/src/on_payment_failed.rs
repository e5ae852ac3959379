//! `PAYMENT_FAILED`: the order is cancelled, and its lines go back into the buyer's cart.

use contracts::{
    events::{Envelope, PaymentFailed},
    orders::OnPaymentFailed,
};
use runtime::{Granted, StepError};

use crate::transition::apply_event;

pub async fn handle(deps: &Granted<OnPaymentFailed>, event: Envelope<PaymentFailed>) -> Result<(), StepError> {
    let (order_id, now) = (event.data.order_id, deps.now());
    apply_event(deps, &deps.received(&event), order_id, |order| Ok(order.payment_failed(now))).await
}

#[cfg(test)]
mod tests {
    use contracts::orders::Order;
    use domain::order::{CancelReason, OrderStatus};
    use testing::TestRequest;

    use super::*;
    use crate::{
        cancel,
        fixtures::{Fixture, everything},
        on_payment_completed,
    };

    #[tokio::test]
    async fn cancels_the_order_and_gives_the_cart_back_in_one_read_and_one_transaction() {
        let fixture = Fixture::new().await;
        assert!(fixture.cart().await.lines.is_empty());
        let failed = fixture.failed();
        fixture.world.dynamo.take_calls();
        handle(&fixture.granted(), failed.clone()).await.unwrap();
        let calls = fixture.world.dynamo.take_calls();
        assert_eq!(calls, [("GetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)].into());
        fixture.assert_moved(2, OrderStatus::Cancelled, "ORDER_CANCELLED").await;
        let sent = fixture.sent().pop().unwrap();
        assert_eq!((&sent.data["refund"], &sent.data["reason"]), (&false.into(), &"payment_failed".into()));
        let lines: Vec<_> = fixture.cart().await.lines.iter().map(|line| (line.product_id, line.quantity)).collect();
        assert_eq!(lines, [(fixture.product.id, 2)]);

        let before = everything(&fixture.world);
        handle(&fixture.granted(), failed).await.unwrap();
        assert_eq!(everything(&fixture.world), before);
    }

    #[tokio::test]
    async fn a_cart_that_the_buyer_has_begun_anew_stays() {
        let fixture = Fixture::new().await;
        fixture.start_new_cart().await;
        let cart = fixture.cart().await;
        assert_eq!(cart.lines.len(), 1);
        handle(&fixture.granted(), fixture.failed()).await.unwrap();
        fixture.assert_moved(2, OrderStatus::Cancelled, "ORDER_CANCELLED").await;
        assert_eq!(fixture.cart().await, cart);
    }

    #[tokio::test]
    async fn an_order_that_was_being_cancelled_is_cancelled_for_that_reason() {
        let fixture = Fixture::new().await;
        let asked = TestRequest::new().by(&fixture.world.owner).path("id", fixture.order.id).key("k");
        asked.send(fixture.deps(), cancel::handle).await.ok::<Order>();
        handle(&fixture.granted(), fixture.failed()).await.unwrap();
        fixture.assert_moved(3, OrderStatus::Cancelled, "ORDER_CANCELLED").await;
        assert_eq!(fixture.stored().await.value.cancel_reason(), Some(CancelReason::Staff));
        assert_eq!(fixture.cart().await.lines.len(), 1);
    }

    #[tokio::test]
    async fn an_order_that_is_paid_stays_paid() {
        let fixture = Fixture::new().await;
        on_payment_completed::handle(&fixture.granted(), fixture.completed()).await.unwrap();
        handle(&fixture.granted(), fixture.failed()).await.unwrap();
        fixture.assert_moved(2, OrderStatus::Paid, "ORDER_PAYMENT_COMPLETED").await;
        assert!(fixture.cart().await.lines.is_empty());
    }
}
