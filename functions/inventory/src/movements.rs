//! `GET /inventory/{variant_id}/movements`: what changed a variant's units on hand, newest first.

use contracts::inventory::{Movement, Movements};
use runtime::{Call, Granted, Outcome, Reply};
use store::{SortOrder, keys};

use crate::find;

pub async fn handle(deps: &Granted<Movements>, call: Call<Movements>) -> Outcome<Movements> {
    let (at, variant) = (call.store()?, call.path.variant_id);
    let filters = variant.to_string();
    let position = call.position(deps, call.query.cursor.as_deref(), &filters).await?;
    find::stock(deps, at, variant).await?;
    let list = keys::movements(at.tenant_id, variant);
    let limit = call.query.limit.get();
    let (found, next) =
        deps.db.list::<domain::stock::Movement>(&list, SortOrder::Descending, limit, position.as_ref()).await?;
    let items = found.into_iter().map(|movement| Movement::from(movement.value)).collect();
    Ok(Reply::new(&call.page(deps, items, next, &filters).await?))
}

#[cfg(test)]
mod tests {
    use contracts::{http::Page, inventory::Stock};
    use domain::VariantId;
    use serde_json::json;
    use testing::{TestRequest, World};

    use super::*;
    use crate::{
        adjust,
        fixtures::{deliver_paid, paid, reserve},
    };

    fn request(world: &World, variant: VariantId) -> TestRequest {
        TestRequest::new().by(&world.owner).store(&world.store.slug).path("variant_id", variant)
    }

    async fn adjust(world: &World, variant: VariantId, delta: i64) {
        world.clock.advance_s(1);
        let body = json!({ "delta": delta, "reason": "correction", "reference": "count" });
        let key = delta.to_string();
        request(world, variant).key(&key).json(body).send(&world.deps, adjust::handle).await.ok::<Stock>();
    }

    #[tokio::test]
    async fn tells_who_moved_what_newest_first() {
        let world = World::new().await;
        let (_, variant) = world.product("Book", 100, 7).await;
        adjust(&world, variant, 5).await;
        world.clock.advance_s(1);
        let order = reserve(&world, &[(variant, 2)]).await;
        deliver_paid(&world, &paid(&world, order, 2)).await.unwrap();
        adjust(&world, variant, -1).await;
        let first: Page<Movement> = request(&world, variant).query("limit=2").send(&world.deps, handle).await.ok();
        let told: Vec<_> =
            first.items.iter().map(|m| (m.delta, m.reason.name(), m.reference.clone(), m.actor)).collect();
        let owner = world.owner.account_id;
        assert_eq!(
            told,
            [(-1, "correction", Some("count".into()), Some(owner)), (-2, "sale", Some(order.to_string()), None)]
        );
        let cursor = first.next_cursor.unwrap();
        let rest = request(&world, variant).query(&format!("cursor={cursor}")).send(&world.deps, handle).await;
        let rest: Page<Movement> = rest.ok();
        assert_eq!((rest.items.len(), rest.items[0].delta, rest.next_cursor), (1, 5, None));
    }

    #[tokio::test]
    async fn another_tenants_variant_is_unknown_and_cursors_stay_with_their_variant() {
        let world = World::new().await;
        let neighbour = world.neighbour().await;
        let (_, theirs) = neighbour.product("Book", 100, 7).await;
        assert_eq!(request(&world, theirs).send(&world.deps, handle).await.problem(), (404, "not_found".into()));
        let (_, one) = world.product("One", 100, 7).await;
        let (_, other) = world.product("Other", 100, 7).await;
        adjust(&world, one, 1).await;
        adjust(&world, one, 2).await;
        let page: Page<Movement> = request(&world, one).query("limit=1").send(&world.deps, handle).await.ok();
        let query = format!("cursor={}", page.next_cursor.unwrap());
        let elsewhere = request(&world, other).query(&query).send(&world.deps, handle).await;
        assert_eq!(elsewhere.problem(), (400, "invalid_cursor".into()));
    }
}
