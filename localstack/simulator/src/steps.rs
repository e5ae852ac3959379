//! Taking a step: which of the others a kind of step is, and what they share.

use domain::OrderId;
use fastrand::Rng;
use runtime::http::RawRequest;

use crate::{
    faults::Fault,
    grants,
    invocations::Invocation,
    plan::Kind,
    world::{Asked, World},
};

/// People concern themselves with their latest orders.
pub(crate) const LATEST: usize = 12;
/// So many functions are under way at once at the most; then some go on before more are called.
const FLIGHTS_MAX: usize = 8;
const RESUMES_MAX: usize = 9;

impl World {
    /// Takes a step; then some of the functions under way go on a little.
    pub(crate) fn step(&mut self, kind: Kind, rng: &mut Rng) {
        match kind {
            Kind::Shop => self.shop(rng),
            Kind::Place => self.place(rng),
            Kind::StartPayment => self.start_payment(rng),
            Kind::Pay => self.pay(rng),
            Kind::Decline => self.decline(rng),
            Kind::Webhook => self.webhook(rng),
            Kind::MoveRefund => self.move_refund(rng),
            Kind::Cancel => self.cancel(rng),
            Kind::Fulfil => self.fulfil(rng),
            Kind::Return => self.give_back(rng),
            Kind::Decide => self.decide(rng),
            Kind::Refund => self.refund(rng),
            Kind::Adjust => self.adjust(rng),
            Kind::ChangePrice => self.change_price(rng),
            Kind::ChangeCoupon => self.change_coupon(rng),
            Kind::Look => self.look(rng),
            Kind::Relay => self.relay(rng),
            Kind::Tick => self.tick(rng),
            Kind::Deliver => self.deliver(rng),
            Kind::Redeliver => self.redeliver(rng),
            Kind::Kill => self.kill(rng),
            Kind::Wait => self.wait(rng),
            Kind::Lull => self.lull(rng),
        }
        self.put_coupons(rng);
        for _ in 0..rng.usize(0..RESUMES_MAX) {
            self.go_on(rng);
        }
        self.go_on_until_few(rng);
    }

    pub(crate) fn go_on_until_few(&mut self, rng: &mut Rng) {
        while self.invocations.len() > FLIGHTS_MAX {
            self.go_on(rng);
        }
    }

    pub(crate) fn tell(&self, line: impl FnOnce() -> String) {
        self.cloud.state().tell(line);
    }

    pub(crate) fn strikes(&self, fault: Fault, rng: &mut Rng) -> bool {
        let struck = self.cloud.state().faults.strikes(fault, rng);
        if struck {
            self.tell(|| format!("    {fault:?}"));
        }
        struck
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.cloud.state().now_ms
    }

    pub(crate) fn call(&mut self, function: &'static str, raw: RawRequest, asked: Asked, rng: &mut Rng) {
        let let_in = {
            let state = self.cloud.state();
            state.capacity.lets_in(function, state.now_ms, rng)
        };
        if !let_in || !self.has_room(function, rng) {
            self.tell(|| format!("    {function} answers {}", if let_in { 503 } else { 429 }));
            return;
        }
        let row = grants::row(function).unwrap();
        let invocation = Invocation::request(&self.cloud, &self.functions, row, raw, asked, rng);
        self.invocations.push(invocation);
    }

    pub(crate) fn somebody(&self, rng: &mut Rng) -> (usize, usize) {
        // Most of what happens happens in the first shop, to the first good.
        let shop = if rng.u8(0..10) < 8 { 0 } else { rng.usize(0..self.shops.len()) };
        (shop, rng.usize(0..self.shops[shop].buyers.len()))
    }

    pub(crate) fn latest_order(&self, rng: &mut Rng, wanted: impl Fn(&Self, OrderId) -> bool) -> Option<OrderId> {
        let latest = self.mirror.placed.iter().rev().take(LATEST).copied();
        let latest: Vec<_> = latest.filter(|order| wanted(self, *order)).collect();
        rng.choice(latest)
    }

    /// The shop and the buyer of an order.
    pub(crate) fn whose(&self, order: OrderId) -> (usize, usize) {
        let held = &self.mirror.orders[&order];
        let shop = self.shops.iter().position(|shop| shop.store == held.value.store_id).unwrap();
        let buyer = self.shops[shop].buyers.iter().position(|buyer| buyer.account_id == held.value.buyer_id);
        (shop, buyer.unwrap())
    }
}
