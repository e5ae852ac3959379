//! `GET /cart`: shows the caller's cart at today's prices, with the number of available units.

use contracts::carts::Get;
use runtime::{Call, Granted, Outcome};

use crate::{cart_access, pricing_snapshot::PricingSnapshot};

pub async fn handle(deps: &Granted<Get>, call: Call<Get>) -> Outcome<Get> {
    let held = cart_access::read(deps, &call).await?;
    let prices =
        PricingSnapshot::read(deps, call.store()?, cart_access::wanted(&held.cart), cart_access::chosen(&held.cart))
            .await?;
    cart_access::reply(&held.cart, held.version, &prices, deps.now())
}

#[cfg(test)]
mod tests {
    use contracts::carts::{Cart, LineState};
    use domain::{Money, Role, catalog::ProductStatus, limits::CART_TTL_S};
    use serde_json::json;
    use testing::World;

    use crate::fixtures::{Buyer, lines, remove_variants, set_available, set_price, set_status};

    #[tokio::test]
    async fn there_is_always_a_cart() {
        let world = World::new().await;
        let buyer = Buyer::new(&world, &world.buyer);
        let answer = buyer.get().await;
        let cart: Cart = answer.ok();
        assert_eq!((cart.id, cart.lines.len(), cart.version, cart.expires_at), (None, 0, 0, None));
        assert_eq!(answer.json()["totals"]["total"], json!({ "amount_minor": 0, "currency": "NGN" }));
        assert_eq!(answer.0.header("etag"), None);
    }

    #[tokio::test]
    async fn shows_lines_and_what_they_come_to() {
        let world = World::new().await;
        let buyer = Buyer::new(&world, &world.buyer);
        let book = world.product("Book", 100_000, 5).await;
        let pen = world.product("Pen", 7_500, 5).await;
        buyer.add(&book, 2).await.ok::<Cart>();
        buyer.add(&pen, 1).await.ok::<Cart>();
        world.dynamo.take_calls();
        let answer = buyer.get().await;
        let cart: Cart = answer.ok();
        assert_eq!(world.dynamo.take_calls(), [("GetItem".to_owned(), 1), ("BatchGetItem".to_owned(), 1)].into());
        assert_eq!(answer.0.header("etag"), Some("\"2\""));
        assert_eq!(lines(&cart), [(book.1, 2), (pen.1, 1)]);
        assert_eq!(cart.lines[0].title.as_deref(), Some("Book – Default"));
        assert_eq!(cart.lines[0].line_total.amount_minor, 200_000);
        let totals = cart.totals;
        // The total of NGN 2,075.00 includes 7.5 % tax.
        assert_eq!((totals.subtotal.amount_minor, totals.tax.amount_minor), (207_500, 14_477));
        assert_eq!((totals.shipping.amount_minor, totals.total.amount_minor), (0, 207_500));
    }

    #[tokio::test]
    async fn a_changed_price_is_shown_with_the_one_seen() {
        let world = World::new().await;
        let buyer = Buyer::new(&world, &world.buyer);
        let book = world.product("Book", 1_000, 5).await;
        buyer.add(&book, 2).await.ok::<Cart>();
        set_price(&world, book.0.id, 1_200).await;
        let cart = buyer.cart().await;
        let line = &cart.lines[0];
        assert_eq!(line.state, LineState::PriceChanged);
        assert_eq!((line.unit_price.amount_minor, line.seen_price.amount_minor), (1_200, 1_000));
        assert_eq!((line.line_total.amount_minor, cart.totals.total.amount_minor), (2_400, 2_400));
        // Viewing the cart does not accept the new price.
        assert_eq!(buyer.cart().await.lines[0].state, LineState::PriceChanged);
    }

    #[tokio::test]
    async fn what_cannot_be_had_is_marked_and_not_counted() {
        let world = World::new().await;
        let buyer = Buyer::new(&world, &world.buyer);
        let products = [
            world.product("Kept", 1_000, 5).await,
            world.product("Short", 1_000, 5).await,
            world.product("Archived", 1_000, 5).await,
            world.product("Withdrawn", 1_000, 5).await,
            world.product("Variantless", 1_000, 5).await,
        ];
        for product in &products {
            buyer.add(product, 3).await.ok::<Cart>();
        }
        set_available(&world, products[1].1, 2).await;
        set_status(&world, products[2].0.id, ProductStatus::Archived).await;
        set_status(&world, products[3].0.id, ProductStatus::Draft).await;
        remove_variants(&world, products[4].0.id).await;
        let cart = buyer.cart().await;
        let states: Vec<_> = cart.lines.iter().map(|line| (line.state, line.available)).collect();
        let discontinued = (LineState::Discontinued, 0);
        assert_eq!(
            states,
            [(LineState::Available, 5), (LineState::OutOfStock, 2), discontinued, discontinued, discontinued]
        );
        assert_eq!(cart.lines[4].title.as_deref(), Some("Variantless"));
        assert_eq!(cart.totals.subtotal, Money::new(3_000, world.store.currency));
    }

    #[tokio::test]
    async fn an_ordered_cart_is_empty_until_the_order_gives_it_back() {
        let world = World::new().await;
        let buyer = Buyer::new(&world, &world.buyer);
        let book = world.product("Book", 1_000, 5).await;
        buyer.add(&book, 2).await.ok::<Cart>();
        let order = buyer.order().await;
        let answer = buyer.get().await;
        assert!(answer.ok::<Cart>().lines.is_empty());
        assert_eq!(answer.0.header("etag"), Some("\"2\""));
        // Clearing a cart that appears empty does not delete the lines that the order may give back.
        assert!(buyer.clear().await.ok::<Cart>().lines.is_empty());
        let mut tx = world.deps.tx();
        tx.give_back_cart(world.tenant, world.store.id, buyer.principal.account_id, order, world.deps.now());
        world.deps.db.commit(tx).await.unwrap();
        assert_eq!(lines(&buyer.cart().await), [(book.1, 2)]);
    }

    #[tokio::test]
    async fn a_cart_is_forgotten_when_it_has_expired() {
        let world = World::new().await;
        let buyer = Buyer::new(&world, &world.buyer);
        let book = world.product("Book", 1_000, 5).await;
        buyer.add(&book, 2).await.ok::<Cart>();
        world.clock.advance_s(CART_TTL_S - 1);
        assert_eq!(buyer.cart().await.lines.len(), 1);
        world.clock.advance_s(1);
        assert!(buyer.cart().await.lines.is_empty());
        buyer.add(&book, 1).await.ok::<Cart>();
        assert_eq!(lines(&buyer.cart().await), [(book.1, 1)]);
    }

    #[tokio::test]
    async fn nobody_else_sees_it() {
        let world = World::new().await;
        let neighbour = world.neighbour().await;
        let book = world.product("Book", 1_000, 5).await;
        Buyer::new(&world, &world.buyer).add(&book, 2).await.ok::<Cart>();
        let other = Buyer::new(&world, &world.principal(Role::Customer));
        assert!(other.cart().await.lines.is_empty());
        // The same account, in another tenant's store.
        let elsewhere = runtime::Principal { tenant_id: Some(neighbour.tenant), ..world.buyer.clone() };
        assert!(Buyer::new(&neighbour, &elsewhere).cart().await.lines.is_empty());
        let across = Buyer::new(&neighbour, &world.buyer).get().await;
        assert_eq!(across.problem(), (403, "tenant_mismatch".into()));
    }

    #[tokio::test]
    async fn carts_are_for_buyers() {
        let world = World::new().await;
        for role in Role::ALL {
            let status = Buyer::new(&world, &world.principal(role)).get().await.status();
            let expected = if matches!(role, Role::Customer | Role::Guest) { 200 } else { 403 };
            assert_eq!(status, expected, "{role:?}");
        }
    }
}
