//! Reconciliation: the provider is asked from time to time about every opened checkout and every requested refund,
//! whether or not a webhook ever arrives. The timer is set again at growing intervals until everything has ended or 72
//! hours have passed. Anything still open then needs a person, whom the alarm on the metric `reconciliation_gave_up`
//! calls.

use contracts::{payments::Reconcile, timers::Due};
use domain::{OrderId, TenantId, Timestamp, payment::Payment, time::after};
use runtime::{Deps, Granted, Received, StepError, With, events::Cause, telemetry};
use store::Tx;

use crate::{
    paystack::Paystack,
    refunds,
    settle::{Settling, settle},
};

/// Paystack retries its own webhooks for the same time.
const GIVE_UP_AFTER_S: i64 = 72 * 3_600;

pub async fn handle(deps: &Granted<Reconcile, Paystack>, due: Due<OrderId>) -> Result<(), StepError> {
    let received = deps.due(&due);
    let (since, is_open) = match ask_and_settle(deps, &received, due.subject).await {
        Ok(payment) if is_over(&payment) => return Ok(()),
        Ok(payment) => {
            // A refund that was recorded after this timer was first set starts a new period of 72 hours.
            let asked_at = payment.live_refunds().map(|refund| refund.requested_at);
            (asked_at.fold(due.since, Timestamp::max), payment.live_refunds().next().is_some())
        }
        // An unavailable provider must not end reconciliation, so the timer is set again as for a payment that is not
        // over.
        Err(StepError::Retry(reason)) => {
            tracing::warn!(order_id = %due.subject, reason, "not settled yet");
            (due.since, true)
        }
        Err(error) => return Err(error),
    };
    let now = deps.now();
    if now >= after(since, GIVE_UP_AFTER_S) {
        // If the provider says that a checkout was never paid, nothing is left to clarify. A refund that has not ended,
        // or a provider that did not answer, needs a person.
        if is_open {
            tracing::error!(order_id = %due.subject, "reconciliation gave up");
            telemetry::count(&deps.config, "reconciliation_gave_up", 1, now);
        }
        return Ok(());
    }
    let attempt = if since > due.since { 0 } else { due.attempt + 1 };
    let mut tx = received.tx(deps);
    tx.set_timer::<Reconcile>(Due { attempt, since, due_at: after(now, wait_s(deps, attempt)), ..due });
    tx.commit().await.map(drop)
}

/// Requests the refunds that were not requested yet, and then settles everything that has not ended.
pub(crate) async fn ask_and_settle(
    deps: &With<Paystack>,
    received: &Received,
    order_id: OrderId,
) -> Result<Payment, StepError> {
    // Refunds are requested first, so that an unreadable answer about one charge does not delay the refund of another.
    refunds::ask(deps, received.tenant_id, order_id).await?;
    settle(deps, &Settling { received, order_id, close: None }).await
}

/// Sets the timer in the transaction that begins something the provider has to finish: a checkout or a refund.
pub(crate) fn begin(deps: &Deps, tx: &mut Tx, cause: &Cause, tenant: TenantId, order_id: OrderId) {
    let due_at = after(deps.now(), wait_s(deps, 0));
    tx.set_timer::<Reconcile>(deps.timer(cause, tenant, order_id, due_at));
}

/// Cancels the timer in the transaction after which the provider has nothing left to finish.
pub(crate) fn end(tx: &mut Tx, tenant: TenantId, order_id: OrderId) {
    tx.cancel_timer::<Reconcile>(tenant, order_id);
}

/// Whether the payment is paid or refunded, with no refund under way. A failed payment is not over: the buyer may still
/// pay late.
pub(crate) fn is_over(payment: &Payment) -> bool {
    payment.is_settled() && payment.live_refunds().next().is_none()
}

/// Seconds until the provider is asked next; `attempt` counts how often the timer was set again. The schedule's last
/// interval repeats.
fn wait_s(deps: &Deps, attempt: u32) -> i64 {
    let schedule = &deps.config.reconcile_schedule_s;
    i64::from(schedule.get(attempt as usize).or(schedule.last()).copied().unwrap_or(60))
}
