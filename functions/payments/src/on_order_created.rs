//! `ORDER_CREATED`: opens the payment at the provider.

use contracts::{events::OrderCreated, payments::ON_ORDER_CREATED};
use runtime::{Message, StepError, events::Cause};

use crate::{
    PaymentDeps,
    opening::{OpenError, Payable, STEP_TRIES, open},
};

pub async fn handle(deps: &PaymentDeps, message: Message<OrderCreated>) -> Result<(), StepError> {
    let event = message.detail;
    let order = &event.data;
    let payable = Payable {
        tenant: event.tenant_id,
        order_id: order.order_id,
        store_id: order.store_id,
        number: order.number.clone(),
        email: order.customer.email.clone(),
        provider: order.payment_provider.clone(),
        amount: order.total,
        expires_at: order.expires_at,
    };
    let now = deps.core.now();
    let finish = |tx: &mut store::Tx| {
        tx.inbox(event.tenant_id, ON_ORDER_CREATED.function, event.id, now);
    };
    match open(deps, &Cause::from(&event), &payable, STEP_TRIES, finish).await {
        Ok(_) => Ok(()),
        Err(OpenError::Store(error)) => Err(error.into()),
        Err(error) => Err(StepError::retry(error)),
    }
}
