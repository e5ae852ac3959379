//! The bus and the queues behind it. Rules, delays, batch sizes and visibility come from the table of consumers, as in
//! the templates.

use std::collections::{BTreeMap, BTreeSet};

use contracts::{Consumer, table::Source};
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

/// As `gen/consumer.rs` writes them. Its queues say nothing of retention: SQS's default.
pub(crate) fn terms(row: &Consumer) -> Terms {
    const VISIBILITY_FACTOR: i64 = 6;
    Terms { receives_max: 5, visibility_s: i64::from(row.timeout_s) * VISIBILITY_FACTOR, retention_s: 4 * 24 * 3_600 }
}

/// A message in a queue.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
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

impl Letter {
    pub(crate) fn event(&self) -> Value {
        event_of(&self.body)
    }

    /// Another one with each receive.
    pub(crate) fn receipt(&self) -> String {
        format!("{}-{}", self.id, self.receives)
    }

    /// In a few words.
    pub(crate) fn summary(&self) -> String {
        let event = self.event();
        let text = |name: &str| event[name].as_str().unwrap_or("?").to_owned();
        format!("{} of {}", text("type"), text("subject"))
    }
}

/// What a receive gives.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) taken: Vec<Letter>,
    /// Those that became dead letters, because they had been received too often.
    pub(crate) dead: Vec<Letter>,
}

/// The event in a message; null where there is none.
pub(crate) fn event_of(body: &str) -> Value {
    let mut body: Value = serde_json::from_str(body).unwrap_or_default();
    body.get_mut("detail").map(Value::take).unwrap_or_default()
}

pub(crate) struct Queue {
    pub(crate) row: &'static Consumer,
    pub(crate) letters: Vec<Letter>,
    pub(crate) dead: Vec<Letter>,
}

impl Queue {
    pub(crate) fn takes(&self, event_type: &str) -> bool {
        match self.row.source {
            Source::Events { types, .. } => types.contains(&event_type),
            Source::AllEvents => true,
            Source::Outbox => false,
        }
    }
}

pub(crate) struct Queues {
    pub(crate) all: Vec<Queue>,
    next_id: u64,
}

impl Queues {
    pub(crate) fn new() -> Self {
        let rows = contracts::consumers().into_iter().filter(|row| row.source != Source::Outbox);
        let queue = |row| Queue { row, letters: vec![], dead: vec![] };
        Self { all: rows.map(queue).collect(), next_id: 0 }
    }

    /// An event from the bus into the queues of all who want it.
    pub(crate) fn publish(&mut self, event_type: &str, source: &str, detail: &Value, now_ms: i64) {
        let wanted: Vec<usize> = (0..self.all.len()).filter(|at| self.all[*at].takes(event_type)).collect();
        for at in wanted {
            let delay_s = match self.all[at].row.source {
                Source::Events { delay_s, .. } => i64::from(delay_s),
                _ => 0,
            };
            let body = json!({ "version": "0", "detail-type": event_type, "source": source, "detail": detail });
            self.send(at, body.to_string(), now_ms, delay_s, Lineage::new());
        }
    }

    pub(crate) fn send(&mut self, queue: usize, body: String, now_ms: i64, delay_s: i64, lineage: Lineage) -> u64 {
        let letter = self.letter(body, now_ms, delay_s, lineage);
        self.all[queue].letters.push(letter);
        self.next_id
    }

    /// To a queue of dead letters.
    pub(crate) fn send_dead(&mut self, queue: usize, body: String, now_ms: i64, is_poison: bool) -> u64 {
        let letter = self.letter(body, now_ms, 0, Lineage::new());
        self.all[queue].dead.push(Letter { is_poison, ..letter });
        self.next_id
    }

    fn letter(&mut self, body: String, now_ms: i64, delay_s: i64, lineage: Lineage) -> Letter {
        self.next_id += 1;
        let visible_at_ms = now_ms + delay_s * 1_000;
        Letter { id: self.next_id, body, sent_ms: now_ms, visible_at_ms, receives: 0, lineage, is_poison: false }
    }

    /// The queues that have something to give.
    pub(crate) fn with_visible(&self, now_ms: i64) -> Vec<usize> {
        let is_visible = |letter: &Letter| letter.visible_at_ms <= now_ms;
        (0..self.all.len()).filter(|at| self.all[*at].letters.iter().any(is_visible)).collect()
    }

    /// The queue of that address (its name is its function's), and whether its dead letters are meant.
    pub(crate) fn by_url(&self, url: &str) -> Option<(usize, bool)> {
        let name = url.rsplit('/').next().unwrap_or_default();
        let (name, dead) = name.strip_suffix("-dlq").map_or((name, false), |name| (name, true));
        let at = self.all.iter().position(|queue| queue.row.function == name)?;
        Some((at, dead))
    }

    /// The message under way that this receipt is for.
    pub(crate) fn by_receipt(&mut self, queue: usize, receipt: &str) -> Option<&mut Letter> {
        self.all[queue].letters.iter_mut().find(|letter| letter.receipt() == receipt)
    }

    /// Removes what is older than its queue keeps anything.
    pub(crate) fn outlived(&mut self, queue: usize, now_ms: i64) -> Vec<Letter> {
        let queue = &mut self.all[queue];
        let oldest_ms = now_ms - terms(queue.row).retention_s * 1_000;
        queue.letters.extract_if(.., |letter| letter.sent_ms < oldest_ms).collect()
    }

    /// Makes a message a dead letter.
    pub(crate) fn bury(&mut self, queue: usize, id: u64) {
        let queue = &mut self.all[queue];
        queue.dead.extend(queue.letters.extract_if(.., |letter| letter.id == id));
    }

    /// Takes up to a batch of visible messages, any of them; those received too often go to the dead letters.
    pub(crate) fn receive(&mut self, queue: usize, now_ms: i64, rng: &mut Rng) -> Received {
        let queue = &mut self.all[queue];
        let terms = terms(queue.row);
        let hidden_until_ms = now_ms + terms.visibility_s * 1_000;
        let mut visible: Vec<usize> =
            (0..queue.letters.len()).filter(|at| queue.letters[*at].visible_at_ms <= now_ms).collect();
        rng.shuffle(&mut visible);
        visible.truncate(rng.usize(1..=usize::from(queue.row.batch)));
        let mut taken = vec![];
        let mut dead = BTreeSet::new();
        for at in visible {
            let letter = &mut queue.letters[at];
            if letter.receives >= terms.receives_max {
                dead.insert(letter.id);
                continue;
            }
            letter.receives += 1;
            letter.visible_at_ms = hidden_until_ms;
            taken.push(letter.clone());
        }
        let dead: Vec<Letter> = queue.letters.extract_if(.., |letter| dead.contains(&letter.id)).collect();
        queue.dead.extend(dead.iter().cloned());
        Received { taken, dead }
    }

    /// Removes a message that was dealt with.
    pub(crate) fn delete(&mut self, queue: usize, id: u64) {
        self.all[queue].letters.retain(|letter| letter.id != id);
    }

    /// An operator sends dead letters back, but for those that are truly poison. How many.
    pub(crate) fn redrive(&mut self, now_ms: i64) -> usize {
        let mut redriven = 0;
        for queue in &mut self.all {
            let (poison, rest): (Vec<_>, Vec<_>) =
                std::mem::take(&mut queue.dead).into_iter().partition(|letter| letter.is_poison);
            queue.dead = poison;
            redriven += rest.len();
            queue.letters.extend(rest.into_iter().map(|letter| Letter {
                receives: 0,
                sent_ms: now_ms,
                visible_at_ms: now_ms,
                ..letter
            }));
        }
        redriven
    }

    /// When the next message can be seen; `None` when all queues are empty.
    pub(crate) fn next_visible_ms(&self) -> Option<i64> {
        self.all.iter().flat_map(|queue| &queue.letters).map(|letter| letter.visible_at_ms).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 24 * 3_600_000;

    #[test]
    fn a_message_is_received_five_times_and_buried_with_the_time_it_was_first_sent_at() {
        let (mut queues, mut rng) = (Queues::new(), Rng::with_seed(1));
        let (queue, _) = queues.by_url("https://sqs.example/orders-expire").unwrap();
        let terms = terms(queues.all[queue].row);
        queues.send(queue, "{}".into(), 0, 0, Lineage::new());
        let mut now_ms = 0;
        for times in 1..=terms.receives_max {
            let [letter] = queues.receive(queue, now_ms, &mut rng).taken.try_into().unwrap();
            assert_eq!(letter.receives, times);
            now_ms += terms.visibility_s * 1_000;
            assert!(queues.receive(queue, now_ms - 1, &mut rng).taken.is_empty(), "out of sight");
        }
        let Received { taken, dead } = queues.receive(queue, now_ms, &mut rng);
        assert_eq!((taken.len(), dead.len(), dead[0].sent_ms), (0, 1, 0));
        assert_eq!((queues.redrive(now_ms), queues.all[queue].letters[0].sent_ms), (1, now_ms));
    }

    #[test]
    fn a_queue_keeps_nothing_for_more_than_four_days() {
        let mut queues = Queues::new();
        queues.send(0, "{}".into(), 0, 0, Lineage::new());
        queues.send(0, "{}".into(), 1, 0, Lineage::new());
        assert!(queues.outlived(0, 4 * DAY_MS).is_empty());
        let gone = queues.outlived(0, 4 * DAY_MS + 1);
        assert_eq!((gone.len(), gone[0].sent_ms, queues.all[0].letters.len()), (1, 0, 1));
    }
}
