//! What the functions' clients talk to: EventBridge, SQS, SES, Secrets Manager and the provider; DynamoDB is in `dynamo`.
//! A call takes effect, or goes wrong.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use domain::OrderId;
use fastrand::Rng;
use serde_json::{Value, json};
use testing::{Embedded, FakePaystack, world::secret_texts};

use crate::{
    capacity::Capacity,
    faults::{Fault, Faults},
    grants::{self, Use},
    guards::Guard,
    invariants::{Broken, order_of},
    limits::Limit,
    outages::{Outages, Service},
    queues::{Lineage, Queues},
    sizes::{self, Refusal},
    story::Story,
    wire::To,
};

/// A call takes up to so long; a slow one up to half a minute.
const CALL_MS: std::ops::RangeInclusive<i64> = 1..=12;
const SLOW_CALL_MS: std::ops::RangeInclusive<i64> = 800..=30_000;

/// Why a function under way is not going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// A call to the outside.
    Call,
    /// Its own pause between tries.
    Until(i64),
}

/// The messages that a function deals with, taken together.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    pub(crate) lineage: Lineage,
    /// Whether one of them is.
    pub(crate) has_poison: bool,
}

/// The function that runs at this moment.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) function: &'static str,
    /// Whose data it may touch; empty where that is not known beforehand (a webhook).
    pub(crate) tenants: BTreeSet<String>,
    pub(crate) clock_off_ms: i64,
    pub(crate) rng: Rng,
    /// Nothing goes wrong: its message has seen enough.
    pub(crate) calm: bool,
    /// It may make one call.
    pub(crate) permit: bool,
    pub(crate) waiting: Option<Waiting>,
    /// Mails that it has sent.
    pub(crate) mails: u32,
    /// Something went wrong for it.
    pub(crate) hindered: bool,
    pub(crate) messages: Messages,
    /// Transactions that took effect, by their token.
    pub(crate) effects: BTreeSet<String>,
}

pub(crate) struct State {
    pub(crate) now_ms: i64,
    pub(crate) running: Option<Running>,
    pub(crate) faults: Faults,
    pub(crate) off: BTreeSet<Guard>,
    /// What the run is held to.
    pub(crate) limits: BTreeSet<Limit>,
    pub(crate) outages: Outages,
    pub(crate) capacity: Capacity,
    pub(crate) queues: Queues,
    /// Records of the outbox's stream that the relay has not dealt with.
    pub(crate) stream: Vec<Value>,
    /// Mails that went out.
    pub(crate) mails: u32,
    /// Table and item of everything written since last looked at.
    pub(crate) written: Vec<(String, Value)>,
    /// Every event that was on the bus: type, source, envelope.
    pub(crate) published: Vec<(String, String, Value)>,
    pub(crate) broken: Vec<Broken>,
    pub(crate) story: Story,
    pub(crate) calls: u64,
    /// Real time spent in the embedded database.
    pub(crate) in_database: Duration,
    /// Of transactions that took effect.
    pub(crate) tokens: BTreeSet<String>,
    /// How often a mail may have been sent without its sender knowing.
    pub(crate) mail_doubts: u32,
    /// Of the orders for which the provider refused to open a checkout.
    pub(crate) refused: BTreeSet<OrderId>,
}

/// The outside world, shared by all functions.
#[derive(Clone)]
pub(crate) struct Cloud {
    state: Arc<Mutex<State>>,
    pub(crate) dynamo: Embedded,
    pub(crate) provider: FakePaystack,
}

impl fmt::Debug for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cloud")
    }
}

/// How a call ended.
pub(crate) enum Answer {
    Is(u16, String),
    /// No answer came.
    Lost,
}

impl Answer {
    /// A refusal in AWS's form.
    pub(crate) fn no(code: &str, why: &str) -> Self {
        Self::Is(400, json!({ "__type": code, "message": why }).to_string())
    }
}

impl Cloud {
    pub(crate) fn new(state: State, dynamo: Embedded) -> Self {
        Self { state: Arc::new(Mutex::new(state)), dynamo, provider: FakePaystack::default() }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn serve(&self, request: &HttpRequest, to: To) -> Answer {
        let mut state = self.state();
        state.calls += 1;
        let slow = state.strikes(Fault::Slow);
        let took_ms = state.draw(if slow { SLOW_CALL_MS } else { CALL_MS });
        state.now_ms += took_ms;
        let body = request.body().bytes().unwrap_or_default();
        if to == To::Provider {
            return self.serve_provider(&mut state, request, body);
        }
        let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
        match target.split_once('.') {
            Some((service, operation)) if service.starts_with("DynamoDB") => {
                self.serve_dynamo(&mut state, operation, body)
            }
            Some(("AWSEvents", "PutEvents")) => state.put_events(body),
            Some(("AmazonSQS", operation)) => state.serve_sqs(operation, body),
            Some(("secretsmanager", "GetSecretValue")) => state.secret(body),
            _ if request.uri().contains("/v2/email/outbound-emails") => state.send_email(body),
            _ => panic!("the simulated cloud has no {target} {}", request.uri()),
        }
    }

    fn serve_provider(&self, state: &mut State, request: &HttpRequest, body: &[u8]) -> Answer {
        let uri = request.uri();
        let path = uri.split_once("://").map_or(uri, |(_, rest)| rest);
        let path = path.find('/').map_or("/", |start| &path[start..]);
        let method = request.method();
        let no = |status, message: &str| Answer::Is(status, json!({ "status": false, "message": message }).to_string());
        let opens = path.ends_with("/initialize");
        let answer = if state.is_away(Service::Provider) || state.strikes(Fault::ProviderNoAnswer) {
            Answer::Lost
        } else if state.strikes(Fault::ProviderError) {
            no(502, "Bad gateway")
        } else if opens && state.strikes(Fault::ProviderRefuses) {
            let reference = serde_json::from_slice::<Value>(body).unwrap()["reference"].as_str().map(str::to_owned);
            state.refused.extend(reference.and_then(|reference| order_of(&reference)));
            no(400, "Invalid email")
        } else {
            let (status, mut answer) =
                self.provider.answer(method, path, &serde_json::from_slice(body).unwrap_or(Value::Null));
            if answer["data"]["status"] == "success" && state.strikes(Fault::ProviderStale) {
                answer["data"]["status"] = "ongoing".into();
            }
            if state.strikes(Fault::ProviderAnswerLost) { Answer::Lost } else { Answer::Is(status, answer.to_string()) }
        };
        let function = state.running.as_ref().map_or("", |running| running.function);
        let outcome = match &answer {
            Answer::Is(status, body) => format!("{status} {}", crate::provider::gist(body)),
            Answer::Lost => "no answer".to_owned(),
        };
        state.tell(|| format!("    {function} asks the provider {method} {path}: {outcome}"));
        answer
    }
}

impl State {
    pub(crate) fn tell(&mut self, line: impl FnOnce() -> String) {
        self.story.tell(self.now_ms, line);
    }

    /// Whether this goes wrong for the function that is running.
    pub(crate) fn strikes(&mut self, fault: Fault) -> bool {
        let Some(running) = &mut self.running else { return false };
        // Drawn in any case, so that calm changes nothing else.
        let struck = self.faults.is_drawn(fault, &mut running.rng) && !running.calm;
        if struck {
            let function = running.function;
            running.hindered = true;
            self.faults.count(fault);
            self.tell(|| format!("    {function}: {fault:?}"));
        }
        struck
    }

    pub(crate) fn draw(&mut self, range: std::ops::RangeInclusive<i64>) -> i64 {
        self.running.as_mut().map_or(0, |running| running.rng.i64(range))
    }

    pub(crate) fn breaks(&mut self, invariant: &'static str, detail: String) {
        self.broken.push(Broken { invariant, detail });
    }

    /// EventBridge.
    fn put_events(&mut self, body: &[u8]) -> Answer {
        if let Some(denied) = self.denies(&Use::PutEvents) {
            return denied;
        }
        if self.strikes(Fault::NoAnswer) {
            return Answer::Lost;
        }
        if self.strikes(Fault::ServerError) || self.is_away(Service::Bus) {
            return Answer::Is(500, json!({ "__type": "InternalException", "message": "away" }).to_string());
        }
        let request: Value = serde_json::from_slice(body).unwrap();
        let asked = request["Entries"].as_array().map_or(&[][..], Vec::as_slice);
        let mut refused = match sizes::of_events(asked) {
            Ok(refused) => refused.into_iter(),
            Err(refusal) => match self.refuses(refusal) {
                Some(answer) => return answer,
                None => vec![None; asked.len()].into_iter(),
            },
        };
        let (mut entries, mut failed) = (vec![], 0);
        let partly = self.strikes(Fault::PartialPublish);
        for entry in asked {
            let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
            if let Some((code, why)) = refused.next().flatten() {
                failed += 1;
                entries.push(json!({ "ErrorCode": code, "ErrorMessage": why }));
                self.refuses((code, why));
                continue;
            }
            if partly && self.draw(0..=1) == 0 {
                failed += 1;
                entries.push(json!({ "ErrorCode": "ThrottlingException", "ErrorMessage": "slow down" }));
                continue;
            }
            let detail: Value = serde_json::from_str(&text("Detail")).unwrap();
            self.publish(&text("DetailType"), &text("Source"), detail);
            entries.push(json!({ "EventId": format!("{}", self.calls) }));
        }
        if self.strikes(Fault::AnswerLost) {
            return Answer::Lost;
        }
        Answer::Is(200, json!({ "FailedEntryCount": failed, "Entries": entries }).to_string())
    }

    pub(crate) fn publish(&mut self, event_type: &str, source: &str, mut detail: Value) {
        self.tell(|| format!("    on the bus: {event_type} of {}", detail["subject"].as_str().unwrap_or_default()));
        self.published.push((event_type.to_owned(), source.to_owned(), detail.clone()));
        if self.strikes(Fault::OlderWriter) {
            let fields = detail.as_object_mut().unwrap();
            for later in ["traceparent", "causation_id"] {
                fields.remove(later);
            }
            // An event of before there were coupons.
            fields["data"].as_object_mut().unwrap().remove("coupon");
        }
        if let Some(why) = sizes::of_delivery(&detail) {
            // Neither can the queue of its dead letters take it.
            self.refuses(("", format!("the bus can put {event_type} into no queue: {why}")));
            return;
        }
        self.queues.publish(event_type, source, &detail, self.now_ms);
    }

    /// SES.
    fn send_email(&mut self, body: &[u8]) -> Answer {
        if let Some(denied) = self.denies(&Use::SendEmail) {
            return denied;
        }
        if self.strikes(Fault::NoAnswer) {
            return Answer::Lost;
        }
        if self.strikes(Fault::ServerError) || self.is_away(Service::Mail) {
            return Answer::Is(500, json!({ "message": "away" }).to_string());
        }
        let request: Value = serde_json::from_slice(body).unwrap();
        let to = request["Destination"]["ToAddresses"][0].as_str().unwrap_or_default().to_owned();
        let subject = request["Content"]["Simple"]["Subject"]["Data"].as_str().unwrap_or_default().to_owned();
        self.tell(|| format!("    mail to {to}: {subject}"));
        self.mails += 1;
        if let Some(running) = &mut self.running {
            running.mails += 1;
        }
        if self.strikes(Fault::AnswerLost) {
            self.mail_doubts += 1;
            return Answer::Lost;
        }
        Answer::Is(200, json!({ "MessageId": "m" }).to_string())
    }
    /// Secrets Manager.
    fn secret(&mut self, body: &[u8]) -> Answer {
        let request: Value = serde_json::from_slice(body).unwrap();
        let name = request["SecretId"].as_str().unwrap();
        if let Some(denied) = self.denies(&Use::Secret(name.rsplit('/').next().unwrap().to_owned())) {
            return denied;
        }
        let (_, text) = secret_texts().into_iter().find(|(known, _)| known == name).unwrap();
        Answer::Is(200, json!({ "Name": name, "SecretString": text }).to_string())
    }

    /// AWS's answer to a function that may not do this, if it may not.
    pub(crate) fn denies(&mut self, wanted: &Use) -> Option<Answer> {
        let function = self.running.as_ref()?.function;
        if !self.limits.contains(&Limit::Access) || grants::may(function, wanted) {
            return None;
        }
        self.breaks("I17", format!("AWS: {function} may not use {wanted}: its row does not grant it"));
        let why = format!("{function} is not authorized to perform: {wanted}");
        Some(Answer::no("com.amazon.coral.service#AccessDeniedException", &why))
    }

    /// AWS's answer to what is too large, or not a text.
    pub(crate) fn refuses(&mut self, (code, why): Refusal) -> Option<Answer> {
        if !self.limits.contains(&Limit::Sizes) {
            return None;
        }
        let function = self.running.as_ref().map_or("", |running| running.function);
        self.breaks("I17", format!("AWS: refused of {function}: {why}"));
        Some(Answer::no(code, &why))
    }

    /// Whether a service is away at this moment, for whoever asks.
    pub(crate) fn is_away(&mut self, service: Service) -> bool {
        let is_away = self.outages.has(service, self.now_ms);
        if let Some(running) = self.running.as_mut().filter(|_| is_away) {
            running.hindered = true;
            let function = running.function;
            self.tell(|| format!("    {function}: {service:?} is away"));
        }
        is_away
    }
}
