//! `ORDER_CANCEL_REQUESTED` and `ORDER_CANCELLED`: asks the provider one last time and closes an open payment, or sends
//! captured money back. Money that comes even later is found by webhook or reconciliation, and the order decides.

use contracts::{
    events::{Event, OrderCancelRequested, OrderCancelled},
    payments::ON_ORDER_CANCELLED,
};
use domain::{OrderId, order::CancelReason, payment::FailureReason};
use runtime::{Message, StepError};
use serde::{Deserialize, Serialize};

use crate::{
    PaymentDeps, refunds,
    settle::{Settling, settle},
};

/// What the two events share.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Cancelled {
    order_id: OrderId,
    reason: CancelReason,
    #[serde(default)]
    refund: bool,
}

pub async fn handle(deps: &PaymentDeps, message: Message<Cancelled>) -> Result<(), StepError> {
    let event = message.detail;
    if ![OrderCancelRequested::TYPE, OrderCancelled::TYPE].contains(&event.r#type.as_str()) {
        return Err(StepError::poison(format!("did not expect {}", event.r#type)));
    }
    let order_id = event.data.order_id;
    if event.data.refund {
        return refunds::request_all(deps, ON_ORDER_CANCELLED.function, &event, order_id).await;
    }
    let close = Some(match event.data.reason {
        CancelReason::Expired => FailureReason::Expired,
        _ => FailureReason::Cancelled,
    });
    settle(deps, &Settling { event: &event, order_id, close }).await.map(drop)
}
