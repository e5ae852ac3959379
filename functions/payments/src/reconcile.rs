//! Reconciliation: for every checkout opened and every refund asked for, the provider is asked by and by, whether or
//! not it ever calls. The timer is set again, less and less often, until everything has ended or 72 hours are over. What
//! is open even then is for a person, who is called by the alarm on the metric `reconciliation_gave_up`.

use contracts::{payments::Reconcile, timers::Due};
use domain::{OrderId, TenantId, Timestamp, payment::Payment, time::after};
use runtime::{Deps, Granted, Received, StepError, With, events::Cause, telemetry};
use store::Tx;

use crate::{
    paystack::Paystack,
    refunds,
    settle::{Settling, settle},
};

/// Paystack retries its own webhooks for as long.
const GIVE_UP_AFTER_S: i64 = 72 * 3_600;

pub async fn handle(deps: &Granted<Reconcile, Paystack>, due: Due<OrderId>) -> Result<(), StepError> {
    let received = deps.due(&due);
    let (since, is_open) = match ask_and_settle(deps, &received, due.subject).await {
        Ok(payment) if is_over(&payment) => return Ok(()),
        Ok(payment) => {
            // A refund that was recorded after this timer was first set has begun the asking anew.
            let asked_at = payment.live_refunds().map(|refund| refund.requested_at);
            (asked_at.fold(due.since, Timestamp::max), payment.live_refunds().next().is_some())
        }
        // A provider that is away must not end the asking, so its silence sets the timer again like any open end.
        Err(StepError::Retry(reason)) => {
            tracing::warn!(order_id = %due.subject, reason, "not settled yet");
            (due.since, true)
        }
        Err(error) => return Err(error),
    };
    let now = deps.now();
    if now >= after(since, GIVE_UP_AFTER_S) {
        // A checkout that the provider says was never paid is no question any more; a refund that has not ended, or a
        // provider that did not say, is one for a person.
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

/// Asks for what was not asked for yet, and then about everything that has not ended.
pub(crate) async fn ask_and_settle(
    deps: &With<Paystack>,
    received: &Received,
    order_id: OrderId,
) -> Result<Payment, StepError> {
    // First, so that what cannot be read of one charge does not hold up another's refund.
    refunds::ask(deps, received.tenant_id, order_id).await?;
    settle(deps, &Settling { received, order_id, close: None }).await
}

/// Sets the timer in the transaction that begins something which the provider has to finish: a checkout, a refund.
pub(crate) fn begin(deps: &Deps, tx: &mut Tx, cause: &Cause, tenant: TenantId, order_id: OrderId) {
    let due_at = after(deps.now(), wait_s(deps, 0));
    tx.set_timer::<Reconcile>(deps.timer(cause, tenant, order_id, due_at));
}

/// Cancels the timer in the transaction after which nothing is left to be asked about.
pub(crate) fn end(tx: &mut Tx, tenant: TenantId, order_id: OrderId) {
    tx.cancel_timer::<Reconcile>(tenant, order_id);
}

/// Paid or refunded, with no refund under way. A payment that failed may still be paid late, so it is not over.
pub(crate) fn is_over(payment: &Payment) -> bool {
    payment.is_settled() && payment.live_refunds().next().is_none()
}

/// Seconds until the provider is asked, by how often the timer was set again. The schedule's last step repeats.
fn wait_s(deps: &Deps, attempt: u32) -> i64 {
    let schedule = &deps.config.reconcile_schedule_s;
    i64::from(schedule.get(attempt as usize).or(schedule.last()).copied().unwrap_or(60))
}
