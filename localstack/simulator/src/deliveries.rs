//! What AWS does by itself: events from the stream to the bus, messages from queues to their functions; and time passes.

use fastrand::Rng;

use crate::{
    cloud::State,
    faults::Fault,
    grants,
    invocations::Invocation,
    limits::{DEAD_AFTER_MS, INVOCATIONS_MAX, Limit},
    queues::{Lineage, Message, Received},
    world::World,
};

const RELAY: &str = "platform-outbox-relay";
/// The function that the clock calls.
pub(crate) const SWEEP: &str = "platform-sweep-timers";
/// Records of the stream in one call.
const RELAYED_MAX: usize = 20;
const LULL_ROUNDS: usize = 12;

impl World {
    pub(crate) fn relay(&mut self, rng: &mut Rng) {
        if self.cloud.state().stream.is_empty() || !self.has_room(RELAY, rng) {
            return;
        }
        let mut state = self.cloud.state();
        let mut records = std::mem::take(&mut state.stream);
        rng.shuffle(&mut records);
        let kept = records.split_off(records.len().min(rng.usize(1..=RELAYED_MAX)));
        state.stream = kept;
        drop(state);
        let invocation = Invocation::relay(&self.cloud, &self.functions, grants::row(RELAY).unwrap(), records, rng);
        self.invocations.push(invocation);
    }

    pub(crate) fn deliver(&mut self, rng: &mut Rng) {
        let now_ms = self.now_ms();
        let queues = self.cloud.state().queues.with_visible(now_ms);
        let Some(queue) = rng.choice(queues) else { return };
        if self.strikes(Fault::Poison, rng) {
            let body = rng.choice(["?", "{", "{\"detail\": {\"id\": \"evt_1\"}}"]).unwrap();
            self.poison(queue, body, now_ms);
        }
        self.deliver_from(queue, rng);
    }

    fn poison(&mut self, queue: usize, body: &str, now_ms: i64) {
        let mut state = self.cloud.state();
        let id = state.queues.send(queue, body.to_owned(), now_ms, 0, Lineage::new());
        for message in state.queues.all[queue].messages.iter_mut().filter(|message| message.id == id) {
            message.is_poison = true;
        }
        drop(state);
        self.poisoned += 1;
    }

    pub(crate) fn deliver_from(&mut self, queue: usize, rng: &mut Rng) {
        let row = self.cloud.state().queues.all[queue].row;
        let calls_max = self.cloud.state().capacity.calls_max(row);
        if calls_max > 0 && self.under_way(row.function) >= calls_max {
            return;
        }
        let messages = self.cloud.state().receive(queue, rng);
        if messages.is_empty() {
            return;
        }
        let copies = 1 + usize::from(self.strikes(Fault::MessageTwice, rng));
        for _ in 0..copies {
            // The receive is spent, and the messages stay out of sight as if they had been dealt with.
            if !self.has_room(row.function, rng) {
                continue;
            }
            let invocation = Invocation::batch(&self.cloud, &self.functions, queue, messages.clone(), rng);
            self.invocations.push(invocation);
        }
    }

    pub(crate) fn redeliver(&mut self, rng: &mut Rng) {
        let Some((queue, body)) = rng.choice(self.dealt_with.iter().cloned()) else { return };
        if self.strikes(Fault::MessageAgain, rng) {
            let mut state = self.cloud.state();
            let (now_ms, function) = (state.now_ms, state.queues.all[queue].row.function);
            state.tell(|| format!("a message that {function} has dealt with will come again"));
            state.queues.send(queue, body, now_ms, 0, Lineage::new());
        }
    }

    /// The clock calls the function that sends timers, a minute after the last time.
    pub(crate) fn tick(&mut self, rng: &mut Rng) {
        // One ends before the next begins: its time is shorter than a minute.
        if self.under_way(SWEEP) > 0 || !self.has_room(SWEEP, rng) {
            return;
        }
        let invocation = Invocation::tick(&self.cloud, &self.functions, grants::row(SWEEP).unwrap(), rng);
        self.invocations.push(invocation);
    }

    fn under_way(&self, function: &str) -> usize {
        self.invocations.iter().filter(|invocation| invocation.function == function).count()
    }

    /// Whether an execution of a function can start.
    pub(crate) fn has_room(&self, function: &str, rng: &mut Rng) -> bool {
        let under_way = self.invocations.iter().map(|invocation| invocation.function);
        let mut state = self.cloud.state();
        let now_ms = state.now_ms;
        let has_room = state.capacity.has_room(function, under_way, now_ms, rng);
        if !has_room {
            state.tell(|| format!("    {function} is throttled"));
        }
        has_room
    }

    /// All queues give what they have, at once, for more rounds than a sale has steps.
    pub(crate) fn lull(&mut self, rng: &mut Rng) {
        for _ in 0..LULL_ROUNDS {
            self.relay(rng);
            self.tick(rng);
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

impl State {
    /// What Lambda's poller takes from a queue and gives to the function; and what became of messages in between.
    fn receive(&mut self, queue: usize, rng: &mut Rng) -> Vec<Message> {
        let (now_ms, function) = (self.now_ms, self.queues.all[queue].row.function);
        if self.limits.contains(&Limit::Retention) {
            for message in self.queues.outlived(queue, now_ms) {
                self.breaks("I17", format!("AWS: {function}'s queue has lost {}: too old", message.summary()));
            }
        }
        let Received { mut taken, dead } = self.queues.receive(queue, now_ms, rng);
        for message in dead {
            self.buried(function, &message, now_ms);
            if message.is_poison {
                self.breaks("I16", format!("{function} never put {} aside", message.body));
            }
        }
        if self.limits.contains(&Limit::Loops) {
            let is_loop = |message: &mut Message| message.lineage.get(function) >= Some(&INVOCATIONS_MAX);
            for message in taken.extract_if(.., is_loop) {
                self.queues.bury(queue, message.id);
                let (what, after) = (message.summary(), INVOCATIONS_MAX);
                let detail = format!("AWS: loop detection stopped {function} after {after} rounds: {what}");
                self.tell(|| detail.clone());
                self.breaks("I17", detail);
            }
        }
        for message in &taken {
            self.tell(|| format!("{function} gets {}, time {}", message.summary(), message.receives));
        }
        taken
    }

    /// I18, by the clock of who buries it.
    pub(crate) fn buried(&mut self, function: &str, message: &Message, now_ms: i64) {
        let (age_s, times) = ((now_ms - message.sent_ms) / 1_000, message.receives);
        let detail =
            format!("{} is a dead letter of {function}, {age_s} s old, received {times} times", message.summary());
        self.tell(|| detail.clone());
        if self.limits.contains(&Limit::DeadLetters) && !message.is_poison && age_s * 1_000 < DEAD_AFTER_MS {
            self.breaks("I18", detail);
        }
    }

    /// I20.
    pub(crate) fn wasted(&mut self, function: &str, message: &Message) {
        if self.limits.contains(&Limit::Receives) {
            let (what, times) = (message.summary(), message.receives);
            self.breaks(
                "I20",
                format!("{function} did nothing with {what}, received {times} times, and nothing was wrong"),
            );
        }
    }
}
