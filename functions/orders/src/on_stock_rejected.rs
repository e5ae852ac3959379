//! `STOCK_REJECTED`: the money came after the reservation had lapsed, and the stock was gone: the order is off, and its
//! money goes back.

use contracts::{events::StockRejected, orders::ON_STOCK_REJECTED};
use runtime::{Deps, Message, StepError};

use crate::transition::step;

pub async fn handle(deps: &Deps, message: Message<StockRejected>) -> Result<(), StepError> {
    let event = message.detail;
    let (order_id, now) = (event.data.order_id, deps.now());
    step(deps, ON_STOCK_REJECTED.function, &event, order_id, |order| order.stock_rejected(now)).await
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
        on_payment_completed::handle(fixture.deps(), fixture.completed()).await.unwrap();
        let rejected = fixture.stock_rejected();
        fixture.world.dynamo.take_calls();
        handle(fixture.deps(), rejected.clone()).await.unwrap();
        let calls = fixture.world.dynamo.take_calls();
        assert_eq!(calls, [("GetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)].into());
        fixture.assert_moved(3, OrderStatus::RefundPending, "ORDER_CANCELLED").await;
        let sent = fixture.sent().pop().unwrap();
        assert_eq!((&sent.data["refund"], &sent.data["reason"]), (&true.into(), &"out_of_stock".into()));
        assert!(fixture.cart().await.lines.is_empty(), "what cannot be had is not given back");

        let before = everything(&fixture.world);
        handle(fixture.deps(), rejected).await.unwrap();
        assert_eq!(everything(&fixture.world), before);
    }

    #[tokio::test]
    async fn before_the_payment_it_comes_again() {
        let fixture = Fixture::new().await;
        let early = handle(fixture.deps(), fixture.stock_rejected()).await;
        assert!(matches!(early, Err(StepError::Retry(_))));
        assert_eq!(fixture.status().await, OrderStatus::Pending);
    }
}
