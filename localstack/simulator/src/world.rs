//! The world of a run: a few tenants with their stores, teams and buyers, what they have asked for, and what is under way.

use std::{
    collections::BTreeSet,
    task::{Context, Poll, Waker},
    time::Duration,
};

use contracts::table::Table;
use domain::{
    CouponId, MovementId, OrderId, ProductId, StoreId, VariantId,
    stock::{Movement, MovementReason, Stock},
};
use fastrand::Rng;
use runtime::{Principal, http::RawRequest};

use crate::{
    capacity::Capacity,
    cloud::{Cloud, State},
    faults::Faults,
    functions::Functions,
    furnish::furnish,
    invocations::Invocation,
    mirror::Mirror,
    outages::Outages,
    plan::{Plan, mix},
    provider::Webhook,
    queues::Queues,
    story::Story,
    timers::Timers,
};

/// So many of them pay the full price.
pub(crate) const WITHOUT_COUPONS: usize = 1;
pub(crate) const PRICE_MINOR: i64 = 150_000;
pub(crate) const SENT: &str = "standard";
pub(crate) const FETCHED: &str = "fetched";

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
    pub(crate) invocations: Vec<Invocation>,
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
            capacity: Capacity::new(plan.concurrency, plan.reserved),
            queues: Queues::new(),
            stream: vec![],
            timers: Timers::default(),
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
            used: BTreeSet::new(),
        };
        let cloud = Cloud::new(state, dynamo);
        let functions = Functions::new(&cloud, &config, run);
        let mut world = Self {
            cloud,
            functions,
            shops,
            mirror: Mirror::default(),
            invocations: vec![],
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
        Table::Timers,
    ];
    let items = |table: Table| {
        // serde_json keeps an object's names sorted: the same item is the same text.
        cloud.dynamo.items(table).into_iter().map(move |item| format!("{} {item}", table.name()))
    };
    tables.into_iter().flat_map(items).collect()
}
