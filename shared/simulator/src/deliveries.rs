//! What AWS does by itself: events from the stream to the bus, messages from queues to their functions; and time passes.

use fastrand::Rng;

use crate::{faults::Fault, flights::Flight, world::World};

/// Records of the stream in one call.
const RELAYED_MAX: usize = 20;
const LULL_ROUNDS: usize = 12;

impl World {
    pub(crate) fn relay(&mut self, rng: &mut Rng) {
        let mut state = self.cloud.state();
        if state.stream.is_empty() {
            return;
        }
        let mut records = std::mem::take(&mut state.stream);
        rng.shuffle(&mut records);
        let kept = records.split_off(records.len().min(rng.usize(1..=RELAYED_MAX)));
        state.stream = kept;
        drop(state);
        let flight = Flight::relay(&self.cloud, &self.functions, records, rng);
        self.flights.push(flight);
    }

    pub(crate) fn deliver(&mut self, rng: &mut Rng) {
        let now_ms = self.now_ms();
        let queues = self.cloud.state().queues.with_visible(now_ms);
        let Some(queue) = rng.choice(queues) else { return };
        if self.strikes(Fault::Poison, rng) {
            let body = rng.choice(["", "{", "{\"detail\": {\"id\": \"evt_1\"}}"]).unwrap();
            self.poison(queue, body, now_ms);
        }
        self.deliver_from(queue, rng);
    }

    fn poison(&mut self, queue: usize, body: &str, now_ms: i64) {
        let mut state = self.cloud.state();
        let id = state.queues.send(queue, body.to_owned(), now_ms);
        for letter in state.queues.all[queue].letters.iter_mut().filter(|letter| letter.id == id) {
            letter.is_poison = true;
        }
        drop(state);
        self.poisoned += 1;
    }

    pub(crate) fn deliver_from(&mut self, queue: usize, rng: &mut Rng) {
        let mut state = self.cloud.state();
        let now_ms = state.now_ms;
        let letters = state.queues.receive(queue, now_ms, rng);
        if letters.is_empty() {
            return;
        }
        let function = state.queues.all[queue].row.function;
        for letter in &letters {
            let (event, times) = (letter.event(), letter.receives);
            state.tell(|| {
                let text = |name: &str| event[name].as_str().unwrap_or("?").to_owned();
                format!("{function} gets {} of {}, time {times}", text("type"), text("subject"))
            });
        }
        drop(state);
        let copies = 1 + usize::from(self.strikes(Fault::MessageTwice, rng));
        for _ in 0..copies {
            let flight = Flight::batch(&self.cloud, &self.functions, queue, letters.clone(), rng);
            self.flights.push(flight);
        }
    }

    pub(crate) fn redeliver(&mut self, rng: &mut Rng) {
        let Some((queue, body)) = rng.choice(self.dealt_with.iter().cloned()) else { return };
        if self.strikes(Fault::MessageAgain, rng) {
            let mut state = self.cloud.state();
            let (now_ms, function) = (state.now_ms, state.queues.all[queue].row.function);
            state.tell(|| format!("a message that {function} has dealt with will come again"));
            state.queues.send(queue, body, now_ms);
        }
    }

    /// All queues give what they have, at once, for more rounds than a sale has steps.
    pub(crate) fn lull(&mut self, rng: &mut Rng) {
        for _ in 0..LULL_ROUNDS {
            self.relay(rng);
            let now_ms = self.now_ms();
            let queues = self.cloud.state().queues.with_visible(now_ms);
            for queue in queues {
                self.deliver_from(queue, rng);
            }
            self.go_on_until_few(rng);
        }
    }

    pub(crate) fn wait(&mut self, rng: &mut Rng) {
        let s = match rng.u8(0..20) {
            0..10 => rng.i64(1..30),
            10..15 => rng.i64(60..400),
            _ => 960,
        };
        self.tell(|| format!("{s} seconds pass"));
        self.cloud.state().now_ms += s * 1_000;
    }
}
