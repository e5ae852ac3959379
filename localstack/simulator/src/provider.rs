//! The provider's side of the street: its pay page, its refunds and its webhooks. Its answers and its books are
//! `testing::FakePaystack`'s.

use domain::OrderId;
use fastrand::Rng;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha512;
use testing::{
    TestRequest,
    provider::{ChargeBook, RefundBook},
    world::TEST_PAYSTACK_KEY,
};

use crate::{
    faults::Fault,
    invariants::order_of,
    world::{Asked, World},
};

/// A checkout page stays open as long.
const PAYABLE_MS: i64 = 24 * 3_600_000;

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

impl World {
    /// A reference that its buyer was told where to pay, and that is not paid.
    fn payable(&self, rng: &mut Rng) -> Option<ChargeBook> {
        let now_ms = self.now_ms();
        let order = self.latest_order(rng, |world, order| {
            let is_recent = now_ms - world.mirror.orders[&order].value.placed_at.as_millisecond() < PAYABLE_MS;
            is_recent && world.open_charge(order).is_some()
        })?;
        self.open_charge(order)
    }

    pub(crate) fn open_charge(&self, order: OrderId) -> Option<ChargeBook> {
        let attempt = self.mirror.payments.get(&order)?.value.current_attempt()?.clone();
        attempt.checkout_url?;
        let charges = self.cloud.provider.charges();
        charges.into_iter().find(|charge| charge.reference == attempt.reference && charge.status != "success")
    }

    pub(crate) fn pay(&mut self, rng: &mut Rng) {
        let Some(charge) = self.payable(rng) else { return };
        let (mut amount, mut currency) = (charge.requested_minor, "NGN");
        let wrong = rng.u8(0..3);
        if self.strikes(Fault::WrongMoney, rng) {
            match wrong {
                0 => amount -= 1,
                1 => amount += 1_000,
                _ => currency = "USD",
            }
        }
        let order = order_of(&charge.reference).unwrap();
        self.tell(|| format!("the buyer of {order} pays: the provider takes {amount} {currency}"));
        self.cloud.provider.pay_amount(&charge.reference, amount, currency);
        if !self.strikes(Fault::WebhookMissing, rng) {
            let charges = self.cloud.provider.charges();
            let charge = charges.iter().find(|found| found.reference == charge.reference).unwrap();
            self.webhooks.push(charge_succeeded(charge));
        }
    }

    pub(crate) fn decline(&mut self, rng: &mut Rng) {
        let Some(charge) = self.payable(rng) else { return };
        let order = order_of(&charge.reference).unwrap();
        self.tell(|| format!("the card of the buyer of {order} is declined"));
        self.cloud.provider.decline(&charge.reference);
    }

    pub(crate) fn webhook(&mut self, rng: &mut Rng) {
        if self.webhooks.is_empty() {
            return;
        }
        let at = rng.usize(0..self.webhooks.len());
        let webhook = self.webhooks[at].clone();
        // It comes again until it is answered, and sometimes after that.
        if rng.u8(0..10) > 0 {
            self.webhooks.remove(at);
        }
        if self.strikes(Fault::WebhookForged, rng) {
            let body = format!("{} ", webhook.body);
            self.hook(body, &webhook.signature, Asked::FalseWebhook, rng);
        }
        let copies = 1 + usize::from(self.strikes(Fault::WebhookTwice, rng));
        for _ in 0..copies {
            self.hook(webhook.body.clone(), &webhook.signature, Asked::Other, rng);
        }
    }

    pub(crate) fn hook(&mut self, body: String, signature: &str, asked: Asked, rng: &mut Rng) {
        self.tell(|| format!("webhook: {body}"));
        let raw = TestRequest::new().header("x-paystack-signature", signature).body(body).into_raw();
        self.call("payments-webhook-paystack", raw, asked, rng);
    }

    pub(crate) fn move_refund(&mut self, rng: &mut Rng) {
        let refunds = self.cloud.provider.refunds().into_iter();
        let open: Vec<_> = refunds.filter(|refund| ["pending", "processing"].contains(&&*refund.status)).collect();
        let Some(mut refund) = rng.choice(open) else { return };
        let fails = self.strikes(Fault::RefundFails, rng);
        let next = if fails { "failed" } else { rng.choice(["processing", "processed", "processed"]).unwrap() };
        self.cloud.provider.move_refund(refund.id, next);
        next.clone_into(&mut refund.status);
        let order = order_of(&refund.reference).unwrap();
        self.tell(|| format!("the provider's refund for {order} is {next}"));
        if !self.strikes(Fault::WebhookMissing, rng) {
            self.webhooks.push(refund_moved(&refund));
        }
    }
}
