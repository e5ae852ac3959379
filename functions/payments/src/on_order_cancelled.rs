//! `ORDER_CANCEL_REQUESTED` and `ORDER_CANCELLED`: asks the provider one last time and closes an open payment, or
//! refunds what was captured. A payment that arrives even later is found by webhook or reconciliation, and the order
//! decides what happens with it.

use contracts::{
    events::{Envelope, OrderEnded},
    payments::OnOrderCancelled,
};
use domain::{order::CancelReason, payment::FailureReason};
use runtime::{Granted, StepError};

use crate::{
    paystack::Paystack,
    refunds,
    settle::{Settling, settle},
};

pub async fn handle(deps: &Granted<OnOrderCancelled, Paystack>, event: Envelope<OrderEnded>) -> Result<(), StepError> {
    let received = &deps.received(&event);
    let (order_id, reason) = match event.data {
        OrderEnded::OrderCancelled(order) if order.refund => {
            return refunds::request_all(deps, received, order.order_id).await;
        }
        OrderEnded::OrderCancelled(order) => (order.order_id, order.reason),
        OrderEnded::OrderCancelRequested(order) => (order.order_id, order.reason),
    };
    let close = Some(match reason {
        CancelReason::Expired => FailureReason::Expired,
        _ => FailureReason::Cancelled,
    });
    settle(deps, &Settling { received, order_id, close }).await.map(drop)
}
