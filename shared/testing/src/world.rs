//! A shop to test with: one tenant with an open store, an owner and a buyer, products and stock; and the dependencies
//! of handlers, with a clock that stands still until a test moves it, and randomness that repeats in each run.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_types::SdkConfig;
use contracts::{
    events::{Envelope, Event, OrderCancelled},
    table::Table,
    timers::Due,
};
use domain::{
    AccountId, CouponId, Currency, Money, OrderId, ProductId, Role, SessionId, StoreId, TenantId, Timestamp, VariantId,
    account::Account,
    catalog::{Product, ProductStatus, Variant},
    coupon::{Coupon, Discount},
    limits::CLOCK_SKEW_MAX_S,
    order::{CancelReason, Customer},
    stock::Stock,
    store::{ShippingMethod, Store, StoreStatus, Tax},
    tenant::{Plan, Tenant, TenantKind, TenantStatus},
    text::normalize_email,
};
use runtime::{Boot, Clock, Config, Deps, Entropy, Principal, boot::in_process, events::Cause};
use serde_json::{Value, json};
use store::{CouponCodeClaim, StoreClaim, SuppressedAddress, SuppressionReason, Tx, keys};

use crate::{aws::Aws, deps::TestDeps, dynamo::Embedded};

/// A clock for tests.
#[derive(Debug)]
pub struct TestClock(AtomicI64);

impl TestClock {
    /// Moves the clock forward.
    pub fn advance_s(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// Bytes that look random and repeat from run to run (SplitMix64).
#[derive(Debug)]
struct TestEntropy(AtomicU64);

impl Entropy for TestEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let mut mixed = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::SeqCst);
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            let mixed = (mixed ^ (mixed >> 31)).to_be_bytes();
            chunk.copy_from_slice(&mixed[..chunk.len()]);
        }
    }
}

/// A P-256 key pair made for tests; it signs nothing else.
pub const TEST_PRIVATE_PEM: &str = include_str!("test_private.pem");
/// The public half of [`TEST_PRIVATE_PEM`].
pub const TEST_PUBLIC_PEM: &str = include_str!("test_public.pem");

/// One tenant's open store, and the dependencies of handlers.
#[derive(Clone)]
pub struct World {
    /// Dependencies for fixtures and for handlers.
    pub deps: TestDeps,
    /// The fake AWS that `deps` uses.
    pub aws: Aws,
    /// The database that `deps` uses.
    pub dynamo: Embedded,
    /// The clock that `deps` uses. It starts at 2026-01-01T00:00:00Z.
    pub clock: Arc<TestClock>,
    pub tenant: TenantId,
    pub store: Store,
    pub owner: Principal,
    pub buyer: Principal,
}

/// 2026-01-01T00:00:00Z
const START_MS: i64 = 1_767_225_600_000;

impl World {
    /// A tenant with an open NGN store, 7.5 % tax included in prices, one shipping method (NGN 500.00).
    pub async fn new() -> Self {
        let dynamo = Embedded::new();
        let clock = Arc::new(TestClock(AtomicI64::new(START_MS)));
        let config = Config {
            environment: "test".into(),
            base_domain: "localhost".into(),
            public_base_url: "http://localhost:8000".into(),
            mail_from: "shop@example.com".into(),
            event_bus: "selleasi-test".into(),
            token_keys_secret: "selleasi/test/token-keys".into(),
            signing_key_secret: "selleasi/test/signing-key".into(),
            queue_url: "https://sqs.example/1/own".into(),
            dead_letters_url: "https://sqs.example/1/own-dlq".into(),
            queue_url_prefix: "https://sqs.example/1/".into(),
            paystack_base_url: "https://api.paystack.example".into(),
            cursor_key_secret: "selleasi/test/cursor-key".into(),
            paystack_secret: "selleasi/test/paystack".into(),
            reconcile_schedule_s: vec![60, 300, 900, 3_600],
            clock_skew_max_s: CLOCK_SKEW_MAX_S,
            ..Config::default()
        };
        let aws = Aws::new(dynamo.clone(), secret_texts());
        let entropy = Arc::new(TestEntropy(AtomicU64::new(1)));
        let deps = TestDeps::new(Boot::over(config, sdk_config(&aws), Arc::clone(&clock) as Arc<dyn Clock>, entropy));
        let tenant = deps.id(TenantId::from_ulid);
        let store = store(&deps);
        let principal = |role| Principal {
            tenant_id: Some(tenant),
            account_id: deps.id(AccountId::from_ulid),
            role,
            session_id: deps.id(SessionId::from_ulid),
        };
        let (owner, buyer) = (principal(Role::Owner), principal(Role::Guest));
        let world = Self { deps, aws, dynamo, clock, tenant, store, owner, buyer };
        world.write_tenant().await;
        world.dynamo.take_calls();
        world
    }

    /// Another tenant in the same database, to test that tenants are isolated.
    pub async fn neighbour(&self) -> Self {
        self.another("bobs-books").await
    }

    /// Writes an account with the claim of its e-mail address.
    pub async fn account(&self, account: Account) -> Account {
        let mut tx = self.deps.tx();
        tx.create_account(&account);
        self.deps.db.commit(tx).await.unwrap();
        account
    }

    /// Puts an e-mail address on the list of those that get no notifications.
    pub async fn suppress(&self, email: &str, reason: SuppressionReason) {
        let mut tx = self.deps.tx();
        tx.suppress(email, reason, self.deps.now());
        self.deps.db.commit(tx).await.unwrap();
    }

    /// Whether an e-mail address is on that list.
    pub async fn is_suppressed(&self, email: &str) -> bool {
        let key = keys::suppressed_address(&normalize_email(email));
        self.deps.db.get::<SuppressedAddress>(&key).await.unwrap().is_some()
    }

    /// Another tenant in the same database, with a store of this slug.
    pub async fn another(&self, slug: &str) -> Self {
        let tenant = self.deps.id(TenantId::from_ulid);
        let mut store = store(&self.deps);
        store.slug = slug.into();
        let principal = |role| Principal {
            tenant_id: Some(tenant),
            account_id: self.deps.id(AccountId::from_ulid),
            role,
            session_id: self.deps.id(SessionId::from_ulid),
        };
        let (owner, buyer) = (principal(Role::Owner), principal(Role::Guest));
        let world = Self { tenant, store, owner, buyer, ..self.clone() };
        world.write_tenant().await;
        world
    }

    /// Another store of the same tenant, with this slug.
    pub async fn branch(&self, slug: &str) -> Self {
        let store = Store { slug: slug.into(), ..store(&self.deps) };
        let world = Self { store, ..self.clone() };
        let mut tx = world.deps.tx();
        world.create_store(&mut tx);
        world.deps.db.commit(tx).await.unwrap();
        world
    }

    /// The owner's principal with another role.
    pub fn principal(&self, role: Role) -> Principal {
        Principal { role, ..self.owner.clone() }
    }

    /// The envelope of an event about `subject`, which the request `req-1` caused.
    pub fn event<E: Event>(&self, subject: impl ToString, version: u64, data: E) -> Envelope<E> {
        self.deps.event(&cause(), self.tenant, subject, version, data)
    }

    /// A timer about `subject`, which the request `req-1` caused.
    pub fn timer<S>(&self, subject: S, due_at: Timestamp) -> Due<S> {
        self.deps.timer(&cause(), self.tenant, subject, due_at)
    }

    /// An order of NGN 3.00 was cancelled at this version: at 2, unpaid; later, with a refund of what was paid.
    pub fn order_cancelled(&self, order_id: OrderId, version: u64) -> Envelope<OrderCancelled> {
        let data = OrderCancelled {
            store_id: self.store.id,
            order_id,
            number: "7KQ2-M9XD".into(),
            customer: Customer { name: "Ada".into(), email: "ada@example.com".into(), phone: None },
            total: Money::new(300, Currency::Ngn),
            reason: CancelReason::Expired,
            refund: version > 2,
        };
        self.event(order_id, version, data)
    }

    /// Creates a coupon of the store: ten percent off without conditions, then modified by `change`.
    pub async fn coupon(&self, code: &str, change: impl FnOnce(&mut Coupon)) -> Coupon {
        let (now, store_id) = (self.deps.now(), self.store.id);
        let mut coupon = Coupon {
            id: self.deps.id(CouponId::from_ulid),
            store_id,
            code: code.into(),
            discount: Discount::Percentage { basis_points: 1_000 },
            minimum_subtotal: None,
            starts_at: None,
            ends_at: None,
            cap: None,
            cap_per_customer: None,
            uses: 0,
            active: true,
            terms: 1,
            created_at: now,
            updated_at: now,
        };
        change(&mut coupon);
        let mut tx = self.deps.tx();
        tx.create(self.tenant, &coupon);
        tx.create(self.tenant, &CouponCodeClaim { store_id, code: code.into(), coupon_id: coupon.id });
        self.deps.db.commit(tx).await.unwrap();
        coupon
    }

    /// Creates an active product with one variant. The price is in kobo; `on_hand` units are in stock.
    pub async fn product(&self, name: &str, price_minor: i64, on_hand: i64) -> (Product, VariantId) {
        let now = self.deps.now();
        let variant = self.deps.id(VariantId::from_ulid);
        let slug = domain::text::slugify(name).unwrap();
        let product = Product {
            id: self.deps.id(ProductId::from_ulid),
            store_id: self.store.id,
            name: name.into(),
            slug: slug.clone(),
            description: None,
            images: vec![],
            tags: vec![],
            status: ProductStatus::Active,
            variants: vec![Variant {
                id: variant,
                sku: slug.to_uppercase(),
                name: "Default".into(),
                price: Money::new(price_minor, Currency::Ngn),
                compare_at_price: None,
                barcode: None,
                weight_g: None,
            }],
            created_at: now,
            updated_at: now,
        };
        let stock = Stock { on_hand, available: on_hand, ..Stock::empty(product.id, variant, self.store.id, now) };
        let mut tx = self.deps.tx();
        tx.create(self.tenant, &product);
        tx.create(self.tenant, &stock);
        self.deps.db.commit(tx).await.unwrap();
        (product, variant)
    }

    async fn write_tenant(&self) {
        let now = self.deps.now();
        let tenant = Tenant {
            id: self.tenant,
            name: "Ada".into(),
            kind: TenantKind::Individual,
            plan: Plan::Free,
            status: TenantStatus::Active,
            stores: 1,
            products: 0,
            created_at: now,
            updated_at: now,
        };
        let mut tx = self.deps.tx();
        tx.create(self.tenant, &tenant);
        self.create_store(&mut tx);
        self.deps.db.commit(tx).await.unwrap();
    }

    fn create_store(&self, tx: &mut Tx) {
        tx.create(self.tenant, &self.store);
        for name in [self.store.slug.clone(), self.store.id.to_string()] {
            let (tenant_id, store_id, status) = (self.tenant, self.store.id, self.store.status);
            let claim = StoreClaim { name, tenant_id, store_id, status, free_at: None };
            tx.create((), &claim);
        }
    }
}

fn cause() -> Cause {
    Cause { correlation_id: "req-1".into(), causation_id: None, traceparent: None }
}

fn store(deps: &Deps) -> Store {
    let now = deps.now();
    Store {
        id: deps.id(StoreId::from_ulid),
        name: "Ada's Books".into(),
        slug: "adas-books".into(),
        description: None,
        logo_url: None,
        currency: Currency::Ngn,
        timezone: "Africa/Lagos".into(),
        tax: Tax { rate_basis_points: 750, inclusive: true },
        shipping_methods: vec![ShippingMethod {
            id: "standard".into(),
            name: "Standard".into(),
            rate: Money::new(50_000, Currency::Ngn),
            estimated_days: 3,
        }],
        payment_methods: vec!["paystack".into()],
        payment_window_s: 900,
        support_email: Some("ada@example.com".into()),
        seller_email: "seller@example.com".into(),
        low_stock_email: None,
        status: StoreStatus::Active,
        created_at: now,
        updated_at: now,
    }
}

/// The API key in Paystack's secret. It also signs webhooks.
pub const TEST_PAYSTACK_KEY: &str = "sk_test_x";

/// As `runtime::boot` makes it, over AWS in the process, which answers at once: no retries and no timers.
fn sdk_config(aws: &Aws) -> SdkConfig {
    in_process(aws.clone(), TokioSleep::new()).retry_config(RetryConfig::disabled()).build()
}

/// Names and texts of the secrets, as in Secrets Manager.
pub fn secret_texts() -> [(String, String); 4] {
    let key = |kid: &str| json!({ "kid": kid, "public_pem": TEST_PUBLIC_PEM });
    let texts = [
        ("token-keys", json!({ "current": key("one"), "next": key("two") })),
        ("signing-key", json!({ "kid": "one", "private_pem": TEST_PRIVATE_PEM })),
        ("cursor-key", json!({ "key": "00ff" })),
        ("paystack", json!({ "secret_key": TEST_PAYSTACK_KEY })),
    ];
    texts.map(|(name, text)| (format!("selleasi/test/{name}"), text.to_string()))
}

/// The envelopes of all events of a type in the outbox.
pub fn events(world: &World, event_type: &str) -> Vec<Value> {
    let records = world.dynamo.items(Table::Outbox);
    let details = records.iter().map(|record| record["data"]["M"]["detail"]["S"].as_str().unwrap());
    let envelopes = details.map(|detail| serde_json::from_str::<Value>(detail).unwrap());
    envelopes.filter(|envelope| envelope["type"] == event_type).collect()
}

/// Waiting timers: function, aggregate, and due time.
pub fn timers(world: &World) -> Vec<(String, String, Timestamp)> {
    let text = |value: &Value| value["S"].as_str().unwrap().to_owned();
    let timer = |item: Value| {
        let due = &item["data"]["M"]["due"]["M"];
        (text(&item["sk"]), text(&due["subject"]), text(&due["due_at"]).parse().unwrap())
    };
    world.dynamo.items(Table::Timers).into_iter().map(timer).collect()
}

/// Every item of every table, sorted, to assert that nothing changed.
pub fn everything(world: &World) -> Vec<String> {
    let items = |table| world.dynamo.items(table).into_iter().map(move |item| format!("{table:?} {item}"));
    let mut everything: Vec<String> = Table::ALL.into_iter().flat_map(items).collect();
    everything.sort();
    everything
}
