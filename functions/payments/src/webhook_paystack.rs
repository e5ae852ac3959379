//! `POST /webhooks/paystack`: checks that the delivery comes from Paystack, stores it in one transaction, and answers.
//! One read before it: a delivery about a charge that no payment of ours asked for is answered and forgotten.
//! `payments-process-webhook` later asks Paystack what the delivery means.

use contracts::{
    events::WebhookReceived,
    payments::{WebhookAccepted, WebhookPaystack},
    problems,
};
use domain::{
    guard::{self, Rule},
    payment::Payment,
    text::is_token,
};
use hmac::{Hmac, KeyInit, Mac};
use runtime::{Call, Granted, Outcome, Problem, Reply};
use serde_json::Value;
use sha2::{Digest, Sha256, Sha512};
use store::{CommitError, WebhookDelivery, keys};

use crate::{paystack, reference};

const PROVIDER: &str = "paystack";

pub async fn handle(deps: &Granted<WebhookPaystack>, call: Call<WebhookPaystack>) -> Outcome<WebhookPaystack> {
    let secret = paystack::secret(deps).await?;
    let signature = call.raw.header("x-paystack-signature").unwrap_or_default();
    if !is_signed(&call.raw.body, signature, &secret.secret_key) && guard::stands(Rule::WebhookSignature) {
        tracing::warn!(source_ip = call.raw.source_ip, "a webhook with a wrong signature");
        return Err(Problem::new(&problems::INVALID_SIGNATURE, "the signature does not fit the body"));
    }
    let body: Value = serde_json::from_slice(&call.raw.body)
        .map_err(|error| Problem::new(&problems::MALFORMED_JSON, error.to_string()))?;
    let accepted = Reply::new(&WebhookAccepted { received: true });
    // It is sent on with an event, which SQS would refuse for some characters.
    let event = body["event"].as_str().filter(|event| is_token(event)).unwrap_or_default();
    let reference = charge_reference(&body["data"]);
    let Some((tenant, order_id)) = reference.and_then(reference::parse) else {
        // The same Paystack account may serve another shop. Paystack repeats every webhook that is not answered with
        // 200.
        tracing::info!(event, "a webhook about nothing of ours");
        return Ok(accepted);
    };
    let reference = reference.unwrap_or_default().to_owned();
    // An attempt is recorded before the provider hears of it, so a reference that no payment has is not one of ours.
    let payment = deps.db.get::<Payment>(&keys::payment(tenant, order_id)).await?;
    let is_ours = |payment: &Payment| payment.attempts.iter().any(|attempt| attempt.reference == reference);
    if !payment.is_some_and(|payment| is_ours(&payment.value)) {
        tracing::warn!(event, reference, "a webhook about a payment that does not exist");
        return Ok(accepted);
    }

    let mut tx = deps.tx();
    let delivery = tx.create(
        tenant,
        &WebhookDelivery {
            order_id,
            provider: PROVIDER.into(),
            dedupe: dedupe(event, &body["data"]),
            event: event.into(),
            reference: reference.clone(),
            body: String::from_utf8_lossy(&call.raw.body).into_owned(),
            received_at: deps.now(),
        },
    );
    let received = WebhookReceived { provider: PROVIDER.into(), event: event.into(), order_id, reference };
    tx.emit(&deps.event(&call.cause, tenant, order_id, 1, received));
    match deps.db.commit(tx).await {
        Ok(()) => Ok(accepted),
        Err(CommitError::Refused(refused)) if refused.contains(delivery) => Ok(accepted),
        Err(error) => Err(error.into()),
    }
}

/// Lower-case hex HMAC-SHA512 of the raw body under the secret key, compared in constant time.
fn is_signed(body: &[u8], signature: &str, secret_key: &str) -> bool {
    let Ok(mut mac) = Hmac::<Sha512>::new_from_slice(secret_key.as_bytes()) else { return false };
    mac.update(body);
    let expected = domain::text::hex(&mac.finalize().into_bytes());
    subtle::ConstantTimeEq::ct_eq(expected.as_bytes(), signature.as_bytes()).into()
}

/// The reference of the charge that a webhook is about: its own for a charge, its transaction's for a refund.
fn charge_reference(data: &Value) -> Option<&str> {
    ["transaction_reference", "reference"].iter().find_map(|name| data[*name].as_str())
}

/// Paystack's webhooks carry no id, so two deliveries count as the same when the fields below are equal. A charge has
/// an id among them, a refund its status and amount. If a second refund has the same values as the first, its webhook
/// is dropped; reconciliation finds that refund.
fn dedupe(event: &str, data: &Value) -> String {
    let mut hasher = Sha256::new();
    let mut feed = |text: &str| {
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text.as_bytes());
    };
    feed(event);
    for name in ["id", "reference", "transaction_reference", "refund_reference", "status", "amount"] {
        match &data[name] {
            Value::String(text) => feed(text),
            other => feed(&other.to_string()),
        }
    }
    domain::text::hex(&hasher.finalize())
}
