//! SQS as the functions call it: they send to queues, their own or others, and hold messages back. Receiving and
//! deleting is Lambda's part (see `deliveries`).

use serde_json::{Value, json};

use crate::{
    cloud::{Answer, State},
    faults::Fault,
    grants::Use,
    limits::{DELAY_MAX_S, ENTRIES_MAX, MESSAGE_MAX_BYTES, VISIBILITY_MAX_S},
    sizes::{Refusal, refused_character},
};

/// A queue, or the one of its dead letters.
type To = (usize, bool);

const INVALID: &str = "com.amazonaws.sqs#InvalidParameterValue";
const INVALID_CONTENTS: &str = "com.amazonaws.sqs#InvalidMessageContents";

impl State {
    pub(crate) fn serve_sqs(&mut self, operation: &str, body: &[u8]) -> Answer {
        let request: Value = serde_json::from_slice(body).unwrap();
        let url = request["QueueUrl"].as_str().unwrap_or_default();
        let Some(to) = self.queues.by_url(url) else {
            let why = format!("there is no queue {url}");
            self.breaks("I17", format!("AWS: {why}"));
            return Answer::no("com.amazonaws.sqs#QueueDoesNotExist", &why);
        };
        let function = self.queues.all[to.0].row.function;
        let wanted = match operation {
            "ChangeMessageVisibility" => Use::ChangeVisibility { function },
            _ => Use::Send { function, dead: to.1 },
        };
        if let Some(denied) = self.denies(&wanted) {
            return denied;
        }
        if self.strikes(Fault::NoAnswer) {
            return Answer::Lost;
        }
        let answer = match operation {
            "SendMessage" => self.send_message(to, &request),
            "SendMessageBatch" => self.send_batch(to, &request),
            "ChangeMessageVisibility" => self.change_visibility(to, &request),
            _ => panic!("the simulated SQS has no {operation}"),
        };
        if self.strikes(Fault::AnswerLost) { Answer::Lost } else { answer }
    }

    fn send_message(&mut self, to: To, message: &Value) -> Answer {
        if let Some(answer) = of_message(message).and_then(|refusal| self.refuses(refusal)) {
            return answer;
        }
        let id = self.send(to, message);
        Answer::Is(200, json!({ "MessageId": id, "MD5OfMessageBody": "" }).to_string())
    }

    /// Each of them is taken or refused by itself.
    fn send_batch(&mut self, to: To, request: &Value) -> Answer {
        let entries = request["Entries"].as_array().map_or(&[][..], Vec::as_slice);
        if let Some(answer) = of_batch(entries).and_then(|refusal| self.refuses(refusal)) {
            return answer;
        }
        let (mut taken, mut failed) = (vec![], vec![]);
        let partly = self.strikes(Fault::PartialPublish);
        for entry in entries {
            let refusal = of_message(entry);
            if let Some((code, why)) = refusal.filter(|refusal| self.refuses(refusal.clone()).is_some()) {
                failed.push(json!({ "Id": entry["Id"], "SenderFault": true, "Code": code, "Message": why }));
            } else if partly && self.draw(0..=1) == 0 {
                failed.push(json!({ "Id": entry["Id"], "SenderFault": false, "Code": "InternalError" }));
            } else {
                let id = self.send(to, entry);
                taken.push(json!({ "Id": entry["Id"], "MessageId": id, "MD5OfMessageBody": "" }));
            }
        }
        Answer::Is(200, json!({ "Successful": taken, "Failed": failed }).to_string())
    }

    /// The message goes on with the chain of invocations that its sender belongs to.
    fn send(&mut self, (queue, dead): To, message: &Value) -> String {
        let body = message["MessageBody"].as_str().unwrap_or_default().to_owned();
        let running = self.running.as_ref();
        let lineage = running.map(|running| running.batch.lineage.clone()).unwrap_or_default();
        let id = if dead {
            self.bury(queue, body, message["MessageAttributes"]["reason"]["StringValue"].as_str())
        } else {
            let id = self.queues.send(queue, body, self.now_ms, delay_s(message), lineage);
            let sent = self.queues.all[queue].messages.last().cloned();
            self.arrives(queue, &sent.unwrap());
            id
        };
        id.to_string()
    }

    /// A function puts a message of its own among its dead letters.
    fn bury(&mut self, queue: usize, body: String, reason: Option<&str>) -> u64 {
        let running = self.running.as_ref();
        let message = running.and_then(|running| running.batch.messages.iter().find(|message| message.body == body));
        let is_poison = message.is_some_and(|message| message.is_poison);
        let function = self.queues.all[queue].row.function;
        if let Some(message) = message.cloned() {
            let off_ms = running.map_or(0, |running| running.clock_off_ms);
            self.buried(function, &message, self.now_ms + off_ms);
        }
        // What died of its age says what it waited for.
        let fits = reason.is_some_and(|reason| reason.starts_with("poison: ") == is_poison);
        if !fits {
            self.breaks("I16", format!("{function} gave a dead letter the reason {reason:?}: {body}"));
        }
        self.queues.send_dead(queue, body, self.now_ms, is_poison)
    }

    fn change_visibility(&mut self, (queue, _): To, request: &Value) -> Answer {
        let timeout_s = request["VisibilityTimeout"].as_i64().unwrap_or(-1);
        if !(0..=VISIBILITY_MAX_S).contains(&timeout_s)
            && let Some(answer) = self.refuses((INVALID, format!("a visibility timeout of {timeout_s} s")))
        {
            return answer;
        }
        let now_ms = self.now_ms;
        let receipt = request["ReceiptHandle"].as_str().unwrap_or_default();
        // Of a message that was received again meanwhile, this receipt is no longer good.
        let Some(message) = self.queues.by_receipt(queue, receipt) else {
            return Answer::no("com.amazonaws.sqs#ReceiptHandleIsInvalid", "the message is not under way");
        };
        message.visible_at_ms = now_ms + timeout_s * 1_000;
        Answer::Is(200, "{}".to_owned())
    }
}

fn delay_s(message: &Value) -> i64 {
    message["DelaySeconds"].as_i64().unwrap_or(0)
}

fn of_message(message: &Value) -> Option<Refusal> {
    let body = message["MessageBody"].as_str().unwrap_or_default();
    if body.is_empty() {
        return Some((INVALID, "a message without a body".to_owned()));
    }
    let size = size_of_message(message);
    if size > MESSAGE_MAX_BYTES {
        return Some((INVALID, format!("a message of {size} bytes")));
    }
    if !(0..=DELAY_MAX_S).contains(&delay_s(message)) {
        return Some((INVALID, format!("a delay of {} s", delay_s(message))));
    }
    let refused = texts(message).find_map(refused_character)?;
    Some((INVALID_CONTENTS, format!("a message with the character {refused:?}")))
}

fn of_batch(entries: &[Value]) -> Option<Refusal> {
    if entries.is_empty() || entries.len() > ENTRIES_MAX {
        return Some(("com.amazonaws.sqs#TooManyEntriesInBatchRequest", format!("a batch of {}", entries.len())));
    }
    let size: usize = entries.iter().map(size_of_message).sum();
    if size > MESSAGE_MAX_BYTES {
        return Some(("com.amazonaws.sqs#BatchRequestTooLong", format!("a batch of {size} bytes")));
    }
    let ids: std::collections::BTreeSet<&str> = entries.iter().filter_map(|entry| entry["Id"].as_str()).collect();
    (ids.len() < entries.len())
        .then(|| ("com.amazonaws.sqs#BatchEntryIdsNotDistinct", "a batch whose ids are not distinct".to_owned()))
}

/// Body and attributes, names with them.
fn size_of_message(message: &Value) -> usize {
    texts(message).map(str::len).sum()
}

fn texts(message: &Value) -> impl Iterator<Item = &str> {
    let attributes = message["MessageAttributes"].as_object().into_iter().flatten();
    let attributes = attributes.flat_map(|(name, value)| {
        let parts = [value["DataType"].as_str(), value["StringValue"].as_str()];
        std::iter::once(name.as_str()).chain(parts.into_iter().flatten())
    });
    message["MessageBody"].as_str().into_iter().chain(attributes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_a_size_a_delay_and_characters() {
        let message = |body: &str, delay_s: i64| json!({ "MessageBody": body, "DelaySeconds": delay_s });
        let refused = |message: &Value| of_message(message).map(|(code, _)| code);
        assert_eq!(refused(&message("{}", 900)), None);
        assert_eq!(refused(&message("{}", 901)), Some(INVALID));
        assert_eq!(refused(&message("", 0)), Some(INVALID));
        assert_eq!(refused(&message("a\u{1}", 0)), Some(INVALID_CONTENTS));
        assert_eq!(refused(&message(&"x".repeat(MESSAGE_MAX_BYTES), 0)), None);
        assert_eq!(refused(&message(&"x".repeat(MESSAGE_MAX_BYTES + 1), 0)), Some(INVALID));
        let mut with = message("{}", 0);
        with["MessageAttributes"] = json!({ "why": { "DataType": "String", "StringValue": "a\u{2}" } });
        assert_eq!(refused(&with), Some(INVALID_CONTENTS));
    }

    /// The requests of a sweep that fills a consumer's queue, and of a consumer that holds a message back or buries it.
    #[test]
    fn a_queue_takes_batches_holds_messages_back_and_keeps_dead_letters() {
        let mut rng = fastrand::Rng::with_seed(1);
        let world = crate::world::World::new(&crate::Plan::new(1, 0), crate::run::next_run());
        let mut state = world.cloud.state();
        let url = "https://sqs.example/1/orders-expire";
        let serve = |state: &mut State, operation: &str, url: &str, mut request: Value| {
            request["QueueUrl"] = url.into();
            let Answer::Is(status, body) = state.serve_sqs(operation, request.to_string().as_bytes()) else {
                panic!("no answer")
            };
            (status, serde_json::from_str::<Value>(&body).unwrap())
        };
        let entries = json!([
            { "Id": "a", "MessageBody": "{}" },
            { "Id": "b", "MessageBody": "\u{1}" },
            { "Id": "c", "MessageBody": "{}", "DelaySeconds": 900 },
        ]);
        let (status, answer) = serve(&mut state, "SendMessageBatch", url, json!({ "Entries": entries }));
        assert_eq!((status, answer["Successful"].as_array().unwrap().len()), (200, 2));
        assert_eq!((&answer["Failed"][0]["Id"], &answer["Failed"][0]["SenderFault"]), (&"b".into(), &true.into()));

        let (queue, _) = state.queues.by_url(url).unwrap();
        let now_ms = state.now_ms;
        let [message] = state.queues.receive(queue, now_ms, &mut rng).taken.try_into().unwrap();
        let change = |receipt: &str| json!({ "ReceiptHandle": receipt, "VisibilityTimeout": 3_600 });
        assert_eq!(serve(&mut state, "ChangeMessageVisibility", url, change(&message.receipt())).0, 200);
        assert_eq!(serve(&mut state, "ChangeMessageVisibility", url, change("0-1")).0, 400);
        assert_eq!(state.queues.next_visible_ms(), Some(now_ms + 900_000));
        assert!(state.queues.receive(queue, now_ms + 899_999, &mut rng).taken.is_empty());
        assert_eq!(state.queues.all[queue].messages[0].visible_at_ms, now_ms + 3_600_000);

        let reason = json!({ "DataType": "String", "StringValue": "retry: not yet" });
        let buried = json!({ "MessageBody": "{}", "MessageAttributes": { "reason": reason } });
        assert_eq!(serve(&mut state, "SendMessage", &format!("{url}-dlq"), buried).0, 200);
        assert_eq!(
            state.broken.iter().filter(|broken| broken.invariant != "I17").count(),
            0,
            "it is fit for its reason"
        );
        assert_eq!(state.queues.all[queue].dead.len(), 1);
        assert_eq!(
            serve(&mut state, "SendMessage", "https://sqs.example/1/nobody", json!({ "MessageBody": "{}" })).0,
            400
        );
    }

    #[test]
    fn a_batch_is_ten_messages_of_different_names_in_a_quarter_megabyte() {
        let entry = |id: usize, bytes: usize| json!({ "Id": id.to_string(), "MessageBody": "x".repeat(bytes) });
        let batch = |count: usize, bytes| (0..count).map(|id| entry(id, bytes)).collect::<Vec<_>>();
        assert_eq!(of_batch(&batch(10, 1)), None);
        for refused in [batch(0, 1), batch(11, 1), batch(2, MESSAGE_MAX_BYTES), vec![entry(1, 1), entry(1, 1)]] {
            assert!(of_batch(&refused).is_some());
        }
    }
}
