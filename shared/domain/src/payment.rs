//! A payment of an order: attempts at the provider, what was captured, what went back.
//!
//! ```text
//! initiated -> pending -> captured -> partially_refunded -> refunded
//!     |           |  \-> failed | expired --(money came after all)--> captured
//!     +-> unknown +        (an unanswered call; only the provider's own answer resolves it)
//! ```

use serde::{Deserialize, Serialize};

use crate::{
    Money, MoneyError, OrderId, PaymentId, RefundId, StoreId, Timestamp,
    guard::{self, Rule},
    limits::PAYMENT_ATTEMPTS_MAX,
    time::after,
};

/// A provider's answer to a refund can take a minute; only then is it asked again.
const ASK_AGAIN_S: i64 = 60;
/// Opening a checkout takes at most this long: two calls with their timeouts.
const OPENING_S: i64 = 30;

/// One checkout opened at the provider. Recorded before the provider is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Our reference at the provider; unique for ever.
    pub reference: String,
    pub checkout_url: Option<String>,
    pub started_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    Initiated,
    Unknown,
    Pending,
    Captured,
    Failed,
    Expired,
    PartiallyRefunded,
    Refunded,
    Disputed,
}

impl PaymentStatus {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Initiated => "initiated",
            Self::Unknown => "unknown",
            Self::Pending => "pending",
            Self::Captured => "captured",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::PartiallyRefunded => "partially_refunded",
            Self::Refunded => "refunded",
            Self::Disputed => "disputed",
        }
    }

    /// No money has come yet, and it still may without anybody paying late.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Initiated | Self::Unknown | Self::Pending)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FailureReason {
    /// The provider says the charge failed.
    Declined,
    /// The order was cancelled before it was paid.
    Cancelled,
    /// The payment window closed.
    Expired,
    /// What the provider captured is not what was asked for. The money goes back; a person should look.
    AmountMismatch,
    /// The provider refused to open a checkout.
    ProviderRejected,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    /// Recorded; the provider was or is about to be asked.
    Requested,
    /// The provider took it on.
    Pending,
    Processed,
    /// The provider gave up; a person must act.
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    pub id: RefundId,
    /// The attempt whose money goes back.
    pub reference: String,
    pub amount: Money,
    pub status: RefundStatus,
    pub provider_id: Option<String>,
    /// When the provider was last asked for it. Written before the call, so that no two callers ask at once.
    pub asked_at: Option<Timestamp>,
    pub requested_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Money that the provider took for one attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capture {
    pub reference: String,
    pub amount: Money,
    pub fees: Money,
    pub captured_at: Timestamp,
    /// Of the amount and currency that was asked for, and the first such: the one that pays the order.
    pub settles: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    pub id: PaymentId,
    pub order_id: OrderId,
    pub store_id: StoreId,
    pub provider: String,
    pub amount: Money,
    pub email: String,
    pub status: PaymentStatus,
    pub failure_reason: Option<FailureReason>,
    pub attempts: Vec<Attempt>,
    pub captures: Vec<Capture>,
    pub refunds: Vec<Refund>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What a report of the provider means for the payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaptureOutcome {
    /// The order is paid.
    Completed,
    /// The money is not what was asked for, or comes a second time: it must go back. `fails` says that the payment
    /// itself has failed with it (it was open and nothing else paid it).
    MustRefund { amount: Money, reference: String, fails: bool },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PaymentError {
    #[error("more would be refunded than was captured")]
    OverRefund,
    #[error("no more attempts")]
    TooManyAttempts,
    #[error("the payment is not open")]
    NotOpen,
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl Payment {
    /// Records an attempt about to be made at the provider.
    pub fn begin_attempt(mut self, reference: String, now: Timestamp) -> Result<Self, PaymentError> {
        if !self.status.is_open() {
            return Err(PaymentError::NotOpen);
        }
        if self.attempts.len() >= PAYMENT_ATTEMPTS_MAX {
            return Err(PaymentError::TooManyAttempts);
        }
        self.attempts.push(Attempt { reference, checkout_url: None, started_at: now });
        Ok(Self { updated_at: now, ..self })
    }

    /// The provider opened the checkout of an attempt. `None` if the payment has moved on meanwhile.
    pub fn checkout_opened(mut self, reference: &str, checkout_url: String, now: Timestamp) -> Option<Self> {
        if !self.status.is_open() {
            return None;
        }
        let attempt = self.attempts.iter_mut().find(|attempt| attempt.reference == reference)?;
        attempt.checkout_url = Some(checkout_url);
        Some(Self { status: PaymentStatus::Pending, updated_at: now, ..self })
    }

    /// The provider did not answer.
    pub fn unanswered(self, now: Timestamp) -> Self {
        let status = if self.status.is_open() { PaymentStatus::Unknown } else { self.status };
        Self { status, updated_at: now, ..self }
    }

    /// The provider says it took money for an attempt. `None`: that is already in the books.
    pub fn captured(
        mut self,
        reference: &str,
        amount: Money,
        fees: Money,
        now: Timestamp,
    ) -> Option<(Self, CaptureOutcome)> {
        if self.captures.iter().any(|capture| capture.reference == reference) {
            return None;
        }
        let is_what_was_asked = amount == self.amount || !guard::stands(Rule::AmountCheck);
        let settles = is_what_was_asked && !self.is_settled();
        self.captures.push(Capture { reference: reference.to_owned(), amount, fees, captured_at: now, settles });
        self.updated_at = now;
        if settles {
            return Some((
                Self { status: PaymentStatus::Captured, failure_reason: None, ..self },
                CaptureOutcome::Completed,
            ));
        }
        let fails = self.status.is_open();
        if fails {
            self.status = PaymentStatus::Failed;
        }
        if !self.is_settled() {
            self.failure_reason = Some(FailureReason::AmountMismatch);
        }
        Some((self, CaptureOutcome::MustRefund { amount, reference: reference.to_owned(), fails }))
    }

    /// No money came and none is expected. `None` if it is not open any more.
    pub fn failed(self, reason: FailureReason, now: Timestamp) -> Option<Self> {
        let status = match reason {
            FailureReason::Expired | FailureReason::Cancelled => PaymentStatus::Expired,
            _ => PaymentStatus::Failed,
        };
        self.status.is_open().then_some(Self { status, failure_reason: Some(reason), updated_at: now, ..self })
    }

    /// Records a refund about to be asked of the provider.
    pub fn request_refund(
        mut self,
        id: RefundId,
        reference: &str,
        amount: Money,
        now: Timestamp,
    ) -> Result<Self, PaymentError> {
        let capture = self.captures.iter().find(|capture| capture.reference == reference);
        let capture = capture.ok_or(PaymentError::OverRefund)?;
        // What failed at the provider did not go back.
        let refunding = self.refunds_of(capture, |refund| refund.status != RefundStatus::Failed)?;
        let back = amount.checked_add(refunding)?;
        if amount.amount_minor <= 0 || back.amount_minor > capture.amount.amount_minor {
            return Err(PaymentError::OverRefund);
        }
        let reference = reference.to_owned();
        self.refunds.push(Refund {
            id,
            reference,
            amount,
            status: RefundStatus::Requested,
            provider_id: None,
            asked_at: None,
            requested_at: now,
            updated_at: now,
        });
        Ok(Self { updated_at: now, ..self })
    }

    /// Records that the provider is about to be asked for a refund. `None` if it knows of it, or was asked so lately
    /// that the answer may still come, by a clock that is up to `skew_s` seconds away from this one.
    pub fn ask_refund(mut self, id: RefundId, now: Timestamp, skew_s: i64) -> Option<Self> {
        let refund = self.refunds.iter_mut().find(|refund| refund.id == id)?;
        let asked_lately = refund.asked_at.is_some_and(|at| now < after(at, ASK_AGAIN_S + skew_s));
        let is_being_asked = asked_lately && guard::stands(Rule::RefundAskedOnce);
        if refund.status != RefundStatus::Requested || is_being_asked {
            return None;
        }
        refund.asked_at = Some(now);
        Some(Self { updated_at: now, ..self })
    }

    /// The provider reports on a refund. `None` if that is known already; what was processed or failed stays so.
    pub fn refund_reported(
        mut self,
        id: RefundId,
        status: RefundStatus,
        provider_id: Option<String>,
        now: Timestamp,
    ) -> Option<Self> {
        let refund = self.refunds.iter_mut().find(|refund| refund.id == id)?;
        let ended = matches!(refund.status, RefundStatus::Processed | RefundStatus::Failed);
        if ended || (refund.status == status && refund.provider_id == provider_id) {
            return None;
        }
        refund.status = status;
        refund.provider_id = provider_id.or(refund.provider_id.take());
        refund.updated_at = now;
        let (captured, refunded) = self.captured_and_refunded();
        if refunded.amount_minor > 0 {
            let is_all = refunded.amount_minor >= captured.amount_minor;
            self.status = if is_all { PaymentStatus::Refunded } else { PaymentStatus::PartiallyRefunded };
        }
        Some(Self { updated_at: now, ..self })
    }

    /// The money that paid the order and that nobody has been asked to send back. A refund that failed has been asked
    /// for: a person was called, behind whose back no event may ask again.
    pub fn refundable(&self) -> Option<(String, Money)> {
        self.left(|_| true)
    }

    /// The money that paid the order and that is not on its way back: what a person may send back. What failed at the
    /// provider did not go, and may be tried again.
    pub fn kept(&self) -> Option<(String, Money)> {
        self.left(|refund| refund.status != RefundStatus::Failed)
    }

    fn left(&self, counts: impl Fn(&Refund) -> bool) -> Option<(String, Money)> {
        let capture = self.captures.iter().find(|capture| capture.settles)?;
        let left = capture.amount.checked_sub(self.refunds_of(capture, counts).ok()?).ok()?;
        (left.amount_minor > 0).then(|| (capture.reference.clone(), left))
    }

    /// As much of `amount` as is left of that money, for the refund of that id; nothing for one that is there.
    pub fn refundable_part(&self, id: RefundId, amount: Money) -> Option<(String, Money)> {
        if self.refunds.iter().any(|refund| refund.id == id) {
            return None;
        }
        let (reference, left) = self.refundable()?;
        let part = if amount.amount_minor < left.amount_minor { amount } else { left };
        (part.amount_minor > 0).then_some((reference, part))
    }

    pub fn is_settled(&self) -> bool {
        self.captures.iter().any(|capture| capture.settles)
    }

    /// The attempt the buyer is paying on.
    pub fn current_attempt(&self) -> Option<&Attempt> {
        self.attempts.last()
    }

    /// Whether a checkout is being opened right now, by somebody else.
    pub fn is_opening(&self, now: Timestamp) -> bool {
        let attempt = self.current_attempt().filter(|attempt| attempt.checkout_url.is_none());
        self.status == PaymentStatus::Initiated && attempt.is_some_and(|at| now < after(at.started_at, OPENING_S))
    }

    /// Attempts whose money has not been seen, newest first.
    pub fn unpaid_attempts(&self) -> impl Iterator<Item = &Attempt> {
        let paid = |attempt: &&Attempt| self.captures.iter().any(|capture| capture.reference == attempt.reference);
        self.attempts.iter().rev().filter(move |attempt| !paid(attempt))
    }

    /// Refunds that have not ended.
    pub fn live_refunds(&self) -> impl Iterator<Item = &Refund> {
        self.refunds.iter().filter(|refund| matches!(refund.status, RefundStatus::Requested | RefundStatus::Pending))
    }

    /// Captured for the order, and of that refunded: what buyers are shown.
    pub fn captured_and_refunded(&self) -> (Money, Money) {
        let zero = Money::zero(self.amount.currency);
        let Some(capture) = self.captures.iter().find(|capture| capture.settles) else { return (zero, zero) };
        let back = self
            .refunds
            .iter()
            .filter(|refund| refund.reference == capture.reference && refund.status == RefundStatus::Processed);
        let refunded = Money::sum(capture.amount.currency, back.map(|refund| refund.amount)).unwrap_or(capture.amount);
        (capture.amount, refunded)
    }

    /// What its refunds that count add up to.
    fn refunds_of(&self, capture: &Capture, counts: impl Fn(&Refund) -> bool) -> Result<Money, MoneyError> {
        let of_it = self.refunds.iter().filter(|refund| refund.reference == capture.reference && counts(refund));
        let of_it = of_it.filter(|_| guard::stands(Rule::RefundCap));
        Money::sum(capture.amount.currency, of_it.map(|refund| refund.amount))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ulid::Ulid;

    use super::*;
    use crate::Currency;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn ngn(amount_minor: i64) -> Money {
        Money::new(amount_minor, Currency::Ngn)
    }

    fn payment() -> Payment {
        Payment {
            id: PaymentId::from_ulid(Ulid(1)),
            order_id: OrderId::from_ulid(Ulid(2)),
            store_id: StoreId::from_ulid(Ulid(3)),
            provider: "paystack".into(),
            amount: ngn(1_000),
            email: "ada@example.com".into(),
            status: PaymentStatus::Initiated,
            failure_reason: None,
            attempts: vec![],
            captures: vec![],
            refunds: vec![],
            created_at: NOW,
            expires_at: NOW,
            updated_at: NOW,
        }
        .begin_attempt("r1".into(), NOW)
        .unwrap()
    }

    #[test]
    fn the_same_capture_counts_once() {
        let (paid, outcome) = payment().captured("r1", ngn(1_000), ngn(15), NOW).unwrap();
        assert_eq!((outcome, paid.status), (CaptureOutcome::Completed, PaymentStatus::Captured));
        assert!(paid.captured("r1", ngn(1_000), ngn(15), NOW).is_none());
    }

    #[test]
    fn a_wrong_amount_or_currency_never_settles() {
        for amount in [ngn(999), ngn(1_001), Money::new(1_000, Currency::Usd)] {
            let (flagged, outcome) = payment().captured("r1", amount, Money::zero(amount.currency), NOW).unwrap();
            assert_eq!(outcome, CaptureOutcome::MustRefund { amount, reference: "r1".into(), fails: true });
            assert_eq!(flagged.failure_reason, Some(FailureReason::AmountMismatch));
            assert!(!flagged.is_settled());
            assert!(flagged.request_refund(RefundId::from_ulid(Ulid(1)), "r1", amount, NOW).is_ok());
        }
    }

    #[test]
    fn a_second_checkout_that_is_also_paid_goes_back() {
        let (paid, _) =
            payment().begin_attempt("r2".into(), NOW).unwrap().captured("r1", ngn(1_000), ngn(0), NOW).unwrap();
        let (paid, outcome) = paid.captured("r2", ngn(1_000), ngn(0), NOW).unwrap();
        assert_eq!(outcome, CaptureOutcome::MustRefund { amount: ngn(1_000), reference: "r2".into(), fails: false });
        assert_eq!((paid.status, paid.failure_reason), (PaymentStatus::Captured, None));
    }

    #[test]
    fn money_that_comes_late_is_still_taken() {
        let late = payment().failed(FailureReason::Expired, NOW).unwrap();
        assert_eq!(late.captured("r1", ngn(1_000), ngn(0), NOW).unwrap().1, CaptureOutcome::Completed);
    }

    #[test]
    fn a_part_goes_back_once_under_its_id_and_never_more_than_is_left() {
        let (paid, _) = payment().captured("r1", ngn(1_000), ngn(0), NOW).unwrap();
        let [one, two, three] = [1, 2, 3].map(|id| RefundId::from_ulid(Ulid(id)));
        assert_eq!(paid.refundable_part(one, ngn(600)), Some(("r1".into(), ngn(600))));
        assert_eq!(paid.refundable_part(one, ngn(0)), None);
        let paid = paid.request_refund(one, "r1", ngn(600), NOW).unwrap();
        assert_eq!(paid.refundable_part(one, ngn(600)), None);
        assert_eq!(paid.refundable_part(two, ngn(600)), Some(("r1".into(), ngn(400))));
        let paid = paid.refund_reported(one, RefundStatus::Processed, None, NOW).unwrap();
        assert_eq!(paid.status, PaymentStatus::PartiallyRefunded);
        let paid = paid.request_refund(two, "r1", ngn(400), NOW).unwrap();
        assert_eq!(paid.refundable_part(three, ngn(1)), None);
        let paid = paid.refund_reported(two, RefundStatus::Processed, None, NOW).unwrap();
        assert_eq!(paid.status, PaymentStatus::Refunded);
    }

    proptest! {
        #[test]
        fn never_refunds_more_than_was_captured(steps in prop::collection::vec((0..4_u8, 1..700_i64), 0..30)) {
            let (mut paid, _) = payment().captured("r1", ngn(1_000), ngn(0), NOW).unwrap();
            for (index, (kind, amount)) in steps.into_iter().enumerate() {
                let id = RefundId::from_ulid(Ulid(index as u128));
                let last = paid.refunds.last().map(|refund| refund.id);
                let next = match (kind, last) {
                    (0 | 1, _) => paid.clone().request_refund(id, "r1", ngn(amount), NOW).ok(),
                    (2, Some(last)) => paid.clone().refund_reported(last, RefundStatus::Processed, None, NOW),
                    (_, Some(last)) => paid.clone().refund_reported(last, RefundStatus::Failed, None, NOW),
                    _ => None,
                };
                paid = next.unwrap_or(paid);
                let back: i64 = paid.refunds.iter().filter(|r| r.status != RefundStatus::Failed).map(|r| r.amount.amount_minor).sum();
                prop_assert!(back <= 1_000);
                prop_assert_eq!(paid.status == PaymentStatus::Refunded, paid.refunds.iter().filter(|r| r.status == RefundStatus::Processed).map(|r| r.amount.amount_minor).sum::<i64>() == 1_000);
            }
        }
    }
}
