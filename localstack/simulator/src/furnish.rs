//! The stores of a run, with their goods, coupons, teams and buyers.

use domain::{
    AccountId, CouponId, Money, Role, SessionId, VariantId,
    catalog::{Image, Product, Variant},
    limits::{DESCRIPTION_MAX, IMAGES_MAX, NAME_MAX, SHORT_TEXT_MAX, SKU_MAX, TAGS_MAX, URL_MAX, VARIANTS_MAX},
    store::{ShippingMethod, Store},
};
use fastrand::Rng;
use runtime::{Config, Principal};
use testing::Embedded;

use crate::{
    plan::Setting,
    world::{COUPON, FETCHED, GOODS, PRICE_MINOR, Shop, ulid},
};

/// Four tenants; the first has a second store.
const SLUGS: [&str; 4] = ["adas-books", "bobs-books", "chis-books", "dayos-books"];
const BRANCH: &str = "adas-pens";
const BUYERS: usize = 4;
/// Units on hand of each store's goods at the start: contention on the first, plenty of the last.
const ON_HAND: [i64; 3] = [1, 3, 12];
/// Uses of each store's coupon, in all and by a customer; two buyers share an address. The team changes the first.
const COUPON_CAPS: [u32; 2] = [1, 1];
/// Paystack repeats its calls for three days; this is asked as often as it matters, and once a day after that.
const RECONCILE_SCHEDULE_S: [u32; 4] = [60, 300, 900, 86_400];

pub(crate) async fn furnish(setting: Setting, rng: &mut Rng) -> (Vec<Shop>, Embedded, Config) {
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
