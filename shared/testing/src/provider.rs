//! A fake Paystack in the process. Its books hold what was really captured and refunded, even if its answers were
//! lost.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aws_smithy_runtime_api::{
    client::{
        http::{HttpConnector, HttpConnectorFuture},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};

/// What goes wrong in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The call takes effect, but its answer is lost.
    AnswerLost,
    /// The call has no effect and no answer.
    NoAnswer,
    /// A 5xx answer; the call has no effect.
    ServerError,
    /// Nothing goes wrong: this one call succeeds, between faults.
    Nothing,
}

#[derive(Debug, Clone, Default)]
struct Charge {
    requested: i64,
    currency: String,
    status: String,
    captured: i64,
    captures: u32,
}

#[derive(Debug, Clone)]
struct BookedRefund {
    id: u64,
    reference: String,
    amount: i64,
    note: String,
    status: String,
}

#[derive(Debug, Default)]
struct Books {
    charges: BTreeMap<String, Charge>,
    refunds: Vec<BookedRefund>,
    faults: VecDeque<Fault>,
    calls: Vec<String>,
    over_refunds: u32,
}

/// One charge in the books. Amounts are in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargeBook {
    pub reference: String,
    /// The amount that the charge was opened with.
    pub requested_minor: i64,
    /// `abandoned`, `failed` or `success`.
    pub status: String,
    pub currency: String,
    pub captured_minor: i64,
    /// How often the buyer was charged; more than one is a double charge.
    pub captures: u32,
    /// Refunded, including refunds that are still pending.
    pub refunded_minor: i64,
}

/// One refund in the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundBook {
    pub id: u64,
    pub reference: String,
    pub amount_minor: i64,
    pub status: String,
}

/// The fake provider. Clones share its books.
#[derive(Debug, Clone, Default)]
pub struct FakePaystack(Arc<Mutex<Books>>);

impl FakePaystack {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the faults of the next calls, in order.
    pub fn fail_next(&self, faults: impl IntoIterator<Item = Fault>) {
        self.books().faults.extend(faults);
    }

    /// The buyer pays the requested amount.
    pub fn pay(&self, reference: &str) {
        let requested = self.books().charges[reference].requested;
        self.pay_amount(reference, requested, "NGN");
    }

    /// The buyer pays, but the provider captures another amount or currency.
    pub fn pay_amount(&self, reference: &str, amount: i64, currency: &str) {
        let mut books = self.books();
        let charge = books.charges.get_mut(reference).unwrap();
        charge.captured += amount;
        charge.captures += 1;
        charge.currency = currency.into();
        charge.status = "success".into();
    }

    /// The buyer's card is declined. The buyer can try again, with [`FakePaystack::pay`] or another decline.
    pub fn decline(&self, reference: &str) {
        self.books().charges.get_mut(reference).unwrap().status = "failed".into();
    }

    /// All pending refunds end with this status.
    pub fn end_refunds(&self, status: &str) {
        let mut books = self.books();
        for refund in books.refunds.iter_mut().filter(|refund| !["processed", "failed"].contains(&&*refund.status)) {
            status.clone_into(&mut refund.status);
        }
    }

    /// Sets the status of a refund.
    pub fn move_refund(&self, id: u64, status: &str) {
        for refund in self.books().refunds.iter_mut().filter(|refund| refund.id == id) {
            status.clone_into(&mut refund.status);
        }
    }

    /// Every charge, by reference.
    pub fn charges(&self) -> Vec<ChargeBook> {
        let books = self.books();
        let refunded = |reference: &str| {
            let of_it = books.refunds.iter().filter(|refund| refund.reference == reference);
            of_it.filter(|refund| refund.status != "failed").map(|refund| refund.amount).sum()
        };
        let charges = books.charges.iter().map(|(reference, charge)| ChargeBook {
            reference: reference.clone(),
            requested_minor: charge.requested,
            status: charge.status.clone(),
            currency: charge.currency.clone(),
            captured_minor: charge.captured,
            captures: charge.captures,
            refunded_minor: refunded(reference),
        });
        charges.collect()
    }

    /// Every refund, in the order they were asked for.
    pub fn refunds(&self) -> Vec<RefundBook> {
        let books = self.books();
        let refunds = books.refunds.iter().map(|refund| RefundBook {
            id: refund.id,
            reference: refund.reference.clone(),
            amount_minor: refund.amount,
            status: refund.status.clone(),
        });
        refunds.collect()
    }

    /// How many refunds asked for more than was captured.
    pub fn over_refunds(&self) -> u32 {
        self.books().over_refunds
    }

    /// Amounts captured and refunded so far, over all charges, in minor units.
    pub fn taken_and_given_back(&self) -> (i64, i64) {
        let books = self.books();
        let given_back = books.refunds.iter().filter(|refund| refund.status != "failed").map(|refund| refund.amount);
        (books.charges.values().map(|charge| charge.captured).sum(), given_back.sum())
    }

    /// All known references, in order.
    pub fn references(&self) -> Vec<String> {
        self.books().charges.keys().cloned().collect()
    }

    /// `METHOD path` of the calls since the last call of this function.
    pub fn take_calls(&self) -> Vec<String> {
        std::mem::take(&mut self.books().calls)
    }

    /// Answers an API call with status and JSON, and books its effect.
    pub fn answer(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let mut books = self.books();
        let books = &mut *books;
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let (route, query) = path.split_once('?').unwrap_or((path, ""));
        match (method, route.split('/').skip(1).collect::<Vec<_>>().as_slice()) {
            ("POST", ["transaction", "initialize"]) => {
                let reference = text("reference");
                if books.charges.contains_key(&reference) {
                    return (400, json!({ "status": false, "message": "Duplicate Transaction Reference" }));
                }
                let charge = Charge {
                    requested: body["amount"].as_i64().unwrap(),
                    currency: text("currency"),
                    status: "abandoned".into(),
                    ..Charge::default()
                };
                books.charges.insert(reference.clone(), charge);
                let url = format!("https://checkout.example/{reference}");
                good(json!({ "authorization_url": url, "reference": reference }))
            }
            ("GET", ["transaction", "verify", reference]) => match books.charges.get(*reference) {
                None => (404, json!({ "status": false, "message": "Transaction reference not found" })),
                Some(charge) => good(json!({
                    "reference": reference,
                    "status": charge.status,
                    "amount": if charge.captures == 0 { charge.requested } else { charge.captured },
                    "requested_amount": charge.requested,
                    "currency": charge.currency,
                    "fees": charge.captured / 100,
                })),
            },
            ("POST", ["refund"]) => {
                let (reference, amount) = (text("transaction"), body["amount"].as_i64().unwrap());
                let captured = books.charges.get(&reference).map_or(0, |charge| charge.captured);
                let back = books.refunds.iter().filter(|r| r.reference == reference && r.status != "failed");
                if back.map(|refund| refund.amount).sum::<i64>() + amount > captured {
                    books.over_refunds += 1;
                    return (
                        400,
                        json!({ "status": false, "message": "Refund amount cannot be more than the charge" }),
                    );
                }
                let id = books.refunds.len() as u64 + 1;
                let (note, status) = (text("merchant_note"), "pending".to_owned());
                books.refunds.push(BookedRefund { id, reference, amount, note, status });
                good(refund(&books.refunds[books.refunds.len() - 1]))
            }
            ("GET", ["refund"]) => {
                let wanted = query.split('&').find_map(|pair| pair.strip_prefix("reference=")).unwrap_or_default();
                good(books.refunds.iter().filter(|refund| refund.reference == wanted).map(refund).collect())
            }
            ("GET", ["refund", id]) => match books.refunds.iter().find(|refund| refund.id.to_string() == *id) {
                None => (404, json!({ "status": false, "message": "Refund not found" })),
                Some(found) => good(refund(found)),
            },
            _ => (404, json!({ "status": false, "message": "no such route" })),
        }
    }
}

fn good(data: Value) -> (u16, Value) {
    (200, json!({ "status": true, "message": "ok", "data": data }))
}

fn refund(refund: &BookedRefund) -> Value {
    json!({ "id": refund.id, "amount": refund.amount.to_string(), "status": refund.status, "merchant_note": refund.note })
}

impl HttpConnector for FakePaystack {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (method, uri) = (request.method().to_owned(), request.uri().to_owned());
        let path = uri.split_once("://").map_or(uri.as_str(), |(_, rest)| rest);
        let path = path.find('/').map_or("/", |start| &path[start..]).to_owned();
        let body = serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap_or(Value::Null);
        self.books().calls.push(format!("{method} {}", path.split('?').next().unwrap_or_default()));
        let fault = self.books().faults.pop_front();
        let lost = || Err(ConnectorError::timeout("no answer".into()));
        let answer = match fault {
            Some(Fault::NoAnswer) => lost(),
            Some(Fault::ServerError) => Ok((502, json!({ "status": false, "message": "Bad gateway" }))),
            Some(Fault::AnswerLost) => {
                self.answer(&method, &path, &body);
                lost()
            }
            Some(Fault::Nothing) | None => Ok(self.answer(&method, &path, &body)),
        };
        HttpConnectorFuture::ready(answer.and_then(|(status, body)| {
            let status = StatusCode::try_from(status).map_err(|error| ConnectorError::other(error.into(), None))?;
            Ok(HttpResponse::new(status, SdkBody::from(body.to_string())))
        }))
    }
}
