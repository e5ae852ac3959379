//! The payments service's steps, as `functions/payments` puts them together. Between a question to the provider and
//! the transaction that books its answer the payment cannot change (its version is a condition), and what the provider
//! does meanwhile it might as well have done after: so asking and booking is one step.

use domain::{
    Money, RefundId,
    limits::CLOCK_SKEW_MAX_S,
    payment::{CaptureOutcome, FailureReason, Payment, RefundStatus},
    time::after,
};
use ulid::Ulid;

use crate::{
    queues::{Consumer, Event, Message},
    side::{Back, Charge, NOTHING, NOW},
    transaction::{Answer, Fault, Transaction},
};

/// After this a refund whose answer has not come is asked for again.
const ASK_AGAIN_S: i64 = 60 + CLOCK_SKEW_MAX_S;

/// What may turn out in different ways in one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Luck {
    Usual,
    /// The payment window is over when the step looks, or the day that an order waits for a checkout. It may seem open
    /// again to the next: clocks differ.
    WindowOver,
    /// The call that asks for a refund never reaches the provider.
    CallLost,
}

impl Transaction {
    pub(crate) fn payments(&mut self, message: Message, luck: Luck) -> Answer {
        match (message.to, message.event) {
            (Consumer::PaymentsReconcile, _) => self.reconcile(luck),
            (Consumer::PaymentsOnStockRejected, _) | (_, Event::OrderCancelled { refund: true, .. }) => {
                self.request_all()
            }
            (_, Event::OrderCancelled { expired: true, .. }) => self.settle(Some(FailureReason::Expired), luck),
            _ => self.settle(Some(FailureReason::Cancelled), luck),
        }
    }

    /// `reconcile::handle`. It asks for refunds and settles; as much can come between the two, they are two arrivals.
    fn reconcile(&mut self, luck: Luck) -> Answer {
        if self.ask_refunds(luck) {
            return Answer::Again;
        }
        self.settle(None, luck);
        let over = |payment: &Payment| payment.is_settled() && payment.live_refunds().next().is_none();
        if self.side.payment.as_ref().is_some_and(over) { Answer::Settled } else { Answer::Again }
    }

    /// `refund::ask`. True if that changed anything.
    fn ask_refunds(&mut self, luck: Luck) -> bool {
        let Some(payment) = self.side.payment.clone() else { return false };
        let mut asked = false;
        for (index, refund) in payment.refunds.iter().enumerate() {
            let now = if refund.asked_at.is_some() { after(NOW, ASK_AGAIN_S) } else { NOW };
            let Some(mut next) =
                self.side.payment.clone().and_then(|payment| payment.ask_refund(refund.id, now, CLOCK_SKEW_MAX_S))
            else {
                continue;
            };
            // Asked a while ago, like everything.
            (next.refunds[index].asked_at, next.updated_at) = (Some(NOW), NOW);
            asked |= refund.asked_at.is_none();
            self.side.payment = Some(next);
            let gives_twice = self.has(Fault::MoneyGoesBackTwice);
            let known = &mut self.side.provider.refunds[index];
            match known {
                _ if luck == Luck::CallLost => {}
                None | Some((_, Back::Failed)) => {
                    *known = Some((refund.amount, Back::UnderWay));
                    asked = true;
                }
                Some((amount, _)) if gives_twice => {
                    amount.amount_minor *= 2;
                    asked = true;
                }
                // It refuses to give back more than it has taken.
                Some(_) => {}
            }
        }
        asked
    }

    /// `refunds::request_all`.
    fn request_all(&mut self) -> Answer {
        let Some(payment) = self.side.payment.clone() else { return Answer::Early };
        let Some((reference, amount)) = payment.refundable() else { return Answer::Nothing };
        if self.request_refund(&reference, amount) { Answer::Written } else { Answer::Poison("it cannot be refunded") }
    }

    /// `refunds::request`.
    fn request_refund(&mut self, reference: &str, amount: Money) -> bool {
        let Some(payment) = self.side.payment.clone() else { return false };
        let index = payment.refunds.len();
        let id = RefundId::from_ulid(Ulid(index as u128));
        let Ok(next) = payment.request_refund(id, reference, amount, NOW) else { return false };
        self.replace(next, "request_refund");
        self.side.provider.refunds.push(None);
        self.emit(Event::RefundInitiated { refund: index });
        true
    }

    /// `settle::settle`: books what the provider says, and closes what is open if that is wanted or its time is over.
    pub(crate) fn settle(&mut self, close: Option<FailureReason>, luck: Luck) -> Answer {
        let Some(payment) = self.side.payment.clone() else { return Answer::Early };
        let known = |reference: &str| payment.attempts.iter().position(|attempt| attempt.reference == reference);
        let charge = |reference: &str| known(reference).map_or(Charge::Unpaid, |at| self.side.provider.charges[at]);
        let unpaid = payment.unpaid_attempts();
        let charges: Vec<_> = unpaid.map(|at| (at.reference.clone(), charge(&at.reference))).collect();
        for (reference, charge) in &charges {
            match charge {
                Charge::Taken(amount) => self.book_charge(reference, *amount),
                Charge::Declined => self.note_failed_try(reference),
                Charge::Unpaid => {}
            }
        }
        for (index, refund) in payment.refunds.iter().enumerate() {
            let is_live = payment.live_refunds().any(|live| live.id == refund.id);
            if let Some((_, back)) = self.side.provider.refunds[index].filter(|_| is_live && refund.asked_at.is_some())
            {
                self.book_refund(index, back);
            }
        }
        let has_lapsed = self.side.payment.as_ref().is_some_and(|payment| payment.has_lapsed(NOW));
        let lapsed = (luck == Luck::WindowOver && has_lapsed).then_some(FailureReason::Expired);
        if let Some(reason) = close.or(lapsed) {
            self.fail(reason);
        }
        Answer::Settled
    }

    fn note_failed_try(&mut self, reference: &str) {
        if let Some(next) = self.side.payment.clone().and_then(|payment| payment.try_failed(reference, NOW)) {
            self.replace(next, "try_failed");
        }
    }

    fn book_charge(&mut self, reference: &str, amount: Money) {
        let payment = self.side.payment.clone();
        let Some((next, outcome)) = payment.and_then(|payment| payment.captured(reference, amount, NOTHING, NOW))
        else {
            return;
        };
        match outcome {
            CaptureOutcome::Completed => {
                self.replace(next, "captured");
                self.emit(Event::PaymentCompleted);
            }
            CaptureOutcome::MustRefund { amount, reference, fails } => {
                self.replace(next, "captured astray");
                if fails {
                    self.emit(Event::PaymentFailed);
                }
                if !self.request_refund(&reference, amount) {
                    self.side.wrong = Some("stray money cannot be sent back".into());
                }
            }
        }
    }

    fn book_refund(&mut self, index: usize, back: Back) {
        let Some(payment) = self.side.payment.clone() else { return };
        let refund = payment.refunds[index].clone();
        let (status, event) = match back {
            Back::UnderWay => (RefundStatus::Pending, "refund under way"),
            Back::Processed => (RefundStatus::Processed, "refund processed"),
            Back::Failed => (RefundStatus::Failed, "refund failed"),
        };
        let Some(next) = payment.refund_reported(refund.id, status, Some(index.to_string()), NOW) else { return };
        let settled = next.captures.iter().any(|capture| capture.settles && capture.reference == refund.reference);
        let is_all = next.status == domain::payment::PaymentStatus::Refunded;
        self.replace(next, event);
        if status == RefundStatus::Processed {
            self.emit(Event::RefundCompleted { refund: index, settles: settled && is_all });
        }
    }

    /// Ends an open payment that was not paid. False if it is not open.
    pub(crate) fn fail(&mut self, reason: FailureReason) -> bool {
        let next = self.side.payment.clone().and_then(|payment| payment.failed(reason, NOW));
        let fails = next.is_some();
        if let Some(next) = next {
            self.replace(next, "failed");
            self.emit(Event::PaymentFailed);
        }
        fails
    }

    pub(crate) fn replace(&mut self, next: Payment, event: &'static str) {
        if let Some(before) = &self.side.payment {
            self.made.insert(("payment", before.status.name(), event, next.status.name()));
        }
        self.side.payment = Some(next);
    }
}
