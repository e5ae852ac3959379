//! EventBridge: an event goes into the queues of all who want events of its type, at once and together.

use embedded::queues::NewMessage;
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use super::{Cloud, Reply, failed, refused};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutEvents {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    source: String,
    detail_type: String,
    detail: String,
}

impl Cloud {
    pub(super) fn put_events(&self, body: &[u8]) -> Reply {
        let Ok(request) = serde_json::from_slice::<PutEvents>(body) else {
            return refused("ValidationException", "not a request of PutEvents");
        };
        let mut messages = vec![];
        let mut answers: Vec<Value> = vec![];
        for entry in &request.entries {
            let Ok(detail) = serde_json::from_str::<&RawValue>(&entry.detail) else {
                answers.push(json!({ "ErrorCode": "MalformedDetail", "ErrorMessage": "the detail is no JSON" }));
                continue;
            };
            for (_, queue) in self.0.consumers.iter().filter(|(row, _)| row.takes(&entry.detail_type)) {
                messages.push((queue.clone(), NewMessage::now(delivered(entry, detail))));
            }
            answers.push(json!({ "EventId": answers.len().to_string() }));
        }
        if let Err(error) = self.0.database.send(&messages, self.now_ms()) {
            return failed(&error);
        }
        for (queue, _) in &messages {
            self.ring(queue);
        }
        for entry in &request.entries {
            self.0.metrics.published(&entry.detail_type);
        }
        let refused = answers.iter().filter(|answer| answer.get("ErrorCode").is_some()).count();
        (200, json!({ "FailedEntryCount": refused, "Entries": answers }).to_string())
    }
}

/// The message that a queue gets.
fn delivered(entry: &Entry, detail: &RawValue) -> String {
    let (detail_type, source) = (Value::from(entry.detail_type.as_str()), Value::from(entry.source.as_str()));
    format!(r#"{{"version":"0","detail-type":{detail_type},"source":{source},"detail":{detail}}}"#)
}
