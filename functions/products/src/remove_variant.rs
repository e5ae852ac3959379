//! `DELETE /products/{id}/variants/{vid}`: removes a variant that has no units on hand and none reserved. One batched
//! read (product and stock) and one transaction.

use contracts::{problems, products::RemoveVariant};
use domain::stock::Stock;
use runtime::{Call, Granted, Outcome, Problem};
use store::keys;

use crate::product::{of_store, reply, variants_problem, write};

pub async fn handle(deps: &Granted<RemoveVariant>, call: Call<RemoveVariant>) -> Outcome<RemoveVariant> {
    let (at, variant_id) = (call.store()?, call.path.vid);
    let product_key = keys::product(at.tenant_id, call.path.id);
    let stock_key = keys::stock(at.tenant_id, variant_id);
    let mut read = deps.db.batch_get(&[product_key.clone(), stock_key.clone()]).await?;
    let found = of_store(read.take(&product_key)?, at)?;
    let sku = found.value.variant(variant_id).ok_or_else(Problem::not_found)?.sku.clone();
    call.expect_version(found.version)?;
    let stock = read.take::<Stock>(&stock_key)?;
    if let Some(stock) = stock.as_ref().map(|stock| &stock.value)
        && (stock.on_hand != 0 || stock.reserved != 0)
    {
        let detail = format!("{} units are in stock, {} of them promised to orders", stock.on_hand, stock.reserved);
        return Err(Problem::new(&problems::VARIANT_IN_STOCK, detail));
    }
    let product = found.value.remove_variant(variant_id, deps.now()).map_err(variants_problem)?;

    let mut tx = deps.tx();
    write(deps, &call, &mut tx, &product, found.version, vec!["variants".to_owned()])?;
    tx.remove(keys::sku(at.tenant_id, at.store_id, &sku));
    if let Some(stock) = stock {
        tx.delete(stock_key, stock.version);
    }
    call.commit(deps, tx, reply(product, found.version + 1)).await?.or_changed()
}

#[cfg(test)]
mod tests {
    use contracts::products::Product as View;
    use domain::VariantId;
    use store::Versioned;
    use testing::{TestRequest, World, http::Answer};

    use super::*;
    use crate::fixtures::{claims, events, hidden_from_others, product, publish, request, stock};

    async fn remove(world: &World, product: &View, variant: VariantId) -> Answer {
        request(world).path("id", product.id).path("vid", variant).send(&world.deps, handle).await
    }

    async fn set_stock(world: &World, variant: VariantId, on_hand: i64, reserved: i64) {
        let found: Versioned<Stock> = world.deps.db.get(&keys::stock(world.tenant, variant)).await.unwrap().unwrap();
        let stock = Stock { on_hand, reserved, available: on_hand - reserved, ..found.value };
        let mut tx = world.deps.tx();
        tx.update(world.tenant, &stock, found.version);
        world.deps.db.commit(tx).await.unwrap();
    }

    #[tokio::test]
    async fn takes_its_stock_and_its_sku_with_it() {
        let world = World::new().await;
        let made = product(&world, "Tee", &["A", "B"]).await;
        let gone = made.variants[0].id;
        world.dynamo.take_calls();
        let answer = remove(&world, &made, gone).await;
        let calls = [("BatchGetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)];
        assert_eq!(world.dynamo.take_calls(), calls.into());
        assert_eq!(answer.ok::<View>().variants, made.variants[1..]);
        assert_eq!(stock(&world, gone).await, None);
        assert_eq!(claims(&world), ["SKU#B", "SLUG#tee"]);
        assert_eq!(events(&world, "PRODUCT_UPDATED").len(), 1);
        assert_eq!(remove(&world, &made, gone).await.problem(), (404, "not_found".into()));
    }

    #[tokio::test]
    async fn stays_while_there_is_any_of_it() {
        let world = World::new().await;
        let made = product(&world, "Tee", &["A", "B"]).await;
        let variant = made.variants[0].id;
        for (on_hand, reserved) in [(1, 0), (1, 1)] {
            set_stock(&world, variant, on_hand, reserved).await;
            assert_eq!(remove(&world, &made, variant).await.problem(), (409, "variant_in_stock".into()));
        }
        set_stock(&world, variant, 0, 0).await;
        assert_eq!(remove(&world, &made, variant).await.status(), 200);
    }

    #[tokio::test]
    async fn what_is_on_sale_keeps_a_variant() {
        let world = World::new().await;
        let made = product(&world, "Tee", &["A"]).await;
        publish(&world, &made).await;
        assert_eq!(remove(&world, &made, made.variants[0].id).await.problem(), (409, "last_variant".into()));
        assert_eq!(claims(&world), ["SKU#A", "SLUG#tee"]);
    }

    #[tokio::test]
    async fn others_do_not_see_it() {
        let world = World::new().await;
        let made = product(&world, "Tee", &["A", "B"]).await;
        let request = || TestRequest::new().path("id", made.id).path("vid", made.variants[0].id);
        hidden_from_others(&world, handle, request).await;
    }
}
