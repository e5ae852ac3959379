//! `PATCH /stores/{id}`: changes a store's settings. One read and one transaction.

use contracts::{
    events::StoreUpdated,
    patch::set,
    stores::{Update, UpdateStore},
};
use domain::store::Store;
use runtime::{Call, Granted, Outcome, Problem};

use crate::settings::{check_methods, read, reply};

pub async fn handle(deps: &Granted<Update>, call: Call<Update>) -> Outcome<Update> {
    let tenant = call.tenant()?;
    let found = read(deps, tenant, call.path.id).await?;
    call.expect_version(found.version)?;
    let mut store = found.value;
    check(&call.body, &store)?;
    let changed = apply(&mut store, call.body.clone());
    if changed.is_empty() {
        return Ok(reply(store, found.version));
    }
    store.updated_at = deps.now();

    let version = found.version + 1;
    let event = StoreUpdated { store_id: store.id, changed, actor: call.principal()?.account_id };
    let mut tx = deps.tx();
    tx.update(tenant, &store, found.version);
    tx.emit(&deps.event(&call.cause, tenant, store.id, version, event));
    call.commit(deps, tx, reply(store, version)).await?.or_changed()
}

fn check(body: &UpdateStore, store: &Store) -> Result<(), Problem> {
    let shipping = body.shipping_methods.as_deref().unwrap_or_default();
    let payment = body.payment_methods.as_deref().unwrap_or_default();
    let errors = check_methods(shipping, payment, store.currency);
    if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
}

/// Returns the names of the fields that changed.
fn apply(store: &mut Store, body: UpdateStore) -> Vec<String> {
    let mut changed = vec![];
    set(&mut store.name, body.name, "name", &mut changed);
    set(&mut store.description, body.description, "description", &mut changed);
    set(&mut store.logo_url, body.logo_url, "logo_url", &mut changed);
    set(&mut store.timezone, body.timezone, "timezone", &mut changed);
    set(&mut store.tax, body.tax.map(Into::into), "tax", &mut changed);
    let shipping = body.shipping_methods.map(|methods| methods.into_iter().map(Into::into).collect());
    set(&mut store.shipping_methods, shipping, "shipping_methods", &mut changed);
    set(&mut store.payment_methods, body.payment_methods, "payment_methods", &mut changed);
    set(&mut store.payment_window_s, body.payment_window_s, "payment_window_s", &mut changed);
    set(&mut store.support_email, body.support_email, "support_email", &mut changed);
    set(&mut store.low_stock_email, body.low_stock_email, "low_stock_email", &mut changed);
    changed
}

#[cfg(test)]
mod tests {
    use contracts::stores::Store as View;
    use domain::Role;
    use serde_json::{Value, json};
    use testing::{World, http::Answer};

    use super::*;
    use crate::fixtures::{events, request};

    async fn update(world: &World, body: Value) -> Answer {
        request(world).path("id", world.store.id).json(body).send(&world.deps, handle).await
    }

    #[tokio::test]
    async fn changes_what_is_given_and_tells_which() {
        let world = World::new().await;
        world.clock.advance_s(1);
        world.dynamo.take_calls();
        let body = json!({
            "name": "Ada's", "description": "Books.", "tax": { "rate_basis_points": 0, "inclusive": true },
            "shipping_methods": [], "low_stock_email": "stock@example.com", "timezone": "Africa/Lagos",
        });
        let answer = update(&world, body).await;
        let calls = [("GetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)];
        assert_eq!(world.dynamo.take_calls(), calls.into());
        assert_eq!(answer.0.header("etag"), Some("\"2\""));
        let changed: View = answer.ok();
        assert_eq!((changed.name.as_str(), changed.description.as_deref()), ("Ada's", Some("Books.")));
        assert_eq!((changed.updated_at, &changed.slug), (world.deps.now(), &world.store.slug));
        let [event] = events(&world, "STORE_UPDATED").try_into().unwrap();
        let names = json!(["name", "description", "tax", "shipping_methods", "low_stock_email"]);
        assert_eq!((&event["data"]["changed"], &event["version"]), (&names, &json!(2)));

        let cleared: View = update(&world, json!({ "description": null, "low_stock_email": null })).await.ok();
        assert_eq!((cleared.description, cleared.low_stock_email, cleared.version), (None, None, 3));
    }

    #[tokio::test]
    async fn nothing_new_writes_nothing() {
        let world = World::new().await;
        for body in [json!({}), json!({ "name": world.store.name, "payment_methods": ["paystack"] })] {
            assert_eq!(update(&world, body).await.ok::<View>().version, 1);
        }
        assert!(events(&world, "STORE_UPDATED").is_empty());
    }

    #[tokio::test]
    async fn what_buyers_may_write_to_can_be_cleared() {
        let world = World::new().await;
        let set: View = update(&world, json!({ "support_email": "help@example.com" })).await.ok();
        assert_eq!(set.support_email.as_deref(), Some("help@example.com"));
        assert_eq!(update(&world, json!({ "support_email": null })).await.ok::<View>().support_email, None);
    }

    #[tokio::test]
    async fn rules_are_told_by_field() {
        let world = World::new().await;
        let method = |id: &str, currency: &str| {
            json!({ "id": id, "name": "Van", "estimated_days": 1,
                "rate": { "amount_minor": 100, "currency": currency } })
        };
        let pair = |pointer: &str, code: &str| (pointer.to_owned(), code.to_owned());
        let answer = update(&world, json!({ "shipping_methods": [method("van", "NGN"), method("van", "USD")] })).await;
        let expected =
            [pair("/shipping_methods/1/rate/currency", "wrong_currency"), pair("/shipping_methods/1/id", "duplicate")];
        assert_eq!(answer.fields(), expected);
        let unknown = update(&world, json!({ "payment_methods": ["cash"] })).await;
        assert_eq!(unknown.fields(), [pair("/payment_methods/0", "invalid")]);
        for (field, value) in [("currency", "USD"), ("slug", "other"), ("status", "closed")] {
            let answer = update(&world, json!({ field: value })).await;
            assert_eq!(answer.fields(), [pair(&format!("/{field}"), "unknown")]);
        }
        for field in ["name", "tax", "shipping_methods", "payment_methods"] {
            let answer = update(&world, json!({ field: null })).await;
            assert_eq!(answer.fields(), [pair(&format!("/{field}"), "invalid_type")]);
        }
        let too_long = update(&world, json!({ "description": "x".repeat(10_001), "low_stock_email": "nobody" })).await;
        assert_eq!(too_long.fields(), [pair("/description", "invalid"), pair("/low_stock_email", "invalid")]);
    }

    #[tokio::test]
    async fn only_the_version_that_was_meant_is_changed() {
        let world = World::new().await;
        let send = |version: u64, name: &str| {
            let request = request(&world).path("id", world.store.id).header("if-match", format!("\"{version}\""));
            request.json(json!({ "name": name })).send(&world.deps, handle)
        };
        assert_eq!(send(1, "One").await.status(), 200);
        assert_eq!(send(1, "Two").await.problem(), (412, "version_mismatch".into()));
    }

    #[tokio::test]
    async fn others_do_not_get_at_it() {
        let world = World::new().await;
        let neighbour = world.neighbour().await;
        let send = |request: testing::TestRequest| {
            request.path("id", world.store.id).json(json!({ "name": "Mine" })).send(&world.deps, handle)
        };
        assert_eq!(send(request(&neighbour)).await.problem(), (404, "not_found".into()));
        let staff = request(&world).by(&world.principal(Role::Staff));
        assert_eq!(send(staff).await.problem(), (403, "forbidden".into()));
    }
}
