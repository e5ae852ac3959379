//! The world of a run: a few tenants with their stores, teams and buyers, what they have asked for, and what is under way.

use std::{
    collections::BTreeSet,
    task::{Context, Poll, Waker},
    time::Duration,
};

use contracts::table::Table;
use domain::{
    AccountId, CouponId, Money, MovementId, OrderId, ProductId, Role, SessionId, StoreId, VariantId,
    catalog::{Image, Product, Variant},
    limits::{DESCRIPTION_MAX, IMAGES_MAX, NAME_MAX, SHORT_TEXT_MAX, SKU_MAX, TAGS_MAX, URL_MAX, VARIANTS_MAX},
    stock::{Movement, MovementReason, Stock},
    store::{ShippingMethod, Store},
};
use fastrand::Rng;
use runtime::{Config, Principal, http::RawRequest};
use testing::Embedded;

use crate::{
    capacity::Capacity,
    cloud::{Cloud, State},
    faults::Faults,
    flights::Flight,
    functions::Functions,
    mirror::Mirror,
    outages::Outages,
    plan::{Plan, Setting, mix},
    provider::Webhook,
    queues::Queues,
    story::Story,
};

/// Four tenants; the first has a second store.
const SLUGS: [&str; 4] = ["adas-books", "bobs-books", "chis-books", "dayos-books"];
const BRANCH: &str = "adas-pens";
const BUYERS: usize = 4;
/// So many of them pay the full price.
pub(crate) const WITHOUT_COUPONS: usize = 1;
/// Units on hand of each store's goods at the start: contention on the first, plenty of the last.
const ON_HAND: [i64; 3] = [1, 3, 12];
/// Uses of each store's coupon, in all and by a customer; two buyers share an address. The team changes the first.
const COUPON_CAPS: [u32; 2] = [1, 1];
pub(crate) const PRICE_MINOR: i64 = 150_000;
pub(crate) const SENT: &str = "standard";
pub(crate) const FETCHED: &str = "fetched";
/// Paystack repeats its calls for three days; this is asked as often as it matters, and once a day after that.
const RECONCILE_SCHEDULE_S: [u32; 4] = [60, 300, 900, 86_400];

/// A tenant's store, and who goes in and out.
pub(crate) struct Shop {
    pub(crate) slug: &'static str,
    pub(crate) store: StoreId,
    pub(crate) owner: Principal,
    pub(crate) buyers: Vec<Principal>,
    pub(crate) goods: Vec<(ProductId, VariantId)>,
    pub(crate) coupon: CouponId,
}

/// A request to place an order, which may be sent again.
pub(crate) struct Request {
    pub(crate) shop: usize,
    pub(crate) buyer: usize,
    pub(crate) key: String,
    pub(crate) shipping: &'static str,
    pub(crate) sent_ms: i64,
    /// What was answered with 201 so far.
    pub(crate) replies: Vec<Vec<u8>>,
}

/// A request that moves an order's goods, which may be sent again.
pub(crate) struct Wish {
    pub(crate) function: &'static str,
    pub(crate) order: OrderId,
    pub(crate) raw: RawRequest,
    pub(crate) sent_ms: i64,
    /// The good answers so far.
    pub(crate) replies: Vec<Vec<u8>>,
}

/// What a request was for, which says how its answer is judged.
#[derive(Debug, Clone)]
pub(crate) enum Asked {
    /// To place the order of that request.
    Place(usize),
    /// To put something into the cart.
    Cart {
        shop: usize,
        buyer: usize,
    },
    /// For that wish.
    Wish(usize),
    /// For something that is the caller's own.
    Own,
    /// For a page of a shop's orders; the cursor of the next one is kept.
    Page {
        shop: usize,
    },
    /// For something that is somebody else's: 404.
    NotOwn,
    /// With a cursor that was given out for another list, or was altered: 400.
    FalseCursor,
    /// A webhook that the provider did not send: 401.
    FalseWebhook,
    Other,
}

pub(crate) struct World {
    pub(crate) cloud: Cloud,
    pub(crate) functions: Functions,
    pub(crate) shops: Vec<Shop>,
    pub(crate) mirror: Mirror,
    pub(crate) flights: Vec<Flight>,
    pub(crate) requests: Vec<Request>,
    pub(crate) wishes: Vec<Wish>,
    /// Shop and buyer of carts that hold something.
    pub(crate) filled: BTreeSet<(usize, usize)>,
    /// Those of them who will put a coupon in.
    pub(crate) with_coupons: BTreeSet<(usize, usize)>,
    /// Those of them whose order was refused for the coupon.
    pub(crate) disappointed: BTreeSet<(usize, usize)>,
    pub(crate) webhooks: Vec<Webhook>,
    /// Messages that were dealt with: queue and body.
    pub(crate) dealt_with: Vec<(usize, String)>,
    /// Cursors given out, and the shop whose list they go on with.
    pub(crate) cursors: Vec<(usize, String)>,
    /// Messages put into queues that nobody can read.
    pub(crate) poisoned: u32,
    /// What buyers call themselves.
    pub(crate) customer_name: &'static str,
}

impl World {
    pub(crate) fn new(plan: &Plan, run: u64) -> Self {
        let mut rng = Rng::with_seed(mix(plan.seed, u64::MAX - 1));
        let (shops, dynamo, config) = now(furnish(plan.setting, &mut rng));
        crate::guards::switch_off(&plan.off);
        let state = State {
            now_ms: START_MS,
            running: None,
            faults: Faults::new(plan.weather(), plan.faults.clone()),
            off: plan.off.clone(),
            limits: plan.limits.clone(),
            outages: Outages::default(),
            capacity: Capacity::new(plan.concurrency),
            queues: Queues::new(),
            stream: vec![],
            mails: 0,
            written: vec![],
            published: vec![],
            broken: vec![],
            story: Story::new(plan.told),
            calls: 0,
            in_database: Duration::ZERO,
            tokens: BTreeSet::new(),
            mail_doubts: 0,
            refused: BTreeSet::new(),
        };
        let cloud = Cloud::new(state, dynamo);
        let functions = Functions::new(&cloud, &config, run);
        let mut world = Self {
            cloud,
            functions,
            shops,
            mirror: Mirror::default(),
            flights: vec![],
            requests: vec![],
            wishes: vec![],
            filled: BTreeSet::new(),
            with_coupons: BTreeSet::new(),
            disappointed: BTreeSet::new(),
            webhooks: vec![],
            dealt_with: vec![],
            cursors: vec![],
            poisoned: 0,
            customer_name: plan.setting.customer_name,
        };
        world.look_around(&mut rng);
        world
    }

    /// Takes in what is there at the start; every unit on hand has come from somewhere.
    fn look_around(&mut self, rng: &mut Rng) {
        for table in [Table::Inventory, Table::Coupons] {
            let items = self.cloud.dynamo.items(table);
            self.mirror.take_in(items.into_iter().map(|item| (table.name().to_owned(), item)).collect());
        }
        let stocks: Vec<Stock> = self.mirror.stocks.values().map(|held| held.value.clone()).collect();
        for stock in stocks {
            let movement = Movement {
                id: MovementId::from_ulid(ulid(rng)),
                variant_id: stock.variant_id,
                delta: stock.on_hand,
                reason: MovementReason::Initial,
                reference: None,
                actor: None,
                at: stock.updated_at,
            };
            self.mirror.movements.insert((movement.variant_id, movement.id), movement);
        }
        let mut state = self.cloud.state();
        for shop in &self.shops {
            state.story.name(&shop.owner.tenant_id.unwrap().to_string(), || shop.slug.to_owned());
            for (at, (_, variant)) in shop.goods.iter().enumerate() {
                state.story.name(&variant.to_string(), || format!("{}'s {}", shop.slug, GOODS[at]));
            }
        }
    }
}

/// 2026-01-01T00:00:00Z, as the world of `testing`.
pub(crate) const START_MS: i64 = 1_767_225_600_000;
/// The code of every store's coupon.
pub(crate) const COUPON: &str = "SAVE10";
pub(crate) const GOODS: [&str; 3] = ["scarce book", "rare book", "common book"];

async fn furnish(setting: Setting, rng: &mut Rng) -> (Vec<Shop>, Embedded, Config) {
    let first = testing::World::new().await;
    let (dynamo, config) = (first.dynamo.clone(), Config::clone(&first.deps.config));
    let mut shops = vec![];
    for slug in SLUGS {
        let another = if slug == first.store.slug { None } else { Some(first.another(slug).await) };
        shops.push(open(another.as_ref().unwrap_or(&first), slug, setting, rng).await);
    }
    shops.push(open(&first.branch(BRANCH).await, BRANCH, setting, rng).await);
    (shops, dynamo, Config { reconcile_schedule_s: RECONCILE_SCHEDULE_S.into(), ..config })
}

/// A store of goods that can be sent or fetched. Fetching is free: there all the money can go back with the goods.
async fn open(world: &testing::World, slug: &'static str, setting: Setting, rng: &mut Rng) -> Shop {
    let mut store = Store { payment_window_s: setting.payment_window_s, ..world.store.clone() };
    let fetched =
        ShippingMethod { id: FETCHED.into(), rate: Money::zero(store.currency), ..store.shipping_methods[0].clone() };
    store.shipping_methods.push(fetched);
    let mut tx = world.deps.tx();
    tx.update(world.tenant, &store, 1);
    world.deps.db.commit(tx).await.unwrap();
    let mut goods = vec![];
    for (name, on_hand) in GOODS.into_iter().zip(ON_HAND) {
        let (product, variant) = world.product(name, PRICE_MINOR, on_hand).await;
        goods.push((product.id, variant));
    }
    let large_products = if slug == SLUGS[0] { setting.large_products } else { 0 };
    for number in 0..large_products {
        stock_large_product(world, number).await;
    }
    let coupon = issue(world).await;
    let mut buyer = || Principal {
        account_id: AccountId::from_ulid(ulid(rng)),
        role: Role::Guest,
        session_id: SessionId::from_ulid(ulid(rng)),
        ..world.buyer.clone()
    };
    let buyers = (0..BUYERS).map(|_| buyer()).collect();
    Shop { slug, store: world.store.id, owner: world.owner.clone(), buyers, goods, coupon }
}

/// As large as the limits of the domain allow, where one is told of it: texts, images and variants.
async fn stock_large_product(world: &testing::World, number: usize) {
    let name = format!("{number} {}", "n".repeat(NAME_MAX - 8));
    let (product, _) = world.product(&name, PRICE_MINOR, 1).await;
    let text = |length: usize| "x".repeat(length);
    let variant = |at: usize| Variant {
        id: world.deps.id(VariantId::from_ulid),
        sku: format!("{at}-{}", text(SKU_MAX - 4)),
        name: text(NAME_MAX),
        ..product.variants[0].clone()
    };
    let image = Image { url: format!("https://{}", text(URL_MAX - 8)), alt: text(SHORT_TEXT_MAX) };
    let larger = Product {
        description: Some(text(DESCRIPTION_MAX)),
        images: vec![image; IMAGES_MAX],
        tags: vec![text(NAME_MAX); TAGS_MAX],
        variants: product.variants.iter().cloned().chain((1..VARIANTS_MAX).map(variant)).collect(),
        ..product.clone()
    };
    let mut tx = world.deps.tx();
    tx.update(world.tenant, &larger, 1);
    world.deps.db.commit(tx).await.unwrap();
}

async fn issue(world: &testing::World) -> CouponId {
    let caps = COUPON_CAPS.map(Some);
    let coupon = world.coupon(COUPON, |coupon| [coupon.cap, coupon.cap_per_customer] = caps).await;
    coupon.id
}

pub(crate) fn ulid(rng: &mut Rng) -> ulid::Ulid {
    ulid::Ulid::from_parts(u64::try_from(START_MS).unwrap(), rng.u128(..))
}

/// The result of a future that never waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the embedded database answers at once"),
    }
}

/// Everything that is stored in the tables that handlers must leave as they are when they see an event again.
pub(crate) fn everything(cloud: &Cloud) -> BTreeSet<String> {
    let tables = [
        Table::Tenants,
        Table::Catalog,
        Table::Carts,
        Table::Coupons,
        Table::Inventory,
        Table::Orders,
        Table::Payments,
        Table::Notifications,
    ];
    let items = |table: Table| {
        // serde_json keeps an object's names sorted: the same item is the same text.
        cloud.dynamo.items(table).into_iter().map(move |item| format!("{} {item}", table.name()))
    };
    tables.into_iter().flat_map(items).collect()
}
