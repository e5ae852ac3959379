//! Orders for tests, and the events that other services send about them.

use contracts::{
    Function,
    events::{Envelope, Event, PaymentCompleted, PaymentFailed, RefundCompleted, StockCountUpdated, StockRejected},
    orders::{Order as OrderView, Return as ReturnView},
    table::Table,
    timers::Due,
};
use domain::{
    AccountId, CartId, Money, OrderId, PaymentId, RefundId, ReturnId,
    cart::{Cart, Line},
    catalog::Product,
    order::{Order, OrderStatus},
    payment::{FailureReason, NewPayment, Payment},
    stock::Stock,
};
use runtime::{Granted, Principal};
use serde_json::{Value, json};
use store::{SortOrder, TimelineEntry, Versioned, keys};
pub(crate) use testing::everything;
use testing::{TestDeps, TestRequest, World};

use crate::{fulfil, on_payment_completed, on_stock_updated, place, request_return};

/// A shop with one order: two units at NGN 1,500.00 each, of ten in stock.
pub(crate) struct Fixture {
    pub(crate) world: World,
    pub(crate) product: Product,
    pub(crate) order: OrderView,
    /// Id of the order's payment. The same in all events, because an order has one payment.
    pub(crate) payment: PaymentId,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let world = World::new().await;
        let (product, _) = world.product("Things Fall Apart", 150_000, 10).await;
        let order = order_of(&world, &world.buyer.clone(), &product, 2).await;
        let payment = world.deps.id(PaymentId::from_ulid);
        let fixture = Self { world, product, order, payment };
        fixture.open_checkout().await;
        fixture
    }

    /// Stores the payment as it is after the provider opened a checkout within the payment window.
    async fn open_checkout(&self) {
        let (order, now) = (&self.order, self.order.placed_at);
        let payment = NewPayment {
            id: self.payment,
            order_id: order.id,
            store_id: order.store_id,
            provider: "paystack".into(),
            amount: order.totals.total,
            email: order.customer.email.clone(),
            expires_at: order.expires_at,
        }
        .start(now);
        let payment = payment.begin_attempt("ref-1".into(), now).unwrap();
        let mut tx = self.deps().tx();
        tx.create(
            self.world.tenant,
            &payment.checkout_opened("ref-1", "https://pay.example".into(), 900, now).unwrap(),
        );
        self.deps().db.commit(tx).await.unwrap();
        self.world.dynamo.take_calls();
    }

    /// Changes the stored payment. With `None` it is removed, as if payments had not received the order yet.
    pub(crate) async fn change_payment(&self, change: impl FnOnce(Payment) -> Option<Payment>) {
        let key = keys::payment(self.world.tenant, self.order.id);
        let held = self.deps().db.get::<Payment>(&key).await.unwrap().unwrap();
        let mut tx = self.deps().tx();
        match change(held.value) {
            Some(next) => tx.update(self.world.tenant, &next, held.version),
            None => tx.remove(key),
        };
        self.deps().db.commit(tx).await.unwrap();
        self.world.dynamo.take_calls();
    }

    /// An order that is paid and whose stock is sold. It is at version 3.
    pub(crate) async fn confirmed() -> Self {
        let fixture = Self::new().await;
        on_payment_completed::handle(&fixture.granted(), fixture.completed()).await.unwrap();
        on_stock_updated::handle(&fixture.granted(), fixture.stock_updated()).await.unwrap();
        fixture
    }

    /// An order that was delivered to the buyer. It is at version 5.
    pub(crate) async fn delivered() -> Self {
        let fixture = Self::confirmed().await;
        for status in ["dispatched", "delivered"] {
            let request = TestRequest::new().by(&fixture.world.owner).path("id", fixture.order.id).key(status);
            let request = request.json(json!({ "status": status }));
            Box::pin(request.send(fixture.deps(), fulfil::handle)).await.ok::<OrderView>();
        }
        fixture
    }

    /// The buyer asks to return this many units.
    pub(crate) async fn ask_return(&self, quantity: u32) -> ReturnId {
        let (variant, key) = (self.product.variants[0].id, self.deps().id(|ulid| ulid).to_string());
        let body = json!({ "lines": [{ "variant_id": variant, "quantity": quantity }], "reason": "Too small" });
        let request = TestRequest::new().by(&self.world.buyer).path("id", self.order.id).key(&key).json(body);
        request.send(self.deps(), request_return::handle).await.ok::<ReturnView>().id
    }

    pub(crate) fn deps(&self) -> &TestDeps {
        &self.world.deps
    }

    /// The dependencies that the function `F` receives.
    pub(crate) fn granted<F: Function>(&self) -> Granted<F> {
        self.deps().granted()
    }

    /// The message of the order's payment window timer.
    pub(crate) fn due(&self) -> Due<OrderId> {
        self.world.timer(self.order.id, self.order.expires_at)
    }

    pub(crate) fn completed(&self) -> Envelope<PaymentCompleted> {
        let total = self.order.totals.total;
        self.event(PaymentCompleted {
            store_id: self.order.store_id,
            order_id: self.order.id,
            payment_id: self.payment,
            provider: "paystack".into(),
            reference: "ref-1".into(),
            amount: total,
            fees: Money::zero(total.currency),
        })
    }

    pub(crate) fn failed(&self) -> Envelope<PaymentFailed> {
        self.event(PaymentFailed {
            store_id: self.order.store_id,
            order_id: self.order.id,
            payment_id: self.payment,
            provider: "paystack".into(),
            amount: self.order.totals.total,
            reason: FailureReason::ProviderRejected,
        })
    }

    pub(crate) fn stock_updated(&self) -> Envelope<StockCountUpdated> {
        self.event(StockCountUpdated { store_id: self.order.store_id, order_id: self.order.id, lines: vec![] })
    }

    pub(crate) fn stock_rejected(&self) -> Envelope<StockRejected> {
        self.event(StockRejected { store_id: self.order.store_id, order_id: self.order.id, short: vec![] })
    }

    pub(crate) fn refund_completed(&self, settles: bool) -> Envelope<RefundCompleted> {
        self.event(RefundCompleted {
            store_id: self.order.store_id,
            order_id: self.order.id,
            payment_id: self.payment,
            refund_id: self.deps().id(RefundId::from_ulid),
            amount: self.order.totals.total,
            settles,
        })
    }

    fn event<E: Event>(&self, data: E) -> Envelope<E> {
        self.world.event(self.order.id, 1, data)
    }

    pub(crate) async fn stored(&self) -> Versioned<Order> {
        let key = keys::order(self.world.tenant, self.order.id);
        self.deps().db.get(&key).await.unwrap().unwrap()
    }

    pub(crate) async fn status(&self) -> OrderStatus {
        self.stored().await.value.state.status()
    }

    /// The cart as the buyer sees it now.
    pub(crate) async fn cart(&self) -> Cart {
        let key = keys::cart(self.world.tenant, self.order.store_id, self.order.buyer_id);
        let cart: Versioned<Cart> = self.deps().db.get(&key).await.unwrap().unwrap();
        cart.value.open(self.deps().now())
    }

    /// The buyer starts a new cart, so the order can no longer give its lines back.
    pub(crate) async fn start_new_cart(&self) {
        let buyer = Principal { account_id: self.order.buyer_id, ..self.world.buyer.clone() };
        fill_cart(&self.world, &buyer, &[(&self.product, 1)]).await;
    }

    /// The order's events, oldest first.
    pub(crate) fn sent(&self) -> Vec<Envelope<Value>> {
        events_of(&self.world, self.order.id)
    }

    /// Asserts that the order has this version and status, that every version has one timeline entry and one event, and
    /// that the last entry and the last event are of this type.
    pub(crate) async fn assert_moved(&self, version: u64, status: OrderStatus, event: &str) {
        let stored = self.stored().await;
        assert_eq!((stored.version, stored.value.state.status()), (version, status));
        let list = keys::timeline(self.world.tenant, self.order.id);
        let (steps, _) = self.deps().db.list::<TimelineEntry>(&list, SortOrder::Ascending, 100, None).await.unwrap();
        let last = steps.last().unwrap().value.clone();
        assert_eq!((last.status, last.event.as_str(), last.at), (status, event, stored.value.updated_at));
        let sent = self.sent();
        let last = sent.last().unwrap();
        assert_eq!((last.r#type.as_str(), last.version), (event, version));
        let every: Vec<u64> = (1..=version).collect();
        assert_eq!(steps.iter().map(|step| step.value.order_version).collect::<Vec<_>>(), every);
        assert_eq!(sent.iter().map(|event| event.version).collect::<Vec<_>>(), every);
    }
}

pub(crate) fn events_of(world: &World, order: OrderId) -> Vec<Envelope<Value>> {
    let items = world.dynamo.items(Table::Outbox);
    let detail = |item: &Value| serde_json::from_str(item["data"]["M"]["detail"]["S"].as_str().unwrap()).unwrap();
    let mut events: Vec<Envelope<Value>> = items.iter().map(detail).collect();
    events.retain(|event| event.subject == order.to_string());
    events.sort_by_key(|event| event.version);
    events
}

pub(crate) fn another_buyer(world: &World) -> Principal {
    Principal { account_id: world.deps.id(AccountId::from_ulid), ..world.buyer.clone() }
}

/// Replaces the buyer's cart with these products and quantities.
pub(crate) async fn fill_cart(world: &World, buyer: &Principal, wanted: &[(&Product, u32)]) {
    let (now, store) = (world.deps.now(), world.store.id);
    let held: Option<Versioned<Cart>> =
        world.deps.db.get(&keys::cart(world.tenant, store, buyer.account_id)).await.unwrap();
    let mut cart = Cart::empty(world.deps.id(CartId::from_ulid), store, buyer.account_id, now);
    for (product, quantity) in wanted {
        let variant = &product.variants[0];
        let line = Line {
            product_id: product.id,
            variant_id: variant.id,
            quantity: *quantity,
            unit_price: variant.price,
            added_at: now,
        };
        cart = cart.add(line, now).unwrap();
    }
    let mut tx = world.deps.tx();
    tx.save(world.tenant, &cart, held.map(|held| held.version));
    world.deps.db.commit(tx).await.unwrap();
}

/// A request to place an order from the buyer's cart, with this idempotency key.
pub(crate) fn place_request(world: &World, buyer: &Principal, key: &str) -> TestRequest {
    let body = place_body("Chinua@Example.com");
    TestRequest::new().by(buyer).store(&world.store.slug).key(key).json(body)
}

/// The body of such a request, for a customer with this e-mail address.
pub(crate) fn place_body(email: &str) -> Value {
    json!({
        "customer": { "name": "Chinua", "email": email },
        "shipping_address": {
            "full_name": "Chinua A.", "address": "1 Ogidi Road", "city": "Enugu", "country": "NG",
        },
        "shipping_method": "standard",
    })
}

pub(crate) async fn order_of(world: &World, buyer: &Principal, product: &Product, quantity: u32) -> OrderView {
    fill_cart(world, buyer, &[(product, quantity)]).await;
    let key = world.deps.id(|ulid| ulid).to_string();
    let order = Box::pin(place_request(world, buyer, &key).send(&world.deps, place::handle)).await.ok();
    world.dynamo.take_calls();
    order
}

pub(crate) async fn stock_of(world: &World, product: &Product) -> Stock {
    let stock: Versioned<Stock> =
        world.deps.db.get(&keys::stock(world.tenant, product.variants[0].id)).await.unwrap().unwrap();
    stock.value
}

/// Runs a future to its end on another thread and waits for it, so that a test can cause a change in the middle of
/// another call.
pub(crate) fn meanwhile(something: impl Future<Output = ()> + Send) {
    let block_on = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(something);
    std::thread::scope(|scope| scope.spawn(block_on).join()).unwrap();
}
