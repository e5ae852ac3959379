//! `GET /openapi.json`: the API's description, as generated when this function was built.

use std::future::{Ready, ready};

use contracts::platform::OpenApi;
use runtime::{Call, Granted, Outcome, Reply};

pub(crate) const DOCUMENT: &str = include_str!("../../../infra/api/openapi.json");

/// The description changes only with a deployment, so clients may cache it.
pub(crate) const CACHE_CONTROL: &str = "public, max-age=300";

pub fn handle(_: &Granted<OpenApi>, _: Call<OpenApi>) -> Ready<Outcome<OpenApi>> {
    ready(Ok(Reply::text("application/json", DOCUMENT).header("cache-control", CACHE_CONTROL)))
}

#[cfg(test)]
mod tests {
    use testing::{TestRequest, World};

    use super::*;

    #[tokio::test]
    async fn describes_every_endpoint_and_reads_nothing() {
        let world = World::new().await;
        let answer = TestRequest::new().send(&world.deps, handle).await;
        assert_eq!(answer.0.header("content-type"), Some("application/json"));
        let document: serde_json::Value = answer.ok();
        assert_eq!(document["paths"]["/health"]["get"]["operationId"], "platform-health");
        assert!(world.dynamo.take_calls().is_empty());
    }
}
