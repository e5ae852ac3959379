//! `GET /admin/orders`: a page of a store's orders for its team, newest first, optionally only one status.

use contracts::orders::{ListAll, OrderSummary};
use domain::order::{Order, OrderStatus};
use runtime::{Call, Granted, Outcome, Reply};
use store::{SortOrder::Descending, keys};

pub async fn handle(deps: &Granted<ListAll>, call: Call<ListAll>) -> Outcome<ListAll> {
    let (store, status, limit) = (call.store()?, call.query.status, call.query.limit.get());
    let filters = status.map_or("", OrderStatus::name);
    let position = call.position(deps, call.query.cursor.as_deref(), filters).await?;
    let list = keys::orders_of_store(store.tenant_id, store.store_id);
    let wanted = |order: &Order| status.is_none_or(|status| order.state.status() == status);
    let (found, next) = deps.db.list_where(&list, Descending, limit, position.as_ref(), wanted).await?;
    let items = found.into_iter().map(|order| OrderSummary::new(order.value, order.version)).collect();
    Ok(Reply::new(&call.page(deps, items, next, filters).await?))
}

#[cfg(test)]
mod tests {
    use contracts::http::Page;
    use domain::{OrderId, Role};
    use runtime::Principal;
    use testing::{TestRequest, World, http::Answer};

    use super::*;
    use crate::{
        fixtures::{Fixture, another_buyer, order_of},
        on_payment_completed,
    };

    async fn ask(world: &World, by: &Principal, query: &str) -> Answer {
        TestRequest::new().by(by).store(&world.store.slug).query(query).send(&world.deps, handle).await
    }

    fn ids(page: &Page<OrderSummary>) -> Vec<OrderId> {
        page.items.iter().map(|order| order.id).collect()
    }

    /// Three orders, placed one second apart, the oldest first. The oldest is paid.
    async fn three_orders() -> (Fixture, [OrderId; 3]) {
        let fixture = Fixture::new().await;
        on_payment_completed::handle(&fixture.granted(), fixture.completed()).await.unwrap();
        let mut all = [fixture.order.id; 3];
        for id in &mut all[1..] {
            fixture.world.clock.advance_s(1);
            *id = order_of(&fixture.world, &another_buyer(&fixture.world), &fixture.product, 1).await.id;
        }
        (fixture, all)
    }

    #[tokio::test]
    async fn the_team_pages_through_all_orders_newest_first() {
        let (fixture, [one, two, three]) = three_orders().await;
        let world = &fixture.world;
        let first: Page<OrderSummary> = ask(world, &world.principal(Role::Viewer), "limit=2").await.ok();
        assert_eq!(world.dynamo.take_calls(), [("Query".to_owned(), 1)].into());
        assert_eq!(ids(&first), [three, two]);
        let cursor = first.next_cursor.unwrap();
        let rest: Page<OrderSummary> = ask(world, &world.owner, &format!("limit=2&cursor={cursor}")).await.ok();
        assert_eq!((ids(&rest), rest.next_cursor), (vec![one], None));
    }

    #[tokio::test]
    async fn a_status_is_a_filter_that_cursors_are_bound_to() {
        let (fixture, [one, two, three]) = three_orders().await;
        let (world, owner) = (&fixture.world, &fixture.world.owner);
        let paid: Page<OrderSummary> = ask(world, owner, "status=paid&limit=1").await.ok();
        assert_eq!(ids(&paid), [one]);
        let pending: Page<OrderSummary> = ask(world, owner, "status=pending&limit=1").await.ok();
        assert_eq!(ids(&pending), [three]);
        let cursor = pending.next_cursor.unwrap();
        let more: Page<OrderSummary> = ask(world, owner, &format!("status=pending&limit=1&cursor={cursor}")).await.ok();
        assert_eq!(ids(&more), [two]);
        for query in [format!("status=paid&cursor={cursor}"), format!("cursor={cursor}")] {
            assert_eq!(ask(world, owner, &query).await.problem(), (400, "invalid_cursor".into()));
        }
        assert_eq!(ask(world, owner, "status=gone").await.problem(), (400, "invalid_query".into()));
    }

    #[tokio::test]
    async fn is_for_the_team_of_this_store() {
        let (fixture, _) = three_orders().await;
        let world = &fixture.world;
        let neighbour = world.neighbour().await;
        assert_eq!(ask(world, &world.buyer, "").await.problem(), (403, "forbidden".into()));
        assert_eq!(ask(world, &neighbour.owner, "").await.problem(), (403, "tenant_mismatch".into()));
        let theirs: Page<OrderSummary> = ask(&neighbour, &neighbour.owner, "").await.ok();
        assert_eq!(theirs.items, []);
    }
}
