//! `GET /coupons`: a page of a store's coupons, newest first.

use contracts::coupons::{Coupon, List};
use runtime::{Call, Granted, Outcome, Reply};
use store::{SortOrder, keys};

pub async fn handle(deps: &Granted<List>, call: Call<List>) -> Outcome<List> {
    let at = call.store()?;
    let position = call.position(deps, call.query.cursor.as_deref(), "").await?;
    let list = keys::coupons(at.tenant_id, at.store_id);
    let limit = call.query.limit.get();
    let (found, next) = deps.db.list(&list, SortOrder::Descending, limit, position.as_ref()).await?;
    let items = found.into_iter().map(|coupon| Coupon::new(coupon.value, coupon.version)).collect();
    Ok(Reply::new(&call.page(deps, items, next, "").await?))
}

#[cfg(test)]
mod tests {
    use contracts::http::Page;
    use serde_json::json;
    use testing::World;

    use super::*;
    use crate::fixtures::{coupon, request};

    fn codes(page: &Page<Coupon>) -> Vec<&str> {
        page.items.iter().map(|coupon| coupon.code.as_str()).collect()
    }

    #[tokio::test]
    async fn pages_through_the_stores_own_coupons() {
        let world = World::new().await;
        for code in ["ONE", "TWO", "THREE"] {
            world.clock.advance_s(1);
            coupon(&world, code, json!({})).await;
        }
        coupon(&world.neighbour().await, "THEIRS", json!({})).await;
        let first: Page<Coupon> = request(&world).query("limit=2").send(&world.deps, handle).await.ok();
        assert_eq!(codes(&first), ["THREE", "TWO"]);
        let cursor = first.next_cursor.unwrap();
        let rest = request(&world).query(&format!("cursor={cursor}")).send(&world.deps, handle).await;
        let rest: Page<Coupon> = rest.ok();
        assert_eq!((codes(&rest), &rest.next_cursor), (vec!["ONE"], &None));
    }

    #[tokio::test]
    async fn costs_one_query_and_is_for_the_team() {
        let world = World::new().await;
        request(&world).send(&world.deps, handle).await.ok::<Page<Coupon>>();
        world.dynamo.take_calls();
        request(&world).send(&world.deps, handle).await.ok::<Page<Coupon>>();
        assert_eq!(world.dynamo.take_calls(), [("Query".to_owned(), 1)].into());
        assert_eq!(request(&world).by(&world.buyer).send(&world.deps, handle).await.status(), 403);
    }
}
