//! `POST /cart/items`: adds units of a variant to the cart, at today's price.

use contracts::{carts::Add, problems};
use domain::cart::Line;
use runtime::{Call, Granted, Outcome, Problem};

use crate::cart_access::{self, Also};

pub async fn handle(deps: &Granted<Add>, call: Call<Add>) -> Outcome<Add> {
    let (product_id, variant_id) = (call.body.product_id, call.body.variant_id);
    cart_access::edit(deps, &call, Also::Variant(product_id, variant_id), |cart, prices| {
        let offer = prices.offer(product_id, variant_id)?;
        if offer.available < 1 {
            return Err(Problem::new(&problems::OUT_OF_STOCK, "this is out of stock"));
        }
        let now = deps.now();
        let unit_price = offer.variant.price;
        let line = Line { product_id, variant_id, quantity: call.body.quantity, unit_price, added_at: now };
        cart.add(line, now).map(Some).map_err(cart_access::refuse)
    })
    .await
}

#[cfg(test)]
mod tests {
    use contracts::carts::{Cart, LineState};
    use domain::{
        ProductId, VariantId,
        catalog::ProductStatus,
        limits::{ORDER_LINES_MAX, QUANTITY_MAX},
    };
    use serde_json::json;
    use testing::World;

    use super::*;
    use crate::fixtures::{Buyer, lines, set_available, set_price, set_status};

    #[tokio::test]
    async fn a_variant_added_again_grows_at_todays_price() {
        let world = World::new().await;
        let buyer = Buyer::new(&world, &world.buyer);
        let book = world.product("Book", 1_000, 9).await;
        let first = buyer.add(&book, 2).await;
        assert_eq!((first.status(), first.0.header("etag")), (200, Some("\"1\"")));
        set_price(&world, book.0.id, 900).await;
        world.dynamo.take_calls();
        let cart: Cart = buyer.add(&book, 3).await.ok();
        let calls = world.dynamo.take_calls();
        assert_eq!(calls, ["GetItem", "BatchGetItem", "TransactWriteItems"].map(|call| (call.to_owned(), 1)).into());
        assert_eq!((lines(&cart), cart.version), (vec![(book.1, 5)], 2));
        assert_eq!((cart.lines[0].state, cart.lines[0].seen_price.amount_minor), (LineState::Available, 900));
        assert_eq!(cart, buyer.cart().await);
    }

    #[tokio::test]
    async fn more_than_there_is_may_be_wanted_but_not_something_of_which_there_is_none() {
        let world = World::new().await;
        let buyer = Buyer::new(&world, &world.buyer);
        let book = world.product("Book", 1_000, 2).await;
        let cart: Cart = buyer.add(&book, 3).await.ok();
        assert_eq!((cart.lines[0].state, cart.lines[0].available), (LineState::OutOfStock, 2));
        set_available(&world, book.1, 0).await;
        assert_eq!(buyer.add(&book, 1).await.problem(), (409, "out_of_stock".into()));
        assert_eq!(lines(&buyer.cart().await), [(book.1, 3)]);
    }

    #[tokio::test]
    async fn only_what_this_store_sells_goes_in() {
        let world = World::new().await;
        let neighbour = world.neighbour().await;
        let buyer = Buyer::new(&world, &world.buyer);
        let book = world.product("Book", 1_000, 5).await;
        let pen = world.product("Pen", 1_000, 5).await;
        let theirs = neighbour.product("Theirs", 1_000, 5).await;
        let unknown = buyer
            .add_json(json!({
                "product_id": world.deps.id(ProductId::from_ulid),
                "variant_id": world.deps.id(VariantId::from_ulid),
                "quantity": 1,
            }))
            .await;
        assert_eq!(unknown.problem(), (404, "not_found".into()));
        assert_eq!(buyer.add(&theirs, 1).await.0.body, unknown.0.body);
        assert_eq!(buyer.add(&(book.0.clone(), pen.1), 1).await.problem().0, 404);
        set_status(&world, book.0.id, ProductStatus::Draft).await;
        assert_eq!(buyer.add(&book, 1).await.problem(), (404, "not_found".into()));
        set_status(&world, book.0.id, ProductStatus::Archived).await;
        assert_eq!(buyer.add(&book, 1).await.problem(), (409, "discontinued".into()));
        assert_eq!(buyer.cart().await.version, 0);
    }

    #[tokio::test]
    async fn each_store_has_its_own_cart_and_products() {
        let world = World::new().await;
        let buyer = Buyer::new(&world, &world.buyer);
        let book = world.product("Book", 1_000, 5).await;
        let second = world.branch("adas-pens").await.store;
        let body = json!({ "product_id": book.0.id, "variant_id": book.1, "quantity": 1 });
        let elsewhere = buyer.request().store(&second.slug).json(body).send(&world.deps, handle).await;
        assert_eq!(elsewhere.problem(), (404, "not_found".into()));
        buyer.add(&book, 1).await.ok::<Cart>();
        let elsewhere = buyer.request().store(&second.slug).send(&world.deps, crate::get::handle).await;
        assert!(elsewhere.ok::<Cart>().lines.is_empty());
    }

    #[tokio::test]
    async fn quantities_and_lines_have_limits() {
        let world = World::new().await;
        let buyer = Buyer::new(&world, &world.buyer);
        let book = world.product("Book", 1_000, 5).await;
        for quantity in [0, QUANTITY_MAX + 1] {
            let answer = buyer.add(&book, quantity).await;
            assert_eq!(answer.fields(), [("/quantity".into(), "invalid".into())], "{quantity}");
        }
        buyer.add(&book, QUANTITY_MAX).await.ok::<Cart>();
        assert_eq!(buyer.add(&book, 1).await.problem(), (409, "quantity_too_large".into()));
        for line in 1..ORDER_LINES_MAX {
            buyer.add(&world.product(&format!("Pen {line}"), 100, 5).await, 1).await.ok::<Cart>();
        }
        let one_more = world.product("One more", 100, 5).await;
        assert_eq!(buyer.add(&one_more, 1).await.problem(), (409, "cart_full".into()));
        assert_eq!(buyer.cart().await.lines.len(), ORDER_LINES_MAX);
    }

    #[tokio::test]
    async fn says_everything_that_is_wrong() {
        let world = World::new().await;
        let buyer = Buyer::new(&world, &world.buyer);
        let answer = buyer.add_json(json!({ "product_id": "x", "quantity": "many", "price": 1 })).await;
        assert_eq!(answer.status(), 422);
        let mut fields: Vec<_> = answer.fields().into_iter().map(|(pointer, _)| pointer).collect();
        fields.sort();
        assert_eq!(fields, ["/price", "/product_id", "/quantity", "/variant_id"]);
    }

    #[tokio::test]
    async fn a_repetition_adds_once() {
        let world = World::new().await;
        let buyer = Buyer::new(&world, &world.buyer);
        let book = world.product("Book", 1_000, 5).await;
        let body = json!({ "product_id": book.0.id, "variant_id": book.1, "quantity": 2 });
        let send = || buyer.request().key("k").json(body.clone()).send(&world.deps, handle);
        let (first, again) = (send().await, send().await);
        assert_eq!(first.0.body, again.0.body);
        assert_eq!(lines(&buyer.cart().await), [(book.1, 2)]);
    }

    #[tokio::test]
    async fn starts_anew_over_an_ordered_cart() {
        let world = World::new().await;
        let buyer = Buyer::new(&world, &world.buyer);
        let (book, pen) = (world.product("Book", 1_000, 5).await, world.product("Pen", 1_000, 5).await);
        buyer.add(&book, 2).await.ok::<Cart>();
        let order = buyer.order().await;
        let cart: Cart = buyer.add(&pen, 1).await.ok();
        assert_eq!((lines(&cart), cart.version), (vec![(pen.1, 1)], 3));
        // The order can no longer give its lines back, because the buyer has started a new cart.
        let mut tx = world.deps.tx();
        tx.give_back_cart(world.tenant, world.store.id, buyer.principal.account_id, order, world.deps.now());
        assert!(world.deps.db.commit(tx).await.is_err());
        assert_eq!(lines(&buyer.cart().await), [(pen.1, 1)]);
    }

    /// Eight browser tabs of one buyer add lines concurrently. The cart has exactly the lines answered with 200.
    #[test]
    fn changes_at_once_are_all_kept() {
        fn block_on<F: Future>(future: F) -> F::Output {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
        }
        let (world, books) = block_on(async {
            let world = World::new().await;
            let mut books = vec![];
            for tab in 0..8 {
                books.push(world.product(&format!("Book {tab}"), 1_000, 5).await);
            }
            (world, books)
        });
        let buyer = Buyer::new(&world, &world.buyer);
        let answers: Vec<_> = std::thread::scope(|scope| {
            let tabs: Vec<_> = books.iter().map(|book| scope.spawn(|| block_on(buyer.add(book, 1)))).collect();
            tabs.into_iter().map(|tab| tab.join().unwrap()).collect()
        });
        let mut kept: Vec<_> = lines(&block_on(buyer.cart())).into_iter().map(|(variant, _)| variant).collect();
        let mut answered = vec![];
        for (answer, book) in answers.iter().zip(&books) {
            if answer.status() == 200 {
                answered.push(book.1);
            } else {
                assert_eq!(answer.problem(), (409, "busy".into()));
            }
        }
        kept.sort();
        answered.sort();
        assert_eq!(kept, answered);
        assert!(!kept.is_empty());
    }

    #[tokio::test]
    async fn honours_if_match() {
        let world = World::new().await;
        let buyer = Buyer::new(&world, &world.buyer);
        let book = world.product("Book", 1_000, 5).await;
        buyer.add(&book, 1).await.ok::<Cart>();
        let body = json!({ "product_id": book.0.id, "variant_id": book.1, "quantity": 1 });
        let stale = buyer.request().header("if-match", "\"7\"").json(body).send(&world.deps, handle).await;
        assert_eq!(stale.status(), 412);
    }
}
