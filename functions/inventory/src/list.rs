//! `GET /inventory`: a page of a store's stock, newest variants first.

use contracts::inventory::{List, Stock};
use runtime::{Call, Granted, Outcome, Reply};
use store::{SortOrder, keys};

pub async fn handle(deps: &Granted<List>, call: Call<List>) -> Outcome<List> {
    let at = call.store()?;
    let position = call.position(deps, call.query.cursor.as_deref(), "").await?;
    let list = keys::stocks(at.tenant_id, at.store_id);
    let limit = call.query.limit.get();
    let (found, next) = deps.db.list(&list, SortOrder::Descending, limit, position.as_ref()).await?;
    let items = found.into_iter().map(|stock| Stock::new(stock.value, stock.version)).collect();
    Ok(Reply::new(&call.page(deps, items, next, "").await?))
}

#[cfg(test)]
mod tests {
    use contracts::http::Page;
    use testing::{TestRequest, World};

    use super::*;

    fn request(world: &World) -> TestRequest {
        TestRequest::new().by(&world.owner).store(&world.store.slug)
    }

    fn on_hand(page: &Page<Stock>) -> Vec<i64> {
        page.items.iter().map(|stock| stock.on_hand).collect()
    }

    #[tokio::test]
    async fn pages_through_the_stores_own_stock() {
        let world = World::new().await;
        for units in 1..=3 {
            world.clock.advance_s(1);
            world.product(&format!("Book {units}"), 100, units).await;
        }
        world.neighbour().await.product("Theirs", 100, 99).await;
        let first: Page<Stock> = request(&world).query("limit=2").send(&world.deps, handle).await.ok();
        assert_eq!(on_hand(&first), [3, 2]);
        let cursor = first.next_cursor.unwrap();
        let rest = request(&world).query(&format!("cursor={cursor}")).send(&world.deps, handle).await;
        let rest: Page<Stock> = rest.ok();
        assert_eq!((on_hand(&rest), rest.next_cursor), (vec![1], None));
    }

    #[tokio::test]
    async fn costs_one_query_and_is_for_the_team() {
        let world = World::new().await;
        world.product("Book", 100, 1).await;
        request(&world).send(&world.deps, handle).await.ok::<Page<Stock>>();
        world.dynamo.take_calls();
        request(&world).send(&world.deps, handle).await.ok::<Page<Stock>>();
        assert_eq!(world.dynamo.take_calls(), [("Query".to_owned(), 1)].into());
        assert_eq!(request(&world).by(&world.buyer).send(&world.deps, handle).await.status(), 403);
    }
}
