//! `POST /products`: creates a product, its variants and their empty stock; the tenant's plan limits their number.
//!
//! One batched read (tenant and store) and one transaction.

use std::collections::HashSet;

use contracts::{
    events::ProductCreated,
    http::FieldError,
    problems,
    products::{Create, CreateProduct},
};
use domain::{
    ProductId, VariantId,
    catalog::{Product, ProductStatus, slug_like, slug_of},
    stock::Stock,
    store::Store,
    tenant::{Plan, Tenant},
};
use runtime::{Call, Deps, Granted, Outcome, Problem, Tries, Try, claims::StoreRef, http::Committed, retry};
use store::{CommitError, Op, ProductSlugClaim, Refused, SkuClaim, Tx, keys};

use crate::product::{check_currency, no_errors, reply, sku_taken, slug_taken, taken_problem};

pub async fn handle(deps: &Granted<Create>, call: Call<Create>) -> Outcome<Create> {
    let (plan, store) = read(deps, call.store()?).await?;
    check(&call.body, &store)?;
    let mut product = build(deps, &call.body, &store);
    // If a generated slug is taken, the next try appends a random suffix (16 million values).
    retry!(Tries::FEW_RIVALS, {
        let mut tx = deps.tx();
        let parts = write(deps, &call, &mut tx, &product, plan)?;
        match call.commit(deps, tx, reply(product.clone(), 1)).await? {
            Committed::Done(reply) => Try::Done(reply),
            Committed::Refused(refused) => {
                let problem = explain(refused, &parts, plan);
                if *problem.code() != problems::SLUG_TAKEN || call.body.slug.is_some() {
                    return Err(problem);
                }
                product.slug = slug_like(&slug_of(&product.name), deps.random());
                Try::Lost
            }
        }
    })
}

async fn read(deps: &Deps, at: StoreRef) -> Result<(Plan, Store), Problem> {
    let (tenant, store) = (keys::tenant(at.tenant_id), keys::store(at.tenant_id, at.store_id));
    let mut found = deps.db.batch_get(&[tenant.clone(), store.clone()]).await?;
    let tenant = found.take::<Tenant>(&tenant)?.ok_or_else(Problem::not_found)?;
    let store = found.take::<Store>(&store)?.ok_or_else(Problem::not_found)?;
    Ok((tenant.value.plan, store.value))
}

fn check(body: &CreateProduct, store: &Store) -> Result<(), Problem> {
    let mut errors = vec![];
    let mut skus = HashSet::new();
    for (index, variant) in body.variants.iter().enumerate() {
        let pointer = format!("/variants/{index}");
        errors.extend(check_currency(&pointer, Some(variant.price), variant.compare_at_price, store.currency));
        if !skus.insert(&variant.sku) {
            errors.push(FieldError {
                pointer: format!("{pointer}/sku"),
                code: "duplicate".to_owned(),
                detail: "a variant before it has the same SKU".to_owned(),
            });
        }
    }
    no_errors(errors)
}

fn build(deps: &Deps, body: &CreateProduct, store: &Store) -> Product {
    let now = deps.now();
    let body = body.clone();
    Product {
        id: deps.id(ProductId::from_ulid),
        store_id: store.id,
        slug: body.slug.unwrap_or_else(|| slug_of(&body.name)),
        name: body.name,
        description: body.description,
        images: body.images.into_iter().map(Into::into).collect(),
        tags: body.tags,
        status: ProductStatus::Draft,
        variants: body.variants.into_iter().map(|variant| variant.with_id(deps.id(VariantId::from_ulid))).collect(),
        created_at: now,
        updated_at: now,
    }
}

/// The operations whose refusal is explained to the seller.
struct Parts {
    plan: Op,
    slug: Op,
    skus: Vec<Op>,
}

fn write(deps: &Deps, call: &Call<Create>, tx: &mut Tx, product: &Product, plan: Plan) -> Result<Parts, Problem> {
    let (tenant, store_id, product_id) = (call.store()?.tenant_id, product.store_id, product.id);
    tx.create(tenant, product);
    let slug = tx.create(tenant, &ProductSlugClaim { store_id, slug: product.slug.clone(), product_id });
    let mut skus = vec![];
    for variant in &product.variants {
        skus.push(tx.create(tenant, &SkuClaim { store_id, sku: variant.sku.clone(), product_id }));
        tx.create(tenant, &Stock::empty(product.id, variant.id, store_id, product.created_at));
    }
    let actor = call.principal()?.account_id;
    let event = ProductCreated { store_id, product_id, name: product.name.clone(), actor };
    tx.emit(&deps.event(&call.cause, tenant, product_id, 1, event));
    Ok(Parts { plan: tx.count_product(tenant, plan, product.created_at), slug, skus })
}

fn explain(refused: Refused, parts: &Parts, plan: Plan) -> Problem {
    if let Some(max) = plan.products_max()
        && refused.contains(parts.plan)
    {
        return Problem::new(&problems::PLAN_LIMIT, format!("the plan {} allows {max} products", plan.name()));
    }
    let slug = refused.contains(parts.slug).then(slug_taken);
    let skus = parts.skus.iter().enumerate().filter(|(_, op)| refused.contains(**op));
    let errors: Vec<_> =
        slug.into_iter().chain(skus.map(|(index, _)| sku_taken(&format!("/variants/{index}/sku")))).collect();
    if errors.is_empty() { CommitError::Refused(refused).into() } else { taken_problem(errors) }
}

#[cfg(test)]
mod tests {
    use contracts::products::Product as View;
    use domain::{Role, limits::VARIANTS_CREATED_MAX, text::is_slug};
    use serde_json::json;
    use testing::World;

    use super::*;
    use crate::fixtures::{claims, create, events, on_plan, price, product, request, stock, tenant, variant};

    #[tokio::test]
    async fn makes_a_draft_with_empty_stock_and_tells() {
        let world = World::new().await;
        let body = json!({
            "name": "Things Fall Apart",
            "description": "A novel.",
            "images": [{ "url": "https://cdn.example.com/a.png" }],
            "tags": ["novel"],
            "variants": [variant("TFA-PB"), { "sku": "TFA-HB", "name": "Hardback", "price": price(300_000),
                "compare_at_price": price(350_000), "barcode": "9780141023380", "weight_g": 400 }],
        });
        let answer = create(&world, body).await;
        assert_eq!((answer.status(), answer.0.header("etag")), (201, Some("\"1\"")));
        let made: View = answer.ok();
        assert_eq!((made.slug.as_str(), made.status), ("things-fall-apart", ProductStatus::Draft));
        assert_eq!(made.variants[1].compare_at_price.unwrap().amount_minor, 350_000);
        for variant in &made.variants {
            assert_eq!(stock(&world, variant.id).await.unwrap().on_hand, 0);
        }
        assert_eq!(claims(&world), ["SKU#TFA-HB", "SKU#TFA-PB", "SLUG#things-fall-apart"]);
        assert_eq!(tenant(&world, world.tenant).await.products, 1);
        let [event] = events(&world, "PRODUCT_CREATED").try_into().unwrap();
        assert_eq!((&event["subject"], &event["version"]), (&json!(made.id), &json!(1)));
        let actor = world.owner.account_id;
        assert_eq!(
            event["data"],
            json!({ "store_id": world.store.id, "product_id": made.id, "name": made.name, "actor": actor })
        );
    }

    #[tokio::test]
    async fn costs_a_batched_read_and_a_transaction() {
        let world = World::new().await;
        product(&world, "One", &["A"]).await;
        world.dynamo.take_calls();
        product(&world, "Two", &["B"]).await;
        let calls = [("BatchGetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)];
        assert_eq!(world.dynamo.take_calls(), calls.into());
    }

    #[tokio::test]
    async fn the_same_key_makes_one_product() {
        let world = World::new().await;
        let send = |name: &str| request(&world).key("k-1").json(json!({ "name": name, "variants": [variant("A")] }));
        let first = send("Tee").send(&world.deps, handle).await;
        let again = send("Tee").send(&world.deps, handle).await;
        assert_eq!(first.ok::<View>(), again.ok::<View>());
        assert_eq!(first.0.body, again.0.body);
        assert_eq!((tenant(&world, world.tenant).await.products, events(&world, "PRODUCT_CREATED").len()), (1, 1));
        let other = send("Cap").send(&world.deps, handle).await;
        assert_eq!(other.problem(), (422, "idempotency_key_reused".into()));
    }

    #[tokio::test]
    async fn names_that_are_taken_are_told_together() {
        let world = World::new().await;
        product(&world, "Tee", &["A", "B"]).await;
        let body = json!({ "name": "Tee", "slug": "tee", "variants": [variant("C"), variant("B"), variant("A")] });
        let answer = create(&world, body).await;
        assert_eq!(answer.problem(), (409, "slug_taken".into()));
        let taken = |pointer: &str, code: &str| (pointer.to_owned(), code.to_owned());
        let skus = [taken("/variants/1/sku", "sku_taken"), taken("/variants/2/sku", "sku_taken")];
        assert_eq!(answer.fields(), [vec![taken("/slug", "slug_taken")], skus.to_vec()].concat());
        // A generated slug is replaced when it is taken; SKUs come from the seller, so they are reported instead.
        let answer =
            create(&world, json!({ "name": "Tee", "variants": [variant("C"), variant("B"), variant("A")] })).await;
        assert_eq!((answer.problem(), answer.fields()), ((409, "sku_taken".into()), skus.to_vec()));
        assert_eq!(claims(&world), ["SKU#A", "SKU#B", "SLUG#tee"]);
        assert_eq!(tenant(&world, world.tenant).await.products, 1);
    }

    #[tokio::test]
    async fn a_slug_that_is_made_gives_way_to_a_taken_one() {
        let world = World::new().await;
        product(&world, "Tee", &["A"]).await;
        let second = product(&world, "Tee", &["B"]).await;
        assert!(second.slug.starts_with("tee-") && is_slug(&second.slug), "{}", second.slug);
        for (name, sku) in [("本", "C"), ("書", "D")] {
            assert!(product(&world, name, &[sku]).await.slug.starts_with("product"));
        }
    }

    #[tokio::test]
    async fn another_store_may_use_the_same_names() {
        let world = World::new().await;
        product(&world, "Tee", &["A"]).await;
        let second = world.branch("adas-shoes").await.store;
        let body = json!({ "name": "Tee", "slug": "tee", "variants": [variant("A")] });
        let there = request(&world).store(&second.slug).json(body.clone()).send(&world.deps, handle).await;
        assert_eq!(there.ok::<View>().store_id, second.id);
        let neighbour = world.neighbour().await;
        assert_eq!(create(&neighbour, body).await.ok::<View>().store_id, neighbour.store.id);
    }

    #[tokio::test]
    async fn the_plan_is_the_limit() {
        let world = World::new().await;
        on_plan(&world, Plan::Free, 49).await;
        product(&world, "Fiftieth", &["A"]).await;
        let answer = create(&world, json!({ "name": "One more" })).await;
        assert_eq!(answer.problem(), (403, "plan_limit".into()));
        assert_eq!(answer.json()["detail"], "the plan FREE allows 50 products");
        assert_eq!(claims(&world), ["SKU#A", "SLUG#fiftieth"]);
        on_plan(&world, Plan::Enterprise, 1_000_000).await;
        product(&world, "One more", &[]).await;
        assert_eq!(tenant(&world, world.tenant).await.products, 1_000_001);
    }

    #[tokio::test]
    async fn rules_that_need_the_store_are_told_by_field() {
        let world = World::new().await;
        let usd = json!({ "amount_minor": 100, "currency": "USD" });
        let body = json!({ "name": "Tee", "variants": [
            { "sku": "A", "name": "One", "price": usd },
            { "sku": "A", "name": "Two", "price": price(100), "compare_at_price": usd },
        ]});
        let answer = create(&world, body).await;
        assert_eq!(answer.problem(), (422, "invalid_fields".into()));
        let pair = |pointer: &str, code: &str| (pointer.to_owned(), code.to_owned());
        assert_eq!(
            answer.fields(),
            [
                pair("/variants/0/price/currency", "wrong_currency"),
                pair("/variants/1/compare_at_price/currency", "wrong_currency"),
                pair("/variants/1/sku", "duplicate"),
            ]
        );
    }

    #[tokio::test]
    async fn as_many_variants_as_are_allowed_fit_one_transaction() {
        let world = World::new().await;
        let variants = |count: usize| (0..count).map(|index| variant(&format!("SKU-{index}"))).collect::<Vec<_>>();
        let full = json!({ "name": "Full", "variants": variants(VARIANTS_CREATED_MAX) });
        let answer = request(&world).key("k-1").json(full).send(&world.deps, handle).await;
        assert_eq!(answer.ok::<View>().variants.len(), VARIANTS_CREATED_MAX);
        let over = create(&world, json!({ "name": "Over", "variants": variants(VARIANTS_CREATED_MAX + 1) })).await;
        assert_eq!(over.fields(), [("/variants".to_owned(), "invalid".to_owned())]);
    }

    #[tokio::test]
    async fn only_those_who_may_write_do() {
        let world = World::new().await;
        for (role, status) in [(Role::Staff, 201), (Role::Viewer, 403), (Role::Guest, 403)] {
            let request = request(&world).by(&world.principal(role)).json(json!({ "name": "Tee" }));
            assert_eq!(request.send(&world.deps, handle).await.status(), status, "{role:?}");
        }
    }

    #[tokio::test]
    async fn forty_products_made_at_once_are_made_or_refused_for_now() {
        let world = World::new().await;
        let mut at_once = tokio::task::JoinSet::new();
        for number in 0..40 {
            let body = json!({ "name": format!("Book {number}"), "variants": [variant(&format!("SKU-{number}"))] });
            let (deps, request) = (world.deps.clone(), request(&world).json(body));
            at_once.spawn(async move { request.send(&deps, handle).await });
        }
        let answers = at_once.join_all().await;
        let made = answers.iter().filter(|answer| answer.status() == 201).count();
        for answer in answers.iter().filter(|answer| answer.status() != 201) {
            assert_eq!(answer.problem(), (409, "busy".into()), "{}", answer.json());
        }
        assert!(made > 0);
        assert_eq!(usize::try_from(tenant(&world, world.tenant).await.products).unwrap(), made);
    }
}
