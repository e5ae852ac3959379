//! `REFUND_COMPLETED`: when all of an order's money was refunded, because the order was cancelled or its goods were
//! returned, the order becomes refunded. A partial refund, or a refund of money that never paid the order, changes
//! nothing.

use contracts::{
    events::{Envelope, RefundCompleted},
    orders::OnRefundCompleted,
};
use runtime::{Granted, StepError};

use crate::transition::apply_event;

pub async fn handle(deps: &Granted<OnRefundCompleted>, event: Envelope<RefundCompleted>) -> Result<(), StepError> {
    if !event.data.settles {
        return Ok(());
    }
    let (order_id, now) = (event.data.order_id, deps.now());
    apply_event(deps, &deps.received(&event), order_id, |order| order.refund_completed(now)).await
}

#[cfg(test)]
mod tests {
    use domain::order::OrderStatus;

    use super::*;
    use crate::{
        fixtures::{Fixture, everything},
        on_payment_completed, on_stock_rejected,
    };

    #[tokio::test]
    async fn settles_the_order_once_in_one_read_and_one_transaction() {
        let fixture = Fixture::new().await;
        on_payment_completed::handle(&fixture.granted(), fixture.completed()).await.unwrap();
        on_stock_rejected::handle(&fixture.granted(), fixture.stock_rejected()).await.unwrap();
        let refunded = fixture.refund_completed(true);
        fixture.world.dynamo.take_calls();
        handle(&fixture.granted(), refunded.clone()).await.unwrap();
        let calls = fixture.world.dynamo.take_calls();
        assert_eq!(calls, [("GetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)].into());
        fixture.assert_moved(4, OrderStatus::Refunded, "ORDER_REFUNDED").await;

        let before = everything(&fixture.world);
        handle(&fixture.granted(), refunded).await.unwrap();
        on_payment_completed::handle(&fixture.granted(), fixture.completed()).await.unwrap();
        assert_eq!(everything(&fixture.world), before);
    }

    #[tokio::test]
    async fn a_part_of_the_money_changes_nothing() {
        let fixture = Fixture::new().await;
        on_payment_completed::handle(&fixture.granted(), fixture.completed()).await.unwrap();
        let before = everything(&fixture.world);
        handle(&fixture.granted(), fixture.refund_completed(false)).await.unwrap();
        assert_eq!(everything(&fixture.world), before);
    }

    /// Payments follows `STOCK_REJECTED` on its own, so the refund may complete before the order is cancelled.
    #[tokio::test]
    async fn a_refund_that_overtook_the_rejection_comes_again() {
        let fixture = Fixture::new().await;
        on_payment_completed::handle(&fixture.granted(), fixture.completed()).await.unwrap();
        let refunded = fixture.refund_completed(true);
        assert!(matches!(handle(&fixture.granted(), refunded.clone()).await, Err(StepError::Retry(_))));
        on_stock_rejected::handle(&fixture.granted(), fixture.stock_rejected()).await.unwrap();
        handle(&fixture.granted(), refunded).await.unwrap();
        fixture.assert_moved(4, OrderStatus::Refunded, "ORDER_REFUNDED").await;
    }
}
