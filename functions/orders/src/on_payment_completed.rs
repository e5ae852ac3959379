//! `PAYMENT_COMPLETED`: the order is paid. An order that was cancelled because its payment failed or its window closed
//! is revived, and inventory sells its stock if enough is available. An order that a person cancelled, or a cancelled
//! order with a coupon, is refunded.

use contracts::{
    events::{Envelope, PaymentCompleted},
    orders::OnPaymentCompleted,
};
use runtime::{Granted, StepError};

use crate::transition::apply_event;

pub async fn handle(deps: &Granted<OnPaymentCompleted>, event: Envelope<PaymentCompleted>) -> Result<(), StepError> {
    let (order_id, payment_id, now) = (event.data.order_id, event.data.payment_id, deps.now());
    apply_event(deps, &deps.received(&event), order_id, |order| Ok(order.payment_completed(payment_id, now))).await
}

#[cfg(test)]
mod tests {
    use contracts::orders::Order;
    use domain::{OrderId, order::OrderStatus};
    use testing::TestRequest;

    use super::*;
    use crate::{
        cancel, expire,
        fixtures::{Fixture, everything},
        on_payment_failed,
    };

    #[tokio::test]
    async fn pays_the_order_once_in_one_read_and_one_transaction() {
        let fixture = Fixture::new().await;
        let paid = fixture.completed();
        handle(&fixture.granted(), paid.clone()).await.unwrap();
        let calls = fixture.world.dynamo.take_calls();
        assert_eq!(calls, [("GetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)].into());
        fixture.assert_moved(2, OrderStatus::Paid, "ORDER_PAYMENT_COMPLETED").await;
        let sent = fixture.sent().pop().unwrap();
        assert_eq!(sent.data["payment_id"], fixture.payment.to_string());
        assert_eq!((sent.correlation_id, sent.causation_id), ("req-1".into(), Some(paid.id)));

        let before = everything(&fixture.world);
        handle(&fixture.granted(), paid).await.unwrap();
        assert_eq!(everything(&fixture.world), before);
    }

    #[tokio::test]
    async fn an_order_that_lapsed_is_revived() {
        let fixture = Fixture::new().await;
        fixture.world.clock.advance_s(900);
        expire::handle(&fixture.granted(), fixture.due()).await.unwrap();
        assert_eq!(fixture.status().await, OrderStatus::Cancelled);
        handle(&fixture.granted(), fixture.completed()).await.unwrap();
        fixture.assert_moved(3, OrderStatus::Paid, "ORDER_PAYMENT_COMPLETED").await;
    }

    #[tokio::test]
    async fn an_order_that_failed_first_is_revived_and_does_not_fail_later() {
        let fixture = Fixture::new().await;
        let failed = fixture.failed();
        on_payment_failed::handle(&fixture.granted(), failed.clone()).await.unwrap();
        handle(&fixture.granted(), fixture.completed()).await.unwrap();
        on_payment_failed::handle(&fixture.granted(), failed).await.unwrap();
        on_payment_failed::handle(&fixture.granted(), fixture.failed()).await.unwrap();
        fixture.assert_moved(3, OrderStatus::Paid, "ORDER_PAYMENT_COMPLETED").await;
    }

    #[tokio::test]
    async fn money_for_an_order_that_the_buyer_cancelled_goes_back() {
        for is_settled in [false, true] {
            let fixture = Fixture::new().await;
            let asked = TestRequest::new().by(&fixture.world.buyer).path("id", fixture.order.id).key("k");
            asked.send(fixture.deps(), cancel::handle).await.ok::<Order>();
            if is_settled {
                on_payment_failed::handle(&fixture.granted(), fixture.failed()).await.unwrap();
            }
            let lines = fixture.cart().await.lines;
            handle(&fixture.granted(), fixture.completed()).await.unwrap();
            let version = if is_settled { 4 } else { 3 };
            fixture.assert_moved(version, OrderStatus::RefundPending, "ORDER_CANCELLED").await;
            let sent = fixture.sent().pop().unwrap();
            assert_eq!((&sent.data["refund"], &sent.data["reason"]), (&true.into(), &"buyer".into()));
            assert_eq!(fixture.cart().await.lines, lines);
        }
    }

    #[tokio::test]
    async fn an_order_that_is_not_there_comes_again() {
        let fixture = Fixture::new().await;
        let before = everything(&fixture.world);
        let mut unknown = fixture.completed();
        unknown.data.order_id = fixture.deps().id(OrderId::from_ulid);
        let mut of_a_neighbour = fixture.completed();
        of_a_neighbour.tenant_id = fixture.deps().id(domain::TenantId::from_ulid);
        for event in [unknown, of_a_neighbour] {
            assert!(matches!(handle(&fixture.granted(), event).await, Err(StepError::Retry(_))));
        }
        assert_eq!(everything(&fixture.world), before);
    }
}
