//! `GET /stores/resolve`: what a front end needs to know about the store that the host name or `X-Store` names. One
//! read.

use contracts::stores::Resolve;
use runtime::{Call, Granted, Outcome, Reply};

use crate::settings::read;

pub async fn handle(deps: &Granted<Resolve>, call: Call<Resolve>) -> Outcome<Resolve> {
    let at = call.store()?;
    let store = read(deps, at.tenant_id, at.store_id).await?;
    Ok(Reply::new(&store.value.into()).etag(store.version))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use testing::{TestRequest, World};

    use super::*;
    use crate::fixtures::{store, world};

    #[tokio::test]
    async fn shows_buyers_what_is_theirs_to_know() {
        let world = World::new().await;
        let send = |request: TestRequest| request.send(&world.deps, handle);
        let by_slug = send(TestRequest::new().store(&world.store.slug)).await;
        assert_eq!(
            by_slug.json(),
            json!({
                "id": world.store.id, "name": "Ada's Books", "slug": "adas-books", "description": null,
                "logo_url": null, "currency": "NGN", "timezone": "Africa/Lagos",
                "tax": { "rate_basis_points": 750, "inclusive": true },
                "shipping_methods": [{ "id": "standard", "name": "Standard", "estimated_days": 3,
                    "rate": { "amount_minor": 50_000, "currency": "NGN" } }],
                "payment_methods": ["paystack"], "support_email": "ada@example.com",
            })
        );
        world.dynamo.take_calls();
        let by_host = send(TestRequest::new().header("host", "adas-books.localhost:8000")).await;
        assert_eq!((by_host.status(), by_host.json()), (200, by_slug.json()));
        assert_eq!(world.dynamo.take_calls(), [("GetItem".to_owned(), 1)].into());
        let by_id = send(TestRequest::new().store(world.store.id)).await;
        assert_eq!(by_id.json(), by_slug.json());
    }

    #[tokio::test]
    async fn a_draft_is_not_there_yet() {
        let world = world().await;
        let draft = store(&world, "Shoes").await;
        for name in [draft.slug, draft.id.to_string(), "no-such-store".into()] {
            let answer = TestRequest::new().store(name).send(&world.deps, handle).await;
            assert_eq!(answer.problem(), (404, "store_not_found".into()));
        }
    }
}
