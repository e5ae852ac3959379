//! `STOCK_REJECTED`: the goods are gone, so all the money goes back.

use contracts::{events::StockRejected, payments::ON_STOCK_REJECTED};
use runtime::{Message, StepError};

use crate::{PaymentDeps, refunds};

pub async fn handle(deps: &PaymentDeps, message: Message<StockRejected>) -> Result<(), StepError> {
    let event = message.detail;
    refunds::request_all(deps, ON_STOCK_REJECTED.function, &event, event.data.order_id).await
}
