//! `WEBHOOK_RECEIVED`: a provider said that something happened; asks it what.

use contracts::events::WebhookReceived;
use runtime::{Message, StepError};

use crate::{
    PaymentDeps,
    settle::{Settling, settle},
};

pub async fn handle(deps: &PaymentDeps, message: Message<WebhookReceived>) -> Result<(), StepError> {
    let event = message.detail;
    let order_id = event.data.order_id;
    let want = Settling { event: &event, order_id, close: None };
    settle(deps, &want).await.map(drop)
}
