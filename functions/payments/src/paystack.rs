//! The part of Paystack's API that is used: transactions and refunds. Amounts are integers in the currency's subunit.
//! Answers are read leniently where Paystack writes the same thing in several ways, and strictly where an amount is
//! named.

use contracts::row::Grant;
use domain::{Currency, Money, text};
use runtime::{
    Boot, Deps, Extra,
    outbound::{Answer, Outbound},
    secrets::SecretError,
};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Debug, Clone)]
pub struct Paystack {
    http: Outbound,
    base_url: String,
}

/// The account's secret, which also signs its webhooks.
#[derive(Deserialize)]
pub(crate) struct PaystackSecret {
    pub(crate) secret_key: String,
}

#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// No answer, or an answer that does not say whether the call took effect. The call has to be repeated.
    #[error("Paystack did not answer: {0}")]
    Unanswered(String),
    /// The reference has been used.
    #[error("the reference is taken")]
    DuplicateReference,
    /// Paystack understood and said no.
    #[error("Paystack refused: {0}")]
    Refused(String),
}

/// Paystack's report on a charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChargeReport {
    /// Money was taken.
    Captured { amount: Money, fees: Money },
    /// The last try to pay failed. A later try may succeed.
    Failed,
    /// Not paid (yet), or unknown to Paystack.
    Unpaid,
}

/// Paystack's report on a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundReport {
    pub provider_id: String,
    pub state: RefundState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundState {
    UnderWay,
    Processed,
    Failed,
}

/// A checkout to be opened.
pub struct NewCheckout<'a> {
    pub reference: &'a str,
    pub email: &'a str,
    pub amount: Money,
    pub order_number: &'a str,
}

impl Extra for Paystack {
    const GRANTS: &'static [Grant] = &[Grant::Paystack];

    fn from_boot(boot: &Boot) -> Self {
        Self { http: Outbound::from_boot(boot), base_url: boot.config.paystack_base_url.clone() }
    }
}

impl Paystack {
    /// Opens a checkout, and returns the address where the buyer pays.
    pub async fn initialize(&self, deps: &Deps, checkout: NewCheckout<'_>) -> Result<String, ProviderError> {
        let body = json!({
            "email": checkout.email,
            "amount": checkout.amount.amount_minor,
            "currency": checkout.amount.currency.code(),
            "reference": checkout.reference,
            "metadata": { "order_number": checkout.order_number },
        });
        let data = self.call(deps, "POST", "/transaction/initialize", Some(body)).await?;
        let url = data["authorization_url"].as_str().filter(|url| is_checkout(url));
        url.map(str::to_owned).ok_or_else(|| ProviderError::Unanswered("no checkout address in the answer".into()))
    }

    /// Asks for the state of a charge.
    pub async fn verify(&self, deps: &Deps, reference: &str) -> Result<ChargeReport, ProviderError> {
        let data = match self.call(deps, "GET", &format!("/transaction/verify/{reference}"), None).await {
            Ok(data) => data,
            // Paystack does not know the reference, so the call to open the checkout never reached it.
            Err(ProviderError::Refused(_)) => return Ok(ChargeReport::Unpaid),
            Err(error) => return Err(error),
        };
        if data["reference"].as_str() != Some(reference) {
            return Err(ProviderError::Unanswered("the answer is about another charge".into()));
        }
        charge_report(&data)
    }

    /// Requests a refund. Paystack offers no idempotency key here, so `note` identifies the refund when it is looked
    /// for later.
    pub async fn refund(
        &self,
        deps: &Deps,
        reference: &str,
        amount: Money,
        note: &str,
    ) -> Result<RefundReport, ProviderError> {
        let body = json!({
            "transaction": reference,
            "amount": amount.amount_minor,
            "currency": amount.currency.code(),
            "merchant_note": note,
        });
        refund_report(&self.call(deps, "POST", "/refund", Some(body)).await?)
    }

    /// Finds a refund by the note with which it was requested.
    pub async fn find_refund(
        &self,
        deps: &Deps,
        reference: &str,
        note: &str,
    ) -> Result<Option<RefundReport>, ProviderError> {
        let path = format!("/refund?reference={reference}&perPage=100");
        let data = self.call(deps, "GET", &path, None).await?;
        let refunds = data.as_array().ok_or_else(|| ProviderError::Unanswered("not a list of refunds".into()))?;
        refunds.iter().find(|refund| refund["merchant_note"].as_str() == Some(note)).map(refund_report).transpose()
    }

    pub async fn fetch_refund(&self, deps: &Deps, id: &str) -> Result<RefundReport, ProviderError> {
        refund_report(&self.call(deps, "GET", &format!("/refund/{id}"), None).await?)
    }

    async fn call(
        &self,
        deps: &Deps,
        method: &'static str,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, ProviderError> {
        let unanswered = |error: &dyn std::fmt::Display| ProviderError::Unanswered(error.to_string());
        let secret = secret(deps).await.map_err(|error| unanswered(&error))?;
        let url = format!("{}{path}", self.base_url);
        let body = body.map(|body| body.to_string());
        let answer =
            self.http.send(method, &url, &secret.secret_key, body).await.map_err(|error| unanswered(&error))?;
        read(&answer)
    }
}

pub(crate) async fn secret(deps: &Deps) -> Result<PaystackSecret, SecretError> {
    deps.secret(Grant::Paystack).await
}

fn read(answer: &Answer) -> Result<Value, ProviderError> {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let message = body["message"].as_str().unwrap_or_default();
    match answer.status {
        200..=299 if body["status"] == true => Ok(body["data"].clone()),
        // A wrong key, too many calls, or an error at Paystack. The answer says nothing about this charge.
        401 | 403 | 408 | 429 | 500.. => Err(ProviderError::Unanswered(format!("{}: {message}", answer.status))),
        400..=499 if body["code"] == "duplicate_reference" || message.contains("Duplicate") => {
            Err(ProviderError::DuplicateReference)
        }
        400..=499 => Err(ProviderError::Refused(format!("{}: {message}", answer.status))),
        status => Err(ProviderError::Unanswered(format!("{status}: {message}"))),
    }
}

/// An address for the buyer's browser: public, or on this machine, where the sandbox is.
fn is_checkout(url: &str) -> bool {
    let of_sandbox = |origin| url.strip_prefix(origin).is_some_and(|rest: &str| rest.starts_with([':', '/']));
    text::is_web_address(url)
        || (text::is_token(url) && ["http://localhost", "http://127.0.0.1"].iter().any(of_sandbox))
}

fn charge_report(data: &Value) -> Result<ChargeReport, ProviderError> {
    match data["status"].as_str() {
        Some("success") => Ok(ChargeReport::Captured { amount: money(data, "amount")?, fees: money(data, "fees")? }),
        Some("failed") => Ok(ChargeReport::Failed),
        // `reversed`: Paystack took the money and gave it back itself, so none is held.
        Some("abandoned" | "ongoing" | "pending" | "processing" | "queued" | "reversed") => Ok(ChargeReport::Unpaid),
        other => Err(ProviderError::Unanswered(format!("unknown status {other:?}"))),
    }
}

fn refund_report(data: &Value) -> Result<RefundReport, ProviderError> {
    let provider_id = match &data["id"] {
        Value::Number(id) => id.to_string(),
        Value::String(id) if text::is_token(id) => id.clone(),
        _ => return Err(ProviderError::Unanswered("a refund without an id".into())),
    };
    let state = match data["status"].as_str() {
        Some("processed") => RefundState::Processed,
        Some("failed") => RefundState::Failed,
        // `needs-attention` can still be processed, once a person gives Paystack what it asks for.
        Some("pending" | "processing" | "needs-attention" | "retrying") => RefundState::UnderWay,
        other => return Err(ProviderError::Unanswered(format!("unknown refund status {other:?}"))),
    };
    Ok(RefundReport { provider_id, state })
}

/// Paystack writes some amounts as numbers and some as strings of digits.
fn money(data: &Value, field: &str) -> Result<Money, ProviderError> {
    let amount = match &data[field] {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let currency = data["currency"].as_str().and_then(|code| code.parse::<Currency>().ok());
    match (amount, currency) {
        (Some(amount), Some(currency)) => Ok(Money::new(amount, currency)),
        _ => Err(ProviderError::Unanswered(format!("no readable {field}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &Value) -> Answer {
        Answer { status, body: body.to_string().into_bytes() }
    }

    #[test]
    fn an_error_of_theirs_says_nothing_about_the_charge() {
        for status in [401, 403, 408, 429, 500, 502, 503, 504, 302] {
            let result = read(&answer(status, &json!({ "status": false, "message": "x" })));
            assert!(matches!(result, Err(ProviderError::Unanswered(_))), "{status}");
        }
        let no_json = Answer { status: 200, body: b"<html>".to_vec() };
        assert!(matches!(read(&no_json), Err(ProviderError::Unanswered(_))));
    }

    #[test]
    fn refusals_are_told_apart() {
        let duplicate =
            json!({ "status": false, "message": "Duplicate Transaction Reference", "code": "duplicate_reference" });
        assert!(matches!(read(&answer(400, &duplicate)), Err(ProviderError::DuplicateReference)));
        let invalid = json!({ "status": false, "message": "Invalid email" });
        assert!(matches!(read(&answer(400, &invalid)), Err(ProviderError::Refused(_))));
    }

    #[test]
    fn amounts_come_as_numbers_and_as_strings() {
        let read = |amount: Value| money(&json!({ "amount": amount, "currency": "NGN" }), "amount").ok();
        assert_eq!(read(json!(1500)), Some(Money::new(1500, Currency::Ngn)));
        assert_eq!(read(json!("1500")), Some(Money::new(1500, Currency::Ngn)));
        assert_eq!(read(json!(15.5)), None);
        assert_eq!(read(json!(null)), None);
        assert!(money(&json!({ "amount": 1, "currency": "XXX" }), "amount").is_err());
    }

    #[test]
    fn a_charge_is_captured_with_its_fees_or_not_read() {
        let charge = |fees: Value| {
            let data = json!({ "status": "success", "amount": 1_000, "currency": "NGN", "fees": fees });
            charge_report(&data)
        };
        let captured = |fees| {
            let [amount, fees] = [1_000, fees].map(|minor| Money::new(minor, Currency::Ngn));
            Some(ChargeReport::Captured { amount, fees })
        };
        assert_eq!(charge(json!(15)).ok(), captured(15));
        assert_eq!(charge(json!("15")).ok(), captured(15));
        assert_eq!(charge(json!(0)).ok(), captured(0));
        for unreadable in [json!(null), json!("N15"), json!(1.5), json!({ "total": 15 })] {
            assert!(matches!(charge(unreadable.clone()), Err(ProviderError::Unanswered(_))), "{unreadable}");
        }
    }

    #[test]
    fn a_refund_that_needs_attention_is_not_over() {
        let state = |status: &str| refund_report(&json!({ "id": 7, "status": status })).map(|report| report.state).ok();
        assert_eq!(state("needs-attention"), Some(RefundState::UnderWay));
        assert_eq!(state("processed"), Some(RefundState::Processed));
        assert_eq!(state("failed"), Some(RefundState::Failed));
        assert_eq!(state("something new"), None);
    }
}
