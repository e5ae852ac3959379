//! `STOCK_COUNT_UPDATED`: the stock of a paid order was sold, so the order is confirmed.

use contracts::{
    events::{Envelope, StockCountUpdated},
    orders::OnStockUpdated,
};
use runtime::{Granted, StepError};

use crate::transition::apply_event;

pub async fn handle(deps: &Granted<OnStockUpdated>, event: Envelope<StockCountUpdated>) -> Result<(), StepError> {
    let (order_id, now) = (event.data.order_id, deps.now());
    apply_event(deps, &deps.received(&event), order_id, |order| order.stock_updated(now)).await
}

#[cfg(test)]
mod tests {
    use contracts::orders::Order;
    use domain::order::OrderStatus;
    use testing::TestRequest;

    use super::*;
    use crate::{
        cancel,
        fixtures::{Fixture, everything},
        on_payment_completed,
    };

    #[tokio::test]
    async fn confirms_the_order_once_in_one_read_and_one_transaction() {
        let fixture = Fixture::new().await;
        on_payment_completed::handle(&fixture.granted(), fixture.completed()).await.unwrap();
        let sold = fixture.stock_updated();
        fixture.world.dynamo.take_calls();
        handle(&fixture.granted(), sold.clone()).await.unwrap();
        let calls = fixture.world.dynamo.take_calls();
        assert_eq!(calls, [("GetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)].into());
        fixture.assert_moved(3, OrderStatus::Confirmed, "ORDER_CONFIRMED").await;
        let line = &fixture.sent().pop().unwrap().data["lines"][0];
        assert_eq!((&line["title"], &line["quantity"]), (&"Things Fall Apart – Default".into(), &2.into()));

        let before = everything(&fixture.world);
        handle(&fixture.granted(), sold).await.unwrap();
        on_payment_completed::handle(&fixture.granted(), fixture.completed()).await.unwrap();
        assert_eq!(everything(&fixture.world), before);
    }

    #[tokio::test]
    async fn before_the_payment_it_comes_again() {
        let fixture = Fixture::new().await;
        let early = handle(&fixture.granted(), fixture.stock_updated()).await;
        assert!(matches!(early, Err(StepError::Retry(reason)) if reason == "cannot stock_updated while pending"));
        assert_eq!(fixture.status().await, OrderStatus::Pending);
    }

    #[tokio::test]
    async fn an_order_cancelled_meanwhile_is_not_confirmed() {
        let fixture = Fixture::new().await;
        on_payment_completed::handle(&fixture.granted(), fixture.completed()).await.unwrap();
        let asked = TestRequest::new().by(&fixture.world.buyer).path("id", fixture.order.id).key("k");
        asked.send(fixture.deps(), cancel::handle).await.ok::<Order>();
        handle(&fixture.granted(), fixture.stock_updated()).await.unwrap();
        fixture.assert_moved(3, OrderStatus::RefundPending, "ORDER_CANCELLED").await;
    }
}
