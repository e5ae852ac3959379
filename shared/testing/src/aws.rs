//! AWS in the process: the real SDK clients, with a connector that answers for DynamoDB ([`Embedded`]), Secrets
//! Manager, SES, SQS and EventBridge without a socket, and records what was sent to them.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
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
use mail::Email;
use serde_json::{Map, Value, json};

use crate::dynamo::Embedded;

/// A message that was sent to a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The queue's name: the last part of its URL.
    pub queue: String,
    /// The message's body.
    pub body: String,
    /// The reason of a dead letter; `None` for other messages.
    pub reason: Option<String>,
}

/// A message that waits in a queue.
#[derive(Debug)]
struct Lying {
    id: String,
    body: String,
    /// Attributes by name.
    attributes: BTreeMap<String, String>,
    sent_at_ms: i64,
    is_hidden: bool,
}

#[derive(Debug, Default)]
struct State {
    /// Messages that tests put into queues, by the queue's name.
    lying: BTreeMap<String, Vec<Lying>>,
    put: u32,
    mails: Vec<Email>,
    mail_is_away: bool,
    /// By recipient, the code with which SES refuses mails.
    mail_refusals: BTreeMap<String, String>,
    secrets: BTreeMap<String, String>,
    sent: Vec<Sent>,
    /// Seconds by which deliveries were delayed, in the order of the calls.
    held_back_s: Vec<i64>,
    published: Vec<Vec<Value>>,
    refusals: VecDeque<Vec<usize>>,
    queues_are_away: bool,
}

/// What the functions' AWS clients talk to in unit tests.
#[derive(Debug, Clone)]
pub struct Aws {
    dynamo: Embedded,
    state: Arc<Mutex<State>>,
}

impl Aws {
    /// AWS with this database and these secrets (name and text).
    pub fn new(dynamo: Embedded, secrets: impl IntoIterator<Item = (String, String)>) -> Self {
        let state = State { secrets: secrets.into_iter().collect(), ..State::default() };
        Self { dynamo, state: Arc::new(Mutex::new(state)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// E-mails sent since the last call of this function.
    pub fn take_mails(&self) -> Vec<Email> {
        std::mem::take(&mut self.state().mails)
    }

    /// The last e-mail that was sent. Panics if there is none.
    pub fn last_mail(&self) -> Email {
        self.state().mails.last().unwrap().clone()
    }

    /// Whether SES answers with an error from now on.
    pub fn mail_is_away(&self, is_away: bool) {
        self.state().mail_is_away = is_away;
    }

    /// From now on SES refuses e-mails to this address with this error code; with `None` it accepts them again.
    pub fn refuse_mails_to(&self, address: &str, code: Option<&str>) {
        let refusals = &mut self.state().mail_refusals;
        match code {
            Some(code) => refusals.insert(address.to_owned(), code.to_owned()),
            None => refusals.remove(address),
        };
    }

    /// Forgets all secrets.
    pub fn lose_secrets(&self) {
        self.state().secrets.clear();
    }

    /// Messages sent to queues since the last call of this function.
    pub fn take_sent(&self) -> Vec<Sent> {
        std::mem::take(&mut self.state().sent)
    }

    /// The seconds by which deliveries were delayed, since the last call of this function.
    pub fn take_held_back_s(&self) -> Vec<i64> {
        std::mem::take(&mut self.state().held_back_s)
    }

    /// Puts a message into a queue.
    pub fn put_message(&self, queue: &str, body: &str, attributes: &[(&str, &str)], sent_at: Timestamp) {
        let mut state = self.state();
        state.put += 1;
        let message = Lying {
            id: state.put.to_string(),
            body: body.to_owned(),
            attributes: attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            sent_at_ms: sent_at.as_millisecond(),
            is_hidden: false,
        };
        state.lying.entry(queue.to_owned()).or_default().push(message);
    }

    /// The bodies of messages that were put into a queue and not deleted.
    pub fn lying_in(&self, queue: &str) -> Vec<String> {
        let state = self.state();
        state.lying.get(queue).into_iter().flatten().map(|message| message.body.clone()).collect()
    }

    /// Ends the visibility timeout of all received messages.
    pub fn show_messages(&self) {
        self.state().lying.values_mut().flatten().for_each(|message| message.is_hidden = false);
    }

    /// Whether SQS answers with an error from now on.
    pub fn queues_are_away(&self, are_away: bool) {
        self.state().queues_are_away = are_away;
    }

    /// The entries that the event bus accepted, for each `PutEvents` call.
    pub fn published(&self) -> Vec<Vec<Value>> {
        self.state().published.clone()
    }

    /// For each of the next `PutEvents` calls, the positions of the entries that are refused.
    pub fn refuse(&self, positions: impl IntoIterator<Item = Vec<usize>>) {
        self.state().refusals.extend(positions);
    }

    fn answer(&self, target: &str, uri: &str, body: &[u8]) -> (u16, String) {
        let request: Value = serde_json::from_slice(body).unwrap_or_default();
        let mut state = self.state();
        if uri.contains("/v2/email/outbound-emails") {
            return state.send_email(&request);
        }
        match target {
            "secretsmanager.GetSecretValue" => state.secret(&request),
            "AWSEvents.PutEvents" => state.put_events(&request),
            target if target.starts_with("AmazonSQS.") && state.queues_are_away => {
                (500, json!({ "__type": "InternalFailure", "message": "away" }).to_string())
            }
            "AmazonSQS.SendMessage" => {
                let queue = queue_name(&request);
                let reason = request["MessageAttributes"]["reason"]["StringValue"].as_str().map(str::to_owned);
                state.sent.push(Sent { queue, body: text(&request["MessageBody"]), reason });
                (200, json!({ "MessageId": "1", "MD5OfMessageBody": "" }).to_string())
            }
            "AmazonSQS.SendMessageBatch" => {
                let entries = request["Entries"].as_array().cloned().unwrap_or_default();
                let queue = queue_name(&request);
                let send =
                    |entry: &Value| Sent { queue: queue.clone(), body: text(&entry["MessageBody"]), reason: None };
                state.sent.extend(entries.iter().map(send));
                let taken = |entry: &Value| json!({ "Id": entry["Id"], "MessageId": "1", "MD5OfMessageBody": "" });
                let taken: Vec<_> = entries.iter().map(taken).collect();
                (200, json!({ "Successful": taken, "Failed": [] }).to_string())
            }
            "AmazonSQS.ReceiveMessage" => state.receive(&request),
            "AmazonSQS.DeleteMessage" => {
                let receipt = text(&request["ReceiptHandle"]);
                state.lying.entry(queue_name(&request)).or_default().retain(|message| message.id != receipt);
                (200, "{}".to_owned())
            }
            "AmazonSQS.GetQueueAttributes" => {
                let lying = state.lying.entry(queue_name(&request)).or_default();
                let hidden = lying.iter().filter(|message| message.is_hidden).count();
                let attributes = json!({
                    "ApproximateNumberOfMessages": (lying.len() - hidden).to_string(),
                    "ApproximateNumberOfMessagesNotVisible": hidden.to_string(),
                });
                (200, json!({ "Attributes": attributes }).to_string())
            }
            "AmazonSQS.ChangeMessageVisibility" => {
                state.held_back_s.push(request["VisibilityTimeout"].as_i64().unwrap_or_default());
                (200, "{}".to_owned())
            }
            other => (400, json!({ "__type": "UnknownOperationException", "message": other }).to_string()),
        }
    }
}

impl State {
    fn send_email(&mut self, request: &Value) -> (u16, String) {
        if self.mail_is_away {
            return (500, json!({ "message": "away" }).to_string());
        }
        let is_reported = text(&request["ConfigurationSetName"]).starts_with("selleasi-");
        assert!(is_reported, "SES would not report that this mail came back or was complained of");
        let to = text(&request["Destination"]["ToAddresses"][0]);
        if let Some(code) = self.mail_refusals.get(&to) {
            return (400, json!({ "__type": code, "message": format!("not to {to}") }).to_string());
        }
        let content = &request["Content"]["Simple"];
        self.mails.push(Email {
            to,
            subject: text(&content["Subject"]["Data"]),
            text: text(&content["Body"]["Text"]["Data"]),
            html: text(&content["Body"]["Html"]["Data"]),
        });
        (200, json!({ "MessageId": "1" }).to_string())
    }

    fn secret(&self, request: &Value) -> (u16, String) {
        match self.secrets.get(&text(&request["SecretId"])) {
            Some(secret) => (200, json!({ "SecretString": secret }).to_string()),
            None => (400, json!({ "__type": "ResourceNotFoundException", "message": "not there" }).to_string()),
        }
    }

    fn receive(&mut self, request: &Value) -> (u16, String) {
        let max = request["MaxNumberOfMessages"].as_u64().and_then(|max| usize::try_from(max).ok()).unwrap_or(1);
        let lying = self.lying.entry(queue_name(request)).or_default();
        let received = lying.iter_mut().filter(|message| !message.is_hidden).take(max).map(|message| {
            message.is_hidden = true;
            let attribute = |(name, value): (&String, &String)| {
                (name.clone(), json!({ "DataType": "String", "StringValue": value }))
            };
            json!({
                "MessageId": message.id,
                "ReceiptHandle": message.id,
                "Body": message.body,
                "Attributes": { "SentTimestamp": message.sent_at_ms.to_string() },
                "MessageAttributes": message.attributes.iter().map(attribute).collect::<Map<_, _>>(),
            })
        });
        let received: Vec<Value> = received.collect();
        (200, json!({ "Messages": received }).to_string())
    }

    fn put_events(&mut self, request: &Value) -> (u16, String) {
        let entries = request["Entries"].as_array().cloned().unwrap_or_default();
        let refused = self.refusals.pop_front().unwrap_or_default();
        let is_taken = |position: &usize| !refused.contains(position);
        let taken = entries.iter().enumerate().filter(|(position, _)| is_taken(position));
        self.published.push(taken.map(|(_, entry)| entry.clone()).collect());
        let outcome = |position: usize| {
            if is_taken(&position) { json!({ "EventId": "1" }) } else { json!({ "ErrorCode": "InternalFailure" }) }
        };
        let outcomes: Vec<_> = (0..entries.len()).map(outcome).collect();
        (200, json!({ "Entries": outcomes, "FailedEntryCount": refused.len() }).to_string())
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn queue_name(request: &Value) -> String {
    text(&request["QueueUrl"]).rsplit('/').next().unwrap_or_default().to_owned()
}

impl HttpClient for Aws {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Aws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
        if target.starts_with("DynamoDB_") {
            return self.dynamo.call(request);
        }
        let answer = request.body().bytes().ok_or_else(|| ConnectorError::user("a streaming body".into()));
        let answer = answer.and_then(|body| {
            let (status, body) = self.answer(&target, request.uri(), body);
            let status = StatusCode::try_from(status).map_err(|error| ConnectorError::other(error.into(), None))?;
            let mut response = HttpResponse::new(status, SdkBody::from(body));
            response.headers_mut().insert("content-type", "application/json");
            Ok(response)
        });
        HttpConnectorFuture::ready(answer)
    }
}
