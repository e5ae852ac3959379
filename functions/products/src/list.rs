//! `GET /products`: a page of a store's products, newest first.

use contracts::products::{List, ProductSummary};
use domain::{Permission, catalog::ProductStatus};
use runtime::{Call, Granted, Outcome, Problem, Reply};
use store::{SortOrder, keys};

pub async fn handle(deps: &Granted<List>, call: Call<List>) -> Outcome<List> {
    let store = call.store()?;
    let status = call.query.status.unwrap_or(ProductStatus::Active);
    let is_team = call.principal.as_ref().is_some_and(|principal| principal.role.may(Permission::ProductsRead));
    if status != ProductStatus::Active && !is_team {
        return Err(Problem::forbidden(Permission::ProductsRead));
    }
    let position = call.position(deps, call.query.cursor.as_deref(), status.name()).await?;
    let list = keys::products(store.tenant_id, store.store_id, status);
    let limit = call.query.limit.get();
    let (found, next) = deps.db.list(&list, SortOrder::Descending, limit, position.as_ref()).await?;
    let items = found.into_iter().map(|product| ProductSummary::new(product.value, product.version)).collect();
    Ok(Reply::new(&call.page(deps, items, next, status.name()).await?))
}

#[cfg(test)]
mod tests {
    use contracts::http::Page;
    use domain::{
        Money,
        catalog::{Image, Variant},
    };
    use testing::{TestRequest, World};

    use super::*;

    fn request(world: &World) -> TestRequest {
        TestRequest::new().store(&world.store.slug)
    }

    fn names(page: &Page<ProductSummary>) -> Vec<&str> {
        page.items.iter().map(|product| product.name.as_str()).collect()
    }

    #[tokio::test]
    async fn pages_through_everything_newest_first() {
        let world = World::new().await;
        for name in ["One", "Two", "Three"] {
            world.clock.advance_s(1);
            world.product(name, 100, 1).await;
        }
        let first: Page<ProductSummary> = request(&world).query("limit=2").send(&world.deps, handle).await.ok();
        assert_eq!(names(&first), ["Three", "Two"]);
        let cursor = first.next_cursor.unwrap();
        let rest = request(&world).query(&format!("limit=2&cursor={cursor}")).send(&world.deps, handle).await;
        let rest: Page<ProductSummary> = rest.ok();
        assert_eq!(names(&rest), ["One"]);
        assert_eq!(rest.next_cursor, None);
    }

    #[tokio::test]
    async fn items_are_summaries() {
        let world = World::new().await;
        let (product, _) = world.product("Book", 150_000, 1).await;
        let mut dearer = product.clone();
        let variant = |price_minor| Variant {
            price: Money::new(price_minor, product.variants[0].price.currency),
            ..product.variants[0].clone()
        };
        dearer.variants.extend([variant(90_000), variant(400_000)]);
        dearer.description = Some("Long".into());
        dearer.images =
            ["a", "b"].map(|name| Image { url: format!("https://x.example/{name}"), alt: name.into() }).into();
        let mut tx = world.deps.tx();
        tx.update(world.tenant, &dearer, 1);
        world.deps.db.commit(tx).await.unwrap();
        let page: Page<ProductSummary> = request(&world).send(&world.deps, handle).await.ok();
        let money = |minor| Some(Money::new(minor, product.variants[0].price.currency));
        let expected = ProductSummary {
            id: product.id,
            name: "Book".into(),
            slug: product.slug,
            status: ProductStatus::Active,
            image: Some(dearer.images[0].clone()),
            tags: vec![],
            variant_count: 3,
            price_from: money(90_000),
            price_to: money(400_000),
            created_at: product.created_at,
            updated_at: product.updated_at,
            version: 2,
        };
        assert_eq!(page.items, [expected]);

        let mut empty = dearer;
        empty.variants.clear();
        empty.images.clear();
        let mut tx = world.deps.tx();
        tx.update(world.tenant, &empty, 2);
        world.deps.db.commit(tx).await.unwrap();
        let page: Page<ProductSummary> = request(&world).send(&world.deps, handle).await.ok();
        let item = &page.items[0];
        assert_eq!((&item.image, item.variant_count, item.price_from, item.price_to), (&None, 0, None, None));
    }

    #[tokio::test]
    async fn a_last_page_that_is_just_full_has_no_next() {
        let world = World::new().await;
        world.product("One", 100, 1).await;
        world.product("Two", 100, 1).await;
        let page: Page<ProductSummary> = request(&world).query("limit=2").send(&world.deps, handle).await.ok();
        assert_eq!((page.items.len(), page.next_cursor), (2, None));
    }

    #[tokio::test]
    async fn costs_one_query_when_the_store_is_known() {
        let world = World::new().await;
        request(&world).send(&world.deps, handle).await.ok::<Page<ProductSummary>>();
        world.dynamo.take_calls();
        request(&world).send(&world.deps, handle).await.ok::<Page<ProductSummary>>();
        assert_eq!(world.dynamo.take_calls(), [("Query".to_owned(), 1)].into());
    }

    #[tokio::test]
    async fn a_cursor_works_for_its_own_list_only() {
        let world = World::new().await;
        let neighbour = world.neighbour().await;
        for name in ["One", "Two"] {
            world.product(name, 100, 1).await;
            neighbour.product(name, 100, 1).await;
        }
        let page: Page<ProductSummary> = request(&world).query("limit=1").send(&world.deps, handle).await.ok();
        let cursor = page.next_cursor.unwrap();
        let elsewhere = request(&neighbour).query(&format!("cursor={cursor}")).send(&world.deps, handle).await;
        assert_eq!(elsewhere.problem(), (400, "invalid_cursor".into()));
        let other_filter =
            request(&world).by(&world.owner).query(&format!("status=draft&cursor={cursor}")).send(&world.deps, handle);
        assert_eq!(other_filter.await.problem(), (400, "invalid_cursor".into()));
        let mut altered = cursor.into_bytes();
        altered[50] ^= 1;
        let altered = String::from_utf8(altered).unwrap();
        let forged = request(&world).query(&format!("cursor={altered}")).send(&world.deps, handle).await;
        assert_eq!(forged.problem(), (400, "invalid_cursor".into()));
    }

    #[tokio::test]
    async fn drafts_are_for_the_team() {
        let world = World::new().await;
        let asked = |request: TestRequest| request.query("status=draft");
        assert_eq!(asked(request(&world)).send(&world.deps, handle).await.status(), 403);
        assert_eq!(asked(request(&world).by(&world.buyer)).send(&world.deps, handle).await.status(), 403);
        assert_eq!(asked(request(&world).by(&world.owner)).send(&world.deps, handle).await.status(), 200);
    }

    #[tokio::test]
    async fn stores_do_not_see_each_other() {
        let world = World::new().await;
        world.neighbour().await.product("Theirs", 100, 1).await;
        let page: Page<ProductSummary> = request(&world).send(&world.deps, handle).await.ok();
        assert!(page.items.is_empty());
    }

    #[tokio::test]
    async fn a_query_that_is_wrong_is_told_by_name() {
        let world = World::new().await;
        for query in ["limit=0", "limit=101", "limit=x", "colour=red", "status=gone", "cursor=%00"] {
            let answer = request(&world).query(query).send(&world.deps, handle).await;
            assert_eq!(answer.status(), 400, "{query}");
            let name = query.split('=').next().unwrap();
            let detail = answer.json()["detail"].as_str().unwrap().to_owned();
            assert!(detail.contains(name), "{query}: {detail}");
        }
    }
}
