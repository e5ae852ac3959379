//! Timers as the database has them, the minutes at which the clock calls, and what must hold of both (I21).

use std::collections::BTreeMap;

use contracts::{Function, orders::Expire, payments::Reconcile};
use domain::{OrderId, order::OrderStatus, payment::Payment};
use serde_json::Value;
use store::TimerRecord;

use crate::{
    cloud::State,
    mirror::{Mirror, decode},
    queues::Message,
};

const MINUTE_MS: i64 = 60_000;
/// A due timer is in its function's queue by then, where the clock calls each minute and nobody is away.
const LATE_MS: i64 = 2 * MINUTE_MS;

#[derive(Debug, Default)]
pub(crate) struct Timers {
    /// By their keys.
    waiting: BTreeMap<(String, String), TimerRecord>,
    /// Every message that was sent to a timer's function: queue and body.
    pub(crate) sent: Vec<(usize, String)>,
    /// Since when the clock calls each minute; before that, steps say when.
    regular_since_ms: Option<i64>,
    last_tick_ms: i64,
    /// How far the clock of the function that sends timers is ahead.
    pub(crate) sweep_ahead_ms: i64,
}

/// Of the item, or of the key.
fn key_of(item: &Value) -> (String, String) {
    let text = |name: &str| item[name]["S"].as_str().unwrap().to_owned();
    (text("pk"), text("sk"))
}

impl Timers {
    pub(crate) fn remove(&mut self, key: &Value) {
        self.waiting.remove(&key_of(key));
    }

    fn has(&self, function: &str, subject: &str) -> bool {
        self.waiting.values().any(|timer| timer.function == function && timer.due.subject == subject)
    }

    /// When the clock calls next with something to do.
    pub(crate) fn next_tick_ms(&self) -> Option<i64> {
        let due_ms = self.waiting.values().map(|timer| timer.due.due_at.as_millisecond()).min()? - self.sweep_ahead_ms;
        let whole_minute = |ms: i64| (ms + MINUTE_MS - 1) / MINUTE_MS * MINUTE_MS;
        Some(whole_minute(due_ms).max(whole_minute(self.last_tick_ms + 1)))
    }

    /// From now on the clock calls each minute.
    pub(crate) fn begin_ticking(&mut self, now_ms: i64) {
        self.regular_since_ms.get_or_insert(now_ms);
    }

    /// Whether the clock calls now; if so, it has.
    pub(crate) fn ticks(&mut self, now_ms: i64) -> bool {
        let ticks = self.next_tick_ms().is_some_and(|tick_ms| tick_ms <= now_ms);
        if ticks {
            self.last_tick_ms = now_ms;
        }
        ticks
    }
}

impl State {
    /// A timer was set, or set again.
    pub(crate) fn timer_is_set(&mut self, item: &Value) {
        let timer = decode::<TimerRecord>(item).data;
        let (key, function, subject) = (key_of(item), timer.function.clone(), timer.due.subject.clone());
        self.timers.waiting.remove(&key);
        if self.timers.has(&function, &subject) {
            self.breaks("I21", format!("{subject} has two timers of {function}"));
        }
        self.timers.waiting.insert(key, timer);
    }

    /// Whoever writes that a payment is settled, with no refund under way, ends its timer with it.
    pub(crate) fn payment_is_written(&mut self, item: &Value) {
        let payment = decode::<Payment>(item).data;
        let order = payment.order_id.to_string();
        let is_over = payment.is_settled() && payment.live_refunds().next().is_none();
        if is_over && self.timers.has(Reconcile::ROW.function, &order) {
            self.breaks("I21", format!("the payment of {order} is over, and its timer goes on"));
        }
    }

    /// A message is put into a queue by a function: a timer's, for nobody else sends to queues.
    pub(crate) fn arrives(&mut self, queue: usize, message: &Message) {
        let Some(due) = message.due() else { return };
        self.timers.sent.push((queue, message.body.clone()));
        let ends = [self.timers.regular_since_ms, self.outages.end_ms(), self.capacity.end_ms()];
        let Some(since_ms) = ends[0] else { return };
        let since_ms = ends.into_iter().flatten().fold(since_ms, i64::max).max(due.due_at.as_millisecond());
        let (late_ms, what) = (self.now_ms - since_ms, message.summary());
        if late_ms > LATE_MS {
            let function = self.queues.all[queue].row.function;
            self.breaks("I21", format!("{function} gets {what} {} s late", late_ms / 1_000));
        }
    }
}

/// Orders that no longer wait for their payment, and whose windows' timers do: whoever moves an order on ends its timer
/// with it.
pub(crate) fn in_vain(timers: &Timers, mirror: &Mirror) -> Vec<String> {
    let of_windows = timers.waiting.values().filter(|timer| timer.function == Expire::ROW.function);
    let status = |timer: &TimerRecord| {
        let order: OrderId = timer.due.subject.parse().ok()?;
        Some(mirror.orders.get(&order)?.value.state.status())
    };
    let ended = of_windows.filter(|timer| status(timer) != Some(OrderStatus::Pending));
    ended.map(|timer| format!("{} is {:?}, and its window's timer goes on", timer.due.subject, status(timer))).collect()
}

#[cfg(test)]
mod tests {
    use domain::TenantId;
    use serde_json::json;

    use super::*;

    const SUBJECT: &str = "ord_01KDVDNA000QJS22HDXJ4G4Q61";

    fn timer(due_ms: i64) -> TimerRecord {
        let tenant = TenantId::from_ulid(crate::world::ulid(&mut fastrand::Rng::with_seed(1)));
        let due = json!({
            "tenant_id": tenant, "subject": SUBJECT, "correlation_id": "c",
            "due_at": domain::Timestamp::from_millisecond(due_ms).unwrap(),
            "since": domain::Timestamp::from_millisecond(0).unwrap(),
        });
        TimerRecord { function: Expire::ROW.function.to_owned(), due: serde_json::from_value(due).unwrap() }
    }

    fn waiting(due_ms: i64) -> Timers {
        Timers { waiting: [(("pk".into(), "sk".into()), timer(due_ms))].into(), ..Timers::default() }
    }

    #[test]
    fn the_clock_calls_at_whole_minutes_when_something_is_due() {
        assert_eq!(Timers::default().next_tick_ms(), None);
        let mut timers = waiting(60_001);
        assert_eq!(timers.next_tick_ms(), Some(120_000));
        assert!(!timers.ticks(119_999));
        assert!(timers.ticks(120_000));
        assert!(!timers.ticks(120_000), "once a minute");
        assert_eq!(timers.next_tick_ms(), Some(180_000), "it is due still");
    }

    #[test]
    fn a_window_that_is_watched_after_its_order_has_ended_is_found() {
        assert_eq!(in_vain(&waiting(0), &Mirror::default()).len(), 1);
    }

    #[test]
    fn a_late_timer_is_found_and_one_of_two_for_the_same() {
        let world = crate::world::World::new(&crate::Plan::new(1, 0), crate::run::next_run());
        let mut state = world.cloud.state();
        let (queue, _) = state.queues.by_url("https://sqs.example/1/orders-expire").unwrap();
        let now_ms = state.now_ms;
        let message = state.queues.message(serde_json::to_string(&timer(now_ms - LATE_MS - 1).due).unwrap(), now_ms, 0);
        state.arrives(queue, &message);
        assert_eq!(state.broken, [], "nobody said that the clock calls each minute");
        state.timers.begin_ticking(now_ms - LATE_MS);
        state.arrives(queue, &message);
        assert_eq!(state.broken, [], "it was late when the clock began to call");
        state.now_ms += 1;
        state.arrives(queue, &message);
        assert_eq!(state.broken.pop().map(|broken| broken.invariant), Some("I21"));

        let mut item = |pk: &str| {
            let data = serde_dynamo::to_attribute_value::<_, serde_dynamo::AttributeValue>(timer(0)).unwrap();
            let data = serde_json::to_value(data).unwrap();
            state
                .timer_is_set(&json!({ "pk": { "S": pk }, "sk": { "S": "s" }, "version": { "N": "1" }, "data": data }));
            state.broken.len()
        };
        assert_eq!((item("a"), item("a"), item("b")), (0, 0, 1));
    }
}
