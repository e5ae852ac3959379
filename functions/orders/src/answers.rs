//! Snapshot tests of whole answers about orders, so that a reviewer sees exactly what clients receive.

use domain::OrderId;
use serde_json::json;
use testing::{TestRequest, World, insta::assert_snapshot};

use crate::{
    fixtures::{Fixture, fill_cart, place_request},
    get, list, place, timeline,
};

#[tokio::test]
async fn an_order_and_what_became_of_it() {
    let fixture = Fixture::delivered().await;
    fixture.ask_return(1).await;
    let request = |by| TestRequest::new().by(by).path("id", fixture.order.id);
    let (buyer, owner) = (&fixture.world.buyer, &fixture.world.owner);
    assert_snapshot!("order", request(buyer).send(fixture.deps(), get::handle).await.shown());
    assert_snapshot!("timeline", request(owner).send(fixture.deps(), timeline::handle).await.shown());
    assert_snapshot!("orders", TestRequest::new().by(buyer).send(fixture.deps(), list::handle).await.shown());
}

#[tokio::test]
async fn an_order_that_does_not_exist() {
    let world = World::new().await;
    let request = TestRequest::new().by(&world.buyer).path("id", world.deps.id(OrderId::from_ulid));
    assert_snapshot!("order-not-found", request.send(&world.deps, get::handle).await.shown());
}

#[tokio::test]
async fn an_order_that_cannot_be_placed() {
    let world = World::new().await;
    let place = |body| place_request(&world, &world.buyer, "k").json(body).send(&world.deps, place::handle);
    let body = json!({ "customer": { "email": 5 }, "shipping_method": "", "colour": "red" });
    assert_snapshot!("order-invalid", Box::pin(place(body)).await.shown());

    let (book, _) = world.product("Things Fall Apart", 150_000, 1).await;
    fill_cart(&world, &world.buyer, &[(&book, 2)]).await;
    let short = place_request(&world, &world.buyer, "k").send(&world.deps, place::handle);
    assert_snapshot!("order-out-of-stock", Box::pin(short).await.shown());
}
