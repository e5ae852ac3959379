//! `POST /products/{id}/variants`: adds a variant, with empty stock. One batched read (product and store) and one
//! transaction.

use contracts::products::AddVariant;
use domain::{VariantId, stock::Stock};
use runtime::{Call, Granted, Outcome, http::Committed};
use store::{CommitError, SkuClaim};

use crate::product::{
    check_currency, no_errors, read_with_store, reply, sku_taken, taken_problem, variants_problem, write,
};

pub async fn handle(deps: &Granted<AddVariant>, call: Call<AddVariant>) -> Outcome<AddVariant> {
    let at = call.store()?;
    let (found, store) = read_with_store(deps, at, call.path.id).await?;
    call.expect_version(found.version)?;
    no_errors(check_currency("", Some(call.body.price), call.body.compare_at_price, store.currency))?;
    let (now, variant) = (deps.now(), call.body.clone().with_id(deps.id(VariantId::from_ulid)));
    let stock = Stock::empty(found.value.id, variant.id, at.store_id, now);
    let claim = SkuClaim { store_id: at.store_id, sku: variant.sku.clone(), product_id: call.path.id };
    let product = found.value.add_variant(variant, now).map_err(variants_problem)?;

    let mut tx = deps.tx();
    let written = write(deps, &call, &mut tx, &product, found.version, vec!["variants".to_owned()])?;
    let claimed = tx.create(at.tenant_id, &claim);
    tx.create(at.tenant_id, &stock);
    match call.commit(deps, tx, reply(product, found.version + 1)).await? {
        Committed::Done(reply) => Ok(reply),
        Committed::Refused(refused) if refused.contains(claimed) && !refused.contains(written) => {
            Err(taken_problem(vec![sku_taken("/sku")]))
        }
        Committed::Refused(refused) => Err(CommitError::Refused(refused).into()),
    }
}

#[cfg(test)]
mod tests {
    use contracts::products::Product as View;
    use domain::{catalog::Product, limits::VARIANTS_MAX};
    use serde_json::{Value, json};
    use store::keys;
    use testing::{TestRequest, World, http::Answer};

    use super::*;
    use crate::fixtures::{claims, events, hidden_from_others, price, product, request, stock, variant};

    async fn add(world: &World, product: &View, body: Value) -> Answer {
        request(world).path("id", product.id).json(body).send(&world.deps, handle).await
    }

    #[tokio::test]
    async fn adds_it_with_empty_stock() {
        let world = World::new().await;
        let made = product(&world, "Tee", &["A"]).await;
        world.dynamo.take_calls();
        let answer = add(&world, &made, variant("B")).await;
        let calls = [("BatchGetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)];
        assert_eq!(world.dynamo.take_calls(), calls.into());
        assert_eq!((answer.status(), answer.0.header("etag")), (201, Some("\"2\"")));
        let changed: View = answer.ok();
        assert_eq!(changed.variants.iter().map(|variant| variant.sku.as_str()).collect::<Vec<_>>(), ["A", "B"]);
        assert_eq!(stock(&world, changed.variants[1].id).await.unwrap().available, 0);
        assert_eq!(claims(&world), ["SKU#A", "SKU#B", "SLUG#tee"]);
        let [event] = events(&world, "PRODUCT_UPDATED").try_into().unwrap();
        assert_eq!(event["data"]["changed"], json!(["variants"]));
    }

    #[tokio::test]
    async fn refuses_a_taken_sku_and_a_foreign_price() {
        let world = World::new().await;
        let made = product(&world, "Tee", &["A"]).await;
        let taken = add(&world, &made, variant("A")).await;
        assert_eq!(taken.problem(), (409, "sku_taken".into()));
        assert_eq!(taken.fields(), [("/sku".to_owned(), "sku_taken".to_owned())]);
        let usd = json!({ "amount_minor": 100, "currency": "USD" });
        let body = json!({ "sku": "B", "name": "B", "price": usd, "compare_at_price": price(1) });
        let foreign = add(&world, &made, body).await;
        assert_eq!(foreign.fields(), [("/price/currency".to_owned(), "wrong_currency".to_owned())]);
        assert_eq!(claims(&world), ["SKU#A", "SLUG#tee"]);
    }

    #[tokio::test]
    async fn a_full_product_takes_no_more() {
        let world = World::new().await;
        let made = product(&world, "Tee", &["A"]).await;
        let found = world.deps.db.get::<Product>(&keys::product(world.tenant, made.id)).await.unwrap().unwrap();
        let full = Product { variants: vec![found.value.variants[0].clone(); VARIANTS_MAX], ..found.value };
        let mut tx = world.deps.tx();
        tx.update(world.tenant, &full, found.version);
        world.deps.db.commit(tx).await.unwrap();
        assert_eq!(add(&world, &made, variant("B")).await.problem(), (409, "too_many_variants".into()));
    }

    #[tokio::test]
    async fn a_repetition_adds_no_second_one() {
        let world = World::new().await;
        let made = product(&world, "Tee", &["A"]).await;
        let send = || request(&world).path("id", made.id).key("k-1").json(variant("B")).send(&world.deps, handle);
        let (first, again) = (send().await, send().await);
        assert_eq!(first.ok::<View>().variants.len(), 2);
        assert_eq!((first.status(), first.0.body), (again.status(), again.0.body));
    }

    #[tokio::test]
    async fn others_do_not_see_it() {
        let world = World::new().await;
        let made = product(&world, "Tee", &["A"]).await;
        hidden_from_others(&world, handle, || TestRequest::new().path("id", made.id).json(variant("B"))).await;
    }
}
