//! `GET /stores`: a page of the tenant's stores, oldest first.

use contracts::stores::{List, Store};
use runtime::{Call, Granted, Outcome, Reply};
use store::{SortOrder, keys};

pub async fn handle(deps: &Granted<List>, call: Call<List>) -> Outcome<List> {
    let list = keys::stores(call.tenant()?);
    let position = call.position(deps, call.query.cursor.as_deref(), "").await?;
    let limit = call.query.limit.get();
    let (found, next) = deps.db.list(&list, SortOrder::Ascending, limit, position.as_ref()).await?;
    let items = found.into_iter().map(|store| Store::new(store.value, store.version)).collect();
    Ok(Reply::new(&call.page(deps, items, next, "").await?))
}

#[cfg(test)]
mod tests {
    use contracts::http::Page;
    use testing::World;

    use super::*;
    use crate::fixtures::{request, store, world};

    async fn page(world: &World, query: &str) -> Page<Store> {
        request(world).query(query).send(&world.deps, handle).await.ok()
    }

    #[tokio::test]
    async fn pages_through_the_tenants_own_stores() {
        let world = world().await;
        let neighbour = world.neighbour().await;
        world.clock.advance_s(1);
        let second = store(&world, "Shoes").await;
        world.dynamo.take_calls();
        let first = page(&world, "limit=1").await;
        assert_eq!(world.dynamo.take_calls(), [("Query".to_owned(), 1)].into());
        assert_eq!(first.items[0].id, world.store.id);
        let cursor = first.next_cursor.unwrap();
        let rest = page(&world, &format!("limit=2&cursor={cursor}")).await;
        assert_eq!((rest.items, rest.next_cursor), (vec![second], None));

        let elsewhere = request(&neighbour).query(&format!("cursor={cursor}")).send(&world.deps, handle).await;
        assert_eq!(elsewhere.problem(), (400, "invalid_cursor".into()));
        assert_eq!(page(&neighbour, "").await.items.len(), 1);
    }

    #[tokio::test]
    async fn buyers_get_no_list() {
        let world = world().await;
        let answer = request(&world).by(&world.buyer).send(&world.deps, handle).await;
        assert_eq!(answer.problem(), (403, "forbidden".into()));
    }
}
