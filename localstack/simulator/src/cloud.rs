//! What the functions' clients talk to: the provider here; AWS in `dynamo`, `messages` and `services`. A call takes
//! effect, or goes wrong, or is refused.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use contracts::{Row, gate};
use domain::OrderId;
use fastrand::Rng;
use serde_json::{Value, json};
use testing::{Embedded, FakePaystack};

use crate::{
    capacity::Capacity,
    faults::{Fault, Faults},
    grants::{self, Use},
    guards::Guard,
    invariants::{Broken, order_of},
    limits::Limit,
    outages::{Outages, Service},
    queues::{Lineage, Message, Queues},
    sizes::Refusal,
    story::Story,
    timers::Timers,
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

/// The messages that a function deals with, and the chain of invocations they are part of.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) lineage: Lineage,
    pub(crate) messages: Vec<Message>,
}

/// The function that runs at this moment.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) function: &'static str,
    /// Whose data it may touch; empty where that is not known beforehand (a webhook).
    pub(crate) tenants: BTreeSet<String>,
    pub(crate) clock_off_ms: i64,
    pub(crate) rng: Rng,
    /// It may make one call.
    pub(crate) permit: bool,
    pub(crate) waiting: Option<Waiting>,
    /// Mails that it has sent.
    pub(crate) mails: u32,
    /// Something went wrong for it.
    pub(crate) hindered: bool,
    pub(crate) batch: Batch,
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
    pub(crate) timers: Timers,
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
    /// What each function used of what it may.
    pub(crate) used: BTreeSet<(&'static str, Use)>,
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
        let struck = self.faults.strikes(fault, &mut running.rng);
        if struck {
            let function = running.function;
            running.hindered = true;
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

    /// What a function asks the gate for, which lets it pass or not.
    pub(crate) fn passes(&mut self, row: &'static Row, what: gate::Use, is_granted: bool) {
        if let gate::Use::Emit(event_type) = what {
            self.used.insert((row.function, Use::Emit(event_type)));
        }
        if !is_granted && self.limits.contains(&Limit::Access) {
            self.breaks("I17", format!("the gate: {} may not use {what}: its row does not grant it", row.function));
        }
    }

    /// AWS's answer to a function that may not do this, if it may not.
    pub(crate) fn denies(&mut self, wanted: &Use) -> Option<Answer> {
        let function = self.running.as_ref()?.function;
        self.used.insert((function, wanted.clone()));
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
