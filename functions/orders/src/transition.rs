//! Moving an order: whatever moves it writes the same things in one transaction: the order, its timeline, the event
//! that tells the rest of the shop, and the inbox record of the message that caused it.

use contracts::events::{
    Envelope, Event, OrderCancelRequested, OrderCancelled, OrderConfirmed, OrderPaymentCompleted, OrderRefunded,
};
use domain::{
    OrderId, TenantId,
    order::{Order, Outcome},
};
use runtime::{
    Deps, StepError,
    consumer::{Committed, commit},
    events::Cause,
};
use store::{Op, TimelineEntry, Tx, keys};

use crate::place::line_quantities;

/// A step reads the order again when somebody else moved it meanwhile; more often than this in a row is left to the
/// queue.
const TRIES: u32 = 4;

/// Deals with an event about an order: reads it, applies the transition, and writes what follows. An order for which
/// nothing is to be done is left alone, so events that come twice, late or out of order are harmless.
pub(crate) async fn step<D>(
    deps: &Deps,
    consumer: &str,
    event: &Envelope<D>,
    order_id: OrderId,
    transition: impl Fn(Order) -> Option<(Order, Outcome)>,
) -> Result<(), StepError> {
    let tenant = event.tenant_id;
    let mut gives_back_cart = true;
    for _ in 0..TRIES {
        let order = deps.db.get::<Order>(&keys::order(tenant, order_id)).await?;
        let order = order.ok_or_else(|| StepError::retry("there is no such order (yet)"))?;
        let Some((next, outcome)) = transition(order.value) else { return Ok(()) };

        let (mut tx, inbox) = deps.step_tx(consumer, tenant, event.id);
        write(deps, &mut tx, &Cause::from(event), tenant, &next, order.version, outcome);
        let cart = match outcome {
            Outcome::Cancelled { refund: false, .. } if gives_back_cart => {
                Some(tx.give_back_cart(tenant, next.store_id, next.buyer_id, next.id, deps.now()))
            }
            _ => None,
        };
        match commit(deps, tx, inbox).await? {
            Committed::Done => return Ok(()),
            // The buyer has started a new cart: that one stays, and the order moves without it.
            Committed::Refused(refused) => gives_back_cart &= !cart.is_some_and(|op| refused.contains(op)),
        }
    }
    Err(StepError::retry("the order keeps changing"))
}

/// Adds to a transaction that an order, read at `version`, has become `next`. Gives back the part that is refused if
/// it has changed since.
pub(crate) fn write(
    deps: &Deps,
    tx: &mut Tx,
    cause: &Cause,
    tenant: TenantId,
    next: &Order,
    version: u64,
    outcome: Outcome,
) -> Op {
    let op = tx.update(tenant, next, version);
    let version = version + 1;
    let event = emit(deps, tx, cause, tenant, next, version, outcome);
    tx.create(
        tenant,
        &TimelineEntry {
            order_id: next.id,
            order_version: version,
            status: next.state.status(),
            event: event.to_owned(),
            at: next.updated_at,
        },
    );
    op
}

fn emit(
    deps: &Deps,
    tx: &mut Tx,
    cause: &Cause,
    tenant: TenantId,
    order: &Order,
    version: u64,
    outcome: Outcome,
) -> &'static str {
    let (store_id, order_id, number, total) = (order.store_id, order.id, order.number.clone(), order.totals.total);
    let customer = order.customer.clone();
    match outcome {
        Outcome::Paid { payment_id } => send(
            deps,
            tx,
            cause,
            tenant,
            order_id,
            version,
            OrderPaymentCompleted { store_id, order_id, number, payment_id, total },
        ),
        Outcome::Confirmed => send(
            deps,
            tx,
            cause,
            tenant,
            order_id,
            version,
            OrderConfirmed { store_id, order_id, number, customer, lines: line_quantities(order), total },
        ),
        Outcome::CancelRequested { reason } => send(
            deps,
            tx,
            cause,
            tenant,
            order_id,
            version,
            OrderCancelRequested { store_id, order_id, number, reason },
        ),
        Outcome::Cancelled { reason, refund } => send(
            deps,
            tx,
            cause,
            tenant,
            order_id,
            version,
            OrderCancelled { store_id, order_id, number, customer, total, reason, refund },
        ),
        Outcome::Refunded => send(
            deps,
            tx,
            cause,
            tenant,
            order_id,
            version,
            OrderRefunded { store_id, order_id, number, customer, total },
        ),
    }
}

fn send<E: Event>(
    deps: &Deps,
    tx: &mut Tx,
    cause: &Cause,
    tenant: TenantId,
    order_id: OrderId,
    version: u64,
    data: E,
) -> &'static str {
    tx.emit(&deps.event(cause, tenant, order_id, version, data));
    E::TYPE
}
