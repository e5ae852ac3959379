//! What the tests of this package share.

use contracts::{Endpoint, products::Product, table::Table};
use domain::{
    TenantId, VariantId,
    store::Store,
    tenant::{Plan, Tenant},
};
use runtime::{Call, Deps, Handler, Outcome};
use serde_json::{Value, json};
use store::{StoreClaim, keys};
use testing::{TestRequest, World, http::Answer};

use crate::{create, status};

/// By the owner, about the store.
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

/// A draft with these SKUs.
pub(crate) async fn product(world: &World, name: &str, skus: &[&str]) -> Product {
    let variants: Vec<Value> = skus.iter().map(|sku| variant(sku)).collect();
    create(world, json!({ "name": name, "variants": variants })).await.ok()
}

pub(crate) async fn publish(world: &World, product: &Product) -> Product {
    let request = request(world).path("id", product.id).json(json!({ "status": "active" }));
    request.send(&world.deps, status::handle).await.ok()
}

/// Another open store of the same tenant.
pub(crate) async fn second_store(world: &World) -> Store {
    let store =
        Store { id: world.deps.id(domain::StoreId::from_ulid), slug: "adas-shoes".into(), ..world.store.clone() };
    let mut tx = world.deps.tx();
    tx.create(world.tenant, &store);
    let claim =
        StoreClaim { name: store.slug.clone(), tenant_id: world.tenant, store_id: store.id, status: store.status };
    tx.create((), &claim);
    world.deps.db.commit(tx).await.unwrap();
    store
}

/// Asks a function about what another tenant and another store of the same tenant may not see.
pub(crate) async fn hidden_from_others<E, H>(world: &World, handler: H, request: impl Fn() -> TestRequest)
where
    E: Endpoint,
    H: for<'a> Handler<'a, Deps, Call<E>, Outcome<E>> + Copy,
{
    let neighbour = world.neighbour().await;
    let theirs = request().by(&neighbour.owner).store(&neighbour.store.slug).send(&world.deps, handler).await;
    assert_eq!(theirs.problem(), (404, "not_found".into()));
    let mixed = request().by(&neighbour.owner).store(&world.store.slug).send(&world.deps, handler).await;
    assert_eq!(mixed.problem(), (403, "tenant_mismatch".into()));
    let second = second_store(world).await;
    let elsewhere = request().by(&world.owner).store(&second.slug).send(&world.deps, handler).await;
    assert_eq!(elsewhere.problem(), (404, "not_found".into()));
}

pub(crate) async fn tenant(world: &World, id: TenantId) -> Tenant {
    world.deps.db.get::<Tenant>(&keys::tenant(id)).await.unwrap().unwrap().value
}

/// Puts the tenant on a plan, with that many products.
pub(crate) async fn on_plan(world: &World, plan: Plan, products: u32) {
    let tenant = world.deps.db.get::<Tenant>(&keys::tenant(world.tenant)).await.unwrap().unwrap();
    let mut tx = world.deps.tx();
    tx.update(world.tenant, &Tenant { plan, products, ..tenant.value }, tenant.version);
    world.deps.db.commit(tx).await.unwrap();
}

pub(crate) async fn stock(world: &World, variant: VariantId) -> Option<domain::stock::Stock> {
    world.deps.db.get(&keys::stock(world.tenant, variant)).await.unwrap().map(|stock| stock.value)
}

/// The events of a type that were sent, as envelopes.
pub(crate) fn events(world: &World, event_type: &str) -> Vec<Value> {
    let records = world.dynamo.items(Table::Outbox);
    let details = records.iter().map(|record| record["data"]["M"]["detail"]["S"].as_str().unwrap());
    let envelopes = details.map(|detail| serde_json::from_str::<Value>(detail).unwrap());
    envelopes.filter(|envelope| envelope["type"] == event_type).collect()
}

/// Sort keys of the names that are taken in the catalogue.
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
