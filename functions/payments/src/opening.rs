//! Opening a checkout. The attempt is recorded before the provider is called, so that the result of the call can be
//! found later even if its answer is lost. A call that was not answered is repeated under the same reference. If the
//! provider then says that the reference is taken, the first call succeeded but nobody received the checkout's address,
//! so a new attempt is made.

use contracts::events::{PaymentFailed, PaymentInitiated};
use domain::{
    Money, OrderId, PaymentId, StoreId, TenantId, Timestamp,
    limits::PAYMENT_ATTEMPTS_MAX,
    payment::{FailureReason, NewPayment, Payment},
};
use runtime::{With, events::Cause};
use store::{CommitError, StoreError, Tx, Versioned, keys};

use crate::{
    paystack::{NewCheckout, Paystack, ProviderError},
    reconcile, reference,
};

/// How many unanswered calls fit into a step's timeout. After that the queue delivers the message again.
pub(crate) const STEP_TRIES: u32 = 2;
/// An endpoint's timeout has room for only one unanswered call. After that the buyer has to try again.
pub(crate) const ENDPOINT_TRIES: u32 = 1;
/// `Retry-After` in seconds for a buyer whose checkout could not be opened. The step retries at about the same
/// interval.
pub(crate) const COME_BACK_S: i64 = 30;

/// The order to be paid.
pub(crate) struct Payable {
    pub(crate) tenant: TenantId,
    pub(crate) order_id: OrderId,
    pub(crate) store_id: StoreId,
    pub(crate) number: String,
    pub(crate) email: String,
    pub(crate) provider: String,
    pub(crate) amount: Money,
    pub(crate) expires_at: Timestamp,
    pub(crate) window_s: u32,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// Another caller is opening the checkout at this moment.
    #[error("the payment is being started")]
    UnderWay,
    #[error(transparent)]
    Provider(#[from] ProviderError),
    #[error("the payment keeps changing")]
    Contended,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<CommitError> for OpenError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Refused(_) | CommitError::Busy => Self::Contended,
            CommitError::Store(error) => Self::Store(error),
        }
    }
}

/// Returns the payment with an open checkout, or unchanged when no checkout can be opened any more. Gives up after
/// `tries` unanswered calls; losing a race against another writer of the payment also uses up a try. `finish` adds the
/// caller's own writes (an inbox record) to the transaction that ends the opening.
pub(crate) async fn open(
    deps: &With<Paystack>,
    cause: &Cause,
    payable: &Payable,
    tries: u32,
    finish: impl Fn(&mut Tx),
) -> Result<Versioned<Payment>, OpenError> {
    let key = keys::payment(payable.tenant, payable.order_id);
    let mut last = OpenError::Contended;
    for _ in 0..tries {
        let held = deps.db.get::<Payment>(&key).await?;
        if let Some(held) = &held {
            if !held.value.status.is_open() || held.value.has_checkout() {
                return Ok(held.clone());
            }
            if held.value.is_opening(deps.now()) {
                return Err(OpenError::UnderWay);
            }
        }
        match ask(deps, payable, held).await {
            Ok((attempt, Asked::Opened(url))) => return opened(deps, cause, payable, attempt, url, &finish).await,
            Ok((attempt, Asked::Refused(reason))) => {
                tracing::warn!(reason, order_id = %payable.order_id, "the provider refused to open a checkout");
                return fail(deps, cause, payable.tenant, attempt, &finish).await;
            }
            Ok((attempt, Asked::Unanswered(error))) => {
                let mut tx = deps.tx();
                tx.update(payable.tenant, &attempt.value.clone().unanswered(deps.now()), attempt.version);
                deps.db.commit(tx).await?;
                last = error.into();
            }
            Err(OpenError::Contended) => {}
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

/// The provider's answer to an attempt to open a checkout.
enum Asked {
    /// The address of the checkout.
    Opened(String),
    Refused(String),
    Unanswered(ProviderError),
}

/// Asks the provider for a checkout. While the provider says that the reference is taken, asks again under a new one.
async fn ask(
    deps: &With<Paystack>,
    payable: &Payable,
    held: Option<Versioned<Payment>>,
) -> Result<(Versioned<Payment>, Asked), OpenError> {
    let mut attempt = begin(deps, payable, held).await?;
    loop {
        let reference = current_reference(&attempt.value);
        let checkout = NewCheckout {
            reference: &reference,
            email: &payable.email,
            amount: payable.amount,
            order_number: &payable.number,
        };
        let asked = match deps.extra.initialize(deps, checkout).await {
            Ok(url) => Asked::Opened(url),
            Err(ProviderError::Refused(reason)) => Asked::Refused(reason),
            Err(error @ ProviderError::Unanswered(_)) => Asked::Unanswered(error),
            Err(ProviderError::DuplicateReference) if attempt.value.attempts.len() < PAYMENT_ATTEMPTS_MAX => {
                let Versioned { value, version } = attempt;
                let next = begin_another(payable, value, deps.now())?;
                attempt = record(deps, payable.tenant, next, Some(version)).await?;
                continue;
            }
            Err(error @ ProviderError::DuplicateReference) => Asked::Refused(error.to_string()),
        };
        return Ok((attempt, asked));
    }
}

/// Records the attempt before the provider is called.
async fn begin(
    deps: &With<Paystack>,
    payable: &Payable,
    held: Option<Versioned<Payment>>,
) -> Result<Versioned<Payment>, OpenError> {
    let now = deps.now();
    let read_at = held.as_ref().map(|held| held.version);
    let next = match held {
        Some(held) => held.value.repeat_attempt(now).ok_or(OpenError::Contended)?,
        None => begin_another(payable, new_payment(deps, payable, now), now)?,
    };
    record(deps, payable.tenant, next, read_at).await
}

fn begin_another(payable: &Payable, payment: Payment, now: Timestamp) -> Result<Payment, OpenError> {
    let reference = reference::new(payable.tenant, payable.order_id, payment.attempts.len() + 1);
    payment.begin_attempt(reference, now).map_err(|_| OpenError::Contended)
}

async fn record(
    deps: &With<Paystack>,
    tenant: TenantId,
    next: Payment,
    read_at: Option<u64>,
) -> Result<Versioned<Payment>, OpenError> {
    let mut tx = deps.tx();
    tx.save(tenant, &next, read_at);
    deps.db.commit(tx).await?;
    Ok(Versioned { value: next, version: read_at.unwrap_or(0) + 1 })
}

fn current_reference(payment: &Payment) -> String {
    payment.current_attempt().map(|attempt| attempt.reference.clone()).unwrap_or_default()
}

fn new_payment(deps: &With<Paystack>, payable: &Payable, now: Timestamp) -> Payment {
    NewPayment {
        id: deps.id(PaymentId::from_ulid),
        order_id: payable.order_id,
        store_id: payable.store_id,
        provider: payable.provider.clone(),
        amount: payable.amount,
        email: payable.email.clone(),
        expires_at: payable.expires_at,
    }
    .start(now)
}

/// Records the checkout's address, where the buyer pays.
async fn opened(
    deps: &With<Paystack>,
    cause: &Cause,
    payable: &Payable,
    attempt: Versioned<Payment>,
    url: String,
    finish: &impl Fn(&mut Tx),
) -> Result<Versioned<Payment>, OpenError> {
    let (tenant, reference) = (payable.tenant, current_reference(&attempt.value));
    let opened = attempt.value.checkout_opened(&reference, url, payable.window_s, deps.now());
    let payment = opened.ok_or(OpenError::Contended)?;
    let version = attempt.version + 1;
    let mut tx = deps.tx();
    tx.update(tenant, &payment, attempt.version);
    let initiated = PaymentInitiated {
        store_id: payment.store_id,
        order_id: payment.order_id,
        payment_id: payment.id,
        provider: payment.provider.clone(),
        reference,
        amount: payment.amount,
    };
    reconcile::begin(deps, &mut tx, cause, tenant, payment.order_id);
    tx.emit(&deps.event(cause, tenant, payment.id, version, initiated));
    finish(&mut tx);
    deps.db.commit(tx).await?;
    Ok(Versioned { value: payment, version })
}

/// Records that no checkout can be opened.
async fn fail(
    deps: &With<Paystack>,
    cause: &Cause,
    tenant: TenantId,
    held: Versioned<Payment>,
    finish: &impl Fn(&mut Tx),
) -> Result<Versioned<Payment>, OpenError> {
    let reason = FailureReason::ProviderRejected;
    let Some(payment) = held.value.failed(reason, deps.now()) else { return Err(OpenError::Contended) };
    let version = held.version + 1;
    let mut tx = deps.tx();
    tx.update(tenant, &payment, held.version);
    tx.emit(&deps.event(cause, tenant, payment.id, version, failed_event(&payment, reason)));
    finish(&mut tx);
    deps.db.commit(tx).await?;
    Ok(Versioned { value: payment, version })
}

pub(crate) fn failed_event(payment: &Payment, reason: FailureReason) -> PaymentFailed {
    PaymentFailed {
        store_id: payment.store_id,
        order_id: payment.order_id,
        payment_id: payment.id,
        provider: payment.provider.clone(),
        amount: payment.amount,
        reason,
    }
}
