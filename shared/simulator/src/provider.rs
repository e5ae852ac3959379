//! The provider's side of the street: its webhooks. Its answers and its books are `testing::FakePaystack`'s.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha512;
use testing::{
    provider::{ChargeBook, RefundBook},
    world::TEST_PAYSTACK_KEY,
};

/// A webhook that will be sent, again and again until it is answered.
#[derive(Debug, Clone)]
pub(crate) struct Webhook {
    pub(crate) body: String,
    pub(crate) signature: String,
}

pub(crate) fn charge_succeeded(charge: &ChargeBook) -> Webhook {
    signed(&json!({
        "event": "charge.success",
        "data": {
            // A charge's number; any will do that is the same each time.
            "id": charge.reference.bytes().fold(7_u32, |id, byte| id.wrapping_mul(31).wrapping_add(u32::from(byte))),
            "reference": charge.reference,
            "status": "success",
            "amount": charge.captured_minor,
            "currency": charge.currency,
        },
    }))
}

pub(crate) fn refund_moved(refund: &RefundBook) -> Webhook {
    signed(&json!({
        "event": format!("refund.{}", refund.status),
        "data": {
            "transaction_reference": refund.reference,
            "amount": refund.amount_minor.to_string(),
            "status": refund.status,
        },
    }))
}

fn signed(body: &Value) -> Webhook {
    let body = body.to_string();
    let mut mac = Hmac::<Sha512>::new_from_slice(TEST_PAYSTACK_KEY.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    Webhook { signature: domain::text::hex(&mac.finalize().into_bytes()), body }
}

/// What an answer says, for the story.
pub(crate) fn gist(body: &str) -> String {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    match body["data"]["status"].as_str() {
        Some(status) => format!("{status} {}", body["data"]["amount"]),
        None => body["message"].as_str().unwrap_or_default().to_owned(),
    }
}
