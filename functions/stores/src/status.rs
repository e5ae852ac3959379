//! `POST /stores/{id}/status`: opens, suspends or closes a store. Two reads and one transaction: the store, and its
//! two claims, which hold a copy of the status because requests resolve their store by claim.

use contracts::{events::StoreStatusChanged, stores::SetStatus};
use domain::{
    limits::SLUG_HELD_S,
    store::{Store, StoreStatus},
    time::after,
};
use runtime::{Call, Deps, Granted, Outcome, Problem};
use store::{StoreClaim, Tx, keys};

use crate::settings::{read, reply};

pub async fn handle(deps: &Granted<SetStatus>, call: Call<SetStatus>) -> Outcome<SetStatus> {
    let tenant = call.tenant()?;
    let found = read(deps, tenant, call.path.id).await?;
    call.expect_version(found.version)?;
    let before = found.value.status;
    let store = found.value.set_status(call.body.status, deps.now())?;
    if store.status == before {
        return Ok(reply(store, found.version));
    }

    let mut tx = deps.tx();
    tx.update(tenant, &store, found.version);
    update_claims(deps, &mut tx, &store).await?;
    if store.status == StoreStatus::Closed {
        tx.uncount_store(tenant, store.updated_at);
    }
    let version = found.version + 1;
    let event = StoreStatusChanged {
        store_id: store.id,
        before: before.name().to_owned(),
        after: store.status.name().to_owned(),
        actor: call.principal()?.account_id,
    };
    tx.emit(&deps.event(&call.cause, tenant, store.id, version, event));
    call.commit(deps, tx, reply(store, version)).await?.or_changed()
}

async fn update_claims(deps: &Deps, tx: &mut Tx, store: &Store) -> Result<(), Problem> {
    let claim_keys = [store.slug.clone(), store.id.to_string()].map(|name| keys::store_claim(&name));
    let mut found = deps.db.batch_get(&claim_keys).await?;
    for key in claim_keys {
        let claim = found.take::<StoreClaim>(&key)?;
        let claim = claim.ok_or_else(|| Problem::internal(&format!("{} lacks a claim", store.id)))?;
        let is_freed = store.status == StoreStatus::Closed && claim.value.name == store.slug;
        let free_at = is_freed.then(|| after(store.updated_at, SLUG_HELD_S));
        tx.update((), &StoreClaim { status: store.status, free_at, ..claim.value }, claim.version);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use contracts::stores::Store as View;
    use serde_json::json;
    use testing::{World, http::Answer};

    use super::*;
    use crate::fixtures::{body, claim, counted, create, events, request, store, world, world_on};

    async fn set(world: &World, id: domain::StoreId, status: &str) -> Answer {
        request(world).path("id", id).json(json!({ "status": status })).send(&world.deps, handle).await
    }

    #[tokio::test]
    async fn opens_a_draft_for_buyers() {
        let world = world().await;
        let draft = store(&world, "Shoes").await;
        world.dynamo.take_calls();
        let answer = set(&world, draft.id, "active").await;
        let calls = [("BatchGetItem".to_owned(), 1), ("GetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)];
        assert_eq!(world.dynamo.take_calls(), calls.into());
        assert_eq!((answer.0.header("etag"), answer.ok::<View>().status), (Some("\"2\""), StoreStatus::Active));
        for name in [draft.slug.clone(), draft.id.to_string()] {
            assert_eq!(claim(&world, name).await.unwrap().status, StoreStatus::Active);
        }
        let [event] = events(&world, "STORE_STATUS_CHANGED").try_into().unwrap();
        assert_eq!((&event["data"]["before"], &event["data"]["after"]), (&json!("draft"), &json!("active")));

        assert_eq!(set(&world, draft.id, "active").await.ok::<View>().version, 2);
        assert_eq!(events(&world, "STORE_STATUS_CHANGED").len(), 1);
    }

    #[tokio::test]
    async fn a_closed_store_stays_closed_and_makes_room_for_another() {
        let world = world_on(domain::tenant::Plan::Free).await;
        assert_eq!(create(&world, body("Second")).await.status(), 403);
        assert_eq!(set(&world, world.store.id, "suspended").await.status(), 200);
        assert_eq!(counted(&world).await, 1);
        assert_eq!(set(&world, world.store.id, "closed").await.status(), 200);
        assert_eq!(counted(&world).await, 0);
        assert_eq!(set(&world, world.store.id, "active").await.problem(), (409, "invalid_state".into()));
        assert_eq!(set(&world, world.store.id, "closed").await.status(), 200);
        assert_eq!(counted(&world).await, 0);
        assert_eq!(claim(&world, &world.store.slug).await.unwrap().status, StoreStatus::Closed);
        store(&world, "Second").await;
    }

    #[tokio::test]
    async fn a_repetition_gets_the_first_answer() {
        let world = World::new().await;
        let send = || {
            let request = request(&world).path("id", world.store.id).key("k-1").header("if-match", "\"1\"");
            request.json(json!({ "status": "closed" })).send(&world.deps, handle)
        };
        let (first, again) = (send().await, send().await);
        assert_eq!((first.status(), first.0.body), (again.status(), again.0.body));
        assert_eq!(counted(&world).await, 0);
    }

    #[tokio::test]
    async fn others_do_not_get_at_it() {
        let world = World::new().await;
        let neighbour = world.neighbour().await;
        let theirs = set(&world, neighbour.store.id, "closed").await;
        assert_eq!(theirs.problem(), (404, "not_found".into()));
        assert_eq!(claim(&world, &neighbour.store.slug).await.unwrap().status, StoreStatus::Active);
    }
}
