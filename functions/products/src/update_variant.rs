//! `PATCH /products/{id}/variants/{vid}`: changes a variant: SKU, name, price and other fields. One batched read
//! (product and store) and one transaction. Carts show the new price the next time they are read.

use contracts::{
    patch::set,
    products::{UpdateVariant, VariantChanges},
};
use domain::catalog::Variant;
use runtime::{Call, Granted, Outcome, Problem, http::Committed};
use store::{CommitError, SkuClaim, keys};

use crate::product::{check_currency, no_errors, read_with_store, reply, sku_taken, taken_problem, write};

pub async fn handle(deps: &Granted<UpdateVariant>, call: Call<UpdateVariant>) -> Outcome<UpdateVariant> {
    let at = call.store()?;
    let (found, store) = read_with_store(deps, at, call.path.id).await?;
    let mut product = found.value;
    let variant = product.variants.iter_mut().find(|variant| variant.id == call.path.vid);
    let variant = variant.ok_or_else(Problem::not_found)?;
    call.expect_version(found.version)?;
    let body = call.body.clone();
    no_errors(check_currency("", body.price, body.compare_at_price.flatten(), store.currency))?;
    let old_sku = variant.sku.clone();
    if !apply(variant, body) {
        return Ok(reply(product, found.version));
    }
    let sku = variant.sku.clone();
    product.updated_at = deps.now();

    let mut tx = deps.tx();
    let written = write(deps, &call, &mut tx, &product, found.version, vec!["variants".to_owned()])?;
    let claimed = (sku != old_sku).then(|| {
        tx.remove(keys::sku(at.tenant_id, at.store_id, &old_sku));
        tx.create(at.tenant_id, &SkuClaim { store_id: at.store_id, sku, product_id: product.id })
    });
    match call.commit(deps, tx, reply(product, found.version + 1)).await? {
        Committed::Done(reply) => Ok(reply),
        Committed::Refused(refused)
            if claimed.is_some_and(|claim| refused.contains(claim)) && !refused.contains(written) =>
        {
            Err(taken_problem(vec![sku_taken("/sku")]))
        }
        Committed::Refused(refused) => Err(CommitError::Refused(refused).into()),
    }
}

/// Applies the changes. Returns whether any field changed.
fn apply(variant: &mut Variant, body: VariantChanges) -> bool {
    let mut changed = vec![];
    set(&mut variant.sku, body.sku, "sku", &mut changed);
    set(&mut variant.name, body.name, "name", &mut changed);
    set(&mut variant.price, body.price, "price", &mut changed);
    set(&mut variant.compare_at_price, body.compare_at_price, "compare_at_price", &mut changed);
    set(&mut variant.barcode, body.barcode, "barcode", &mut changed);
    set(&mut variant.weight_g, body.weight_g, "weight_g", &mut changed);
    !changed.is_empty()
}

#[cfg(test)]
mod tests {
    use contracts::products::Product as View;
    use domain::VariantId;
    use serde_json::{Value, json};
    use testing::{TestRequest, World, http::Answer};

    use super::*;
    use crate::fixtures::{claims, events, hidden_from_others, price, product, request};

    async fn update(world: &World, product: &View, body: Value) -> Answer {
        let request = request(world).path("id", product.id).path("vid", product.variants[0].id);
        request.json(body).send(&world.deps, handle).await
    }

    #[tokio::test]
    async fn changes_what_is_given() {
        let world = World::new().await;
        let made = product(&world, "Tee", &["A", "B"]).await;
        world.dynamo.take_calls();
        let body = json!({ "price": price(90_000), "compare_at_price": price(100_000), "weight_g": 200 });
        let answer = update(&world, &made, body.clone()).await;
        let calls = [("BatchGetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)];
        assert_eq!(world.dynamo.take_calls(), calls.into());
        let changed: View = answer.ok();
        assert_eq!((changed.version, changed.variants[0].price.amount_minor), (2, 90_000));
        assert_eq!(changed.variants[1], made.variants[1]);
        assert_eq!(events(&world, "PRODUCT_UPDATED").len(), 1);

        assert_eq!(update(&world, &made, body).await.ok::<View>().version, 2);
        let cleared: View = update(&world, &made, json!({ "compare_at_price": null })).await.ok();
        assert_eq!((cleared.variants[0].compare_at_price, cleared.variants[0].weight_g), (None, Some(200)));
    }

    #[tokio::test]
    async fn a_new_sku_frees_the_old_one() {
        let world = World::new().await;
        let made = product(&world, "Tee", &["A", "B"]).await;
        let taken = update(&world, &made, json!({ "sku": "B" })).await;
        assert_eq!(taken.problem(), (409, "sku_taken".into()));
        assert_eq!(taken.fields(), [("/sku".to_owned(), "sku_taken".to_owned())]);
        update(&world, &made, json!({ "sku": "C" })).await.ok::<View>();
        assert_eq!(claims(&world), ["SKU#B", "SKU#C", "SLUG#tee"]);
    }

    #[tokio::test]
    async fn prices_are_in_the_stores_currency() {
        let world = World::new().await;
        let made = product(&world, "Tee", &["A"]).await;
        let usd = json!({ "amount_minor": 100, "currency": "USD" });
        let answer = update(&world, &made, json!({ "price": usd, "compare_at_price": usd })).await;
        let pair = |pointer: &str| (pointer.to_owned(), "wrong_currency".to_owned());
        assert_eq!(answer.fields(), [pair("/price/currency"), pair("/compare_at_price/currency")]);
        let negative = update(&world, &made, json!({ "compare_at_price": price(-1) })).await;
        assert_eq!(negative.fields(), [("/compare_at_price".to_owned(), "invalid".to_owned())]);
    }

    #[tokio::test]
    async fn what_is_not_there_or_not_as_meant_is_told() {
        let world = World::new().await;
        let made = product(&world, "Tee", &["A"]).await;
        let nothing = world.deps.id(VariantId::from_ulid);
        let request = || request(&world).path("id", made.id).json(json!({ "name": "M" }));
        let absent = request().path("vid", nothing).send(&world.deps, handle).await;
        assert_eq!(absent.problem(), (404, "not_found".into()));
        let stale = request().path("vid", made.variants[0].id).header("if-match", "\"7\"");
        assert_eq!(stale.send(&world.deps, handle).await.problem(), (412, "version_mismatch".into()));
    }

    #[tokio::test]
    async fn others_do_not_see_it() {
        let world = World::new().await;
        let made = product(&world, "Tee", &["A"]).await;
        let request =
            || TestRequest::new().path("id", made.id).path("vid", made.variants[0].id).json(json!({ "name": "M" }));
        hidden_from_others(&world, handle, request).await;
    }
}
