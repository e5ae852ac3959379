//! `POST /cart/coupon`: puts a coupon into the cart by its code. Finding the coupon of the code takes one extra read.

use contracts::{carts::ApplyCoupon, problems::coupon_problem};
use domain::coupon::{ChosenCoupon, normalize_code};
use runtime::{Call, Granted, Outcome, Problem};
use store::{CouponCodeClaim, keys};

use crate::cart_access::{self, Also};

pub async fn handle(deps: &Granted<ApplyCoupon>, call: Call<ApplyCoupon>) -> Outcome<ApplyCoupon> {
    let at = call.store()?;
    let code = normalize_code(&call.body.code);
    let claim = deps.db.get::<CouponCodeClaim>(&keys::coupon_code(at.tenant_id, at.store_id, &code)).await?;
    let coupon_id = claim.ok_or_else(unknown)?.value.coupon_id;
    cart_access::edit(deps, &call, Also::Coupon(coupon_id), |cart, prices| {
        let coupon = prices.coupon(coupon_id).ok_or_else(unknown)?;
        let open = coupon.is_open(deps.now());
        open.map_err(|error| Problem::invalid_field("/code", coupon_problem(&error).name, error.to_string()))?;
        let chosen = ChosenCoupon { coupon_id, code: code.clone() };
        cart.with_coupon(chosen, deps.now()).map(Some).map_err(cart_access::refuse)
    })
    .await
}

fn unknown() -> Problem {
    Problem::invalid_field("/code", "unknown", "the store has no such coupon")
}

#[cfg(test)]
mod tests {
    use contracts::carts::Cart;
    use domain::{
        Role,
        coupon::{Coupon, Discount},
        limits::CART_TTL_S,
        time::after,
    };
    use testing::World;

    use crate::fixtures::{Buyer, change_coupon, set_price};

    fn amounts(cart: &Cart) -> (i64, i64, i64) {
        let totals = cart.totals;
        (totals.discount.amount_minor, totals.tax.amount_minor, totals.total.amount_minor)
    }

    fn problem(cart: &Cart) -> Option<&str> {
        cart.coupon.as_ref().unwrap().problem.as_ref().map(|problem| problem.code.as_str())
    }

    #[tokio::test]
    async fn makes_the_goods_cheaper() {
        let world = World::new().await;
        let buyer = Buyer::new(&world, &world.buyer);
        let book = world.product("Book", 100_000, 5).await;
        world.coupon("SAVE10", |_| {}).await;
        buyer.add(&book, 2).await.ok::<Cart>();
        world.dynamo.take_calls();
        let answer = buyer.apply(" save10 ").await;
        let calls = [("GetItem", 2), ("BatchGetItem", 1), ("TransactWriteItems", 1)];
        assert_eq!(world.dynamo.take_calls(), calls.map(|(call, times)| (call.to_owned(), times)).into());
        assert_eq!(answer.0.header("etag"), Some("\"2\""));
        let cart: Cart = answer.ok();
        let chosen = cart.coupon.clone().unwrap();
        assert_eq!((chosen.code.as_str(), chosen.discount.amount_minor, chosen.problem), ("SAVE10", 20_000, None));
        // The total of NGN 1,800.00 includes 7.5 % tax.
        assert_eq!(amounts(&cart), (20_000, 12_558, 180_000));
        assert_eq!(cart, buyer.cart().await);
        // The discount follows the quantity, and clearing the cart removes the coupon.
        assert_eq!(amounts(&buyer.change(book.1, 1).await.ok()), (10_000, 6_279, 90_000));
        buyer.clear().await.ok::<Cart>();
        assert_eq!(buyer.cart().await.coupon, None);
    }

    #[tokio::test]
    async fn a_code_that_is_unknown_or_cannot_be_used_is_named() {
        let world = World::new().await;
        let buyer = Buyer::new(&world, &world.buyer);
        let book = world.product("Book", 100_000, 5).await;
        buyer.add(&book, 2).await.ok::<Cart>();
        let now = world.deps.now();
        let neighbour = world.neighbour().await;
        let second = world.branch("adas-pens").await;
        neighbour.coupon("THEIRS", |_| {}).await;
        second.coupon("BRANCH", |_| {}).await;
        let of = |change: fn(&mut Coupon)| change;
        let cases = [
            ("OFF", of(|coupon| coupon.active = false), "coupon_not_applicable"),
            ("OVER", of(|coupon| coupon.ends_at = Some(coupon.created_at)), "coupon_not_applicable"),
            ("SOON", of(|coupon| coupon.starts_at = Some(after(coupon.created_at, 1))), "coupon_not_applicable"),
            ("GONE", of(|coupon| (coupon.cap, coupon.uses) = (Some(1), 1)), "coupon_exhausted"),
        ];
        for (code, change, _) in &cases {
            let made = world.coupon(code, |_| {}).await;
            assert_eq!(made.created_at, now);
            change_coupon(&world, made.id, change).await;
        }
        let before = buyer.cart().await;
        let unknown = ["THEIRS", "BRANCH", "NONE"].map(|code| (code, "unknown"));
        for (code, expected) in cases.map(|(code, _, expected)| (code, expected)).into_iter().chain(unknown) {
            let answer = buyer.apply(code).await;
            assert_eq!(answer.problem(), (422, "invalid_fields".into()), "{code}");
            assert_eq!(answer.fields(), [("/code".into(), expected.into())], "{code}");
        }
        assert_eq!(buyer.apply("A#B").await.fields(), [("/code".into(), "invalid".into())]);
        assert_eq!(buyer.cart().await, before);
    }

    #[tokio::test]
    async fn what_does_not_apply_right_now_is_told_and_hides_nothing() {
        let world = World::new().await;
        let buyer = Buyer::new(&world, &world.buyer);
        let book = world.product("Book", 1_000, 9).await;
        let made = world.coupon("SAVE10", |_| {}).await;
        change_coupon(&world, made.id, |coupon| {
            coupon.minimum_subtotal = Some(domain::Money::new(3_000, world.store.currency));
            coupon.ends_at = Some(after(coupon.created_at, 60));
        })
        .await;
        buyer.add(&book, 2).await.ok::<Cart>();
        let low: Cart = buyer.apply("SAVE10").await.ok();
        assert_eq!((problem(&low), amounts(&low).0), (Some("coupon_not_applicable"), 0));
        let detail = low.coupon.unwrap().problem.unwrap().detail;
        assert_eq!(detail, "the coupon is for goods of NGN 30.00 or more");
        let enough: Cart = buyer.add(&book, 1).await.ok();
        assert_eq!((problem(&enough), amounts(&enough).0), (None, 300));
        set_price(&world, book.0.id, 900).await;
        assert_eq!(problem(&buyer.cart().await), Some("coupon_not_applicable"));
        set_price(&world, book.0.id, 1_000).await;

        change_coupon(&world, made.id, |coupon| (coupon.cap, coupon.uses) = (Some(1), 1)).await;
        assert_eq!(problem(&buyer.cart().await), Some("coupon_exhausted"));
        change_coupon(&world, made.id, |coupon| coupon.uses = 0).await;
        assert_eq!(problem(&buyer.cart().await), None);
        world.clock.advance_s(60);
        assert_eq!(problem(&buyer.cart().await), Some("coupon_not_applicable"));
        let mut tx = world.deps.tx();
        tx.remove(store::keys::coupon(world.tenant, world.store.id, made.id));
        world.deps.db.commit(tx).await.unwrap();
        let gone = buyer.cart().await;
        assert_eq!((problem(&gone), gone.lines.len()), (Some("coupon_not_applicable"), 1));
        assert_eq!(buyer.remove_coupon().await.ok::<Cart>().coupon, None);
    }

    #[tokio::test]
    async fn another_one_takes_its_place_and_an_empty_cart_takes_none() {
        let world = World::new().await;
        let buyer = Buyer::new(&world, &world.buyer);
        let book = world.product("Book", 1_000, 9).await;
        let (_, half) = (world.coupon("SAVE10", |_| {}).await, world.coupon("HALF", |_| {}).await);
        change_coupon(&world, half.id, |coupon| coupon.discount = Discount::Percentage { basis_points: 5_000 }).await;
        assert_eq!(buyer.apply("SAVE10").await.problem(), (409, "cart_empty".into()));
        buyer.add(&book, 1).await.ok::<Cart>();
        buyer.apply("SAVE10").await.ok::<Cart>();
        assert_eq!(amounts(&buyer.apply("HALF").await.ok()).0, 500);
        // Ordering the cart empties it, and the coupon goes with the lines.
        buyer.order().await;
        assert_eq!(buyer.cart().await.coupon, None);
        assert_eq!(buyer.apply("SAVE10").await.problem(), (409, "cart_empty".into()));
        buyer.add(&book, 1).await.ok::<Cart>();
        buyer.apply("SAVE10").await.ok::<Cart>();
        world.clock.advance_s(CART_TTL_S);
        assert_eq!(buyer.cart().await.coupon, None);
    }

    #[tokio::test]
    async fn a_customer_takes_the_guests_over() {
        let world = World::new().await;
        let book = world.product("Book", 1_000, 9).await;
        world.coupon("SAVE10", |_| {}).await;
        let guest = Buyer::new(&world, &world.buyer);
        guest.add(&book, 1).await.ok::<Cart>();
        guest.apply("SAVE10").await.ok::<Cart>();
        let token = identity::sessions::issue(&world.deps, &guest.principal).await.unwrap();
        let customer = Buyer::new(&world, &world.principal(Role::Customer));
        assert_eq!(amounts(&customer.merge(&token).await.ok()).0, 100);
        assert_eq!(guest.cart().await.coupon, None);
    }
}
