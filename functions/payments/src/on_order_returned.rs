//! `ORDER_RETURNED`: what the returned goods cost is refunded. The refund has the return's own id, so it is recorded once,
//! however often the event comes.

use contracts::{
    events::{Envelope, OrderReturned},
    payments::OnOrderReturned,
};
use domain::RefundId;
use runtime::{Granted, StepError};

use crate::refunds;

pub async fn handle(deps: &Granted<OnOrderReturned>, event: Envelope<OrderReturned>) -> Result<(), StepError> {
    // Events from before returns were decided by sellers refund nothing.
    let (Some(return_id), Some(amount)) = (event.data.return_id, event.data.refund) else { return Ok(()) };
    let id = RefundId::from_ulid(return_id.ulid());
    refunds::request_part(deps, &deps.received(&event), event.data.order_id, id, amount).await
}
