//! Opening a checkout. The attempt is recorded before the provider is called, so that whatever comes of the call can
//! be found again; an attempt whose answer was lost is never paid, for nobody was told where, and a new one is made.

use contracts::events::{PaymentFailed, PaymentInitiated};
use domain::{
    Money, OrderId, PaymentId, StoreId, TenantId, Timestamp,
    limits::PAYMENT_ATTEMPTS_MAX,
    payment::{FailureReason, Payment, PaymentStatus},
};
use runtime::{With, events::Cause};
use store::{CommitError, StoreError, Tx, Versioned, keys};

use crate::{
    paystack::{NewCheckout, Paystack, ProviderError},
    reconcile, reference,
};

/// Tries at the provider that fit a step's time; the queue tries again later.
pub(crate) const STEP_TRIES: u32 = 2;
/// An endpoint's time has room for one; the buyer tries again.
pub(crate) const ENDPOINT_TRIES: u32 = 1;

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
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// Somebody else is opening it at this moment.
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

/// Gives back the payment with an open checkout, or as it is when no checkout can be opened any more. `finish` adds
/// what belongs to the caller (an inbox record) to the transaction that ends it. A try may also be lost to somebody who
/// changed the payment meanwhile.
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
            let has_checkout = held.value.current_attempt().is_some_and(|attempt| attempt.checkout_url.is_some());
            if !held.value.status.is_open() || has_checkout {
                return Ok(held.clone());
            }
            if held.value.is_opening(deps.now()) {
                return Err(OpenError::UnderWay);
            }
            if held.value.attempts.len() >= PAYMENT_ATTEMPTS_MAX {
                return fail(deps, cause, payable.tenant, held.clone(), &finish).await;
            }
        }
        let attempt = match begin(deps, payable, held).await {
            Ok(attempt) => attempt,
            Err(OpenError::Contended) => continue,
            Err(error) => return Err(error),
        };
        let reference = attempt.value.current_attempt().map(|at| at.reference.clone()).unwrap_or_default();
        let checkout = NewCheckout {
            reference: &reference,
            email: &payable.email,
            amount: payable.amount,
            order_number: &payable.number,
        };
        match deps.extra.initialize(deps, checkout).await {
            Ok(url) => return opened(deps, cause, payable.tenant, attempt, &reference, &url, &finish).await,
            Err(ProviderError::Refused(reason)) => {
                tracing::warn!(reason, order_id = %payable.order_id, "the provider refused to open a checkout");
                return fail(deps, cause, payable.tenant, attempt, &finish).await;
            }
            Err(error) => {
                let mut tx = deps.tx();
                tx.update(payable.tenant, &attempt.value.clone().unanswered(deps.now()), attempt.version);
                deps.db.commit(tx).await?;
                last = error.into();
            }
        }
    }
    Err(last)
}

/// Records the attempt.
async fn begin(
    deps: &With<Paystack>,
    payable: &Payable,
    held: Option<Versioned<Payment>>,
) -> Result<Versioned<Payment>, OpenError> {
    let now = deps.now();
    let read_at = held.as_ref().map(|held| held.version);
    let payment = held.map_or_else(|| new_payment(deps, payable, now), |held| held.value);
    let reference = reference::new(payable.tenant, payable.order_id, payment.attempts.len() + 1);
    let next = payment.begin_attempt(reference, now).map_err(|_| OpenError::Contended)?;
    // A new attempt is being opened, whatever became of the one before.
    let next = Payment { status: PaymentStatus::Initiated, ..next };
    let mut tx = deps.tx();
    tx.save(payable.tenant, &next, read_at);
    deps.db.commit(tx).await?;
    Ok(Versioned { value: next, version: read_at.unwrap_or(0) + 1 })
}

fn new_payment(deps: &With<Paystack>, payable: &Payable, now: Timestamp) -> Payment {
    Payment {
        id: deps.id(PaymentId::from_ulid),
        order_id: payable.order_id,
        store_id: payable.store_id,
        provider: payable.provider.clone(),
        amount: payable.amount,
        email: payable.email.clone(),
        status: PaymentStatus::Initiated,
        failure_reason: None,
        attempts: vec![],
        captures: vec![],
        refunds: vec![],
        created_at: now,
        expires_at: payable.expires_at,
        updated_at: now,
    }
}

/// Records where the buyer pays.
async fn opened(
    deps: &With<Paystack>,
    cause: &Cause,
    tenant: TenantId,
    attempt: Versioned<Payment>,
    reference: &str,
    url: &str,
    finish: &impl Fn(&mut Tx),
) -> Result<Versioned<Payment>, OpenError> {
    let Some(payment) = attempt.value.checkout_opened(reference, url.to_owned(), deps.now()) else {
        return Err(OpenError::Contended);
    };
    let version = attempt.version + 1;
    let mut tx = deps.tx();
    tx.update(tenant, &payment, attempt.version);
    let initiated = PaymentInitiated {
        store_id: payment.store_id,
        order_id: payment.order_id,
        payment_id: payment.id,
        provider: payment.provider.clone(),
        reference: reference.to_owned(),
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
