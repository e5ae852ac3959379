//! Shared test fixtures of this package.

use contracts::{products::Product, table::Table};
use domain::{
    TenantId, VariantId,
    tenant::{Plan, Tenant},
};
use serde_json::{Value, json};
use store::keys;
use testing::{TestRequest, World, http::Answer};
pub(crate) use testing::{events, hidden_from_others};

use crate::{create, status};

/// A request by the owner, for the store.
pub(crate) fn request(world: &World) -> TestRequest {
    TestRequest::new().by(&world.owner).store(&world.store.slug)
}

pub(crate) fn price(amount_minor: i64) -> Value {
    json!({ "amount_minor": amount_minor, "currency": "NGN" })
}

pub(crate) fn variant(sku: &str) -> Value {
    json!({ "sku": sku, "name": "Default", "price": price(100_000) })
}

pub(crate) async fn create(world: &World, body: Value) -> Answer {
    request(world).json(body).send(&world.deps, create::handle).await
}

/// Creates a draft product with these SKUs.
pub(crate) async fn product(world: &World, name: &str, skus: &[&str]) -> Product {
    let variants: Vec<Value> = skus.iter().map(|sku| variant(sku)).collect();
    create(world, json!({ "name": name, "variants": variants })).await.ok()
}

pub(crate) async fn publish(world: &World, product: &Product) -> Product {
    let request = request(world).path("id", product.id).json(json!({ "status": "active" }));
    request.send(&world.deps, status::handle).await.ok()
}

pub(crate) async fn tenant(world: &World, id: TenantId) -> Tenant {
    world.deps.db.get::<Tenant>(&keys::tenant(id)).await.unwrap().unwrap().value
}

/// Sets the tenant's plan and its counter of products.
pub(crate) async fn on_plan(world: &World, plan: Plan, products: u32) {
    let tenant = world.deps.db.get::<Tenant>(&keys::tenant(world.tenant)).await.unwrap().unwrap();
    let mut tx = world.deps.tx();
    tx.update(world.tenant, &Tenant { plan, products, ..tenant.value }, tenant.version);
    world.deps.db.commit(tx).await.unwrap();
}

pub(crate) async fn stock(world: &World, variant: VariantId) -> Option<domain::stock::Stock> {
    world.deps.db.get(&keys::stock(world.tenant, variant)).await.unwrap().map(|stock| stock.value)
}

/// Sort keys of the catalogue's claims (slugs and SKUs that are taken).
pub(crate) fn claims(world: &World) -> Vec<String> {
    let items = world.dynamo.items(Table::Catalog);
    let mut claims: Vec<_> = items
        .iter()
        .filter(|item| item["pk"]["S"].as_str().unwrap().ends_with("#UNIQUE"))
        .map(|item| item["sk"]["S"].as_str().unwrap().to_owned())
        .collect();
    claims.sort();
    claims
}
