//! What each kind of step does.

use contracts::events::{Envelope, Event, OrderReturned, StockLine};
use domain::{EventId, OrderId, Timestamp, order::OrderStatus};
use fastrand::Rng;
use runtime::http::RawRequest;
use serde_json::json;
use testing::{TestRequest, provider::ChargeBook};

use crate::{
    faults::Fault,
    flights::Flight,
    plan::Kind,
    provider,
    world::{Asked, GOODS, Request, World, ulid},
};

/// A checkout page stays open as long.
const PAYABLE_MS: i64 = 24 * 3_600_000;
/// Idempotency keys are known for a day.
const RESENT_WITHIN_MS: i64 = 20 * 3_600_000;
/// People concern themselves with their latest orders.
const LATEST: usize = 12;
/// Records of the stream in one call.
const RELAYED_MAX: usize = 20;
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
            Kind::Return => self.give_back(rng),
            Kind::Adjust => self.adjust(rng),
            Kind::ChangePrice => self.change_price(rng),
            Kind::Look => self.look(rng),
            Kind::Relay => self.relay(rng),
            Kind::Deliver => self.deliver(rng),
            Kind::Redeliver => self.redeliver(rng),
            Kind::Kill => self.kill(rng),
            Kind::Wait => self.wait(rng),
        }
        for _ in 0..rng.usize(0..RESUMES_MAX) {
            self.go_on(rng);
        }
        while self.flights.len() > FLIGHTS_MAX {
            self.go_on(rng);
        }
    }

    fn tell(&self, line: impl FnOnce() -> String) {
        self.cloud.state().tell(line);
    }

    fn strikes(&self, fault: Fault, rng: &mut Rng) -> bool {
        let struck = self.cloud.state().faults.strikes(fault, rng);
        if struck {
            self.tell(|| format!("    {fault:?}"));
        }
        struck
    }

    fn now_ms(&self) -> i64 {
        self.cloud.state().now_ms
    }

    fn call(&mut self, function: &'static str, raw: RawRequest, asked: Asked, rng: &mut Rng) {
        let flight = Flight::request(&self.cloud, &self.functions, function, raw, asked, rng);
        self.flights.push(flight);
    }

    fn somebody(&self, rng: &mut Rng) -> (usize, usize) {
        // Most of what happens happens in the first shop, to the first good.
        let shop = if rng.u8(0..10) < 6 { 0 } else { rng.usize(0..self.shops.len()) };
        (shop, rng.usize(0..self.shops[shop].buyers.len()))
    }

    fn latest_order(&self, rng: &mut Rng, wanted: impl Fn(&Self, OrderId) -> bool) -> Option<OrderId> {
        let latest = self.mirror.placed.iter().rev().take(LATEST).copied();
        let latest: Vec<_> = latest.filter(|order| wanted(self, *order)).collect();
        rng.choice(latest)
    }

    /// The shop and the buyer of an order.
    fn whose(&self, order: OrderId) -> (usize, usize) {
        let held = &self.mirror.orders[&order];
        let shop = self.shops.iter().position(|shop| shop.owner.tenant_id == Some(held.tenant)).unwrap();
        let buyer = self.shops[shop].buyers.iter().position(|buyer| buyer.account_id == held.value.buyer_id);
        (shop, buyer.unwrap())
    }

    fn shop(&mut self, rng: &mut Rng) {
        let (shop, buyer) = self.somebody(rng);
        self.fill_cart(shop, buyer, rng);
    }

    fn fill_cart(&mut self, shop: usize, buyer: usize, rng: &mut Rng) {
        let good = [0, 0, 1, 1, 2][rng.usize(0..5)];
        let quantity = rng.u32(1..=2);
        let at = &self.shops[shop];
        let (product, variant) = at.goods[good];
        let body = json!({ "product_id": product, "variant_id": variant, "quantity": quantity });
        let raw = TestRequest::new().by(&at.buyers[buyer]).store(at.slug).json(body).into_raw();
        let slug = at.slug;
        self.tell(|| format!("buyer {buyer} of {slug} puts {quantity} of the {} into the cart", GOODS[good]));
        self.call("carts-add", raw, Asked::Cart { shop, buyer }, rng);
    }

    fn place(&mut self, rng: &mut Rng) {
        let now_ms = self.now_ms();
        let recent: Vec<usize> = (0..self.requests.len())
            .rev()
            .take(LATEST)
            .filter(|at| now_ms - self.requests[*at].sent_ms < RESENT_WITHIN_MS)
            .collect();
        let again = rng.u8(0..4) == 0;
        let at = if let Some(at) = rng.choice(recent).filter(|_| again) {
            at
        } else {
            let anybody = self.somebody(rng);
            let (shop, buyer) = rng.choice(self.filled.iter().copied()).unwrap_or(anybody);
            self.filled.remove(&(shop, buyer));
            let key = format!("key-{:016x}", rng.u64(..));
            self.requests.push(Request { shop, buyer, key, sent_ms: now_ms, replies: vec![] });
            self.requests.len() - 1
        };
        let copies = 1 + usize::from(rng.u8(0..8) == 0);
        for _ in 0..copies {
            let request = &self.requests[at];
            let (shop, buyer) = (&self.shops[request.shop], request.buyer);
            let body = json!({
                "customer": { "name": "Chinua", "email": format!("buyer{buyer}@{}.example", shop.slug) },
                "shipping_address": {
                    "full_name": "Chinua A.", "address": "1 Ogidi Road", "city": "Enugu", "country": "NG",
                },
                "shipping_method": "standard",
            });
            let raw = TestRequest::new().by(&shop.buyers[buyer]).store(shop.slug).key(&request.key).json(body);
            let (raw, slug) = (raw.into_raw(), shop.slug);
            self.tell(|| format!("buyer {buyer} of {slug} orders (request {at})"));
            self.call("orders-place", raw, Asked::Place(at), rng);
        }
    }

    fn start_payment(&mut self, rng: &mut Rng) {
        let Some(order) = self.latest_order(rng, |_, _| true) else { return };
        let (shop, buyer) = self.whose(order);
        let key = format!("start-{}", rng.u16(..));
        let raw = TestRequest::new().by(&self.shops[shop].buyers[buyer]).key(&key).path("id", order).into_raw();
        self.tell(|| format!("the buyer asks where to pay {order}"));
        self.call("payments-start", raw, Asked::Other, rng);
    }

    /// A reference that its buyer was told where to pay, and that is not paid.
    fn payable(&self, rng: &mut Rng) -> Option<ChargeBook> {
        let now_ms = self.now_ms();
        let order = self.latest_order(rng, |world, order| {
            let is_recent = now_ms - world.mirror.orders[&order].value.placed_at.as_millisecond() < PAYABLE_MS;
            is_recent && world.open_charge(order).is_some()
        })?;
        self.open_charge(order)
    }

    fn open_charge(&self, order: OrderId) -> Option<ChargeBook> {
        let attempt = self.mirror.payments.get(&order)?.value.current_attempt()?.clone();
        attempt.checkout_url?;
        let charges = self.cloud.provider.charges();
        charges.into_iter().find(|charge| charge.reference == attempt.reference && charge.status != "success")
    }

    fn pay(&mut self, rng: &mut Rng) {
        let Some(charge) = self.payable(rng) else { return };
        let (mut amount, mut currency) = (charge.requested_minor, "NGN");
        let wrong = rng.u8(0..3);
        if self.strikes(Fault::WrongMoney, rng) {
            match wrong {
                0 => amount -= 1,
                1 => amount += 1_000,
                _ => currency = "USD",
            }
        }
        let order = crate::invariants::order_of(&charge.reference).unwrap();
        self.tell(|| format!("the buyer of {order} pays: the provider takes {amount} {currency}"));
        self.cloud.provider.pay_amount(&charge.reference, amount, currency);
        if !self.strikes(Fault::WebhookMissing, rng) {
            let charges = self.cloud.provider.charges();
            let charge = charges.iter().find(|found| found.reference == charge.reference).unwrap();
            self.webhooks.push(provider::charge_succeeded(charge));
        }
    }

    fn decline(&mut self, rng: &mut Rng) {
        let Some(charge) = self.payable(rng) else { return };
        let order = crate::invariants::order_of(&charge.reference).unwrap();
        self.tell(|| format!("the card of the buyer of {order} is declined"));
        self.cloud.provider.decline(&charge.reference);
    }

    fn webhook(&mut self, rng: &mut Rng) {
        if self.webhooks.is_empty() {
            return;
        }
        let at = rng.usize(0..self.webhooks.len());
        let webhook = self.webhooks[at].clone();
        // It comes again until it is answered, and sometimes after that.
        if rng.u8(0..10) > 0 {
            self.webhooks.remove(at);
        }
        if self.strikes(Fault::WebhookForged, rng) {
            let body = format!("{} ", webhook.body);
            self.hook(body, &webhook.signature, Asked::FalseWebhook, rng);
        }
        let copies = 1 + usize::from(self.strikes(Fault::WebhookTwice, rng));
        for _ in 0..copies {
            self.hook(webhook.body.clone(), &webhook.signature, Asked::Other, rng);
        }
    }

    fn hook(&mut self, body: String, signature: &str, asked: Asked, rng: &mut Rng) {
        self.tell(|| format!("webhook: {body}"));
        let raw = TestRequest::new().header("x-paystack-signature", signature).body(body).into_raw();
        self.call("payments-webhook-paystack", raw, asked, rng);
    }

    fn move_refund(&mut self, rng: &mut Rng) {
        let refunds = self.cloud.provider.refunds().into_iter();
        let open: Vec<_> = refunds.filter(|refund| ["pending", "processing"].contains(&&*refund.status)).collect();
        let Some(mut refund) = rng.choice(open) else { return };
        let fails = self.strikes(Fault::RefundFails, rng);
        let next = if fails { "failed" } else { rng.choice(["processing", "processed", "processed"]).unwrap() };
        self.cloud.provider.move_refund(refund.id, next);
        next.clone_into(&mut refund.status);
        let order = crate::invariants::order_of(&refund.reference).unwrap();
        self.tell(|| format!("the provider's refund for {order} is {next}"));
        if !self.strikes(Fault::WebhookMissing, rng) {
            self.webhooks.push(provider::refund_moved(&refund));
        }
    }

    fn cancel(&mut self, rng: &mut Rng) {
        let Some(order) = self.latest_order(rng, |world, order| !world.returned.contains(&order)) else { return };
        let (shop, buyer) = self.whose(order);
        let by_team = rng.bool();
        let principal = if by_team { &self.shops[shop].owner } else { &self.shops[shop].buyers[buyer] };
        let key = format!("cancel-{}", rng.u8(0..3));
        let raw = TestRequest::new().by(principal).key(&key).path("id", order).into_raw();
        self.tell(|| format!("the {} cancels {order}", if by_team { "team" } else { "buyer" }));
        self.call("orders-cancel", raw, Asked::Other, rng);
    }

    /// No function takes goods back yet; the event is sent as that one will send it.
    fn give_back(&mut self, rng: &mut Rng) {
        let is_delivered = |world: &Self, order: OrderId| {
            world.mirror.orders[&order].value.state.status() == OrderStatus::Confirmed
                && !world.returned.contains(&order)
        };
        let Some(order) = self.latest_order(rng, is_delivered) else { return };
        self.returned.insert(order);
        let held = self.mirror.orders[&order].clone();
        let line = |line: &domain::order::OrderLine| StockLine {
            variant_id: line.variant_id,
            delta: i64::from(line.quantity),
        };
        let event = Envelope {
            id: EventId::from_ulid(ulid(rng)),
            r#type: OrderReturned::TYPE.into(),
            source: OrderReturned::SOURCE.into(),
            time: Timestamp::from_millisecond(self.now_ms()).unwrap(),
            tenant_id: held.tenant,
            subject: order.to_string(),
            version: held.version,
            correlation_id: "return".into(),
            causation_id: None,
            traceparent: None,
            schema: OrderReturned::SCHEMA,
            data: OrderReturned {
                store_id: held.value.store_id,
                order_id: order,
                number: held.value.number,
                lines: held.value.lines.iter().map(line).collect(),
            },
        };
        self.tell(|| format!("the goods of {order} come back"));
        let detail = serde_json::to_value(event).unwrap();
        self.cloud.state().publish(OrderReturned::TYPE, OrderReturned::SOURCE, detail);
    }

    fn adjust(&mut self, rng: &mut Rng) {
        let (shop, _) = self.somebody(rng);
        let good = rng.usize(0..GOODS.len());
        let at = &self.shops[shop];
        let (_, variant) = at.goods[good];
        let delta = rng.choice([-1, 1, 2]).unwrap();
        let body = json!({ "delta": delta, "reason": if delta < 0 { "damage" } else { "restock" } });
        let key = format!("adjust-{}", rng.u16(..));
        let raw = TestRequest::new().by(&at.owner).store(at.slug).key(&key).path("variant_id", variant).json(body);
        let (raw, slug) = (raw.into_raw(), at.slug);
        self.tell(|| format!("the team of {slug} adjusts the {} by {delta}", GOODS[good]));
        self.call("inventory-adjust", raw, Asked::Other, rng);
    }

    fn change_price(&mut self, rng: &mut Rng) {
        let (shop, _) = self.somebody(rng);
        let at = &self.shops[shop];
        let (product, variant) = at.goods[rng.usize(0..GOODS.len())];
        let price = 100_000 + rng.i64(0..5) * 10_000;
        let body = json!({ "price": { "amount_minor": price, "currency": "NGN" } });
        let raw = TestRequest::new().by(&at.owner).store(at.slug).path("id", product).path("vid", variant).json(body);
        let raw = raw.into_raw();
        self.tell(|| format!("{variant} costs {price} now"));
        self.call("products-update-variant", raw, Asked::Other, rng);
    }

    fn look(&mut self, rng: &mut Rng) {
        let Some(order) = self.latest_order(rng, |_, _| true) else { return };
        let (shop, buyer) = self.whose(order);
        let what = rng.u8(0..8);
        let own = &self.shops[shop].buyers[buyer];
        let function = ["orders-get", "orders-timeline", "payments-get"][usize::from(what) % 3];
        match what {
            0 | 1 => {
                let raw = TestRequest::new().by(own).path("id", order).into_raw();
                self.call(function, raw, Asked::Own, rng);
            }
            2 | 3 => {
                let other = &self.shops[(shop + 1) % self.shops.len()];
                let stranger = [&other.owner, &other.buyers[0], &self.shops[shop].buyers[(buyer + 1) % 4]];
                let raw = TestRequest::new().by(stranger[rng.usize(0..3)]).path("id", order).into_raw();
                self.tell(|| format!("somebody else asks {function} for {order}"));
                self.call(function, raw, Asked::NotOwn, rng);
            }
            4 | 5 => {
                let at = &self.shops[shop];
                let raw = TestRequest::new().by(&at.owner).store(at.slug).query("limit=1").into_raw();
                self.call("orders-list-all", raw, Asked::Page { shop }, rng);
            }
            _ => self.go_on_from_a_cursor(rng),
        }
    }

    fn go_on_from_a_cursor(&mut self, rng: &mut Rng) {
        let Some((shop, cursor)) = rng.choice(self.cursors.clone()) else { return };
        let elsewhere = (shop + 1) % self.shops.len();
        let (at, cursor, asked) = match rng.u8(0..3) {
            0 => (shop, cursor, Asked::Page { shop }),
            // Of another shop's list; or altered in its first letter, which is part of the signature.
            1 => (elsewhere, cursor, Asked::FalseCursor),
            _ => {
                let first = if cursor.starts_with('A') { "B" } else { "A" };
                (shop, format!("{first}{}", &cursor[1..]), Asked::FalseCursor)
            }
        };
        let shop = &self.shops[at];
        let query = format!("limit=1&cursor={cursor}");
        let raw = TestRequest::new().by(&shop.owner).store(shop.slug).query(&query).into_raw();
        self.tell(|| format!("a list goes on from a cursor: {asked:?}"));
        self.call("orders-list-all", raw, asked, rng);
    }

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

    fn deliver(&mut self, rng: &mut Rng) {
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

    fn redeliver(&mut self, rng: &mut Rng) {
        let Some((queue, body)) = rng.choice(self.dealt_with.iter().cloned()) else { return };
        if self.strikes(Fault::MessageAgain, rng) || rng.bool() {
            let mut state = self.cloud.state();
            let (now_ms, function) = (state.now_ms, state.queues.all[queue].row.function);
            state.faults.count(Fault::MessageAgain);
            state.tell(|| format!("a message that {function} has dealt with will come again"));
            state.queues.send(queue, body, now_ms);
        }
    }

    fn wait(&mut self, rng: &mut Rng) {
        let s = match rng.u8(0..20) {
            0..12 => rng.i64(1..30),
            12..17 => rng.i64(60..400),
            _ => 960,
        };
        self.tell(|| format!("{s} seconds pass"));
        self.cloud.state().now_ms += s * 1_000;
    }
}
