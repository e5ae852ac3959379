//! What the functions' clients talk to: one connector for all of AWS and one for the provider. A call waits until the
//! world lets its function go on; then it takes effect, or goes wrong.

use std::{
    collections::BTreeSet,
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use aws_smithy_async::{
    rt::sleep::{AsyncSleep, Sleep},
    time::TimeSource,
};
use aws_smithy_runtime_api::{
    client::{
        http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use domain::Timestamp;
use fastrand::Rng;
use runtime::{Clock, Entropy};
use serde_json::{Value, json};
use testing::{Embedded, FakePaystack, world::secret_texts};

use crate::{
    faults::{Fault, Faults},
    guards::Guard,
    invariants::Broken,
    queues::Queues,
    story::Story,
};

/// A call takes up to so long; a slow one up to half a minute.
const CALL_MS: std::ops::RangeInclusive<i64> = 1..=12;
const SLOW_CALL_MS: std::ops::RangeInclusive<i64> = 800..=30_000;
const CLOCK_OFF_MS: i64 = 150_000;

/// Why a function under way is not going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// A call to the outside.
    Call,
    /// Its own pause between tries.
    Until(i64),
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
    /// Transactions that took effect, by their token.
    pub(crate) effects: BTreeSet<String>,
}

pub(crate) struct State {
    pub(crate) now_ms: i64,
    pub(crate) running: Option<Running>,
    pub(crate) faults: Faults,
    pub(crate) off: BTreeSet<Guard>,
    pub(crate) queues: Queues,
    /// Records of the outbox's stream that the relay has not dealt with.
    pub(crate) stream: Vec<Value>,
    /// Recipient and subject of every mail.
    pub(crate) mails: Vec<(String, String)>,
    /// Table and item of everything written since last looked at.
    pub(crate) written: Vec<(String, Value)>,
    /// Every event that was on the bus: type, source, envelope.
    pub(crate) published: Vec<(String, String, Value)>,
    pub(crate) broken: Vec<Broken>,
    pub(crate) story: Story,
    pub(crate) calls: u64,
    /// How often a mail may have been sent without its sender knowing.
    pub(crate) mail_doubts: u32,
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

impl Cloud {
    pub(crate) fn new(state: State, dynamo: Embedded) -> Self {
        Self { state: Arc::new(Mutex::new(state)), dynamo, provider: FakePaystack::default() }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, request: &HttpRequest, to: To) -> Answer {
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
            Some(("AmazonSQS", "SendMessage")) => state.send_message(body),
            Some(("secretsmanager", "GetSecretValue")) => secret(body),
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
        let answer = if state.strikes(Fault::ProviderNoAnswer) {
            Answer::Lost
        } else if state.strikes(Fault::ProviderError) {
            no(502, "Bad gateway")
        } else if opens && state.strikes(Fault::ProviderRefuses) {
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
        let calm = running.calm;
        // Drawn in any case, so that calm changes nothing else.
        let mut spare = Faults::clone(&self.faults);
        let struck = if calm {
            spare.strikes(fault, &mut running.rng);
            false
        } else {
            self.faults.strikes(fault, &mut running.rng)
        };
        if struck {
            let function = running.function;
            self.tell(|| format!("    {function}: {fault:?}"));
        }
        struck
    }

    fn draw(&mut self, range: std::ops::RangeInclusive<i64>) -> i64 {
        self.running.as_mut().map_or(0, |running| running.rng.i64(range))
    }

    pub(crate) fn breaks(&mut self, invariant: &'static str, detail: String) {
        self.broken.push(Broken { invariant, detail });
    }

    /// EventBridge.
    fn put_events(&mut self, body: &[u8]) -> Answer {
        if self.strikes(Fault::NoAnswer) {
            return Answer::Lost;
        }
        if self.strikes(Fault::ServerError) {
            return Answer::Is(500, json!({ "__type": "InternalException", "message": "away" }).to_string());
        }
        let request: Value = serde_json::from_slice(body).unwrap();
        let (mut entries, mut failed) = (vec![], 0);
        let partly = self.strikes(Fault::PartialPublish);
        for entry in request["Entries"].as_array().unwrap() {
            let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
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
            detail
                .as_object_mut()
                .unwrap()
                .retain(|name, value| !["traceparent", "causation_id"].contains(&name.as_str()) || !value.is_null());
        }
        self.queues.publish(event_type, source, &detail, self.now_ms);
    }

    /// SQS, to the function's own queue.
    fn send_message(&mut self, body: &[u8]) -> Answer {
        if self.strikes(Fault::NoAnswer) {
            return Answer::Lost;
        }
        let request: Value = serde_json::from_slice(body).unwrap();
        let url = request["QueueUrl"].as_str().unwrap();
        let queue = self.queues.by_function(url.rsplit('/').next().unwrap()).unwrap();
        let delay_s = request["DelaySeconds"].as_i64().unwrap_or(0);
        let text = request["MessageBody"].as_str().unwrap().to_owned();
        let id = self.queues.send(queue, text, self.now_ms + delay_s * 1_000);
        if self.strikes(Fault::AnswerLost) {
            return Answer::Lost;
        }
        Answer::Is(200, json!({ "MessageId": id.to_string() }).to_string())
    }

    /// SES.
    fn send_email(&mut self, body: &[u8]) -> Answer {
        if self.strikes(Fault::NoAnswer) {
            return Answer::Lost;
        }
        if self.strikes(Fault::ServerError) {
            return Answer::Is(500, json!({ "message": "away" }).to_string());
        }
        let request: Value = serde_json::from_slice(body).unwrap();
        let to = request["Destination"]["ToAddresses"][0].as_str().unwrap_or_default().to_owned();
        let subject = request["Content"]["Simple"]["Subject"]["Data"].as_str().unwrap_or_default().to_owned();
        self.tell(|| format!("    mail to {to}: {subject}"));
        self.mails.push((to, subject));
        if self.strikes(Fault::AnswerLost) {
            self.mail_doubts += 1;
            return Answer::Lost;
        }
        Answer::Is(200, json!({ "MessageId": "m" }).to_string())
    }
}

/// Secrets Manager.
fn secret(body: &[u8]) -> Answer {
    let request: Value = serde_json::from_slice(body).unwrap();
    let name = request["SecretId"].as_str().unwrap();
    let (_, text) = secret_texts().into_iter().find(|(known, _)| known == name).unwrap();
    Answer::Is(200, json!({ "Name": name, "SecretString": text }).to_string())
}

/// Which of the two a connector leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum To {
    Aws,
    Provider,
}

/// The connector.
#[derive(Debug, Clone)]
pub(crate) struct Wire {
    pub(crate) cloud: Cloud,
    pub(crate) to: To,
}

impl HttpClient for Wire {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(Call { wire: self.clone(), request, held_back: None })
    }
}

/// A call under way: it waits for its turn, takes effect, and may have to wait once more for its answer.
struct Call {
    wire: Wire,
    request: HttpRequest,
    held_back: Option<Answer>,
}

impl Future for Call {
    type Output = Result<HttpResponse, ConnectorError>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        let cloud = self.wire.cloud.clone();
        {
            let mut state = cloud.state();
            let running = state.running.as_mut().expect("only functions under way make calls");
            if !std::mem::take(&mut running.permit) {
                running.waiting = Some(Waiting::Call);
                return Poll::Pending;
            }
        }
        let answer = if let Some(answer) = self.held_back.take() {
            answer
        } else {
            let answer = cloud.serve(&self.request, self.wire.to);
            let mut state = cloud.state();
            if state.strikes(Fault::AnswerHeldBack) {
                self.held_back = Some(answer);
                state.running.as_mut().unwrap().waiting = Some(Waiting::Call);
                return Poll::Pending;
            }
            answer
        };
        Poll::Ready(match answer {
            Answer::Lost => Err(ConnectorError::timeout("no answer".into())),
            Answer::Is(status, body) => {
                let mut response = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body));
                response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
                Ok(response)
            }
        })
    }
}

/// Pauses end when the world's time has come.
impl AsyncSleep for Cloud {
    fn sleep(&self, duration: Duration) -> Sleep {
        let until_ms = self.state().now_ms + i64::try_from(duration.as_millis()).unwrap();
        Sleep::new(Pause { cloud: self.clone(), until_ms })
    }
}

struct Pause {
    cloud: Cloud,
    until_ms: i64,
}

impl Future for Pause {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        let mut state = self.cloud.state();
        if state.now_ms >= self.until_ms {
            return Poll::Ready(());
        }
        if let Some(running) = &mut state.running {
            running.waiting = Some(Waiting::Until(self.until_ms));
        }
        Poll::Pending
    }
}

impl Clock for Cloud {
    fn now(&self) -> Timestamp {
        let state = self.state();
        let off_ms = state.running.as_ref().map_or(0, |running| running.clock_off_ms);
        Timestamp::from_millisecond(state.now_ms + off_ms).unwrap()
    }
}

impl TimeSource for Cloud {
    fn now(&self) -> std::time::SystemTime {
        let now_ms = u64::try_from(self.state().now_ms).unwrap();
        std::time::UNIX_EPOCH + Duration::from_millis(now_ms)
    }
}

impl Entropy for Cloud {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.state();
        let running = state.running.as_mut().expect("only functions under way need randomness");
        running.rng.fill(bytes);
    }
}

/// How far a function's clock is off.
pub(crate) fn clock_off_ms(faults: &mut Faults, rng: &mut Rng) -> i64 {
    let off_ms = rng.i64(-CLOCK_OFF_MS..=CLOCK_OFF_MS);
    if faults.strikes(Fault::ClockOff, rng) { off_ms } else { 0 }
}
