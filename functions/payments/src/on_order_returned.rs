//! `ORDER_RETURNED`: refunds the price of the returned goods. The refund has the return's own id, so it is recorded
//! once, however often the event is delivered.

use contracts::{
    events::{Envelope, OrderReturned},
    payments::OnOrderReturned,
};
use domain::RefundId;
use runtime::{Granted, StepError};

use crate::refunds;

pub async fn handle(deps: &Granted<OnOrderReturned>, event: Envelope<OrderReturned>) -> Result<(), StepError> {
    // Events published before sellers decided on returns carry no refund.
    let (Some(return_id), Some(amount)) = (event.data.return_id, event.data.refund) else { return Ok(()) };
    let id = RefundId::from_ulid(return_id.ulid());
    refunds::request_part(deps, &deps.received(&event), event.data.order_id, id, amount).await
}
