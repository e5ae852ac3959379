//! What people do: buyers, the store's team, and those who look at what is not theirs.

use domain::{
    OrderId,
    order::{FulfilmentStatus, OrderStatus, Return, ReturnState},
};
use fastrand::Rng;
use serde_json::json;
use testing::TestRequest;

use crate::{
    steps::LATEST,
    world::{Asked, COUPON, FETCHED, GOODS, PRICE_MINOR, Request, SENT, Wish, World},
};

/// Idempotency keys are known for a day.
const RESENT_WITHIN_MS: i64 = 20 * 3_600_000;

impl World {
    pub(crate) fn shop(&mut self, rng: &mut Rng) {
        let (shop, buyer) = self.somebody(rng);
        let good = [0, 0, 0, 1, 2][rng.usize(0..5)];
        let quantity = rng.u32(1..=2);
        let at = &self.shops[shop];
        let (product, variant) = at.goods[good];
        let body = json!({ "product_id": product, "variant_id": variant, "quantity": quantity });
        let raw = TestRequest::new().by(&at.buyers[buyer]).store(at.slug).json(body).into_raw();
        let slug = at.slug;
        self.tell(|| format!("buyer {buyer} of {slug} puts {quantity} of the {} into the cart", GOODS[good]));
        self.call("carts-add", raw, Asked::Cart { shop, buyer }, rng);
    }

    /// Who has something in the cart and collects coupons puts one in.
    pub(crate) fn put_coupons(&mut self, rng: &mut Rng) {
        for (shop, buyer) in std::mem::take(&mut self.with_coupons) {
            self.put_coupon(shop, buyer, rng);
        }
    }

    pub(crate) fn put_coupon(&mut self, shop: usize, buyer: usize, rng: &mut Rng) {
        let at = &self.shops[shop];
        let raw = TestRequest::new().by(&at.buyers[buyer]).store(at.slug).json(json!({ "code": COUPON })).into_raw();
        let slug = at.slug;
        self.tell(|| format!("buyer {buyer} of {slug} puts the coupon into the cart"));
        self.call("carts-apply-coupon", raw, Asked::Other, rng);
    }

    /// A buyer whose order was refused for the coupon orders without it, later.
    fn take_coupon_out(&mut self, shop: usize, buyer: usize, rng: &mut Rng) {
        let at = &self.shops[shop];
        let raw = TestRequest::new().by(&at.buyers[buyer]).store(at.slug).into_raw();
        let slug = at.slug;
        self.tell(|| format!("buyer {buyer} of {slug} takes the coupon out of the cart"));
        self.call("carts-remove-coupon", raw, Asked::Other, rng);
    }

    pub(crate) fn place(&mut self, rng: &mut Rng) {
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
            if self.disappointed.remove(&(shop, buyer)) {
                return self.take_coupon_out(shop, buyer, rng);
            }
            self.new_request(shop, buyer, rng)
        };
        let copies = 1 + usize::from(rng.u8(0..8) == 0);
        self.send(at, copies, rng);
        // Somebody else may be as quick.
        let shop = self.requests[at].shop;
        let others: Vec<_> = self.filled.iter().copied().filter(|(other, _)| *other == shop).collect();
        if let Some((shop, buyer)) = rng.choice(others).filter(|_| rng.bool()) {
            let at = self.new_request(shop, buyer, rng);
            self.send(at, 1, rng);
        }
    }

    pub(crate) fn new_request(&mut self, shop: usize, buyer: usize, rng: &mut Rng) -> usize {
        self.filled.remove(&(shop, buyer));
        let key = format!("key-{:016x}", rng.u64(..));
        let shipping = if rng.bool() { SENT } else { FETCHED };
        self.requests.push(Request { shop, buyer, key, shipping, sent_ms: self.now_ms(), replies: vec![] });
        self.requests.len() - 1
    }

    pub(crate) fn send(&mut self, at: usize, copies: usize, rng: &mut Rng) {
        for _ in 0..copies {
            let request = &self.requests[at];
            let (shop, buyer) = (&self.shops[request.shop], request.buyer);
            let body = json!({
                "customer": { "name": self.customer_name, "email": format!("buyer{}@{}.example", buyer / 2, shop.slug) },
                "shipping_address": {
                    "full_name": "Chinua A.", "address": "1 Ogidi Road", "city": "Enugu", "country": "NG",
                },
                "shipping_method": request.shipping,
            });
            let raw = TestRequest::new().by(&shop.buyers[buyer]).store(shop.slug).key(&request.key).json(body);
            let (raw, slug) = (raw.into_raw(), shop.slug);
            self.tell(|| format!("buyer {buyer} of {slug} orders (request {at})"));
            self.call("orders-place", raw, Asked::Place(at), rng);
        }
    }

    pub(crate) fn start_payment(&mut self, rng: &mut Rng) {
        let Some(order) = self.latest_order(rng, |_, _| true) else { return };
        let (shop, buyer) = self.whose(order);
        let key = format!("start-{}", rng.u16(..));
        let raw = TestRequest::new().by(&self.shops[shop].buyers[buyer]).key(&key).path("id", order).into_raw();
        self.tell(|| format!("the buyer asks where to pay {order}"));
        self.call("payments-start", raw, Asked::Other, rng);
    }

    pub(crate) fn cancel(&mut self, rng: &mut Rng) {
        let of_confirmed = rng.u8(0..3) == 0;
        let may_be = |world: &Self, order: OrderId| {
            let is_confirmed = world.mirror.orders[&order].value.state.status() == OrderStatus::Confirmed;
            is_confirmed || !of_confirmed
        };
        let Some(order) = self.latest_order(rng, may_be) else { return };
        let (shop, buyer) = self.whose(order);
        let by_team = rng.bool();
        let principal = if by_team { &self.shops[shop].owner } else { &self.shops[shop].buyers[buyer] };
        let key = format!("cancel-{}", rng.u8(0..3));
        let raw = TestRequest::new().by(principal).key(&key).path("id", order).into_raw();
        self.tell(|| format!("the {} cancels {order}", if by_team { "team" } else { "buyer" }));
        self.call("orders-cancel", raw, Asked::Other, rng);
    }

    pub(crate) fn fulfil(&mut self, rng: &mut Rng) {
        use FulfilmentStatus::{Delivered, DeliveryFailed, Dispatched, InTransit, OutForDelivery, Preparing};
        if self.wishes_again("orders-fulfil", rng) {
            return;
        }
        let is_under_way = |world: &Self, order: OrderId| {
            let status = world.mirror.orders[&order].value.state.status();
            matches!(status, OrderStatus::Confirmed | OrderStatus::Fulfilled)
        };
        let Some(order) = self.latest_order(rng, is_under_way) else { return };
        let likely: &[FulfilmentStatus] = match self.mirror.orders[&order].value.fulfilment.as_ref().map(|at| at.status)
        {
            _ if rng.u8(0..10) == 0 => &FulfilmentStatus::ALL,
            None => &[Preparing, Dispatched, Dispatched],
            Some(Preparing | DeliveryFailed) => &[Dispatched],
            Some(Dispatched) => &[InTransit, InTransit, OutForDelivery, Delivered, Delivered, DeliveryFailed],
            Some(InTransit) => &[OutForDelivery, Delivered, DeliveryFailed],
            Some(OutForDelivery | Delivered) => &[Delivered, DeliveryFailed],
        };
        let status = likely[rng.usize(0..likely.len())];
        let (shop, _) = self.whose(order);
        let owner = self.shops[shop].owner.clone();
        let request = TestRequest::new().by(&owner).path("id", order).json(json!({ "status": status }));
        self.tell(|| format!("the team says that the goods of {order} are {}", status.name()));
        self.wish("orders-fulfil", order, request, rng);
    }

    pub(crate) fn give_back(&mut self, rng: &mut Rng) {
        if self.wishes_again("orders-request-return", rng) {
            return;
        }
        let is_delivered = |world: &Self, order: OrderId| {
            let order = &world.mirror.orders[&order].value;
            let is_left = order.lines.iter().any(|line| order.returnable(line.variant_id) > Some(0));
            order.state.status() == OrderStatus::Completed && is_left
        };
        let Some(order) = self.latest_order(rng, is_delivered) else { return };
        let held = &self.mirror.orders[&order].value;
        let left: Vec<_> = held.lines.iter().map(|line| (line.variant_id, held.returnable(line.variant_id))).collect();
        let mut lines: Vec<_> = left.into_iter().filter_map(|(variant, left)| Some((variant, left?))).collect();
        if rng.bool() {
            // A unit of something that may be back already.
            lines = vec![(lines[rng.usize(0..lines.len())].0, 1)];
        } else {
            lines.retain(|(_, left)| *left > 0);
        }
        // Sometimes more than there is.
        let more = u32::from(rng.u8(0..8) == 0);
        let lines: Vec<_> =
            lines.iter().map(|(variant, units)| json!({ "variant_id": variant, "quantity": units + more })).collect();
        let (shop, buyer) = self.whose(order);
        let buyer = self.shops[shop].buyers[buyer].clone();
        let body = json!({ "lines": lines, "reason": "too many" });
        let request = TestRequest::new().by(&buyer).path("id", order).json(body);
        self.tell(|| format!("the buyer of {order} wants to return something"));
        self.wish("orders-request-return", order, request, rng);
    }

    pub(crate) fn decide(&mut self, rng: &mut Rng) {
        if self.wishes_again("orders-decide-return", rng) {
            return;
        }
        let twice = rng.u8(0..8) == 0;
        let is_to_decide = move |held: &Return| held.state == ReturnState::Requested || twice;
        let has_some =
            |world: &Self, order: OrderId| world.mirror.orders[&order].value.returns.iter().any(is_to_decide);
        let Some(order) = self.latest_order(rng, has_some) else { return };
        let held = self.mirror.orders[&order].value.returns.iter().filter(|held| is_to_decide(held));
        let id = rng.choice(held.map(|held| held.id).collect::<Vec<_>>()).unwrap();
        let accept = rng.u8(0..4) > 0;
        let restock = accept && rng.bool();
        let (shop, _) = self.whose(order);
        let owner = self.shops[shop].owner.clone();
        let body = json!({ "accept": accept, "restock": restock });
        let request = TestRequest::new().by(&owner).path("id", order).path("return_id", id).json(body);
        self.tell(|| format!("the team {} {id} of {order}", if accept { "accepts" } else { "rejects" }));
        self.wish("orders-decide-return", order, request, rng);
    }

    /// Sends a request about an order's goods under a key of its own.
    fn wish(&mut self, function: &'static str, order: OrderId, request: TestRequest, rng: &mut Rng) {
        let raw = request.key(&format!("wish-{:016x}", rng.u64(..))).into_raw();
        let sent_ms = self.now_ms();
        self.wishes.push(Wish { function, order, raw: raw.clone(), sent_ms, replies: vec![] });
        let copies = 1 + usize::from(rng.u8(0..8) == 0);
        for _ in 0..copies {
            self.call(function, raw.clone(), Asked::Wish(self.wishes.len() - 1), rng);
        }
    }

    /// Sends an earlier such request again, now and then.
    fn wishes_again(&mut self, function: &'static str, rng: &mut Rng) -> bool {
        let now_ms = self.now_ms();
        let is_recent = |wish: &Wish| wish.function == function && now_ms - wish.sent_ms < RESENT_WITHIN_MS;
        let recent = (0..self.wishes.len()).rev().filter(|at| is_recent(&self.wishes[*at])).take(LATEST);
        let recent: Vec<usize> = recent.collect();
        let again = rng.u8(0..5) == 0;
        let Some(at) = rng.choice(recent).filter(|_| again) else { return false };
        let (raw, order) = (self.wishes[at].raw.clone(), self.wishes[at].order);
        self.tell(|| format!("{function} is asked again for {order} (wish {at})"));
        self.call(function, raw, Asked::Wish(at), rng);
        true
    }

    pub(crate) fn refund(&mut self, rng: &mut Rng) {
        if self.wishes_again("payments-refund", rng) {
            return;
        }
        let of_fulfilled = rng.u8(0..3) == 0;
        let is_paid = |world: &Self, order: OrderId| {
            let order = &world.mirror.orders[&order].value;
            let is_fulfilled = order.state.status() == OrderStatus::Fulfilled;
            order.payment_id().is_some() && (is_fulfilled || !of_fulfilled)
        };
        let Some(order) = self.latest_order(rng, is_paid) else { return };
        let part = rng.i64(1..PRICE_MINOR);
        let body =
            if rng.bool() { json!({ "amount": { "amount_minor": part, "currency": "NGN" } }) } else { json!({}) };
        let (shop, _) = self.whose(order);
        let request = TestRequest::new().by(&self.shops[shop].owner).path("id", order).json(body.clone());
        self.tell(|| format!("the team gives money of {order} back: {body}"));
        self.wish("payments-refund", order, request, rng);
    }

    pub(crate) fn adjust(&mut self, rng: &mut Rng) {
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

    pub(crate) fn change_price(&mut self, rng: &mut Rng) {
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

    /// The cap goes up or down, or away; or the coupon is put to sleep for a while.
    pub(crate) fn change_coupon(&mut self, rng: &mut Rng) {
        let (shop, _) = self.somebody(rng);
        let at = &self.shops[shop];
        let body = match rng.u8(0..8) {
            0 => json!({ "cap": null }),
            1 => json!({ "active": false }),
            _ => json!({ "cap": rng.u32(1..=4), "active": true }),
        };
        let raw = TestRequest::new().by(&at.owner).store(at.slug).path("id", at.coupon).json(body.clone()).into_raw();
        let slug = at.slug;
        self.tell(|| format!("the coupon of {slug} becomes {body}"));
        self.call("coupons-update", raw, Asked::Other, rng);
    }

    pub(crate) fn look(&mut self, rng: &mut Rng) {
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
                let tenant = self.shops[shop].owner.tenant_id;
                let strangers = self.shops.iter().filter(|other| other.owner.tenant_id != tenant);
                let other = rng.choice(strangers.collect::<Vec<_>>()).unwrap();
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
}
