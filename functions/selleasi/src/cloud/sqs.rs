//! SQS: what the functions, and the tools that operators and tests use, call of it.

use std::sync::PoisonError;

use embedded::queues::{Depth, Message, NewMessage, Terms};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Cloud, QUEUE_URLS, Reply, failed, refused};

/// Messages in one call at the most.
const AT_ONCE_MAX: usize = 10;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Request {
    queue_url: String,
    queue_name_prefix: String,
    message_body: String,
    message_attributes: Value,
    delay_seconds: i64,
    entries: Vec<Entry>,
    max_number_of_messages: Option<usize>,
    visibility_timeout: Option<i64>,
    receipt_handle: String,
    attributes: Map<String, Value>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Entry {
    id: String,
    message_body: String,
    message_attributes: Value,
    delay_seconds: i64,
}

impl Cloud {
    pub(super) fn sqs(&self, operation: &str, body: &[u8]) -> Reply {
        let Ok(request) = serde_json::from_slice::<Request>(body) else {
            return refused("com.amazonaws.sqs#InvalidParameterValueException", "not a request of SQS");
        };
        if operation == "ListQueues" {
            let names = self.0.queues.keys().filter(|name| name.starts_with(&request.queue_name_prefix));
            let urls: Vec<_> = names.map(|name| format!("{QUEUE_URLS}{name}")).collect();
            return (200, json!({ "QueueUrls": urls }).to_string());
        }
        let queue = request.queue_url.rsplit('/').next().unwrap_or_default();
        let Some(terms) = self.terms(queue) else {
            return refused("com.amazonaws.sqs#QueueDoesNotExist", "there is no such queue");
        };
        let done = match operation {
            "SendMessage" => self.send(queue, &request),
            "SendMessageBatch" => self.send_batch(queue, &request.entries),
            "ReceiveMessage" => self.receive(queue, &request, terms),
            "DeleteMessage" => self.0.database.delete(queue, &[request.receipt_handle]).map(|_| json!({})),
            "ChangeMessageVisibility" => {
                let wait_ms = request.visibility_timeout.unwrap_or_default() * 1_000;
                let held = self.0.database.hold_back(queue, &request.receipt_handle, wait_ms, self.now_ms());
                self.ring(queue);
                match held {
                    Ok(false) => return refused("com.amazonaws.sqs#MessageNotInflight", "it is not in flight"),
                    done => done.map(|_| json!({})),
                }
            }
            "GetQueueAttributes" => self.attributes(queue, terms),
            "SetQueueAttributes" => {
                self.set_attributes(queue, &request.attributes);
                Ok(json!({}))
            }
            _ => {
                return refused("com.amazonaws.sqs#UnsupportedOperation", &format!("{operation} is not served here"));
            }
        };
        done.map_or_else(|error| failed(&error), |answer| (200, answer.to_string()))
    }

    fn send(&self, queue: &str, request: &Request) -> embedded::Result<Value> {
        let message = message(&request.message_body, &request.message_attributes, request.delay_seconds);
        let ids = self.0.database.send(&[(queue.to_owned(), message)], self.now_ms())?;
        self.ring(queue);
        Ok(json!({ "MessageId": ids.first().map(ToString::to_string) }))
    }

    fn send_batch(&self, queue: &str, entries: &[Entry]) -> embedded::Result<Value> {
        let messages: Vec<_> = entries
            .iter()
            .map(|entry| {
                (queue.to_owned(), message(&entry.message_body, &entry.message_attributes, entry.delay_seconds))
            })
            .collect();
        let ids = self.0.database.send(&messages, self.now_ms())?;
        self.ring(queue);
        let sent = entries
            .iter()
            .zip(ids)
            .map(|(entry, id)| json!({ "Id": entry.id, "MessageId": id.to_string(), "MD5OfMessageBody": "" }));
        Ok(json!({ "Successful": sent.collect::<Vec<_>>(), "Failed": [] }))
    }

    fn receive(&self, queue: &str, request: &Request, terms: Terms) -> embedded::Result<Value> {
        let terms = match request.visibility_timeout {
            Some(s) => Terms { visibility_ms: s * 1_000, ..terms },
            None => terms,
        };
        let at_most = request.max_number_of_messages.unwrap_or(1).min(AT_ONCE_MAX);
        let received = self.0.database.receive(queue, at_most, terms, self.now_ms())?;
        Ok(json!({ "Messages": received.messages.iter().map(shown).collect::<Vec<_>>() }))
    }

    fn attributes(&self, queue: &str, terms: Terms) -> embedded::Result<Value> {
        let depths = self.0.database.depths(self.now_ms())?;
        let Depth { visible, in_flight, delayed, .. } = depths.get(queue).copied().unwrap_or_default();
        let mut attributes = json!({
            "ApproximateNumberOfMessages": visible.to_string(),
            "ApproximateNumberOfMessagesNotVisible": (in_flight + delayed).to_string(),
            "VisibilityTimeout": (terms.visibility_ms / 1_000).to_string(),
        });
        if let Some(max) = terms.receives_max {
            attributes["RedrivePolicy"] = json!({ "maxReceiveCount": max }).to_string().into();
        }
        Ok(json!({ "Attributes": attributes }))
    }

    /// Until the process ends.
    fn set_attributes(&self, queue: &str, attributes: &Map<String, Value>) {
        let Some(queue) = self.0.queues.get(queue) else { return };
        let mut terms = queue.terms.lock().unwrap_or_else(PoisonError::into_inner);
        let text = |name: &str| attributes.get(name).and_then(Value::as_str);
        if let Some(s) = text("VisibilityTimeout").and_then(|text| text.parse::<i64>().ok()) {
            terms.visibility_ms = s * 1_000;
        }
        let policy = text("RedrivePolicy").and_then(|text| serde_json::from_str::<Value>(text).ok());
        if let Some(max) = policy.and_then(|policy| policy["maxReceiveCount"].as_u64()) {
            terms.receives_max = u32::try_from(max).ok();
        }
    }
}

fn message(body: &str, attributes: &Value, delay_s: i64) -> NewMessage {
    let reason = attributes["reason"]["StringValue"].as_str().unwrap_or_default().to_owned();
    NewMessage { body: body.to_owned(), reason, delay_ms: delay_s * 1_000 }
}

/// As ReceiveMessage shows it.
fn shown(message: &Message) -> Value {
    let mut shown = json!({
        "MessageId": message.id.to_string(),
        "ReceiptHandle": message.receipt(),
        "Body": message.body,
        "Attributes": {
            "SentTimestamp": message.sent_ms.to_string(),
            "ApproximateReceiveCount": message.receives.to_string(),
        },
    });
    if !message.reason.is_empty() {
        shown["MessageAttributes"] = json!({ "reason": { "DataType": "String", "StringValue": message.reason } });
    }
    shown
}
