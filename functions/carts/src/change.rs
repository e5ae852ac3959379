//! `PATCH /cart/items/{id}`: sets the quantity of a variant in the cart, and accepts today's price for it.

use contracts::carts::Change;
use runtime::{Call, Granted, Outcome, Problem};

use crate::{
    cart_access::{self, Also},
    pricing_snapshot::Refusal,
};

pub async fn handle(deps: &Granted<Change>, call: Call<Change>) -> Outcome<Change> {
    let variant = call.path.id;
    cart_access::edit(deps, &call, Also::Nothing, |cart, prices| {
        let line = cart.lines.iter().find(|line| line.variant_id == variant).ok_or_else(Problem::not_found)?;
        // The buyer already has the variant in the cart, so it is reported as discontinued, never as unknown.
        let offer = prices.offer(line.product_id, variant).map_err(|_| Refusal::Discontinued)?;
        let price = offer.variant.price;
        cart.change(variant, call.body.quantity, price, deps.now()).map(Some).map_err(cart_access::refuse)
    })
    .await
}

#[cfg(test)]
mod tests {
    use contracts::carts::{Cart, LineState};
    use domain::{Role, VariantId, catalog::ProductStatus};
    use testing::World;

    use crate::fixtures::{Buyer, lines, set_available, set_price, set_status};

    #[tokio::test]
    async fn sets_the_quantity_and_accepts_todays_price() {
        let world = World::new().await;
        let buyer = Buyer::new(&world, &world.buyer);
        let book = world.product("Book", 1_000, 5).await;
        buyer.add(&book, 4).await.ok::<Cart>();
        set_price(&world, book.0.id, 1_500).await;
        let cart: Cart = buyer.change(book.1, 2).await.ok();
        assert_eq!((lines(&cart), cart.lines[0].state), (vec![(book.1, 2)], LineState::Available));
        assert_eq!((cart.totals.total.amount_minor, cart.version), (3_000, 2));
        assert_eq!(cart, buyer.cart().await);
    }

    #[tokio::test]
    async fn can_ask_for_less_of_what_is_short() {
        let world = World::new().await;
        let buyer = Buyer::new(&world, &world.buyer);
        let book = world.product("Book", 1_000, 5).await;
        buyer.add(&book, 4).await.ok::<Cart>();
        set_available(&world, book.1, 1).await;
        assert_eq!(buyer.change(book.1, 2).await.ok::<Cart>().lines[0].state, LineState::OutOfStock);
        assert_eq!(buyer.change(book.1, 1).await.ok::<Cart>().lines[0].state, LineState::Available);
    }

    #[tokio::test]
    async fn refuses_what_is_not_there_or_no_longer_sold() {
        let world = World::new().await;
        let buyer = Buyer::new(&world, &world.buyer);
        let book = world.product("Book", 1_000, 5).await;
        assert_eq!(buyer.change(book.1, 2).await.problem(), (404, "not_found".into()));
        buyer.add(&book, 4).await.ok::<Cart>();
        assert_eq!(buyer.change(world.deps.id(VariantId::from_ulid), 2).await.problem().0, 404);
        assert_eq!(buyer.change(book.1, 0).await.fields(), [("/quantity".into(), "invalid".into())]);
        for status in [ProductStatus::Draft, ProductStatus::Archived] {
            set_status(&world, book.0.id, status).await;
            assert_eq!(buyer.change(book.1, 2).await.problem(), (409, "discontinued".into()), "{status:?}");
        }
        // A line in another buyer's cart is not found.
        let other = Buyer::new(&world, &world.principal(Role::Customer));
        assert_eq!(other.change(book.1, 2).await.problem(), (404, "not_found".into()));
        assert_eq!(lines(&buyer.cart().await), [(book.1, 4)]);
    }

    #[tokio::test]
    async fn an_ordered_line_cannot_be_changed() {
        let world = World::new().await;
        let buyer = Buyer::new(&world, &world.buyer);
        let book = world.product("Book", 1_000, 5).await;
        buyer.add(&book, 4).await.ok::<Cart>();
        buyer.order().await;
        assert_eq!(buyer.change(book.1, 2).await.problem(), (404, "not_found".into()));
        assert_eq!(buyer.remove(book.1).await.problem(), (404, "not_found".into()));
    }
}
