//! `WEBHOOK_RECEIVED`: a provider reported a change; asks the provider for the payment's current state and books it.

use contracts::{
    events::{Envelope, WebhookReceived},
    payments::ProcessWebhook,
};
use runtime::{Granted, StepError};

use crate::{
    paystack::Paystack,
    settle::{Settling, settle},
};

pub async fn handle(
    deps: &Granted<ProcessWebhook, Paystack>,
    event: Envelope<WebhookReceived>,
) -> Result<(), StepError> {
    let want = Settling { received: &deps.received(&event), order_id: event.data.order_id, close: None };
    settle(deps, &want).await.map(drop)
}
