//! Reconciliation: for every checkout opened and every refund asked for, the provider is asked by and by, whether or
//! not it ever calls. The message sends itself on, less and less often, until everything has ended or 72 hours are
//! over; then a person is asked, through the log's `reconciliation gave up` alarm.

use contracts::events::{Envelope, Event, PaymentInitiated};
use domain::{OrderId, payment::Payment, time::after};
use runtime::{Boot, Deps, FromBoot, Message, StepError, queue::OwnQueue};
use serde::{Deserialize, Serialize};

use crate::{
    PaymentDeps, refunds,
    settle::{Settling, settle},
};

/// Paystack retries its own webhooks for as long.
const GIVE_UP_AFTER_S: i64 = 72 * 3_600;

#[derive(Debug, Clone)]
pub struct ReconcileDeps {
    pub payments: PaymentDeps,
    pub queue: OwnQueue,
}

impl FromBoot for ReconcileDeps {
    fn from_boot(boot: &Boot) -> Self {
        Self { payments: PaymentDeps::from_boot(boot), queue: OwnQueue::from_boot(boot) }
    }
}

impl AsRef<Deps> for ReconcileDeps {
    fn as_ref(&self) -> &Deps {
        &self.payments.core
    }
}

/// What `PAYMENT_INITIATED` and `REFUND_INITIATED` share.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Started {
    order_id: OrderId,
}

pub async fn handle(deps: &ReconcileDeps, message: Message<Started>) -> Result<(), StepError> {
    let now = deps.payments.core.now();
    match message.due_at {
        // The buyer is just being shown where to pay. A refund is asked for at once.
        None if message.detail.r#type == PaymentInitiated::TYPE => return send_on(deps, message).await,
        Some(due_at) if now < due_at => {
            let delay_s = due_at.as_second() - now.as_second();
            return deps.queue.send(&message, delay_s).await;
        }
        _ => {}
    }
    let (event, order_id) = (&message.detail, message.detail.data.order_id);
    // A provider that is away must not end the asking, so its silence sends the message on like any open end.
    match reconcile(&deps.payments, event, order_id).await {
        Ok(payment) if is_over(&payment) => Ok(()),
        Ok(_) => send_on(deps, message).await,
        Err(StepError::Retry(reason)) => {
            tracing::warn!(%order_id, reason, "not settled yet");
            send_on(deps, message).await
        }
        Err(error) => Err(error),
    }
}

async fn reconcile(deps: &PaymentDeps, event: &Envelope<Started>, order_id: OrderId) -> Result<Payment, StepError> {
    // First, so that what cannot be read of one charge does not hold up another's refund.
    refunds::ask(deps, event.tenant_id, order_id).await?;
    settle(deps, &Settling { event, order_id, close: None }).await
}

/// Paid or refunded, with no refund under way. A payment that failed may still be paid late, so it is not over.
fn is_over(payment: &Payment) -> bool {
    payment.is_settled() && payment.live_refunds().next().is_none()
}

async fn send_on(deps: &ReconcileDeps, message: Message<Started>) -> Result<(), StepError> {
    let core = &deps.payments.core;
    let now = core.now();
    if now >= after(message.detail.time, GIVE_UP_AFTER_S) {
        tracing::error!(order_id = %message.detail.data.order_id, "reconciliation gave up");
        return Ok(());
    }
    let schedule = &core.config.reconcile_schedule_s;
    let step = schedule.get(message.attempt as usize).or(schedule.last()).copied().unwrap_or(60);
    let next = Message { attempt: message.attempt + 1, due_at: Some(after(now, i64::from(step))), ..message };
    deps.queue.send(&next, i64::from(step)).await
}
