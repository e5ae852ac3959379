//! Refunds: recording that money goes back, and asking the provider for it. The two are apart: a refund is recorded
//! with whatever decided it, and asked for by the steps that follow, which alone speak to the provider about it.

use contracts::events::RefundInitiated;
use domain::{
    Money, OrderId, RefundId, TenantId,
    payment::{Payment, PaymentError, RefundStatus},
};
use runtime::{Deps, Received, StepError, Tries, With, retry};
use store::{CommitError, keys};

use crate::{
    paystack::{Paystack, ProviderError},
    reconcile,
};

/// The payment with a refund recorded, and the event that gets it asked for.
pub(crate) fn request(
    deps: &Deps,
    payment: &Payment,
    id: RefundId,
    reference: &str,
    amount: Money,
) -> Result<(Payment, RefundInitiated), PaymentError> {
    let event = RefundInitiated {
        store_id: payment.store_id,
        order_id: payment.order_id,
        payment_id: payment.id,
        refund_id: id,
        amount,
    };
    Ok((payment.clone().request_refund(id, reference, amount, deps.now())?, event))
}

/// Sends back all that paid the order and that nobody has been asked to send back.
pub(crate) async fn request_all(deps: &Deps, received: &Received, order_id: OrderId) -> Result<(), StepError> {
    let id = deps.id(RefundId::from_ulid);
    record(deps, received, order_id, id, Payment::refundable).await
}

/// Sends back a part of what paid the order, or as much of it as nobody has been asked to send back: a refund of that
/// id, recorded once.
pub(crate) async fn request_part(
    deps: &Deps,
    received: &Received,
    order_id: OrderId,
    id: RefundId,
    amount: Money,
) -> Result<(), StepError> {
    record(deps, received, order_id, id, |payment| payment.refundable_part(id, amount)).await
}

/// Records the refund that is wanted of the payment as it is, if any.
async fn record(
    deps: &Deps,
    received: &Received,
    order_id: OrderId,
    id: RefundId,
    wanted: impl Fn(&Payment) -> Option<(String, Money)>,
) -> Result<(), StepError> {
    let tenant = received.tenant_id;
    retry!(Tries::FEW_RIVALS, {
        let held = deps.db.get::<Payment>(&keys::payment(tenant, order_id)).await?;
        let held = held.ok_or_else(|| StepError::retry("there is no such payment (yet)"))?;
        let Some((reference, amount)) = wanted(&held.value) else { return Ok(()) };
        let (next, initiated) = request(deps, &held.value, id, &reference, amount).map_err(StepError::poison)?;
        let mut tx = received.tx(deps);
        tx.update(tenant, &next, held.version);
        reconcile::begin(deps, &mut tx, &received.cause, tenant, order_id);
        tx.emit(&deps.event(&received.cause, tenant, next.id, held.version + 1, initiated));
        tx.commit().await?.into()
    })
}

/// Asks the provider for every refund that it does not know of. That it was asked is written first, under the
/// payment's version: of two callers one asks. What it answered is found later by the note it was asked with, so a
/// lost answer is never a second refund.
pub(crate) async fn ask(deps: &With<Paystack>, tenant: TenantId, order_id: OrderId) -> Result<(), StepError> {
    let key = keys::payment(tenant, order_id);
    let held = deps.db.get::<Payment>(&key).await?;
    let mut held = held.ok_or_else(|| StepError::retry("there is no such payment (yet)"))?;
    let wanted: Vec<_> =
        held.value.refunds.iter().filter(|refund| refund.status == RefundStatus::Requested).cloned().collect();
    for refund in wanted {
        let skew_s = deps.config.clock_skew_max_s;
        let Some(next) = held.value.clone().ask_refund(refund.id, deps.now(), skew_s) else { continue };
        let note = refund.id.to_string();
        // It may have been asked for, and the answer lost; then what became of it is for settling to book.
        if refund.asked_at.is_some() {
            let found = deps.extra.find_refund(deps, &refund.reference, &note).await;
            if found.map_err(StepError::retry)?.is_some() {
                continue;
            }
        }
        let mut tx = deps.tx();
        tx.update(tenant, &next, held.version);
        match deps.db.commit(tx).await {
            Ok(()) => {}
            Err(CommitError::Refused(_) | CommitError::Busy) => {
                return Err(StepError::retry("the payment keeps changing"));
            }
            Err(CommitError::Store(error)) => return Err(error.into()),
        }
        held.value = next;
        held.version += 1;
        match deps.extra.refund(deps, &refund.reference, refund.amount, &note).await {
            Ok(_) => {}
            Err(ProviderError::Unanswered(reason)) => return Err(StepError::retry(reason)),
            Err(error) => {
                tracing::error!(refund_id = %refund.id, %error, "the provider refused a refund; a person must look");
            }
        }
    }
    Ok(())
}
