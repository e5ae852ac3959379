//! The payment of an order: attempts at the provider, captures and refunds.
//!
//! ```text
//! initiated -> pending -> captured -> partially_refunded -> refunded
//!     |           |  \-> failed | expired --(money came after all)--> captured
//!     +-> unknown +        (a call was not answered; it is repeated until one is)
//! ```
//! A try that fails at the provider, such as a declined card, ends nothing: the buyer can try again on the same
//! checkout until the payment window closes. It is noted in [`Payment::last_error`].

use serde::{Deserialize, Serialize};

use crate::{
    Money, MoneyError, OrderId, PaymentId, RefundId, StoreId, Timestamp,
    guard::{self, Rule},
    limits::{PAYMENT_ATTEMPTS_MAX, PAYMENT_WINDOW_DEFAULT_S},
    time::after,
};

/// The provider may take up to a minute to answer a refund request; it is not asked again before.
const ASK_AGAIN_S: i64 = 60;
/// Opening a checkout takes at most this long: two calls with their timeouts.
const OPENING_S: i64 = 30;

/// An attempt to open a checkout at the provider. Recorded before the provider is called. A call that was not answered
/// is repeated under the same reference, so it is no attempt of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Our reference at the provider; unique for ever.
    pub reference: String,
    /// Where the buyer pays; `None` until the provider has opened the checkout.
    pub checkout_url: Option<String>,
    /// When the provider was last called.
    pub started_at: Timestamp,
}

/// Status of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// A checkout is being opened at the provider.
    Initiated,
    /// The provider did not answer; it will be asked again.
    Unknown,
    /// The checkout is open: the buyer can pay.
    Pending,
    /// The order is paid.
    Captured,
    /// The payment failed.
    Failed,
    /// The payment window closed, or the order was cancelled.
    Expired,
    /// A part of the money was refunded.
    PartiallyRefunded,
    /// All of the money was refunded.
    Refunded,
    /// The buyer disputes the charge.
    Disputed,
}

impl PaymentStatus {
    /// The name in the API and in the database.
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

    /// Whether the payment is neither captured nor failed: the buyer can still pay in time.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Initiated | Self::Unknown | Self::Pending)
    }
}

/// Why a payment failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FailureReason {
    /// The provider says the charge failed. Only of old payments: a declined card no longer ends one.
    Declined,
    /// The order was cancelled before it was paid.
    Cancelled,
    /// The payment window closed.
    Expired,
    /// The provider captured another amount or currency than requested. The money is refunded; a person should check.
    AmountMismatch,
    /// The provider refused to open a checkout.
    ProviderRejected,
}

/// Why a try to pay failed at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TryErrorCode {
    /// The card was declined, or the try failed for another reason.
    Declined,
}

/// A try to pay that failed at the provider. The buyer can try again on the same checkout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TryError {
    /// Why the try failed.
    pub code: TryErrorCode,
    /// Reference of the attempt.
    pub reference: String,
    /// When the provider told of it.
    pub at: Timestamp,
}

/// Status of a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    /// Recorded. The provider has been asked, or is about to be.
    Requested,
    /// The provider accepted the refund and is processing it.
    Pending,
    /// The money was refunded.
    Processed,
    /// The provider gave up; a person must act.
    Failed,
}

/// A refund of a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Id of the refund.
    pub id: RefundId,
    /// Reference of the attempt whose money is refunded.
    pub reference: String,
    /// The refunded amount.
    pub amount: Money,
    /// Status of the refund.
    pub status: RefundStatus,
    /// The provider's id of the refund.
    pub provider_id: Option<String>,
    /// When the provider was last asked. Written before the call, so that two callers never ask at once.
    pub asked_at: Option<Timestamp>,
    /// When the refund was recorded.
    pub requested_at: Timestamp,
    /// When the refund last changed.
    pub updated_at: Timestamp,
}

/// Money that the provider captured for one attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capture {
    /// Reference of the attempt.
    pub reference: String,
    /// The captured amount, before fees.
    pub amount: Money,
    /// The provider's fees.
    pub fees: Money,
    /// When the capture was recorded.
    pub captured_at: Timestamp,
    /// Whether this capture pays the order: it is the first one of the requested amount and currency.
    pub settles: bool,
}

/// The payment of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Id of the payment.
    pub id: PaymentId,
    /// The order.
    pub order_id: OrderId,
    /// The store.
    pub store_id: StoreId,
    /// The payment provider: `paystack`.
    pub provider: String,
    /// The order's total.
    pub amount: Money,
    /// The customer's e-mail address, for the provider.
    pub email: String,
    /// Status of the payment.
    pub status: PaymentStatus,
    /// Why the payment failed, if it did.
    pub failure_reason: Option<FailureReason>,
    /// The last try to pay that failed; `None` once the order is paid.
    #[serde(default)]
    pub last_error: Option<TryError>,
    /// Attempts at the provider, oldest first.
    pub attempts: Vec<Attempt>,
    /// Money that the provider captured.
    pub captures: Vec<Capture>,
    /// Refunds, oldest first.
    pub refunds: Vec<Refund>,
    /// When the payment was created.
    pub created_at: Timestamp,
    /// End of the payment window.
    pub expires_at: Timestamp,
    /// When the payment last changed.
    pub updated_at: Timestamp,
}

/// The terms of a payment that is about to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPayment {
    /// Id of the payment.
    pub id: PaymentId,
    /// The order.
    pub order_id: OrderId,
    /// The store.
    pub store_id: StoreId,
    /// The payment provider: `paystack`.
    pub provider: String,
    /// The amount to pay.
    pub amount: Money,
    /// The customer's e-mail address, for the provider.
    pub email: String,
    /// End of the payment window.
    pub expires_at: Timestamp,
}

impl NewPayment {
    /// The payment, before its first attempt.
    pub fn start(self, now: Timestamp) -> Payment {
        let Self { id, order_id, store_id, provider, amount, email, expires_at } = self;
        Payment {
            id,
            order_id,
            store_id,
            provider,
            amount,
            email,
            status: PaymentStatus::Initiated,
            failure_reason: None,
            last_error: None,
            attempts: vec![],
            captures: vec![],
            refunds: vec![],
            created_at: now,
            expires_at,
            updated_at: now,
        }
    }
}

/// The consequence of a capture for the payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaptureOutcome {
    /// The order is paid.
    Completed,
    /// The amount or currency is wrong, or the order was paid before: the money must be refunded.
    MustRefund {
        /// The captured amount.
        amount: Money,
        /// Reference of the attempt.
        reference: String,
        /// Whether the payment failed because of this capture: it was open, and no other capture paid it.
        fails: bool,
    },
}

/// Why a change of a payment was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PaymentError {
    /// More would be refunded than was captured.
    #[error("more would be refunded than was captured")]
    OverRefund,
    /// The payment has as many attempts as it can.
    #[error("no more attempts")]
    TooManyAttempts,
    /// The payment is captured, failed or expired.
    #[error("the payment is not open")]
    NotOpen,
    /// The amounts cannot be calculated.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// How long the buyer can pay once a checkout was opened late, in seconds: the store's payment window, but not less than
/// the usual one, because the buyer has to come back first.
pub fn late_window_s(window_s: u32) -> i64 {
    i64::from(window_s.max(PAYMENT_WINDOW_DEFAULT_S))
}

impl Payment {
    /// Records an attempt under a new reference, before the provider is called.
    ///
    /// # Errors
    /// [`PaymentError::NotOpen`], [`PaymentError::TooManyAttempts`].
    pub fn begin_attempt(mut self, reference: String, now: Timestamp) -> Result<Self, PaymentError> {
        if !self.status.is_open() {
            return Err(PaymentError::NotOpen);
        }
        if self.attempts.len() >= PAYMENT_ATTEMPTS_MAX {
            return Err(PaymentError::TooManyAttempts);
        }
        self.attempts.push(Attempt { reference, checkout_url: None, started_at: now });
        Ok(Self { status: PaymentStatus::Initiated, updated_at: now, ..self })
    }

    /// Records that the provider is about to be called again under the reference of the last attempt: its answer to the
    /// last call was lost, or there was none. `None` if there is no such attempt, or the payment is no longer open.
    pub fn repeat_attempt(mut self, now: Timestamp) -> Option<Self> {
        if !self.status.is_open() {
            return None;
        }
        let attempt = self.attempts.last_mut().filter(|attempt| attempt.checkout_url.is_none())?;
        attempt.started_at = now;
        Some(Self { status: PaymentStatus::Initiated, updated_at: now, ..self })
    }

    /// The provider opened the checkout of an attempt. If that took longer than usual, because the provider was away,
    /// the buyer has a full payment window (of `window_s` seconds) from now. `None` if the payment is no longer open.
    pub fn checkout_opened(
        mut self,
        reference: &str,
        checkout_url: String,
        window_s: u32,
        now: Timestamp,
    ) -> Option<Self> {
        if !self.status.is_open() {
            return None;
        }
        let attempt = self.attempts.iter_mut().find(|attempt| attempt.reference == reference)?;
        attempt.checkout_url = Some(checkout_url);
        let is_late = after(now, i64::from(window_s)) > after(self.expires_at, OPENING_S);
        let expires_at = if is_late { after(now, late_window_s(window_s)) } else { self.expires_at };
        Some(Self { status: PaymentStatus::Pending, expires_at, updated_at: now, ..self })
    }

    /// The provider did not answer a call: an open payment becomes [`PaymentStatus::Unknown`].
    pub fn unanswered(self, now: Timestamp) -> Self {
        let status = if self.status.is_open() { PaymentStatus::Unknown } else { self.status };
        Self { status, updated_at: now, ..self }
    }

    /// A try to pay failed at the provider, which ends nothing. `None` if that is recorded already (the provider does not
    /// tell one failed try from the next), or the payment is no longer open.
    pub fn try_failed(self, reference: &str, now: Timestamp) -> Option<Self> {
        let is_known = self.last_error.as_ref().is_some_and(|error| error.reference == reference);
        let error = TryError { code: TryErrorCode::Declined, reference: reference.to_owned(), at: now };
        let is_news = self.status.is_open() && !is_known;
        is_news.then_some(Self { last_error: Some(error), updated_at: now, ..self })
    }

    /// The provider captured money for an attempt. `None` if that capture is recorded already.
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
                Self { status: PaymentStatus::Captured, failure_reason: None, last_error: None, ..self },
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

    /// No money was captured and none is expected. `None` if the payment is no longer open.
    pub fn failed(self, reason: FailureReason, now: Timestamp) -> Option<Self> {
        let status = match reason {
            FailureReason::Expired | FailureReason::Cancelled => PaymentStatus::Expired,
            _ => PaymentStatus::Failed,
        };
        self.status.is_open().then_some(Self { status, failure_reason: Some(reason), updated_at: now, ..self })
    }

    /// Records a refund, before the provider is asked for it.
    ///
    /// # Errors
    /// [`PaymentError::OverRefund`] if nothing was captured under that reference, `amount` is not positive, or more
    /// than the capture would be refunded; [`PaymentError::Money`] if the currencies differ.
    pub fn request_refund(
        mut self,
        id: RefundId,
        reference: &str,
        amount: Money,
        now: Timestamp,
    ) -> Result<Self, PaymentError> {
        let capture = self.captures.iter().find(|capture| capture.reference == reference);
        let capture = capture.ok_or(PaymentError::OverRefund)?;
        // A refund that failed at the provider returned no money, so it does not count.
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

    /// Records that the provider is about to be asked for a refund. `None` if the provider has accepted the refund
    /// already, or was asked so recently that its answer may still arrive. The clock that recorded the last request may
    /// differ from `now` by up to `skew_s` seconds.
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

    /// The provider reports the status of a refund. `None` if that status is recorded already, or the refund has
    /// ended: a processed or failed refund never changes.
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

    /// What automatic steps can still refund: the reference of the capture that paid the order, and its amount less all
    /// refunds, including failed ones. A failed refund is left to the person who was called, so no event repeats it.
    pub fn refundable(&self) -> Option<(String, Money)> {
        self.left(|_| true)
    }

    /// What a person can still refund: the reference of the capture that paid the order, and its amount less all
    /// refunds except failed ones. A person can repeat a failed refund.
    pub fn kept(&self) -> Option<(String, Money)> {
        self.left(|refund| refund.status != RefundStatus::Failed)
    }

    fn left(&self, counts: impl Fn(&Refund) -> bool) -> Option<(String, Money)> {
        let capture = self.captures.iter().find(|capture| capture.settles)?;
        let left = capture.amount.checked_sub(self.refunds_of(capture, counts).ok()?).ok()?;
        (left.amount_minor > 0).then(|| (capture.reference.clone(), left))
    }

    /// `amount`, or as much of it as [`Self::refundable`] leaves, for a new refund with this id. `None` if the refund
    /// exists already, or nothing is left.
    pub fn refundable_part(&self, id: RefundId, amount: Money) -> Option<(String, Money)> {
        if self.refunds.iter().any(|refund| refund.id == id) {
            return None;
        }
        let (reference, left) = self.refundable()?;
        let part = if amount.amount_minor < left.amount_minor { amount } else { left };
        (part.amount_minor > 0).then_some((reference, part))
    }

    /// Whether a capture has paid the order.
    pub fn is_settled(&self) -> bool {
        self.captures.iter().any(|capture| capture.settles)
    }

    /// The newest attempt, whose checkout the buyer uses.
    pub fn current_attempt(&self) -> Option<&Attempt> {
        self.attempts.last()
    }

    /// Whether there is a checkout at which the buyer can pay, or could.
    pub fn has_checkout(&self) -> bool {
        self.current_attempt().is_some_and(|attempt| attempt.checkout_url.is_some())
    }

    /// Whether the payment window is over. It does not close before there was a checkout.
    pub fn has_lapsed(&self, now: Timestamp) -> bool {
        self.has_checkout() && now >= self.expires_at
    }

    /// Whether another caller may be opening a checkout at this moment.
    pub fn is_opening(&self, now: Timestamp) -> bool {
        let attempt = self.current_attempt().filter(|attempt| attempt.checkout_url.is_none());
        self.status == PaymentStatus::Initiated && attempt.is_some_and(|at| now < after(at.started_at, OPENING_S))
    }

    /// Attempts without a recorded capture, newest first.
    pub fn unpaid_attempts(&self) -> impl Iterator<Item = &Attempt> {
        let paid = |attempt: &&Attempt| self.captures.iter().any(|capture| capture.reference == attempt.reference);
        self.attempts.iter().rev().filter(move |attempt| !paid(attempt))
    }

    /// Refunds that are neither processed nor failed.
    pub fn live_refunds(&self) -> impl Iterator<Item = &Refund> {
        self.refunds.iter().filter(|refund| matches!(refund.status, RefundStatus::Requested | RefundStatus::Pending))
    }

    /// The amount of the capture that paid the order, and how much of it was refunded, as buyers see them.
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

    /// The sum of the refunds of a capture that `counts` selects.
    fn refunds_of(&self, capture: &Capture, counts: impl Fn(&Refund) -> bool) -> Result<Money, MoneyError> {
        let of_it = self.refunds.iter().filter(|refund| refund.reference == capture.reference && counts(refund));
        let of_it = of_it.filter(|_| guard::stands(Rule::RefundCap));
        Money::sum(capture.amount.currency, of_it.map(|refund| refund.amount))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use ulid::Ulid;

    use super::*;
    use crate::Currency;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn ngn(amount_minor: i64) -> Money {
        Money::new(amount_minor, Currency::Ngn)
    }

    /// With one attempt, which is not answered yet.
    pub(crate) fn payment() -> Payment {
        NewPayment {
            id: PaymentId::from_ulid(Ulid(1)),
            order_id: OrderId::from_ulid(Ulid(2)),
            store_id: StoreId::from_ulid(Ulid(3)),
            provider: "paystack".into(),
            amount: ngn(1_000),
            email: "ada@example.com".into(),
            expires_at: NOW,
        }
        .start(NOW)
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
    fn a_call_without_an_answer_is_repeated_and_is_no_attempt() {
        let mut held = payment();
        for minute in 1..=100 {
            let now = after(NOW, 60 * minute);
            held = held.unanswered(now);
            assert_eq!(held.status, PaymentStatus::Unknown);
            assert!(!held.is_opening(now), "whoever comes next may repeat it at once");
            held = held.repeat_attempt(now).unwrap();
            assert_eq!((held.status, held.attempts.len()), (PaymentStatus::Initiated, 1));
            assert!(held.is_opening(after(now, 29)) && !held.is_opening(after(now, 30)));
        }
        let open = held.checkout_opened("r1", "https://x".into(), 900, NOW).unwrap();
        assert_eq!(open.repeat_attempt(NOW), None);
        assert_eq!(payment().failed(FailureReason::Expired, NOW).unwrap().repeat_attempt(NOW), None);
    }

    #[test]
    fn so_many_references_are_taken_and_no_more() {
        let mut held = payment();
        for number in 2..=PAYMENT_ATTEMPTS_MAX {
            held = held.begin_attempt(format!("r{number}"), NOW).unwrap();
        }
        assert_eq!(held.begin_attempt("more".into(), NOW), Err(PaymentError::TooManyAttempts));
    }

    #[test]
    fn a_checkout_that_opens_late_has_a_full_window() {
        let opened = |window_s: u32, at_s: i64| {
            let placed = Payment { expires_at: after(NOW, i64::from(window_s)), ..payment() };
            let open = placed.checkout_opened("r1", "https://x".into(), window_s, after(NOW, at_s)).unwrap();
            assert!(!open.has_lapsed(after(open.expires_at, -1)) && open.has_lapsed(open.expires_at));
            open.expires_at.duration_since(NOW).as_secs()
        };
        assert_eq!(opened(900, 0), 900);
        assert_eq!(opened(900, OPENING_S), 900, "it took no longer than usual");
        assert_eq!(opened(900, OPENING_S + 1), OPENING_S + 1 + 900);
        assert_eq!(opened(3_600, 7_200), 7_200 + 3_600);
        assert_eq!(opened(60, 61), 61 + 900, "the buyer has to come back first");
    }

    #[test]
    fn without_a_checkout_no_window_closes() {
        assert!(!payment().has_lapsed(after(NOW, 24 * 3_600)));
    }

    #[test]
    fn a_failed_try_is_noted_once_and_forgotten_when_the_order_is_paid() {
        let noted = payment().try_failed("r1", NOW).unwrap();
        let error = TryError { code: TryErrorCode::Declined, reference: "r1".into(), at: NOW };
        assert_eq!((noted.status, noted.last_error.clone()), (PaymentStatus::Initiated, Some(error)));
        assert_eq!(noted.clone().try_failed("r1", after(NOW, 60)), None);
        let (paid, _) = noted.clone().captured("r1", ngn(1_000), ngn(0), NOW).unwrap();
        assert_eq!((paid.last_error.clone(), paid.try_failed("r1", NOW)), (None, None));
        assert!(noted.failed(FailureReason::Expired, NOW).unwrap().last_error.is_some());
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
