//! `ORDER_CREATED`: opens the payment at the provider.

use contracts::{
    events::{Envelope, OrderCreated},
    payments::OnOrderCreated,
};
use domain::limits::PAYMENT_WINDOW_DEFAULT_S;
use runtime::{Granted, StepError};

use crate::{
    opening::{OpenError, Payable, STEP_TRIES, open},
    paystack::Paystack,
};

pub async fn handle(deps: &Granted<OnOrderCreated, Paystack>, event: Envelope<OrderCreated>) -> Result<(), StepError> {
    let (received, order) = (deps.received(&event), &event.data);
    let payable = Payable {
        tenant: event.tenant_id,
        order_id: order.order_id,
        store_id: order.store_id,
        number: order.number.clone(),
        email: order.customer.email.clone(),
        provider: order.payment_provider.clone(),
        amount: order.total,
        expires_at: order.expires_at,
        window_s: order.payment_window_s.unwrap_or(PAYMENT_WINDOW_DEFAULT_S),
    };
    let finish = |tx: &mut store::Tx| {
        received.note(tx, deps.now());
    };
    match open(deps, &received.cause, &payable, STEP_TRIES, finish).await {
        Ok(_) => Ok(()),
        Err(OpenError::Store(error)) => Err(error.into()),
        Err(error) => Err(StepError::retry(error)),
    }
}
