//! `PATCH /products/{id}`: changes a product's name, slug, description, images and other fields. One read and one
//! transaction.

use contracts::{
    patch::set,
    products::{Update, UpdateProduct},
};
use domain::catalog::Product;
use runtime::{Call, Granted, Outcome, http::Committed};
use store::{CommitError, ProductSlugClaim, keys};

use crate::product::{read, reply, slug_taken, taken_problem, write};

pub async fn handle(deps: &Granted<Update>, call: Call<Update>) -> Outcome<Update> {
    let at = call.store()?;
    let found = read(deps, at, call.path.id).await?;
    call.expect_version(found.version)?;
    let mut product = found.value;
    let old_slug = product.slug.clone();
    let changed = apply(&mut product, call.body.clone());
    if changed.is_empty() {
        return Ok(reply(product, found.version));
    }
    product.updated_at = deps.now();

    let mut tx = deps.tx();
    let written = write(deps, &call, &mut tx, &product, found.version, changed)?;
    let claimed = (product.slug != old_slug).then(|| {
        tx.remove(keys::product_slug(at.tenant_id, at.store_id, &old_slug));
        let claim = ProductSlugClaim { store_id: at.store_id, slug: product.slug.clone(), product_id: product.id };
        tx.create(at.tenant_id, &claim)
    });
    match call.commit(deps, tx, reply(product, found.version + 1)).await? {
        Committed::Done(reply) => Ok(reply),
        Committed::Refused(refused)
            if claimed.is_some_and(|claim| refused.contains(claim)) && !refused.contains(written) =>
        {
            Err(taken_problem(vec![slug_taken()]))
        }
        Committed::Refused(refused) => Err(CommitError::Refused(refused).into()),
    }
}

/// Returns the names of the fields that changed.
fn apply(product: &mut Product, body: UpdateProduct) -> Vec<String> {
    let mut changed = vec![];
    set(&mut product.name, body.name, "name", &mut changed);
    set(&mut product.slug, body.slug, "slug", &mut changed);
    set(&mut product.description, body.description, "description", &mut changed);
    let images = body.images.map(|images| images.into_iter().map(Into::into).collect());
    set(&mut product.images, images, "images", &mut changed);
    set(&mut product.tags, body.tags, "tags", &mut changed);
    changed
}

#[cfg(test)]
mod tests {
    use contracts::products::Product as View;
    use serde_json::{Value, json};
    use testing::{TestRequest, World, http::Answer};

    use super::*;
    use crate::fixtures::{claims, events, hidden_from_others, product, request};

    async fn update(world: &World, product: &View, body: Value) -> Answer {
        request(world).path("id", product.id).json(body).send(&world.deps, handle).await
    }

    #[tokio::test]
    async fn changes_what_is_given_and_tells_which() {
        let world = World::new().await;
        let made = product(&world, "Tee", &["A"]).await;
        world.clock.advance_s(1);
        world.dynamo.take_calls();
        let body = json!({ "name": "Tea", "description": "Green.", "tags": ["drink"], "images": [] });
        let answer = update(&world, &made, body).await;
        let calls = [("GetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)];
        assert_eq!(world.dynamo.take_calls(), calls.into());
        assert_eq!(answer.0.header("etag"), Some("\"2\""));
        let changed: View = answer.ok();
        let expected = View {
            name: "Tea".into(),
            description: Some("Green.".into()),
            tags: vec!["drink".into()],
            updated_at: world.deps.now(),
            version: 2,
            ..made.clone()
        };
        assert_eq!(changed, expected);
        let [event] = events(&world, "PRODUCT_UPDATED").try_into().unwrap();
        assert_eq!(event["data"]["changed"], json!(["name", "description", "tags"]));
        assert_eq!(event["version"], 2);

        let cleared: View = update(&world, &made, json!({ "description": null })).await.ok();
        assert_eq!((cleared.description, cleared.name.as_str()), (None, "Tea"));
    }

    #[tokio::test]
    async fn nothing_new_writes_nothing() {
        let world = World::new().await;
        let made = product(&world, "Tee", &["A"]).await;
        for body in [json!({}), json!({ "name": "Tee", "slug": "tee" })] {
            assert_eq!(update(&world, &made, body).await.ok::<View>(), made);
        }
        assert!(events(&world, "PRODUCT_UPDATED").is_empty());
    }

    #[tokio::test]
    async fn a_new_slug_frees_the_old_one() {
        let world = World::new().await;
        let made = product(&world, "Tee", &["A"]).await;
        update(&world, &made, json!({ "slug": "shirt" })).await.ok::<View>();
        assert_eq!(claims(&world), ["SKU#A", "SLUG#shirt"]);
        let other = product(&world, "Tee", &["B"]).await;
        assert_eq!(other.slug, "tee");
        let taken = update(&world, &made, json!({ "slug": "tee", "name": "Other" })).await;
        assert_eq!(taken.problem(), (409, "slug_taken".into()));
        assert_eq!(taken.fields(), [("/slug".to_owned(), "slug_taken".to_owned())]);
        assert_eq!(claims(&world), ["SKU#A", "SKU#B", "SLUG#shirt", "SLUG#tee"]);
    }

    #[tokio::test]
    async fn only_the_version_that_was_meant_is_changed() {
        let world = World::new().await;
        let made = product(&world, "Tee", &["A"]).await;
        let send = |version: u64, name: &str| {
            let request = request(&world).path("id", made.id).header("if-match", format!("\"{version}\""));
            request.json(json!({ "name": name })).send(&world.deps, handle)
        };
        assert_eq!(send(1, "One").await.status(), 200);
        assert_eq!(send(1, "Two").await.problem(), (412, "version_mismatch".into()));
        assert_eq!(send(2, "Two").await.status(), 200);
    }

    #[tokio::test]
    async fn others_do_not_see_it() {
        let world = World::new().await;
        let made = product(&world, "Tee", &["A"]).await;
        let request = || TestRequest::new().path("id", made.id).json(json!({ "name": "Mine" }));
        hidden_from_others(&world, handle, request).await;
    }
}
