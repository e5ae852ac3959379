//! `DELETE /cart/coupon`: removes the coupon from the cart. Without a coupon, nothing is written.

use contracts::carts::RemoveCoupon;
use domain::cart::Cart;
use runtime::{Call, Granted, Outcome};

use crate::cart_access::{self, Also};

pub async fn handle(deps: &Granted<RemoveCoupon>, call: Call<RemoveCoupon>) -> Outcome<RemoveCoupon> {
    let removed = |cart: Cart| cart.coupon.is_some().then(|| cart.without_coupon(deps.now()));
    cart_access::edit(deps, &call, Also::Nothing, |cart, _| Ok(removed(cart))).await
}

#[cfg(test)]
mod tests {
    use contracts::carts::Cart;
    use testing::World;

    use crate::fixtures::Buyer;

    #[tokio::test]
    async fn the_goods_cost_what_they_cost_and_once_is_enough() {
        let world = World::new().await;
        let buyer = Buyer::new(&world, &world.buyer);
        let book = world.product("Book", 100_000, 5).await;
        world.coupon("SAVE10", |_| {}).await;
        let full: Cart = buyer.add(&book, 2).await.ok();
        buyer.apply("SAVE10").await.ok::<Cart>();
        let without: Cart = buyer.remove_coupon().await.ok();
        assert_eq!((without.totals, without.coupon.clone(), without.version), (full.totals, None, 3));
        world.dynamo.take_calls();
        assert_eq!(buyer.remove_coupon().await.ok::<Cart>(), without);
        assert!(!world.dynamo.take_calls().contains_key("TransactWriteItems"));
    }
}
