//! `GET /rate-rules`: the tenant's rate limits, oldest first. One read.

use contracts::{http::Page, tenants::ListRateRules};
use runtime::{Call, Granted, Outcome, Reply};

use crate::rate_rules::read;

pub async fn handle(deps: &Granted<ListRateRules>, call: Call<ListRateRules>) -> Outcome<ListRateRules> {
    let found = read(deps, call.tenant()?).await?;
    let version = found.version();
    let items = found.rules.rules.into_iter().map(Into::into).collect();
    Ok(Reply::new(&Page { items, next_cursor: None }).etag(version))
}

#[cfg(test)]
mod tests {
    use testing::{TestRequest, World};

    use super::*;
    use crate::fixtures::{list, set};

    #[tokio::test]
    async fn lists_what_the_tenant_has_set_and_nobody_elses() {
        let world = World::new().await;
        assert!(list(&world).await.is_empty());
        let reads = set(&world, "read", "address", 100, 50).await;
        let orders = set(&world, "checkout", "account", 5, 5).await;
        world.dynamo.take_calls();
        assert_eq!(list(&world).await, [reads, orders]);
        assert_eq!(world.dynamo.take_calls(), [("GetItem".to_owned(), 1)].into());
        assert!(list(&world.neighbour().await).await.is_empty());
    }

    #[tokio::test]
    async fn says_at_which_version() {
        let world = World::new().await;
        set(&world, "read", "address", 100, 50).await;
        let answer = TestRequest::new().by(&world.owner).send(&world.deps, handle).await;
        assert_eq!(answer.0.header("etag"), Some("\"1\""));
    }
}
