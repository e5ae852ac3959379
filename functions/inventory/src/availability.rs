//! `GET /inventory/{variant_id}/availability`: whether a variant can be bought now. Open to everybody, so a variant of a
//! product that is not on sale is not found. Two reads: the stock, then the product that it names.

use contracts::inventory::{Availability, ShowAvailability};
use domain::catalog::Product;
use runtime::{Call, Granted, Outcome, Problem, Reply};
use store::keys;

use crate::find;

pub async fn handle(deps: &Granted<ShowAvailability>, call: Call<ShowAvailability>) -> Outcome<ShowAvailability> {
    let at = call.store()?;
    let stock = find::stock(deps, at, call.path.variant_id).await?.value;
    let product = deps.db.get::<Product>(&keys::product(at.tenant_id, stock.product_id)).await?;
    let is_on_sale = |product: &Product| product.is_on_sale() && product.variant(stock.variant_id).is_some();
    if !product.is_some_and(|product| is_on_sale(&product.value)) {
        return Err(Problem::not_found());
    }
    let (variant_id, available) = (stock.variant_id, stock.available);
    Ok(Reply::new(&Availability { variant_id, available, in_stock: available > 0 }))
}

#[cfg(test)]
mod tests {
    use domain::{VariantId, catalog::ProductStatus};
    use serde_json::json;
    use testing::{TestRequest, World};

    use super::*;
    use crate::fixtures::reserve;

    fn request(world: &World, variant: impl ToString) -> TestRequest {
        TestRequest::new().store(&world.store.slug).path("variant_id", variant)
    }

    #[tokio::test]
    async fn tells_what_is_free_and_no_more() {
        let world = World::new().await;
        let (_, variant) = world.product("Book", 100, 7).await;
        reserve(&world, &[(variant, 5)]).await;
        let answer = request(&world, variant).send(&world.deps, handle).await;
        assert_eq!(answer.json(), json!({ "variant_id": variant, "available": 2, "in_stock": true }));
        reserve(&world, &[(variant, 2)]).await;
        let answer = request(&world, variant).send(&world.deps, handle).await;
        assert_eq!(answer.json(), json!({ "variant_id": variant, "available": 0, "in_stock": false }));
    }

    #[tokio::test]
    async fn what_is_not_on_sale_answers_like_what_does_not_exist() {
        let world = World::new().await;
        let (product, variant) = world.product("Book", 100, 7).await;
        let unknown = request(&world, world.deps.id(VariantId::from_ulid)).send(&world.deps, handle).await;
        let hidden = [
            Product { status: ProductStatus::Draft, ..product.clone() },
            Product { status: ProductStatus::Archived, ..product.clone() },
            Product { variants: vec![], ..product.clone() },
        ];
        for (version, product) in (1..).zip(&hidden) {
            let mut tx = world.deps.tx();
            tx.update(world.tenant, product, version);
            world.deps.db.commit(tx).await.unwrap();
            let answer = request(&world, variant).send(&world.deps, handle).await;
            assert_eq!((answer.status(), answer.json()), (404, unknown.json()), "{:?}", product.status);
        }
        let mut tx = world.deps.tx();
        tx.update(world.tenant, &product, 4);
        world.deps.db.commit(tx).await.unwrap();
        assert_eq!(request(&world, variant).send(&world.deps, handle).await.status(), 200);
    }

    #[tokio::test]
    async fn a_variant_of_another_store_is_unknown() {
        let world = World::new().await;
        let neighbour = world.neighbour().await;
        let (_, theirs) = neighbour.product("Book", 100, 7).await;
        assert_eq!(request(&world, theirs).send(&world.deps, handle).await.problem(), (404, "not_found".into()));
        assert_eq!(request(&neighbour, theirs).send(&world.deps, handle).await.status(), 200);
        let (_, variant) = world.product("Book", 100, 7).await;
        let second = world.branch("adas-pens").await.store;
        let elsewhere = request(&world, variant).store(second.slug).send(&world.deps, handle).await;
        assert_eq!(elsewhere.problem(), (404, "not_found".into()));
    }

    #[tokio::test]
    async fn costs_two_reads_when_the_store_is_known() {
        let world = World::new().await;
        let (_, variant) = world.product("Book", 100, 7).await;
        request(&world, variant).send(&world.deps, handle).await.ok::<Availability>();
        world.dynamo.take_calls();
        request(&world, variant).send(&world.deps, handle).await.ok::<Availability>();
        assert_eq!(world.dynamo.take_calls(), [("GetItem".to_owned(), 2)].into());
    }
}
