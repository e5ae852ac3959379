//! `STOCK_REJECTED`: the payment came after the reservation was released, and the stock is no longer available. The
//! order is cancelled and refunded.

use contracts::{
    events::{Envelope, StockRejected},
    orders::OnStockRejected,
};
use runtime::{Granted, StepError};

use crate::transition::apply_event;

pub async fn handle(deps: &Granted<OnStockRejected>, event: Envelope<StockRejected>) -> Result<(), StepError> {
    let (order_id, now) = (event.data.order_id, deps.now());
    apply_event(deps, &deps.received(&event), order_id, |order| order.stock_rejected(now)).await
}

#[cfg(test)]
mod tests {
    use domain::order::OrderStatus;

    use super::*;
    use crate::{
        fixtures::{Fixture, everything},
        on_payment_completed,
    };

    #[tokio::test]
    async fn sends_the_money_back_once_in_one_read_and_one_transaction() {
        let fixture = Fixture::new().await;
        on_payment_completed::handle(&fixture.granted(), fixture.completed()).await.unwrap();
        let rejected = fixture.stock_rejected();
        fixture.world.dynamo.take_calls();
        handle(&fixture.granted(), rejected.clone()).await.unwrap();
        let calls = fixture.world.dynamo.take_calls();
        assert_eq!(calls, [("GetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)].into());
        fixture.assert_moved(3, OrderStatus::RefundPending, "ORDER_CANCELLED").await;
        let sent = fixture.sent().pop().unwrap();
        assert_eq!((&sent.data["refund"], &sent.data["reason"]), (&true.into(), &"out_of_stock".into()));
        assert!(fixture.cart().await.lines.is_empty(), "what cannot be had is not given back");

        let before = everything(&fixture.world);
        handle(&fixture.granted(), rejected).await.unwrap();
        assert_eq!(everything(&fixture.world), before);
    }

    #[tokio::test]
    async fn before_the_payment_it_comes_again() {
        let fixture = Fixture::new().await;
        let early = handle(&fixture.granted(), fixture.stock_rejected()).await;
        assert!(matches!(early, Err(StepError::Retry(_))));
        assert_eq!(fixture.status().await, OrderStatus::Pending);
    }
}
