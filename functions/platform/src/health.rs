//! `GET /health`: whether DynamoDB can be reached.

use contracts::platform::{Health, ShowHealth};
use runtime::{Call, Granted, Outcome, Reply};
use store::{StoreClaim, keys};

/// A name no store can have: the probe only needs DynamoDB to answer.
const NOBODY: &str = "-";

pub async fn handle(deps: &Granted<ShowHealth>, _: Call<ShowHealth>) -> Outcome<ShowHealth> {
    deps.db.get::<StoreClaim>(&keys::store_claim(NOBODY)).await?;
    Ok(Reply::new(&Health { status: "ok".to_owned() }))
}

#[cfg(test)]
mod tests {
    use testing::{TestRequest, World};

    use super::*;

    #[tokio::test]
    async fn says_ok_after_one_read() {
        let world = World::new().await;
        let health: Health = TestRequest::new().send(&world.deps, handle).await.ok();
        assert_eq!(health.status, "ok");
        assert_eq!(world.dynamo.take_calls(), [("GetItem".to_owned(), 1)].into());
    }

    #[tokio::test]
    async fn says_that_the_data_is_away() {
        let world = World::new().await;
        world.dynamo.is_away(true);
        let answer = TestRequest::new().send(&world.deps, handle).await;
        assert_eq!(answer.problem(), (503, "unavailable".into()));
    }
}
