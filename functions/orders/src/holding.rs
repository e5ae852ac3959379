//! Tests of the bounds on what one buyer holds unpaid: they reach over placing and everything that ends the waiting.

use contracts::{orders::Order as OrderView, table::Table};
use domain::{
    catalog::Product,
    limits::{PENDING_ORDERS_MAX, PENDING_ORDERS_OF_CLIENT_MAX, PENDING_UNITS_MAX, QUANTITY_MAX},
    order::Order,
};
use runtime::Principal;
use serde_json::Value;
use store::keys;
use testing::{TestRequest, World, http::Answer};

use crate::{
    cancel, expire,
    fixtures::{Fixture, another_buyer, fill_cart, place_body, place_request, stock_of},
    on_payment_completed, on_payment_failed, place,
};

/// Places an order as this buyer, from this address, with this e-mail address.
async fn place_as(world: &World, buyer: &Principal, product: &Product, units: u32, from: (&str, &str)) -> Answer {
    fill_cart(world, buyer, &[(product, units)]).await;
    let key = world.deps.id(|ulid| ulid).to_string();
    let request = place_request(world, buyer, &key).from(from.0).json(place_body(from.1));
    Box::pin(request.send(&world.deps, place::handle)).await
}

fn refused(answer: &Answer) -> bool {
    answer.status() == 409 && answer.problem() == (409, "too_much_unpaid".into())
}

/// The counted orders and units of each holder, where there are any.
fn counts(world: &World) -> Vec<(i64, i64)> {
    let number = |item: &Value, name: &str| item[name]["N"].as_str().unwrap().parse::<i64>().unwrap();
    let items = world.dynamo.items(Table::Orders);
    let counts = items.iter().filter(|item| item["kind"]["S"] == "pending_orders");
    let counts = counts.map(|item| (number(item, "held_orders"), number(item, "held_units")));
    counts.filter(|count| *count != (0, 0)).collect()
}

#[tokio::test]
async fn one_account_one_address_of_either_kind_holds_only_so_many_orders() {
    let world = World::new().await;
    let (book, _) = world.product("Book", 150_000, 1_000).await;
    let many = PENDING_ORDERS_MAX;
    // The same account, from everywhere, under all names.
    let buyer = another_buyer(&world);
    for n in 0..many {
        let (address, email) = (format!("198.51.100.{n}"), format!("{n}@example.com"));
        assert_eq!(place_as(&world, &buyer, &book, 1, (&address, &email)).await.status(), 201);
    }
    assert!(refused(&place_as(&world, &buyer, &book, 1, ("198.51.100.99", "99@example.com")).await));
    // The same e-mail address, however it is written.
    for n in 0..many {
        let (address, email) = (format!("198.51.101.{n}"), if n % 2 == 0 { "a@example.com" } else { "A@Example.com" });
        assert_eq!(place_as(&world, &another_buyer(&world), &book, 1, (&address, email)).await.status(), 201);
    }
    let answer = place_as(&world, &another_buyer(&world), &book, 1, ("198.51.101.99", "a@example.com")).await;
    assert!(refused(&answer), "{}", answer.json());
    // The same client: an IPv6 network.
    for n in 0..PENDING_ORDERS_OF_CLIENT_MAX {
        let (host, email) = (format!("2001:db8:0:1::{n}"), format!("client-{n}@example.com"));
        assert_eq!(place_as(&world, &another_buyer(&world), &book, 1, (&host, &email)).await.status(), 201);
    }
    let before = stock_of(&world, &book).await;
    let answer = place_as(&world, &another_buyer(&world), &book, 1, ("2001:db8:0:1:ff::", "b@example.com")).await;
    assert!(refused(&answer), "{}", answer.json());
    assert_eq!(stock_of(&world, &book).await, before, "nothing is reserved");
    let elsewhere = place_as(&world, &another_buyer(&world), &book, 1, ("2001:db8:0:2::", "b@example.com")).await;
    assert_eq!(elsewhere.status(), 201);
}

#[tokio::test]
async fn the_units_are_bounded_too_and_in_a_first_order() {
    let world = World::new().await;
    let mut books = vec![];
    for n in 0..4 {
        books.push(world.product(&format!("Book {n}"), 1_000, 5_000).await.0);
    }
    let all: Vec<_> = books.iter().map(|book| (book, QUANTITY_MAX)).collect();
    fill_cart(&world, &world.buyer, &all).await;
    let first = Box::pin(place_request(&world, &world.buyer, "k").send(&world.deps, place::handle)).await;
    assert!(refused(&first), "{}", first.json());
    assert_eq!(counts(&world), []);
    fill_cart(&world, &another_buyer(&world), &all[..2]).await;
    let from = ("198.51.100.1", "a@example.com");
    for units in [QUANTITY_MAX, QUANTITY_MAX, PENDING_UNITS_MAX - 2 * QUANTITY_MAX] {
        assert_eq!(place_as(&world, &another_buyer(&world), &books[0], units, from).await.status(), 201, "{units}");
    }
    assert!(refused(&place_as(&world, &another_buyer(&world), &books[0], 1, from).await));
}

#[tokio::test]
async fn orders_placed_at_once_cannot_pass_the_bound() {
    let world = World::new().await;
    let (book, _) = world.product("Book", 150_000, 1_000).await;
    let mut buyers = vec![];
    for _ in 0..3 * PENDING_ORDERS_MAX {
        let buyer = another_buyer(&world);
        fill_cart(&world, &buyer, &[(&book, 1)]).await;
        buyers.push(buyer);
    }
    let mut at_once = tokio::task::JoinSet::new();
    for buyer in buyers {
        let (deps, request) = (world.deps.clone(), place_request(&world, &buyer, "k"));
        at_once.spawn(async move { request.send(&deps, place::handle).await.status() });
    }
    let statuses = at_once.join_all().await;
    let placed = statuses.iter().filter(|status| **status == 201).count();
    assert!(statuses.iter().all(|status| [201, 409].contains(status)), "{statuses:?}");
    assert!(placed > 0 && placed <= PENDING_ORDERS_MAX as usize, "{placed}");
    let all = i64::try_from(placed).unwrap();
    let mut shared = counts(&world);
    shared.retain(|count| *count != (1, 1));
    assert_eq!(shared, [(all, all); 2], "the address and the e-mail address");
}

async fn stored(fixture: &Fixture) -> Order {
    fixture.deps().db.get(&keys::order(fixture.world.tenant, fixture.order.id)).await.unwrap().unwrap().value
}

#[tokio::test]
async fn what_is_paid_cancelled_or_lapsed_counts_no_longer_and_is_given_back_once() {
    for end in ["paid", "failed", "lapsed", "cancelled", "cancelled as it was paid", "lapsed, then paid"] {
        let fixture = Fixture::new().await;
        assert_eq!(counts(&fixture.world), [(1, 2); 3], "{end}");
        assert!(stored(&fixture).await.client.is_some());
        let paid = || async {
            let deps = fixture.granted();
            on_payment_completed::handle(&deps, fixture.completed()).await.unwrap();
        };
        let failed = || async {
            let deps = fixture.granted();
            on_payment_failed::handle(&deps, fixture.failed()).await.unwrap();
        };
        let lapsed = || async {
            fixture.world.clock.advance_s(900);
            expire::handle(&fixture.granted(), fixture.due()).await.unwrap();
        };
        let cancelled = || async {
            let request = TestRequest::new().by(&fixture.world.buyer).path("id", fixture.order.id).key("c");
            request.send(fixture.deps(), cancel::handle).await.ok::<OrderView>();
        };
        // Another order of the same buyer, which must go on counting.
        let from = ("203.0.113.7", "chinua@example.com");
        let other = place_as(&fixture.world, &fixture.world.buyer, &fixture.product, 1, from).await;
        assert_eq!(other.status(), 201);
        for _ in 0..2 {
            match end {
                "paid" => paid().await,
                "failed" => failed().await,
                "lapsed" => lapsed().await,
                "lapsed, then paid" => {
                    lapsed().await;
                    paid().await;
                }
                "cancelled" => {
                    cancelled().await;
                    failed().await;
                }
                _ => {
                    cancelled().await;
                    paid().await;
                }
            }
        }
        assert_eq!(counts(&fixture.world), [(1, 1); 3], "{end}");
        assert_eq!(stored(&fixture).await.client, None, "{end}");
    }
}

#[tokio::test]
async fn a_count_that_was_deleted_holds_up_no_order() {
    let fixture = Fixture::new().await;
    for holder in stored(&fixture).await.holders() {
        let mut tx = fixture.deps().tx();
        tx.remove(keys::pending_orders(fixture.world.tenant, fixture.order.store_id, &holder));
        fixture.deps().db.commit(tx).await.unwrap();
    }
    on_payment_completed::handle(&fixture.granted(), fixture.completed()).await.unwrap();
    assert_eq!(stored(&fixture).await.state.status(), domain::order::OrderStatus::Paid);
}
