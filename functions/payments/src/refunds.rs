//! Refunds: recording a refund, and requesting it from the provider. The two are separate: a refund is recorded in the
//! transaction of the step that decides on it, and only later steps request it from the provider.

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

/// Returns the payment with the refund recorded, and the event that makes a later step request it from the provider.
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

/// Refunds everything that was paid for the order and is not yet covered by another refund.
pub(crate) async fn request_all(deps: &Deps, received: &Received, order_id: OrderId) -> Result<(), StepError> {
    let id = deps.id(RefundId::from_ulid);
    record(deps, received, order_id, id, Payment::refundable).await
}

/// Refunds `amount`, or less if other refunds leave less of what was paid for the order. The refund has the id `id`, so
/// it is recorded only once.
pub(crate) async fn request_part(
    deps: &Deps,
    received: &Received,
    order_id: OrderId,
    id: RefundId,
    amount: Money,
) -> Result<(), StepError> {
    record(deps, received, order_id, id, |payment| payment.refundable_part(id, amount)).await
}

/// Records the refund that `wanted` computes from the current payment, if it computes one.
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

/// Requests from the provider every refund that is recorded but not yet known to the provider. The request is recorded
/// under the payment's version before it is sent, so of two concurrent callers only one sends it. The refund carries a
/// note by which it is found later, so a lost answer never leads to a second refund.
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
        // An earlier request may have reached the provider although its answer was lost. Settling then books the
        // result.
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
