//! Settling a payment: asking the provider about every attempt that has not been paid and every refund that has not
//! ended, and booking its answers. Webhooks, reconciliation and cancellation all end here, so captures and refunds are
//! booked in one place. Asking too often is harmless: a capture is identified by its reference and a refund by its id,
//! both under the payment's version. Settling uses no inbox, because the provider may have news when the same message
//! is delivered again.

use contracts::events::{PaymentCompleted, PaymentFlagged, RefundCompleted, RefundFailed};
use domain::{
    LedgerEntryId, Money, OrderId, RefundId, TenantId,
    ledger::LedgerEntry,
    payment::{CaptureOutcome, FailureReason, Payment, RefundStatus},
};
use runtime::{Received, StepError, Tries, Try, With, events::Cause, retry};
use store::{CommitError, Tx, Versioned, keys};

use crate::{
    opening::failed_event,
    paystack::{ChargeReport, Paystack, RefundReport, RefundState},
    reconcile::{self, is_over},
    refunds,
};

/// The message that the caller handles, and what the caller wants settled.
pub(crate) struct Settling<'a> {
    pub(crate) received: &'a Received,
    pub(crate) order_id: OrderId,
    /// The reason with which to close the payment if it is still open and unpaid.
    pub(crate) close: Option<FailureReason>,
}

/// Asks the provider, books its answers, and returns the payment as it is afterwards.
pub(crate) async fn settle(deps: &With<Paystack>, want: &Settling<'_>) -> Result<Payment, StepError> {
    let tenant = want.received.tenant_id;
    let key = keys::payment(tenant, want.order_id);
    // Another caller may book at the same time. Then the payment is read again and the provider is asked again.
    retry!(Tries::FEW_RIVALS, {
        let held = deps.db.get::<Payment>(&key).await?;
        let held = held.ok_or_else(|| StepError::retry("there is no such payment (yet)"))?;
        let reports = ask(deps, &held.value).await?;

        let mut tx = deps.tx();
        let mut book = Book {
            deps,
            tx: &mut tx,
            cause: &want.received.cause,
            tenant,
            payment: held,
            changed: false,
            refunds: false,
        };
        for (reference, report) in &reports.charges {
            book.charge(reference, report)?;
        }
        for (id, report) in &reports.refunds {
            book.refund(*id, report);
        }
        book.close(want.close);
        let (payment, changed) = book.finish();
        if !changed {
            return Ok(payment);
        }
        match deps.db.commit(tx).await {
            Ok(()) => Try::Done(payment),
            Err(CommitError::Refused(_) | CommitError::Busy) => Try::Lost,
            Err(CommitError::Store(error)) => return Err(error.into()),
        }
    })
}

/// The provider's answers about a payment's charges and refunds.
struct Reports {
    charges: Vec<(String, ChargeReport)>,
    refunds: Vec<(RefundId, RefundReport)>,
}

async fn ask(deps: &With<Paystack>, payment: &Payment) -> Result<Reports, StepError> {
    let mut charges = vec![];
    for attempt in payment.unpaid_attempts() {
        let report = deps.extra.verify(deps, &attempt.reference).await.map_err(StepError::retry)?;
        charges.push((attempt.reference.clone(), report));
    }
    let mut refunds = vec![];
    for refund in payment.live_refunds() {
        let report = match &refund.provider_id {
            Some(id) => Some(deps.extra.fetch_refund(deps, id).await.map_err(StepError::retry)?),
            None if refund.asked_at.is_some() => {
                let note = refund.id.to_string();
                deps.extra.find_refund(deps, &refund.reference, &note).await.map_err(StepError::retry)?
            }
            None => None,
        };
        refunds.extend(report.map(|report| (refund.id, report)));
    }
    Ok(Reports { charges, refunds })
}

/// A payment being booked into a transaction.
struct Book<'a> {
    deps: &'a With<Paystack>,
    tx: &'a mut Tx,
    cause: &'a Cause,
    tenant: TenantId,
    /// The payment with the changes made so far. Its version is still the one that was read.
    payment: Versioned<Payment>,
    changed: bool,
    /// Whether a refund was recorded, so that the reconciliation timer has to be set.
    refunds: bool,
}

impl Book<'_> {
    fn charge(&mut self, reference: &str, report: &ChargeReport) -> Result<(), StepError> {
        let now = self.deps.now();
        let (amount, fees) = match report {
            ChargeReport::Captured { amount, fees } => (amount, fees),
            ChargeReport::Failed => {
                self.try_failed(reference);
                return Ok(());
            }
            ChargeReport::Unpaid => return Ok(()),
        };
        let Some((next, outcome)) = self.payment.value.clone().captured(reference, *amount, *fees, now) else {
            return Ok(());
        };
        self.replace(next);
        let settles = outcome == CaptureOutcome::Completed;
        let id = self.deps.id(LedgerEntryId::from_ulid);
        let order_id = self.payment.value.order_id;
        let entry = LedgerEntry::capture(id, reference.to_owned(), order_id, *amount, *fees, settles, now);
        self.tx.create(self.tenant, &entry);
        match outcome {
            CaptureOutcome::Completed => {
                let event = self.completed(reference, *amount, *fees);
                self.emit(event);
            }
            CaptureOutcome::MustRefund { amount, reference, fails } => {
                tracing::error!(%order_id, reference, "money that pays for nothing: it goes back");
                let event = self.flagged(&reference, amount);
                self.emit(event);
                if fails {
                    let event = failed_event(&self.payment.value, FailureReason::AmountMismatch);
                    self.emit(event);
                }
                let payment = &self.payment.value;
                let id = self.deps.id(RefundId::from_ulid);
                let (next, event) =
                    refunds::request(self.deps, payment, id, &reference, amount).map_err(StepError::poison)?;
                self.replace(next);
                self.refunds = true;
                self.emit(event);
            }
        }
        Ok(())
    }

    fn refund(&mut self, id: RefundId, report: &RefundReport) {
        let status = match report.state {
            RefundState::UnderWay => RefundStatus::Pending,
            RefundState::Processed => RefundStatus::Processed,
            RefundState::Failed => RefundStatus::Failed,
        };
        let now = self.deps.now();
        let provider_id = Some(report.provider_id.clone());
        let Some(next) = self.payment.value.clone().refund_reported(id, status, provider_id, now) else { return };
        self.replace(next);
        let payment = &self.payment.value;
        let Some(refund) = payment.refunds.iter().find(|refund| refund.id == id).cloned() else { return };
        let settled = payment.captures.iter().any(|capture| capture.settles && capture.reference == refund.reference);
        let (store_id, order_id, payment_id, amount) = (payment.store_id, payment.order_id, payment.id, refund.amount);
        match status {
            RefundStatus::Processed => {
                let is_all = payment.status == domain::payment::PaymentStatus::Refunded;
                let entry_id = self.deps.id(LedgerEntryId::from_ulid);
                let entry = LedgerEntry::refund(entry_id, id.to_string(), order_id, amount, settled, now);
                self.tx.create(self.tenant, &entry);
                let settles = settled && is_all;
                self.emit(RefundCompleted { store_id, order_id, payment_id, refund_id: id, amount, settles });
            }
            RefundStatus::Failed => self.emit(RefundFailed { store_id, order_id, payment_id, refund_id: id, amount }),
            RefundStatus::Requested | RefundStatus::Pending => {}
        }
    }

    /// Records a failed try to pay, if it was made on the current checkout. The buyer can try again there.
    fn try_failed(&mut self, reference: &str) {
        let payment = &self.payment.value;
        let is_current = payment.current_attempt().is_some_and(|attempt| attempt.reference == reference);
        let noted = is_current.then(|| payment.clone().try_failed(reference, self.deps.now())).flatten();
        if let Some(next) = noted {
            self.replace(next);
        }
    }

    /// Ends an open, unpaid payment if the caller wants it closed or its time has run out.
    fn close(&mut self, wanted: Option<FailureReason>) {
        let now = self.deps.now();
        let lapsed = self.payment.value.has_lapsed(now).then_some(FailureReason::Expired);
        let Some(reason) = wanted.or(lapsed) else { return };
        if let Some(next) = self.payment.value.clone().failed(reason, now) {
            self.replace(next);
            let event = failed_event(&self.payment.value, reason);
            self.emit(event);
        }
    }

    fn completed(&self, reference: &str, amount: Money, fees: Money) -> PaymentCompleted {
        let payment = &self.payment.value;
        PaymentCompleted {
            store_id: payment.store_id,
            order_id: payment.order_id,
            payment_id: payment.id,
            provider: payment.provider.clone(),
            reference: reference.to_owned(),
            amount,
            fees,
        }
    }

    fn flagged(&self, reference: &str, captured: Money) -> PaymentFlagged {
        let payment = &self.payment.value;
        PaymentFlagged {
            store_id: payment.store_id,
            order_id: payment.order_id,
            payment_id: payment.id,
            provider: payment.provider.clone(),
            reference: reference.to_owned(),
            expected: payment.amount,
            captured,
        }
    }

    fn replace(&mut self, next: Payment) {
        self.payment.value = next;
        self.changed = true;
    }

    fn emit<E: contracts::events::Event>(&mut self, data: E) {
        let (payment_id, version) = (self.payment.value.id, self.payment.version + 1);
        self.tx.emit(&self.deps.event(self.cause, self.tenant, payment_id, version, data));
    }

    fn finish(self) -> (Payment, bool) {
        if self.changed {
            let payment = &self.payment.value;
            self.tx.update(self.tenant, payment, self.payment.version);
            if is_over(payment) {
                reconcile::end(self.tx, self.tenant, payment.order_id);
            } else if self.refunds {
                reconcile::begin(self.deps, self.tx, self.cause, self.tenant, payment.order_id);
            }
        }
        (self.payment.value, self.changed)
    }
}
