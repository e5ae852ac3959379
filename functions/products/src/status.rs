//! `POST /products/{id}/status`: publishes, withdraws or archives a product. One read and one transaction.

use contracts::{events::ProductStatusChanged, products::SetStatus};
use runtime::{Call, Granted, Outcome};

use crate::product::{read, reply};

pub async fn handle(deps: &Granted<SetStatus>, call: Call<SetStatus>) -> Outcome<SetStatus> {
    let at = call.store()?;
    let found = read(deps, at, call.path.id).await?;
    call.expect_version(found.version)?;
    let before = found.value.status;
    let product = found.value.set_status(call.body.status, deps.now())?;
    if product.status == before {
        return Ok(reply(product, found.version));
    }
    let version = found.version + 1;
    let event = ProductStatusChanged {
        store_id: at.store_id,
        product_id: product.id,
        before: before.name().to_owned(),
        after: product.status.name().to_owned(),
        actor: call.principal()?.account_id,
    };
    let mut tx = deps.tx();
    tx.update(at.tenant_id, &product, found.version);
    tx.emit(&deps.event(&call.cause, at.tenant_id, product.id, version, event));
    call.commit(deps, tx, reply(product, version)).await?.or_changed()
}

#[cfg(test)]
mod tests {
    use contracts::products::Product as View;
    use domain::catalog::ProductStatus;
    use serde_json::json;
    use testing::{TestRequest, World, http::Answer};

    use super::*;
    use crate::fixtures::{events, hidden_from_others, product, request};

    async fn set(world: &World, product: &View, status: &str) -> Answer {
        request(world).path("id", product.id).json(json!({ "status": status })).send(&world.deps, handle).await
    }

    #[tokio::test]
    async fn publishes_and_tells() {
        let world = World::new().await;
        let made = product(&world, "Tee", &["A"]).await;
        world.dynamo.take_calls();
        let answer = set(&world, &made, "active").await;
        let calls = [("GetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)];
        assert_eq!(world.dynamo.take_calls(), calls.into());
        assert_eq!((answer.0.header("etag"), answer.ok::<View>().status), (Some("\"2\""), ProductStatus::Active));
        let [event] = events(&world, "PRODUCT_STATUS_CHANGED").try_into().unwrap();
        assert_eq!((&event["data"]["before"], &event["data"]["after"]), (&json!("draft"), &json!("active")));

        assert_eq!(set(&world, &made, "active").await.ok::<View>().version, 2);
        assert_eq!(events(&world, "PRODUCT_STATUS_CHANGED").len(), 1);
    }

    #[tokio::test]
    async fn refuses_what_the_state_does_not_allow() {
        let world = World::new().await;
        let empty = product(&world, "Empty", &[]).await;
        assert_eq!(set(&world, &empty, "active").await.problem(), (409, "invalid_state".into()));
        assert_eq!(set(&world, &empty, "archived").await.status(), 200);
        assert_eq!(set(&world, &empty, "active").await.problem(), (409, "invalid_state".into()));
        assert_eq!(set(&world, &empty, "gone").await.status(), 422);
    }

    #[tokio::test]
    async fn a_repetition_gets_the_first_answer() {
        let world = World::new().await;
        let made = product(&world, "Tee", &["A"]).await;
        let send = || {
            let request = request(&world).path("id", made.id).key("k-1").header("if-match", "\"1\"");
            request.json(json!({ "status": "active" })).send(&world.deps, handle)
        };
        let first = send().await;
        set(&world, &made, "draft").await.ok::<View>();
        let again = send().await;
        assert_eq!((first.status(), &first.0.body), (again.status(), &again.0.body));
        assert_eq!(events(&world, "PRODUCT_STATUS_CHANGED").len(), 2);
    }

    #[tokio::test]
    async fn a_request_that_changes_nothing_uses_its_key_too() {
        let world = World::new().await;
        let made = product(&world, "Tee", &["A"]).await;
        let send =
            |key: &str, body: &str| request(&world).path("id", made.id).key(key).body(body).send(&world.deps, handle);
        let first = send("k-1", r#"{"status": "draft"}"#).await;
        assert_eq!((first.0.header("idempotent-replayed"), first.ok::<View>().version), (None, 1));
        assert_eq!(send("k-1", r#"{"status": "active"}"#).await.problem(), (422, "idempotency_key_reused".into()));
        assert_eq!(send("k-2", r#"{"status": "active"}"#).await.ok::<View>().version, 2);
        // The same request, written otherwise, gets the first answer, though it would change something now.
        let again = send("k-1", "{\n\"status\":\"draft\"\n}").await;
        assert_eq!((again.0.header("idempotent-replayed"), &again.0.body), (Some("true"), &first.0.body));
        assert_eq!(again.0.header("etag"), first.0.header("etag"));
    }

    #[tokio::test]
    async fn others_do_not_see_it() {
        let world = World::new().await;
        let made = product(&world, "Tee", &["A"]).await;
        let request = || TestRequest::new().path("id", made.id).json(json!({ "status": "active" }));
        hidden_from_others(&world, handle, request).await;
    }
}
