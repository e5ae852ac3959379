//! `GET /products/{id}`: a product, by its id or its slug. One read.

use contracts::products::Get;
use domain::{Permission, ProductId, catalog::Product, text};
use runtime::{Call, Deps, Granted, Outcome, Problem, claims::StoreRef};
use store::{SortOrder, Versioned, keys};

use crate::product::{read, reply};

pub async fn handle(deps: &Granted<Get>, call: Call<Get>) -> Outcome<Get> {
    let at = call.store()?;
    let product = match call.path.id.parse::<ProductId>() {
        Ok(id) => read(deps, at, id).await?,
        Err(_) => by_slug(deps, at, &call.path.id).await?,
    };
    let is_team = call.principal.as_ref().is_some_and(|principal| principal.role.may(Permission::ProductsRead));
    if product.value.is_on_sale() || is_team {
        Ok(reply(product.value, product.version))
    } else {
        Err(Problem::not_found())
    }
}

async fn by_slug(deps: &Deps, at: StoreRef, slug: &str) -> Result<Versioned<Product>, Problem> {
    if !text::is_slug(slug) {
        return Err(Problem::not_found());
    }
    let list = keys::products_by_slug(at.tenant_id, at.store_id, slug);
    let (mut found, _) = deps.db.list(&list, SortOrder::Ascending, 1, None).await?;
    found.pop().ok_or_else(Problem::not_found)
}

#[cfg(test)]
mod tests {
    use contracts::products::Product as View;
    use testing::{TestRequest, World};

    use super::*;
    use crate::fixtures::{product, publish, request};

    fn buyers(world: &World, id: impl ToString) -> TestRequest {
        TestRequest::new().store(&world.store.slug).path("id", id)
    }

    #[tokio::test]
    async fn shows_a_product_by_id_and_by_slug_for_one_read_each() {
        let world = World::new().await;
        let made = product(&world, "Tee", &["A"]).await;
        let shown = publish(&world, &made).await;
        world.dynamo.take_calls();
        let by_id = buyers(&world, made.id).send(&world.deps, handle).await;
        assert_eq!(by_id.0.header("etag"), Some("\"2\""));
        assert_eq!(by_id.ok::<View>(), shown);
        assert_eq!(world.dynamo.take_calls(), [("GetItem".to_owned(), 1)].into());
        assert_eq!(buyers(&world, "tee").send(&world.deps, handle).await.ok::<View>(), shown);
        assert_eq!(world.dynamo.take_calls(), [("Query".to_owned(), 1)].into());
    }

    #[tokio::test]
    async fn drafts_are_for_the_team() {
        let world = World::new().await;
        let made = product(&world, "Tee", &["A"]).await;
        for id in [made.id.to_string(), made.slug.clone()] {
            assert_eq!(buyers(&world, &id).send(&world.deps, handle).await.problem(), (404, "not_found".into()));
            let guest = buyers(&world, &id).by(&world.buyer).send(&world.deps, handle).await;
            assert_eq!(guest.problem(), (404, "not_found".into()));
            assert_eq!(request(&world).path("id", &id).send(&world.deps, handle).await.ok::<View>(), made);
        }
    }

    #[tokio::test]
    async fn what_is_elsewhere_or_nowhere_is_not_here() {
        let world = World::new().await;
        let neighbour = world.neighbour().await;
        let (theirs, _) = neighbour.product("Theirs", 100, 1).await;
        let nothing = world.deps.id(ProductId::from_ulid).to_string();
        for id in [theirs.id.to_string(), theirs.slug, nothing, "no-such".into(), "A#B".into(), String::new()] {
            let answer = buyers(&world, &id).send(&world.deps, handle).await;
            assert_eq!(answer.problem(), (404, "not_found".into()), "{id}");
        }
        let second = world.branch("adas-shoes").await.store;
        let made = publish(&world, &product(&world, "Tee", &["A"]).await).await;
        for id in [made.id.to_string(), made.slug] {
            let answer = buyers(&world, &id).store(&second.slug).send(&world.deps, handle).await;
            assert_eq!(answer.problem(), (404, "not_found".into()), "{id}");
        }
    }
}
