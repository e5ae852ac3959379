//! `DELETE /cart`: empties the cart. If the cart appears empty already, nothing is written: its lines may have been
//! ordered, and a cancellation of the order must be able to give them back.

use contracts::carts::Clear;
use domain::cart::Cart;
use runtime::{Call, Granted, Outcome};

use crate::cart_access::{self, Also};

pub async fn handle(deps: &Granted<Clear>, call: Call<Clear>) -> Outcome<Clear> {
    let cleared = |cart: Cart| (!cart.lines.is_empty()).then(|| cart.clear(deps.now()));
    cart_access::edit(deps, &call, Also::Nothing, |cart, _| Ok(cleared(cart))).await
}

#[cfg(test)]
mod tests {
    use contracts::carts::Cart;
    use testing::World;

    use crate::fixtures::Buyer;

    #[tokio::test]
    async fn takes_everything_out_once() {
        let world = World::new().await;
        let buyer = Buyer::new(&world, &world.buyer);
        let (book, pen) = (world.product("Book", 1_000, 5).await, world.product("Pen", 1_000, 5).await);
        assert_eq!(buyer.clear().await.ok::<Cart>().version, 0);
        buyer.add(&book, 4).await.ok::<Cart>();
        buyer.add(&pen, 1).await.ok::<Cart>();
        let cleared: Cart = buyer.clear().await.ok();
        assert_eq!((cleared.lines.len(), cleared.version), (0, 3));
        world.dynamo.take_calls();
        assert_eq!(buyer.clear().await.ok::<Cart>(), cleared);
        assert!(!world.dynamo.take_calls().contains_key("TransactWriteItems"));
    }
}
