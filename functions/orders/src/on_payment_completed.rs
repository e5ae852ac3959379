//! `PAYMENT_COMPLETED`: the order is paid. One that lapsed meanwhile is revived, and its stock taken again if there is
//! any; one that a person cancelled is refunded.

use contracts::{events::PaymentCompleted, orders::ON_PAYMENT_COMPLETED};
use runtime::{Deps, Message, StepError};

use crate::transition::step;

pub async fn handle(deps: &Deps, message: Message<PaymentCompleted>) -> Result<(), StepError> {
    let event = message.detail;
    let (order_id, payment_id, now) = (event.data.order_id, event.data.payment_id, deps.now());
    step(deps, ON_PAYMENT_COMPLETED.function, &event, order_id, |order| order.payment_completed(payment_id, now)).await
}
