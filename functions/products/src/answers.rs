//! Snapshot tests of complete replies about products, so that changes to the API are reviewed as files.

use serde_json::json;
use testing::{TestRequest, World, insta::assert_snapshot};

use crate::{
    create, fixtures,
    fixtures::{product, publish, request},
    get, list,
};

#[tokio::test]
async fn a_product() {
    let world = World::new().await;
    let made = product(&world, "Things Fall Apart", &["TFA-PB", "TFA-HB"]).await;
    publish(&world, &made).await;
    let buyer = || TestRequest::new().store(&world.store.slug);
    assert_snapshot!("product", buyer().path("id", made.id).send(&world.deps, get::handle).await.shown());
    assert_snapshot!("products", buyer().send(&world.deps, list::handle).await.shown());
}

#[tokio::test]
async fn a_product_that_does_not_exist() {
    let world = World::new().await;
    let answer = request(&world).path("id", "no-such-book").send(&world.deps, get::handle).await;
    assert_snapshot!("product-not-found", answer.shown());
}

#[tokio::test]
async fn a_product_that_cannot_be_created() {
    let world = World::new().await;
    let wrong_types = json!({ "name": "", "tags": "fiction", "colour": "red", "variants": [] });
    assert_snapshot!("product-malformed", fixtures::create(&world, wrong_types).await.shown());
    let broken_rules = json!({
        "name": "",
        "slug": "No Slug",
        "variants": [{ "sku": "A", "name": "Default", "price": { "amount_minor": -1, "currency": "NGN" } }],
    });
    assert_snapshot!("product-invalid", fixtures::create(&world, broken_rules).await.shown());
    let unreadable = request(&world).body("{\"name\": ").send(&world.deps, create::handle).await;
    assert_snapshot!("product-unreadable", unreadable.shown());
}
