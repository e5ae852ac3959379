//! `GET /orders`: a page of the caller's own orders at a store, newest first.

use contracts::orders::{List, OrderSummary};
use runtime::{Call, Granted, Outcome, Reply};
use store::{SortOrder, keys};

pub async fn handle(deps: &Granted<List>, call: Call<List>) -> Outcome<List> {
    let (store, buyer) = (call.store()?, call.principal()?.account_id);
    let filters = buyer.to_string();
    let position = call.position(deps, call.query.cursor.as_deref(), &filters).await?;
    let list = keys::orders_of_buyer(store.tenant_id, store.store_id, buyer);
    let (found, next) = deps.db.list(&list, SortOrder::Descending, call.query.limit.get(), position.as_ref()).await?;
    let items = found.into_iter().map(|order| OrderSummary::new(order.value, order.version)).collect();
    Ok(Reply::new(&call.page(deps, items, next, &filters).await?))
}

#[cfg(test)]
mod tests {
    use contracts::{http::Page, orders::Order};
    use runtime::Principal;
    use testing::{TestRequest, World, http::Answer};

    use super::*;
    use crate::fixtures::{another_buyer, order_of};

    fn summary(order: &Order) -> OrderSummary {
        OrderSummary {
            id: order.id,
            number: order.number.clone(),
            status: order.status,
            cancel_reason: None,
            fulfilment_status: None,
            buyer_id: order.buyer_id,
            customer_name: "Chinua".into(),
            customer_email: "chinua@example.com".into(),
            first_title: order.lines[0].title.clone(),
            line_count: 1,
            units: order.lines[0].quantity,
            total: order.totals.total,
            placed_at: order.placed_at,
            expires_at: order.expires_at,
            updated_at: order.updated_at,
            version: order.version,
        }
    }

    async fn ask(world: &World, by: &Principal, query: &str) -> Answer {
        TestRequest::new().by(by).store(&world.store.slug).query(query).send(&world.deps, handle).await
    }

    #[tokio::test]
    async fn a_buyer_pages_through_their_own_orders_newest_first() {
        let world = World::new().await;
        let (product, _) = world.product("Book", 150_000, 10).await;
        let (me, other) = (another_buyer(&world), another_buyer(&world));
        let mut mine = vec![];
        for buyer in [&me, &other, &me, &me] {
            world.clock.advance_s(1);
            let order = order_of(&world, buyer, &product, 1).await;
            if buyer == &me {
                mine.insert(0, summary(&order));
            }
        }
        let first: Page<OrderSummary> = ask(&world, &me, "limit=2").await.ok();
        assert_eq!(world.dynamo.take_calls(), [("Query".to_owned(), 1)].into());
        assert_eq!(first.items, mine[..2]);
        let cursor = first.next_cursor.unwrap();
        let rest: Page<OrderSummary> = ask(&world, &me, &format!("limit=2&cursor={cursor}")).await.ok();
        assert_eq!((rest.items.as_slice(), rest.next_cursor), (&mine[2..], None));

        let borrowed = ask(&world, &other, &format!("cursor={cursor}")).await;
        assert_eq!(borrowed.problem(), (400, "invalid_cursor".into()));
    }

    #[tokio::test]
    async fn the_team_has_a_list_of_its_own() {
        let world = World::new().await;
        assert_eq!(ask(&world, &world.owner, "").await.problem(), (403, "forbidden".into()));
    }
}
