//! The bus and the queues behind it. Rules, batch sizes, visibility and retries come from the rows of steps, as in the
//! templates.

use std::collections::{BTreeMap, BTreeSet};

use contracts::{
    Row,
    row::{MESSAGE_RETENTION_S, Retry},
    timers::Due,
};
use fastrand::Rng;
use serde_json::{Value, json};

/// How often each function was invoked in the chain of invocations that a message belongs to: Lambda's `Lineage`.
pub(crate) type Lineage = BTreeMap<&'static str, u32>;

/// What the template says of a queue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// After so many receives a message is a dead letter.
    pub(crate) receives_max: u32,
    pub(crate) visibility_s: i64,
    /// From the first sending on.
    pub(crate) retention_s: i64,
}

/// As `infra/generator`'s `step` writes them.
pub(crate) fn terms(row: &Row) -> Terms {
    let retry = row.queue().map_or(Retry::STEP, |queue| queue.retry);
    Terms {
        receives_max: retry.receives_max(),
        visibility_s: i64::from(row.visibility_s()),
        retention_s: i64::from(MESSAGE_RETENTION_S),
    }
}

/// A message in a queue.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) id: u64,
    pub(crate) body: String,
    /// Kept when it becomes a dead letter.
    pub(crate) sent_ms: i64,
    pub(crate) visible_at_ms: i64,
    pub(crate) receives: u32,
    pub(crate) lineage: Lineage,
    /// Made unreadable on purpose.
    pub(crate) is_poison: bool,
}

impl Message {
    pub(crate) fn event(&self) -> Value {
        event_of(&self.body)
    }

    /// Another one with each receive.
    pub(crate) fn receipt(&self) -> String {
        format!("{}-{}", self.id, self.receives)
    }

    /// The timer that is due, where it is one's message.
    pub(crate) fn due(&self) -> Option<Due<String>> {
        serde_json::from_str(&self.body).ok()
    }

    /// Whose it is.
    pub(crate) fn tenant(&self) -> Option<String> {
        let body: Value = serde_json::from_str(&self.body).ok()?;
        let tenant = body["tenant_id"].as_str().or_else(|| body["detail"]["tenant_id"].as_str());
        tenant.map(str::to_owned)
    }

    /// In a few words.
    pub(crate) fn summary(&self) -> String {
        if let Some(due) = self.due() {
            return format!("the timer of {}", due.subject);
        }
        let event = self.event();
        let text = |name: &str| event[name].as_str().unwrap_or("?").to_owned();
        format!("{} of {}", text("type"), text("subject"))
    }
}

/// What a receive gives.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) taken: Vec<Message>,
    /// Those that became dead letters, because they had been received too often.
    pub(crate) dead: Vec<Message>,
}

/// The event in a message; null where there is none.
pub(crate) fn event_of(body: &str) -> Value {
    let mut body: Value = serde_json::from_str(body).unwrap_or_default();
    body.get_mut("detail").map(Value::take).unwrap_or_default()
}

pub(crate) struct Queue {
    pub(crate) row: &'static Row,
    terms: Terms,
    pub(crate) messages: Vec<Message>,
    pub(crate) dead: Vec<Message>,
}

pub(crate) struct Queues {
    pub(crate) all: Vec<Queue>,
    next_id: u64,
}

impl Queues {
    pub(crate) fn new() -> Self {
        let queue = |row| Queue { row, terms: terms(row), messages: vec![], dead: vec![] };
        Self { all: contracts::steps().into_iter().map(queue).collect(), next_id: 0 }
    }

    /// An event from the bus into the queues of all who want it.
    pub(crate) fn publish(&mut self, event_type: &str, source: &str, detail: &Value, now_ms: i64) {
        let wanted: Vec<usize> = (0..self.all.len()).filter(|at| self.all[*at].row.takes(event_type)).collect();
        for at in wanted {
            let body = json!({ "version": "0", "detail-type": event_type, "source": source, "detail": detail });
            self.send(at, body.to_string(), now_ms, 0, Lineage::new());
        }
    }

    pub(crate) fn send(&mut self, queue: usize, body: String, now_ms: i64, delay_s: i64, lineage: Lineage) -> u64 {
        let message = Message { lineage, ..self.message(body, now_ms, delay_s) };
        self.all[queue].messages.push(message);
        self.next_id
    }

    /// To a queue of dead letters.
    pub(crate) fn send_dead(&mut self, queue: usize, body: String, now_ms: i64, is_poison: bool) -> u64 {
        let message = self.message(body, now_ms, 0);
        self.all[queue].dead.push(Message { is_poison, ..message });
        self.next_id
    }

    pub(crate) fn message(&mut self, body: String, now_ms: i64, delay_s: i64) -> Message {
        self.next_id += 1;
        let visible_at_ms = now_ms + delay_s * 1_000;
        let lineage = Lineage::new();
        Message { id: self.next_id, body, sent_ms: now_ms, visible_at_ms, receives: 0, lineage, is_poison: false }
    }

    /// The queues that have something to give.
    pub(crate) fn with_visible(&self, now_ms: i64) -> Vec<usize> {
        let is_visible = |message: &Message| message.visible_at_ms <= now_ms;
        (0..self.all.len()).filter(|at| self.all[*at].messages.iter().any(is_visible)).collect()
    }

    /// The queue of that address (its name is its function's), and whether its dead letters are meant.
    pub(crate) fn by_url(&self, url: &str) -> Option<(usize, bool)> {
        let name = url.rsplit('/').next().unwrap_or_default();
        let (name, dead) = name.strip_suffix("-dlq").map_or((name, false), |name| (name, true));
        let at = self.all.iter().position(|queue| queue.row.function == name)?;
        Some((at, dead))
    }

    /// The message under way that this receipt is for.
    pub(crate) fn by_receipt(&mut self, queue: usize, receipt: &str) -> Option<&mut Message> {
        self.all[queue].messages.iter_mut().find(|message| message.receipt() == receipt)
    }

    /// Removes what is older than its queue keeps anything.
    pub(crate) fn outlived(&mut self, queue: usize, now_ms: i64) -> Vec<Message> {
        let queue = &mut self.all[queue];
        let oldest_ms = now_ms - queue.terms.retention_s * 1_000;
        queue.messages.extract_if(.., |message| message.sent_ms < oldest_ms).collect()
    }

    /// Makes a message a dead letter.
    pub(crate) fn bury(&mut self, queue: usize, id: u64) {
        let queue = &mut self.all[queue];
        queue.dead.extend(queue.messages.extract_if(.., |message| message.id == id));
    }

    /// Takes up to a batch of visible messages, any of them; those received too often go to the dead letters.
    pub(crate) fn receive(&mut self, queue: usize, now_ms: i64, rng: &mut Rng) -> Received {
        let queue = &mut self.all[queue];
        let terms = queue.terms;
        let hidden_until_ms = now_ms + terms.visibility_s * 1_000;
        let mut visible: Vec<usize> =
            (0..queue.messages.len()).filter(|at| queue.messages[*at].visible_at_ms <= now_ms).collect();
        rng.shuffle(&mut visible);
        let batch = queue.row.queue().map_or(1, |queue| queue.batch);
        visible.truncate(rng.usize(1..=usize::from(batch)));
        let mut taken = vec![];
        let mut dead = BTreeSet::new();
        for at in visible {
            let message = &mut queue.messages[at];
            if message.receives >= terms.receives_max {
                dead.insert(message.id);
                continue;
            }
            message.receives += 1;
            message.visible_at_ms = hidden_until_ms;
            taken.push(message.clone());
        }
        let dead: Vec<Message> = queue.messages.extract_if(.., |message| dead.contains(&message.id)).collect();
        queue.dead.extend(dead.iter().cloned());
        Received { taken, dead }
    }

    /// Removes a message that was dealt with.
    pub(crate) fn delete(&mut self, queue: usize, id: u64) {
        self.all[queue].messages.retain(|message| message.id != id);
    }

    /// When the next message can be seen; `None` when all queues are empty.
    pub(crate) fn next_visible_ms(&self) -> Option<i64> {
        self.all.iter().flat_map(|queue| &queue.messages).map(|message| message.visible_at_ms).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 24 * 3_600_000;

    #[test]
    fn a_message_that_nobody_holds_back_is_buried_by_its_queue_with_the_time_it_was_first_sent_at() {
        let (mut queues, mut rng) = (Queues::new(), Rng::with_seed(1));
        let (queue, _) = queues.by_url("https://sqs.example/1/orders-expire").unwrap();
        let terms = queues.all[queue].terms;
        assert_eq!(terms.receives_max, 588, "as the template says");
        queues.send(queue, "{}".into(), 0, 0, Lineage::new());
        let mut now_ms = 0;
        for times in 1..=terms.receives_max {
            let [message] = queues.receive(queue, now_ms, &mut rng).taken.try_into().unwrap();
            assert_eq!(message.receives, times);
            now_ms += terms.visibility_s * 1_000;
            assert!(queues.receive(queue, now_ms - 1, &mut rng).taken.is_empty(), "out of sight");
        }
        let Received { taken, dead } = queues.receive(queue, now_ms, &mut rng);
        assert_eq!((taken.len(), dead.len(), dead[0].sent_ms), (0, 1, 0));
    }

    #[test]
    fn a_queue_keeps_nothing_for_more_than_two_weeks() {
        let mut queues = Queues::new();
        queues.send(0, "{}".into(), 0, 0, Lineage::new());
        queues.send(0, "{}".into(), 1, 0, Lineage::new());
        assert!(queues.outlived(0, 14 * DAY_MS).is_empty());
        let gone = queues.outlived(0, 14 * DAY_MS + 1);
        assert_eq!((gone.len(), gone[0].sent_ms, queues.all[0].messages.len()), (1, 0, 1));
    }

    #[test]
    fn a_timer_calls_its_function_and_nobody_else() {
        let mut queues = Queues::new();
        let (expire, _) = queues.by_url("https://sqs.example/1/orders-expire").unwrap();
        let (audit, _) = queues.by_url("https://sqs.example/1/audit-on-event").unwrap();
        queues.publish("ORDER_CREATED", "selleasi.orders", &json!({ "tenant_id": "t" }), 0);
        assert!(queues.all[expire].messages.is_empty());
        assert_eq!(queues.all[audit].messages[0].tenant(), Some("t".to_owned()));
    }
}
