//! Faults stop, and everything that is under way comes to its end; then every event and every timer of the run comes
//! twice more, with the consumers' inboxes forgotten.

use std::collections::{BTreeMap, BTreeSet};

use contracts::{events::Envelope, table::Table};
use domain::OrderId;
use fastrand::Rng;
use serde_json::{Value, json};
use testing::dynamo::PREFIX;

use crate::{
    grants,
    invariants::wished_refunds,
    queues::{Lineage, event_of},
    world::{World, everything},
};

/// Reconciliation gives up after three days, a message after one; everything has ended within four.
const REST_WITHIN_MS: i64 = 96 * 3_600_000;
/// Messages dealt with until then, at the most: whatever sends itself on without end is found.
const DELIVERIES_MAX: usize = 50_000;

/// The consumer that knows an event again by its inbox alone. It is kept longer than any queue keeps a message.
const INBOX_ONLY: &str = "audit-on-event";

impl World {
    /// Lets everything come to its end. What does not, in four days, breaks I4.
    pub(crate) fn come_to_rest(&mut self, rng: &mut Rng) {
        let started_ms = {
            let mut state = self.cloud.state();
            state.faults.stop();
            let now_ms = state.now_ms;
            state.timers.begin_ticking(now_ms);
            now_ms
        };
        let mut deliveries = 0;
        loop {
            self.run_out(rng);
            while !self.cloud.state().stream.is_empty() {
                self.relay(rng);
                self.run_out(rng);
            }
            self.provider_ends_refunds();
            let Some(now_ms) = self.wait_for_next(None, rng) else { return };
            let queues = self.cloud.state().queues.with_visible(now_ms);
            for queue in queues {
                self.deliver_from(queue, rng);
                self.run_out(rng);
                deliveries += 1;
            }
            if now_ms - started_ms > REST_WITHIN_MS || deliveries > DELIVERIES_MAX {
                let left = self.left_over();
                self.cloud.state().breaks("I4", format!("no rest within four days: {left}"));
                return;
            }
        }
    }

    /// Time passes until a message can be seen or the clock calls, and no longer than is said. The time then; `None`
    /// where nothing is waited for.
    pub(crate) fn wait_for_next(&mut self, or_ms: Option<i64>, rng: &mut Rng) -> Option<i64> {
        let (now_ms, ticks) = {
            let mut state = self.cloud.state();
            let nexts = [state.queues.next_visible_ms(), state.timers.next_tick_ms(), or_ms];
            let now_ms = nexts.into_iter().flatten().min()?.max(state.now_ms);
            state.now_ms = now_ms;
            (now_ms, state.timers.ticks(now_ms))
        };
        if ticks {
            self.tick(rng);
            self.run_out(rng);
        }
        Some(now_ms)
    }

    pub(crate) fn run_out(&mut self, rng: &mut Rng) {
        while !self.invocations.is_empty() {
            self.go_on(rng);
        }
    }

    pub(crate) fn provider_ends_refunds(&mut self) {
        for refund in self.cloud.provider.refunds() {
            if ["pending", "processing"].contains(&&*refund.status) {
                self.cloud.provider.move_refund(refund.id, "processed");
            }
        }
    }

    fn left_over(&self) -> String {
        let state = self.cloud.state();
        let left = state.queues.all.iter().filter(|queue| !queue.messages.is_empty());
        let left: Vec<_> = left.map(|queue| format!("{} of {}", queue.messages.len(), queue.row.function)).collect();
        left.join(", ")
    }

    /// I16, I14, I12 and I15, which are about what people and queues have seen.
    pub(crate) fn check_outcomes(&mut self) {
        let mut state = self.cloud.state();
        // One whose function dies after sending it there comes twice. What is no poison was looked at when it died (I18).
        let dead = state.queues.all.iter().flat_map(|queue| &queue.dead);
        let poison = dead.filter(|message| message.is_poison).count();
        if poison < self.poisoned as usize {
            state.breaks("I16", format!("{poison} dead letters of {} poisoned ones", self.poisoned));
        }
        let recorded = self.mirror.notifications.values().filter(|notification| notification.sent_at.is_some()).count();
        let (sent, doubts) = (state.mails, state.mail_doubts);
        if sent as usize > recorded + doubts as usize {
            let detail = format!("{sent} mails for {recorded} recorded notifications, with {doubts} times in doubt");
            state.breaks("I14", detail);
        }
        for (at, request) in self.requests.iter().enumerate() {
            let bodies: BTreeSet<_> = request.replies.iter().collect();
            if bodies.len() > 1 {
                state.breaks("I12", format!("request {at} was answered in {} ways", bodies.len()));
            }
            for body in bodies {
                let body: Value = serde_json::from_slice(body).unwrap();
                let id = body["id"].as_str().unwrap().to_owned();
                if !self.mirror.orders.contains_key(&id.parse().unwrap()) {
                    state.breaks("I15", format!("{id} was answered with 201 and is not there"));
                }
            }
        }
    }

    /// I12 and I15, of what moves goods: one answer to a wish, no more events than wishes, and what was promised is there.
    pub(crate) fn check_wishes(&mut self) {
        let mut wishes: BTreeMap<(&'static str, OrderId), usize> = BTreeMap::new();
        let refunds = wished_refunds(&self.mirror);
        let mut state = self.cloud.state();
        for (at, wish) in self.wishes.iter().enumerate() {
            *wishes.entry((wish.function, wish.order)).or_default() += 1;
            let bodies: BTreeSet<_> = wish.replies.iter().collect();
            if bodies.len() > 1 {
                state.breaks("I12", format!("wish {at} was answered in {} ways", bodies.len()));
            }
            let order = &self.mirror.orders[&wish.order].value;
            for body in bodies {
                let body: Value = serde_json::from_slice(body).unwrap();
                let id = body["id"].as_str().unwrap();
                let is_there = match wish.function {
                    "orders-request-return" => order.find_return(id.parse().unwrap()).is_some(),
                    "payments-refund" => refunds.get(&id.parse().unwrap()) == Some(&order.id),
                    _ => true,
                };
                if !is_there {
                    state.breaks("I15", format!("{id} of {} was answered with 201 and is not there", order.id));
                }
            }
        }
        for ((function, order), times) in wishes {
            let row = grants::row(function).unwrap();
            let id = order.to_string();
            // What other events caused is not of this request's making.
            let is_its = |event: &&Envelope<Value>| {
                event.data["order_id"] == id && event.causation_id.is_none() && row.emits.contains(&&*event.r#type)
            };
            let moves = self.mirror.outbox.values().filter(is_its).count();
            if moves > times {
                state
                    .breaks("I12", format!("{function} was asked {times} times for {order}, and did it {moves} times"));
            }
        }
    }

    /// I9: every event that was on the bus was dealt with by every consumer that takes it.
    pub(crate) fn check_reached(&mut self) {
        let mut state = self.cloud.state();
        let function = |queue: usize| state.queues.all[queue].row.function;
        let ids = self.dealt_with.iter().map(|(queue, body)| (function(*queue), event_of(body)["id"].clone()));
        let reached: BTreeSet<_> = ids.map(|(function, id)| (function, id.to_string())).collect();
        let mut missed = vec![];
        for (event_type, _, event) in &state.published {
            let takers = state.queues.all.iter().filter(|queue| queue.row.takes(event_type));
            let id = event["id"].to_string();
            let without =
                takers.map(|queue| queue.row.function).filter(|taker| !reached.contains(&(*taker, id.clone())));
            missed.extend(without.map(|taker| format!("{event_type} {id} never reached {taker}")));
        }
        for detail in missed {
            state.breaks("I9", detail);
        }
    }

    /// Every event comes twice more to each of its consumers, whose inboxes have forgotten it, and every timer to its
    /// function; nothing may change.
    pub(crate) fn replay(&mut self, rng: &mut Rng) {
        let before = everything(&self.cloud);
        let outbox_before = self.mirror.outbox.len();
        self.forget_inboxes();
        let published = self.cloud.state().published.clone();
        let mut seen = BTreeSet::new();
        for (event_type, source, detail) in published {
            if !seen.insert(detail["id"].to_string()) {
                continue;
            }
            let mut state = self.cloud.state();
            let now_ms = state.now_ms;
            for _ in 0..2 {
                state.queues.publish(&event_type, &source, &detail, now_ms);
            }
            for queue in &mut state.queues.all {
                if queue.row.function == INBOX_ONLY {
                    queue.messages.clear();
                }
            }
        }
        let timers = std::mem::take(&mut self.cloud.state().timers.sent);
        for (queue, body) in timers {
            let mut state = self.cloud.state();
            let now_ms = state.now_ms;
            for _ in 0..2 {
                state.queues.send(queue, body.clone(), now_ms, 0, Lineage::new());
            }
        }
        self.come_to_rest(rng);
        self.check();
        let after = everything(&self.cloud);
        let mut state = self.cloud.state();
        for changed in after.difference(&before).take(3) {
            state.breaks("I9", format!("an event that came again changed {changed}"));
        }
        if self.mirror.outbox.len() > outbox_before {
            let more: Vec<_> =
                self.mirror.outbox.values().skip(outbox_before).map(|event| event.r#type.clone()).collect();
            state.breaks("I9", format!("events that came again caused {more:?}"));
        }
    }

    fn forget_inboxes(&mut self) {
        for item in self.cloud.dynamo.items(Table::Requests) {
            if item["kind"]["S"] == "inbox" {
                let key = json!({ "pk": item["pk"], "sk": item["sk"] });
                let delete = json!({ "TableName": format!("{PREFIX}{}", Table::Requests.name()), "Key": key });
                let request = json!({ "TransactItems": [{ "Delete": delete }] });
                self.cloud.dynamo.execute("TransactWriteItems", request.to_string().as_bytes()).unwrap();
            }
        }
    }
}
