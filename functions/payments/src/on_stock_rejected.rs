//! `STOCK_REJECTED`: the goods are gone, so all the money is refunded.

use contracts::{
    events::{Envelope, StockRejected},
    payments::OnStockRejected,
};
use runtime::{Granted, StepError};

use crate::refunds;

pub async fn handle(deps: &Granted<OnStockRejected>, event: Envelope<StockRejected>) -> Result<(), StepError> {
    refunds::request_all(deps, &deps.received(&event), event.data.order_id).await
}
