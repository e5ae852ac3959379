//! Shared test fixtures of this package.

use contracts::stores::Store;
use domain::{
    account::Account,
    tenant::{Plan, Tenant},
};
use serde_json::{Value, json};
use store::{StoreClaim, keys};
pub(crate) use testing::events;
use testing::{TestRequest, World, http::Answer};

use crate::create;

/// A test world whose tenant has one store, on a plan that allows several.
pub(crate) async fn world() -> World {
    world_on(Plan::Pro).await
}

/// A test world on a plan. The owner's account is in it, as after an onboarding.
pub(crate) async fn world_on(plan: Plan) -> World {
    let world = World::new().await;
    on_plan(&world, plan).await;
    owners_account(&world).await;
    world
}

pub(crate) async fn on_plan(world: &World, plan: Plan) {
    let found = world.deps.db.get::<Tenant>(&keys::tenant(world.tenant)).await.unwrap().unwrap();
    let mut tx = world.deps.tx();
    tx.update(world.tenant, &Tenant { plan, ..found.value }, found.version);
    world.deps.db.commit(tx).await.unwrap();
}

/// The tenant's counter of stores.
pub(crate) async fn counted(world: &World) -> u32 {
    world.deps.db.get::<Tenant>(&keys::tenant(world.tenant)).await.unwrap().unwrap().value.stores
}

async fn owners_account(world: &World) {
    let (id, email) = (world.owner.account_id, "owner@example.com".to_owned());
    world.account(Account::new(id, email, "Ada".to_owned(), None, world.deps.now())).await;
}

pub(crate) fn request(world: &World) -> TestRequest {
    TestRequest::new().by(&world.owner)
}

pub(crate) fn body(name: &str) -> Value {
    json!({ "name": name, "currency": "NGN", "timezone": "Africa/Lagos", "support_email": "help@example.com" })
}

pub(crate) async fn create(world: &World, body: Value) -> Answer {
    request(world).json(body).send(&world.deps, create::handle).await
}

/// Creates a draft store.
pub(crate) async fn store(world: &World, name: &str) -> Store {
    create(world, body(name)).await.ok()
}

pub(crate) async fn claim(world: &World, name: impl ToString) -> Option<StoreClaim> {
    world.deps.db.get(&keys::store_claim(&name.to_string())).await.unwrap().map(|claim| claim.value)
}
