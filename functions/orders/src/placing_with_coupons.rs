//! Tests of placing orders with a coupon in the cart. The other tests of placing are in [`crate::place`].

use contracts::{
    orders::{Order as OrderView, Place},
    problems::COUPON_EXHAUSTED,
    table::Table,
};
use domain::{
    CouponId, Money, VariantId,
    cart::Cart,
    catalog::Product,
    coupon::{ChosenCoupon, Coupon, CustomerUses, Discount, Redemption, RedemptionState},
};
use runtime::{Call, Granted, Outcome, Principal, Problem};
use serde_json::json;
use store::{Versioned, keys};
use testing::{TestRequest, World, http::Answer};

use crate::{
    fixtures::{another_buyer, everything, fill_cart, place_request},
    place::{commit, decide, handle},
};

struct Shop {
    world: World,
    book: Product,
    coupon: CouponId,
}

impl Shop {
    /// A shop that sells a book at NGN 1,500.00 and has a coupon `SAVE10` of ten percent, after `change`.
    async fn new(change: impl FnOnce(&mut Coupon)) -> Self {
        let world = World::new().await;
        let (book, _): (Product, VariantId) = world.product("Book", 150_000, 100).await;
        let coupon = world.coupon("SAVE10", change).await;
        Self { coupon: coupon.id, world, book }
    }

    /// Puts books and the coupon into the buyer's cart.
    async fn fill(&self, buyer: &Principal, quantity: u32) {
        fill_cart(&self.world, buyer, &[(&self.book, quantity)]).await;
        let key = keys::cart(self.world.tenant, self.world.store.id, buyer.account_id);
        let cart = self.world.deps.db.get::<Cart>(&key).await.unwrap().unwrap();
        let chosen = ChosenCoupon { coupon_id: self.coupon, code: "SAVE10".into() };
        let mut tx = self.world.deps.tx();
        let with_coupon = cart.value.with_coupon(chosen, self.world.deps.now()).unwrap();
        tx.update(self.world.tenant, &with_coupon, cart.version);
        self.world.deps.db.commit(tx).await.unwrap();
    }

    fn request(&self, buyer: &Principal, email: &str) -> TestRequest {
        place_request(&self.world, buyer, &self.world.deps.id(|ulid| ulid).to_string()).json(json!({
            "customer": { "name": "Chinua", "email": email },
            "shipping_address": { "full_name": "C", "address": "1", "city": "Enugu", "country": "NG" },
            "shipping_method": "standard",
        }))
    }

    /// A new buyer with this email address orders one book with the coupon.
    async fn order(&self, email: &str) -> Answer {
        let buyer = another_buyer(&self.world);
        self.fill(&buyer, 1).await;
        self.request(&buyer, email).send(&self.world.deps, handle).await
    }

    async fn coupon(&self) -> Versioned<Coupon> {
        let key = keys::coupon(self.world.tenant, self.world.store.id, self.coupon);
        self.world.deps.db.get(&key).await.unwrap().unwrap()
    }

    async fn change(&self, change: impl FnOnce(&mut Coupon)) {
        let mut coupon = self.coupon().await;
        change(&mut coupon.value);
        coupon.value.terms += 1;
        let mut tx = self.world.deps.tx();
        tx.update(self.world.tenant, &coupon.value, coupon.version);
        self.world.deps.db.commit(tx).await.unwrap();
    }

    async fn uses_of(&self, email: &str) -> u32 {
        let key = keys::coupon_customer(self.world.tenant, self.coupon, email);
        self.world.deps.db.get::<CustomerUses>(&key).await.unwrap().map_or(0, |uses| uses.value.uses)
    }
}

#[tokio::test]
async fn the_coupon_is_used_in_the_same_two_reads_and_one_transaction() {
    let shop = Shop::new(|coupon| (coupon.cap, coupon.cap_per_customer) = (Some(5), Some(2))).await;
    let buyer = another_buyer(&shop.world);
    shop.fill(&buyer, 2).await;
    let request = shop.request(&buyer, "Ada@Example.com");
    shop.world.dynamo.take_calls();
    // The first request resolves the store's name and caches it, so its reads do not count below.
    place_request(&shop.world, &another_buyer(&shop.world), "warm").send(&shop.world.deps, handle).await;
    shop.world.dynamo.take_calls();
    let order: OrderView = request.send(&shop.world.deps, handle).await.ok();
    let calls = [("BatchGetItem".to_owned(), 2), ("TransactWriteItems".to_owned(), 1)];
    assert_eq!(shop.world.dynamo.take_calls(), calls.into());
    let applied = order.coupon.unwrap();
    assert_eq!((applied.coupon_id, applied.code.as_str()), (shop.coupon, "SAVE10"));
    let totals = order.totals;
    assert_eq!((applied.discount.amount_minor, totals.discount.amount_minor), (30_000, 30_000));
    // Goods for NGN 3,000, a discount of NGN 300 and shipping for NGN 500. The total includes 7.5 % tax.
    assert_eq!((totals.total.amount_minor, totals.tax.amount_minor), (320_000, 22_326));

    let coupon = shop.coupon().await;
    assert_eq!((coupon.value.uses, coupon.version), (1, 2));
    assert_eq!(shop.uses_of("ada@example.com").await, 1);
    let key = keys::redemption(shop.world.tenant, order.id);
    let redemption = shop.world.deps.db.get::<Redemption>(&key).await.unwrap().unwrap().value;
    assert_eq!((redemption.coupon_id, redemption.email.as_str()), (shop.coupon, "ada@example.com"));
    assert_eq!((redemption.store_id, redemption.state), (shop.world.store.id, RedemptionState::Held));
}

#[tokio::test]
async fn caps_are_kept_and_told_apart() {
    let shop = Shop::new(|coupon| (coupon.cap, coupon.cap_per_customer) = (Some(3), Some(1))).await;
    shop.order("ada@example.com").await.ok::<OrderView>();
    let before = everything(&shop.world).len();
    assert_eq!(shop.order("ADA@example.com").await.problem(), (409, "coupon_used".into()));
    assert_eq!(everything(&shop.world).len(), before + 1, "the cart alone");
    shop.order("obi@example.com").await.ok::<OrderView>();
    shop.order("chi@example.com").await.ok::<OrderView>();
    assert_eq!(shop.order("eze@example.com").await.problem(), (409, "coupon_exhausted".into()));
    assert_eq!(shop.coupon().await.value.uses, 3);
    shop.change(|coupon| coupon.cap = None).await;
    shop.order("eze@example.com").await.ok::<OrderView>();
}

#[tokio::test]
async fn what_does_not_apply_refuses_the_order() {
    let shop = Shop::new(|_| {}).await;
    let currency = shop.world.store.currency;
    let changes: [fn(&mut Coupon, Money); 3] = [
        |coupon, _| coupon.active = false,
        |coupon, _| (coupon.active, coupon.ends_at) = (true, Some(coupon.created_at)),
        |coupon, minimum| (coupon.ends_at, coupon.minimum_subtotal) = (None, Some(minimum)),
    ];
    for change in changes {
        shop.change(|coupon| change(coupon, Money::new(150_001, currency))).await;
        assert_eq!(shop.order("ada@example.com").await.problem(), (409, "coupon_not_applicable".into()));
    }
    let mut tx = shop.world.deps.tx();
    tx.remove(keys::coupon(shop.world.tenant, shop.world.store.id, shop.coupon));
    shop.world.deps.db.commit(tx).await.unwrap();
    assert_eq!(shop.order("ada@example.com").await.problem(), (409, "coupon_not_applicable".into()));
    assert_eq!(shop.world.dynamo.items(Table::Orders), [] as [serde_json::Value; 0]);
}

#[tokio::test]
async fn a_coupon_for_everything_leaves_nothing_to_pay() {
    let mut shop = Shop::new(|coupon| coupon.discount = Discount::Percentage { basis_points: 10_000 }).await;
    let paid: OrderView = shop.order("ada@example.com").await.ok();
    assert_eq!((paid.totals.total, paid.totals.shipping), (paid.totals.shipping, paid.totals.total));
    let version = 1;
    shop.world.store.shipping_methods[0].rate = Money::zero(shop.world.store.currency);
    let mut tx = shop.world.deps.tx();
    tx.update(shop.world.tenant, &shop.world.store, version);
    shop.world.deps.db.commit(tx).await.unwrap();
    assert_eq!(shop.order("ada@example.com").await.problem(), (409, "nothing_to_pay".into()));
    assert_eq!(shop.coupon().await.value.uses, 1);
}

#[tokio::test]
async fn a_coupon_takes_nothing_from_lines_that_are_out_of_stock() {
    let shop = Shop::new(|_| {}).await;
    let buyer = another_buyer(&shop.world);
    shop.fill(&buyer, 101).await;
    let answer = shop.request(&buyer, "ada@example.com").send(&shop.world.deps, handle).await;
    assert_eq!(answer.problem(), (409, "lines_unavailable".into()));
    assert_eq!((shop.coupon().await.value.uses, shop.uses_of("ada@example.com").await), (0, 0));
}

/// Like [`handle`] with one retry, but the coupon's terms change between the first reading and writing.
async fn with_terms_changed_in_between(deps: &Granted<Place>, call: Call<Place>) -> Outcome<Place> {
    let draft = decide(deps, &call).await?;
    let at = call.store()?;
    let coupon_id = draft.order.coupon.as_ref().unwrap().coupon_id;
    let key = keys::coupon(at.tenant_id, at.store_id, coupon_id);
    let coupon: Versioned<Coupon> = deps.db.batch_get(std::slice::from_ref(&key)).await?.take(&key)?.unwrap();
    let less = Discount::Percentage { basis_points: 500 };
    let mut tx = deps.tx();
    tx.update(at.tenant_id, &Coupon { discount: less, terms: 2, ..coupon.value }, coupon.version);
    deps.db.commit(tx).await?;
    assert!(commit(deps, &call, draft).await?.is_none(), "on terms that are over");
    let draft = decide(deps, &call).await?;
    commit(deps, &call, draft).await?.ok_or_else(Problem::busy)
}

#[tokio::test]
async fn terms_that_change_meanwhile_are_read_again() {
    let shop = Shop::new(|_| {}).await;
    let buyer = another_buyer(&shop.world);
    shop.fill(&buyer, 1).await;
    let request = shop.request(&buyer, "ada@example.com");
    let order: OrderView = request.send(&shop.world.deps, with_terms_changed_in_between).await.ok();
    assert_eq!(order.totals.discount.amount_minor, 7_500);
}

/// Buyers with these email addresses place their orders concurrently, from several threads.
async fn all_at_once(shop: &Shop, emails: impl IntoIterator<Item = String>) -> Vec<Answer> {
    let mut running = vec![];
    for email in emails {
        let buyer = another_buyer(&shop.world);
        shop.fill(&buyer, 1).await;
        let (request, deps) = (shop.request(&buyer, &email), shop.world.deps.clone());
        running.push(async move { request.send(&deps, handle).await });
    }
    let running: Vec<_> = running.into_iter().map(tokio::spawn).collect();
    let mut answers = vec![];
    for answer in running {
        answers.push(answer.await.unwrap());
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn never_used_more_often_than_the_cap_allows() {
    let shop = Shop::new(|coupon| coupon.cap = Some(5)).await;
    let answers = all_at_once(&shop, (0..30).map(|buyer| format!("buyer{buyer}@example.com"))).await;
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status() != 201).collect();
    assert_eq!((answers.len() - refused.len(), shop.coupon().await.value.uses), (5, 5));
    for answer in refused {
        assert_eq!(answer.problem(), (409, COUPON_EXHAUSTED.name.into()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_customer_with_many_carts_is_one_customer() {
    let shop = Shop::new(|coupon| coupon.cap_per_customer = Some(1)).await;
    let answers = all_at_once(&shop, (0..4).map(|_| "ada@example.com".to_owned())).await;
    let placed = answers.iter().filter(|answer| answer.status() == 201).count();
    assert_eq!((placed, shop.uses_of("ada@example.com").await, shop.coupon().await.value.uses), (1, 1, 1));
    for answer in answers.iter().filter(|answer| answer.status() != 201) {
        assert_eq!(answer.problem(), (409, "coupon_used".into()));
    }
}
