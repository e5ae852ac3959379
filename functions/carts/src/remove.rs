//! `DELETE /cart/items/{id}`: removes a line from the cart.

use contracts::carts::Remove;
use runtime::{Call, Granted, Outcome};

use crate::cart_access::{self, Also};

pub async fn handle(deps: &Granted<Remove>, call: Call<Remove>) -> Outcome<Remove> {
    cart_access::edit(deps, &call, Also::Nothing, |cart, _| {
        cart.remove(call.path.id, deps.now()).map(Some).map_err(cart_access::refuse)
    })
    .await
}

#[cfg(test)]
mod tests {
    use contracts::carts::Cart;
    use domain::catalog::ProductStatus;
    use testing::World;

    use crate::fixtures::{Buyer, lines, set_status};

    #[tokio::test]
    async fn takes_a_line_out_whatever_became_of_it() {
        let world = World::new().await;
        let buyer = Buyer::new(&world, &world.buyer);
        let (book, pen) = (world.product("Book", 1_000, 5).await, world.product("Pen", 1_000, 5).await);
        buyer.add(&book, 4).await.ok::<Cart>();
        buyer.add(&pen, 1).await.ok::<Cart>();
        set_status(&world, book.0.id, ProductStatus::Archived).await;
        assert_eq!(lines(&buyer.remove(book.1).await.ok::<Cart>()), [(pen.1, 1)]);
        assert_eq!(buyer.remove(book.1).await.problem(), (404, "not_found".into()));
        world.coupon("SAVE10", |_| {}).await;
        buyer.apply("SAVE10").await.ok::<Cart>();
        let empty: Cart = buyer.remove(pen.1).await.ok();
        assert_eq!((empty.lines.len(), empty.totals.total.amount_minor, empty.expires_at), (0, 0, None));
        assert_eq!(empty, buyer.cart().await);
    }
}
