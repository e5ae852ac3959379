//! The bus and the queues behind it. Rules, delays, batch sizes and visibility come from the table of consumers, as in
//! the templates.

use std::collections::BTreeSet;

use contracts::{Consumer, table::Source};
use fastrand::Rng;
use serde_json::{Value, json};

/// As in the templates: after so many receives a message is a dead letter.
pub(crate) const RECEIVES_MAX: u32 = 5;
/// As in the templates: of a function's timeout.
const VISIBILITY_FACTOR: i64 = 6;

/// A message in a queue.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    pub(crate) id: u64,
    pub(crate) body: String,
    pub(crate) visible_at_ms: i64,
    pub(crate) receives: u32,
    /// Made unreadable on purpose.
    pub(crate) is_poison: bool,
}

impl Letter {
    pub(crate) fn event(&self) -> Value {
        event_of(&self.body)
    }
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
            self.send(at, body.to_string(), now_ms + delay_s * 1_000);
        }
    }

    pub(crate) fn send(&mut self, queue: usize, body: String, visible_at_ms: i64) -> u64 {
        self.next_id += 1;
        let letter = Letter { id: self.next_id, body, visible_at_ms, receives: 0, is_poison: false };
        self.all[queue].letters.push(letter);
        self.next_id
    }

    /// The queues that have something to give.
    pub(crate) fn with_visible(&self, now_ms: i64) -> Vec<usize> {
        let is_visible = |letter: &Letter| letter.visible_at_ms <= now_ms;
        (0..self.all.len()).filter(|at| self.all[*at].letters.iter().any(is_visible)).collect()
    }

    pub(crate) fn by_function(&self, function: &str) -> Option<usize> {
        self.all.iter().position(|queue| queue.row.function == function)
    }

    /// Takes up to a batch of visible messages, any of them; those received too often go to the dead letters.
    pub(crate) fn receive(&mut self, queue: usize, now_ms: i64, rng: &mut Rng) -> Vec<Letter> {
        let queue = &mut self.all[queue];
        let hidden_until_ms = now_ms + i64::from(queue.row.timeout_s) * VISIBILITY_FACTOR * 1_000;
        let mut visible: Vec<usize> =
            (0..queue.letters.len()).filter(|at| queue.letters[*at].visible_at_ms <= now_ms).collect();
        rng.shuffle(&mut visible);
        visible.truncate(rng.usize(1..=usize::from(queue.row.batch)));
        let mut taken = vec![];
        let mut dead = BTreeSet::new();
        for at in visible {
            let letter = &mut queue.letters[at];
            if letter.receives >= RECEIVES_MAX {
                dead.insert(letter.id);
                continue;
            }
            letter.receives += 1;
            letter.visible_at_ms = hidden_until_ms;
            taken.push(letter.clone());
        }
        let (gone, kept) = std::mem::take(&mut queue.letters).into_iter().partition(|letter| dead.contains(&letter.id));
        queue.letters = kept;
        queue.dead.extend::<Vec<Letter>>(gone);
        taken
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
