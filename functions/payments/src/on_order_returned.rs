//! `ORDER_RETURNED`: what the returned goods cost goes back. The refund has the return's own id, so it is recorded once,
//! however often the event comes.

use contracts::{events::OrderReturned, payments::ON_ORDER_RETURNED};
use domain::RefundId;
use runtime::{Message, StepError};

use crate::{PaymentDeps, refunds};

pub async fn handle(deps: &PaymentDeps, message: Message<OrderReturned>) -> Result<(), StepError> {
    let event = message.detail;
    // Events from before returns were decided by sellers gave no money back.
    let (Some(return_id), Some(amount)) = (event.data.return_id, event.data.refund) else { return Ok(()) };
    let id = RefundId::from_ulid(return_id.ulid());
    refunds::request_part(deps, ON_ORDER_RETURNED.function, &event, event.data.order_id, id, amount).await
}
