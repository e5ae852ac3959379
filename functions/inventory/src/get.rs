//! `GET /inventory/{variant_id}`: a variant's stock, for the store's team.

use contracts::inventory::{Get, Stock};
use runtime::{Call, Granted, Outcome, Reply};

use crate::find;

pub async fn handle(deps: &Granted<Get>, call: Call<Get>) -> Outcome<Get> {
    let stock = find::stock(deps, call.store()?, call.path.variant_id).await?;
    Ok(Reply::new(&Stock::new(stock.value, stock.version)).etag(stock.version))
}

#[cfg(test)]
mod tests {
    use domain::{Role, VariantId};
    use testing::{TestRequest, World};

    use super::*;

    fn request(world: &World, variant: impl ToString) -> TestRequest {
        TestRequest::new().by(&world.owner).store(&world.store.slug).path("variant_id", variant)
    }

    #[tokio::test]
    async fn shows_the_stock_and_its_version() {
        let world = World::new().await;
        let (_, variant) = world.product("Book", 100, 7).await;
        let answer = request(&world, variant).send(&world.deps, handle).await;
        let stock: Stock = answer.ok();
        assert_eq!((stock.on_hand, stock.reserved, stock.available, stock.reorder_point), (7, 0, 7, 10));
        assert_eq!(answer.0.header("etag"), Some("\"1\""));
    }

    #[tokio::test]
    async fn another_tenants_variant_is_as_unknown_as_any() {
        let world = World::new().await;
        let neighbour = world.neighbour().await;
        let (_, theirs) = neighbour.product("Book", 100, 7).await;
        let unknown = world.deps.id(VariantId::from_ulid);
        let theirs = request(&world, theirs).send(&world.deps, handle).await;
        let unknown = request(&world, unknown).send(&world.deps, handle).await;
        assert_eq!(theirs.problem(), (404, "not_found".into()));
        assert_eq!(theirs.0.body, unknown.0.body);
        assert_eq!(request(&world, "prd_1").send(&world.deps, handle).await.problem().0, 404);
    }

    #[tokio::test]
    async fn buyers_may_not_look() {
        let world = World::new().await;
        let (_, variant) = world.product("Book", 100, 7).await;
        let by_buyer = request(&world, variant).by(&world.buyer).send(&world.deps, handle).await;
        assert_eq!(by_buyer.problem(), (403, "forbidden".into()));
        let by_viewer = request(&world, variant).by(&world.principal(Role::Viewer)).send(&world.deps, handle).await;
        assert_eq!(by_viewer.status(), 200);
    }
}
