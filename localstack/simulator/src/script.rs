//! A run in which people do what is written, at the second that is written, and AWS does its part in between. Nothing
//! goes wrong by chance: services are away for as long as is written, and every limit holds.

use std::collections::BTreeSet;

use domain::{
    OrderId,
    order::{CancelReason, OrderStatus},
};
use fastrand::Rng;
use serde_json::json;
use testing::TestRequest;

use crate::{
    capacity::Flood,
    guards::Guard,
    limits::{CONCURRENCY, Limit},
    outages::Service,
    plan::{Plan, Setting, mix},
    provider::charge_succeeded,
    run::{Report, finish, next_run},
    world::{Asked, START_MS, World},
};

/// The relay's stream gives a batch again by and by; here after a minute.
const STREAM_AGAIN_MS: i64 = 60_000;
/// The goods that there is plenty of.
const COMMON: usize = 2;

/// What somebody does, or what happens. Orders are numbered from 0, as they were placed.
#[derive(Debug, Clone)]
pub enum Act {
    /// A buyer of the first shop orders one of the common goods.
    Order {
        buyer: usize,
        coupon: bool,
    },
    /// The buyer asks where to pay, once more.
    AskWhereToPay(usize),
    Decline(usize),
    /// The buyer pays at the provider, which calls, or forgets to.
    Pay {
        order: usize,
        webhook: bool,
    },
    /// The team cancels the order.
    Cancel(usize),
    /// From now on, for so long.
    Away {
        service: Service,
        for_s: i64,
    },
    /// From now on, for so long: requests for a function, each of which takes it so many milliseconds.
    Flood {
        function: &'static str,
        rps: usize,
        ms: usize,
        for_s: i64,
    },
    /// From now on the clock of the function that sends due timers is ahead.
    SweepAhead {
        by_s: i64,
    },
    /// Somebody looks at the first shop's catalogue, a hundred to the page.
    ListProducts,
}

/// A run to be made.
#[derive(Debug, Clone)]
pub struct Script {
    pub seed: u64,
    pub limits: BTreeSet<Limit>,
    pub concurrency: usize,
    /// As [`Plan::reserved`].
    pub reserved: usize,
    /// As [`Plan::off`].
    pub off: BTreeSet<Guard>,
    pub setting: Setting,
    /// By the second they happen at.
    pub acts: Vec<(i64, Act)>,
    /// The state each order must end in; as many of the first as are given.
    pub ends: Vec<OrderStatus>,
}

impl Script {
    pub fn new(acts: impl Into<Vec<(i64, Act)>>, ends: impl Into<Vec<OrderStatus>>) -> Self {
        let (acts, ends) = (acts.into(), ends.into());
        Self {
            seed: 1,
            limits: Limit::ALWAYS.into(),
            concurrency: CONCURRENCY,
            reserved: 0,
            off: BTreeSet::new(),
            setting: Setting::default(),
            acts,
            ends,
        }
    }

    /// A sale as a seed decides: how long the window is, who is away and how long, how often a card is declined, and
    /// whether money comes in time, late or never.
    pub fn drawn(seed: u64) -> Self {
        let mut rng = Rng::with_seed(mix(seed, u64::MAX - 3));
        let window_s = [900, 900, 3_600, 6 * 3_600, 24 * 3_600][rng.usize(0..5)];
        let mut acts = vec![(0, Act::Order { buyer: rng.usize(0..4), coupon: rng.bool() })];
        if rng.bool() {
            let service = [Service::Provider, Service::Mail, Service::Database, Service::Bus][rng.usize(0..4)];
            let for_s = [60, 300, 1_800, 7_200][rng.usize(0..4)];
            acts.push((rng.i64(0..600), Act::Away { service, for_s }));
        }
        for _ in 0..rng.usize(0..3) {
            acts.push((rng.i64(30..300), Act::Decline(0)));
        }
        let window = i64::from(window_s);
        let paid_s = match rng.u8(0..4) {
            0 => None,
            1 => Some(window + rng.i64(600..48 * 3_600)),
            _ => Some(rng.i64(300..window)),
        };
        if let Some(at_s) = paid_s {
            acts.push((at_s - 5, Act::AskWhereToPay(0)));
            acts.push((at_s, Act::Pay { order: 0, webhook: rng.bool() }));
        }
        acts.sort_by_key(|(at_s, _)| *at_s);
        let setting = Setting { payment_window_s: window_s, ..Setting::default() };
        Self { seed, setting, ..Self::new(acts, []) }
    }
}

/// Makes the run, and tells it.
pub fn play(script: &Script) -> Report {
    let plan = Plan {
        faults: BTreeSet::new(),
        limits: script.limits.clone(),
        concurrency: script.concurrency,
        reserved: script.reserved,
        off: script.off.clone(),
        setting: script.setting,
        told: true,
        ..Plan::new(script.seed, 0)
    };
    let mut world = World::new(&plan, next_run());
    let mut rng = Rng::with_seed(mix(script.seed, u64::MAX - 4));
    let mut in_time = BTreeSet::new();
    for (at_s, act) in &script.acts {
        world.live_until(START_MS + at_s * 1_000, &mut rng);
        world.act(act, &mut in_time, &mut rng);
        world.check();
    }
    let end_ms = {
        let state = world.cloud.state();
        state.outages.end_ms().max(state.capacity.end_ms()).unwrap_or(state.now_ms)
    };
    world.live_until(end_ms, &mut rng);
    world.come_to_rest(&mut rng);
    world.check();
    world.check_at_rest();
    world.check_ends(&script.ends, &in_time);
    finish(world, Report::default())
}

impl World {
    /// What AWS does by itself, up to a moment.
    fn live_until(&mut self, until_ms: i64, rng: &mut Rng) {
        loop {
            self.run_out(rng);
            let is_stuck = self.relay_all(rng);
            self.provider_ends_refunds();
            self.check();
            let next_ms = {
                let mut state = self.cloud.state();
                let now_ms = state.now_ms;
                state.timers.begin_ticking(now_ms);
                let again_ms = is_stuck.then_some(now_ms + STREAM_AGAIN_MS);
                let nexts = [state.queues.next_visible_ms(), state.timers.next_tick_ms(), again_ms];
                let next_ms = nexts.into_iter().flatten().min().filter(|next_ms| *next_ms <= until_ms);
                if next_ms.is_none() {
                    state.now_ms = now_ms.max(until_ms);
                    return;
                }
                again_ms
            };
            let Some(now_ms) = self.wait_for_next(next_ms, rng) else { return };
            let queues = self.cloud.state().queues.with_visible(now_ms);
            for queue in queues {
                self.deliver_from(queue, rng);
                self.run_out(rng);
            }
        }
    }

    /// Gives the stream's records to the relay. Whether some are left, because they do not get through.
    fn relay_all(&mut self, rng: &mut Rng) -> bool {
        loop {
            let before = self.cloud.state().stream.len();
            if before == 0 {
                return false;
            }
            self.relay(rng);
            self.run_out(rng);
            if self.cloud.state().stream.len() >= before {
                return true;
            }
        }
    }

    fn act(&mut self, act: &Act, in_time: &mut BTreeSet<OrderId>, rng: &mut Rng) {
        self.tell(|| format!("{act:?}"));
        match act {
            Act::Order { buyer, coupon } => self.order(*buyer, *coupon, rng),
            Act::AskWhereToPay(order) => {
                if let Some(order) = self.mirror.placed.get(*order).copied() {
                    let (shop, buyer) = self.whose(order);
                    let key = format!("start-{}", rng.u64(..));
                    let raw = TestRequest::new().by(&self.shops[shop].buyers[buyer]).key(&key).path("id", order);
                    self.call("payments-start", raw.into_raw(), Asked::Other, rng);
                }
            }
            Act::Decline(order) => {
                if let Some(charge) = self.mirror.placed.get(*order).and_then(|order| self.open_charge(*order)) {
                    self.cloud.provider.decline(&charge.reference);
                }
            }
            Act::Pay { order, webhook } => in_time.extend(self.pay_order(*order, *webhook, rng)),
            Act::Cancel(order) => {
                if let Some(order) = self.mirror.placed.get(*order).copied() {
                    let (shop, _) = self.whose(order);
                    let raw = TestRequest::new().by(&self.shops[shop].owner).key("cancel").path("id", order);
                    self.call("orders-cancel", raw.into_raw(), Asked::Other, rng);
                }
            }
            Act::Away { service, for_s } => {
                let mut state = self.cloud.state();
                let until_ms = state.now_ms + for_s * 1_000;
                state.outages.begin(*service, until_ms);
            }
            Act::Flood { function, rps, ms, for_s } => {
                let mut state = self.cloud.state();
                let until_ms = state.now_ms + for_s * 1_000;
                state.capacity.begin(Flood { function, rps: *rps, ms: *ms, until_ms });
            }
            Act::SweepAhead { by_s } => self.cloud.state().timers.sweep_ahead_ms = by_s * 1_000,
            Act::ListProducts => {
                let shop = &self.shops[0];
                let raw = TestRequest::new().store(shop.slug).query("limit=100").into_raw();
                self.call("products-list", raw, Asked::Own, rng);
            }
        }
        self.run_out(rng);
    }

    fn order(&mut self, buyer: usize, coupon: bool, rng: &mut Rng) {
        let at = &self.shops[0];
        let (product, variant) = at.goods[COMMON];
        let body = json!({ "product_id": product, "variant_id": variant, "quantity": 1 });
        let raw = TestRequest::new().by(&at.buyers[buyer]).store(at.slug).json(body).into_raw();
        self.call("carts-add", raw, Asked::Other, rng);
        self.run_out(rng);
        if coupon {
            self.put_coupon(0, buyer, rng);
            self.run_out(rng);
        }
        let at = self.new_request(0, buyer, rng);
        self.send(at, 1, rng);
    }

    /// The order, if its window was still open.
    fn pay_order(&mut self, order: usize, webhook: bool, rng: &mut Rng) -> Option<OrderId> {
        let order = *self.mirror.placed.get(order)?;
        let Some(charge) = self.open_charge(order) else {
            self.tell(|| format!("the buyer of {order} is told nowhere to pay"));
            return None;
        };
        self.cloud.provider.pay_amount(&charge.reference, charge.requested_minor, "NGN");
        if webhook {
            let charges = self.cloud.provider.charges();
            let paid = charges.iter().find(|found| found.reference == charge.reference)?;
            let webhook = charge_succeeded(paid);
            self.hook(webhook.body, &webhook.signature, Asked::Other, rng);
        }
        let expires_at = self.mirror.orders[&order].value.expires_at;
        (self.now_ms() < expires_at.as_millisecond()).then_some(order)
    }

    /// I19: money that came in time buys, unless somebody takes the order back; and what the script says. An order with
    /// a coupon is bought only where it is seen in time (decision 0009), which the script must say.
    fn check_ends(&mut self, ends: &[OrderStatus], in_time: &BTreeSet<OrderId>) {
        let mut state = self.cloud.state();
        for order in in_time {
            let held = &self.mirror.orders[order].value;
            let (status, reason) = (held.state.status(), held.cancel_reason());
            let is_taken_back = matches!(reason, Some(CancelReason::Buyer | CancelReason::Staff));
            if status != OrderStatus::Confirmed && !is_taken_back && held.coupon.is_none() {
                state.breaks("I19", format!("{order} was paid in time, and ended {}", status.name()));
            }
        }
        for (at, wanted) in ends.iter().enumerate() {
            let order = self.mirror.placed.get(at).map(|order| &self.mirror.orders[order].value);
            let status = order.map_or("nowhere", |order| order.state.status().name());
            if status != wanted.name() {
                state.breaks("end", format!("order {} ended {status}, not {}", at + 1, wanted.name()));
            }
        }
    }
}
