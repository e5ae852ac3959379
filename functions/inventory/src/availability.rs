//! `GET /inventory/{variant_id}/availability`: whether a variant can be bought now. Open to everybody.

use contracts::inventory::{Availability, ShowAvailability};
use runtime::{Call, Granted, Outcome, Reply};

use crate::find;

pub async fn handle(deps: &Granted<ShowAvailability>, call: Call<ShowAvailability>) -> Outcome<ShowAvailability> {
    let stock = find::stock(deps, call.store()?, call.path.variant_id).await?.value;
    let (variant_id, available) = (stock.variant_id, stock.available);
    Ok(Reply::new(&Availability { variant_id, available, in_stock: available > 0 }))
}

#[cfg(test)]
mod tests {
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
    async fn costs_one_read_when_the_store_is_known() {
        let world = World::new().await;
        let (_, variant) = world.product("Book", 100, 7).await;
        request(&world, variant).send(&world.deps, handle).await.ok::<Availability>();
        world.dynamo.take_calls();
        request(&world, variant).send(&world.deps, handle).await.ok::<Availability>();
        assert_eq!(world.dynamo.take_calls(), [("GetItem".to_owned(), 1)].into());
    }
}
