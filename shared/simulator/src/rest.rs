//! Faults stop, and everything that is under way comes to its end; then every event of the run comes twice more, with the
//! consumers' inboxes forgotten.

use std::collections::{BTreeMap, BTreeSet};

use contracts::table::Table;
use domain::{OrderId, order::OrderStatus};
use fastrand::Rng;
use serde_json::{Value, json};
use testing::dynamo::PREFIX;

use crate::{
    queues::event_of,
    world::{World, everything},
};

/// Reconciliation gives up after three days; everything has ended within four.
const REST_WITHIN_MS: i64 = 96 * 3_600_000;
/// Messages dealt with until then, at the most: whatever sends itself on without end is found.
const DELIVERIES_MAX: usize = 20_000;

/// Consumers that know an event again by their inbox alone. It is kept longer than any queue keeps a message.
const INBOX_ONLY: [&str; 2] = ["audit-on-event", "inventory-on-order-returned"];

impl World {
    /// Lets everything come to its end. What does not, in four days, breaks I4.
    pub(crate) fn come_to_rest(&mut self, rng: &mut Rng) {
        self.cloud.state().faults.stop();
        let started_ms = self.cloud.state().now_ms;
        let (mut deliveries, mut redriven) = (0, false);
        loop {
            self.run_out(rng);
            while !self.cloud.state().stream.is_empty() {
                self.relay(rng);
                self.run_out(rng);
            }
            self.provider_ends_refunds();
            let (now_ms, next_ms) = {
                let state = self.cloud.state();
                (state.now_ms, state.queues.next_visible_ms())
            };
            let Some(next_ms) = next_ms else {
                // An operator looks once, and sends back what is no poison.
                if !std::mem::replace(&mut redriven, true) && self.cloud.state().queues.redrive(now_ms) > 0 {
                    continue;
                }
                return;
            };
            if next_ms > now_ms {
                self.cloud.state().now_ms = next_ms;
            }
            let now_ms = self.cloud.state().now_ms;
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

    fn run_out(&mut self, rng: &mut Rng) {
        while !self.flights.is_empty() {
            self.go_on(rng);
        }
    }

    fn provider_ends_refunds(&mut self) {
        for refund in self.cloud.provider.refunds() {
            if ["pending", "processing"].contains(&&*refund.status) {
                self.cloud.provider.move_refund(refund.id, "processed");
            }
        }
    }

    fn left_over(&self) -> String {
        let state = self.cloud.state();
        let left = state.queues.all.iter().filter(|queue| !queue.letters.is_empty());
        let left: Vec<_> = left.map(|queue| format!("{} of {}", queue.letters.len(), queue.row.function)).collect();
        left.join(", ")
    }

    /// I16, I14, I12 and I15, which are about what people and queues have seen.
    pub(crate) fn check_outcomes(&mut self) {
        let mut state = self.cloud.state();
        let dead: Vec<_> = state.queues.all.iter().flat_map(|queue| &queue.dead).cloned().collect();
        for letter in dead.iter().filter(|letter| !letter.is_poison) {
            let (event, body) = (letter.event()["type"].clone(), letter.body.len());
            state.breaks("I16", format!("a dead letter that is no poison: {event} ({body} bytes)"));
        }
        if dead.len() != self.poisoned as usize {
            let detail = format!("{} dead letters of {} poisoned ones", dead.len(), self.poisoned);
            state.breaks("I16", detail);
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

    /// I12 and I15 of sellers' refunds: each was made once, as it was answered, and no other was made.
    pub(crate) fn check_refunds(&mut self) {
        let mut found = vec![];
        let mut made: BTreeMap<(OrderId, i64), u32> = BTreeMap::new();
        for (order, payment) in &self.mirror.payments {
            for refund in &payment.value.refunds {
                *made.entry((*order, refund.amount.amount_minor)).or_default() += 1;
            }
        }
        for (at, request) in self.refunds.iter().enumerate() {
            let bodies: BTreeSet<_> = request.replies.iter().collect();
            if bodies.len() > 1 {
                found.push(("I12", format!("refund {at} was answered in {} ways", bodies.len())));
            }
            for body in bodies {
                let body: Value = serde_json::from_slice(body).unwrap();
                let refunds = &self.mirror.payments[&request.order].value.refunds;
                if !refunds.iter().any(|refund| body["id"] == refund.id.to_string()) {
                    found.push(("I15", format!("{} was answered with 201 and is not there", body["id"])));
                }
            }
            // What failed at the provider may have been what was left.
            let may_recur =
                self.refunds.iter().any(|other| other.order == request.order && other.amount_minor.is_none());
            let amount_minor = request.amount_minor.filter(|_| !may_recur);
            let times = amount_minor.and_then(|amount| made.get(&(request.order, amount)).copied());
            if let Some(times) = times.filter(|times| *times > 1) {
                found.push(("I12", format!("refund {at} was made {times} times")));
            }
        }
        for (order, payment) in &self.mirror.payments {
            let status = self.mirror.orders[order].value.state.status();
            if status == OrderStatus::Confirmed {
                let asked: BTreeSet<_> = self
                    .refunds
                    .iter()
                    .filter(|request| request.order == *order)
                    .filter_map(|r| r.amount_minor)
                    .collect();
                let settling = payment.value.captures.iter().find(|capture| capture.settles).unwrap();
                let of_it = payment.value.refunds.iter().filter(|refund| refund.reference == settling.reference);
                let unasked = of_it.filter(|refund| !asked.contains(&refund.amount.amount_minor));
                found.extend(
                    unasked.map(|refund| ("I8", format!("nobody asked to give back {} of {order}", refund.amount))),
                );
            }
        }
        let mut state = self.cloud.state();
        for (invariant, detail) in found {
            state.breaks(invariant, detail);
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
            let takers = state.queues.all.iter().filter(|queue| queue.takes(event_type));
            let id = event["id"].to_string();
            let without =
                takers.map(|queue| queue.row.function).filter(|taker| !reached.contains(&(*taker, id.clone())));
            missed.extend(without.map(|taker| format!("{event_type} {id} never reached {taker}")));
        }
        for detail in missed {
            state.breaks("I9", detail);
        }
    }

    /// Every event comes twice more to each of its consumers, whose inboxes have forgotten it; nothing may change.
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
                if INBOX_ONLY.contains(&queue.row.function) {
                    queue.letters.clear();
                }
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
