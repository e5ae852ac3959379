//! The Lambda authorizer: verifies a request's token and says whose it is. It reads no table, so that it is cheap
//! enough for every request. A session that was ended is therefore noticed only when its token expires, at most five
//! minutes later with what API Gateway keeps of the decision.

use contracts::platform::Authorizer;
use runtime::{
    Granted,
    auth::{self, TokenError},
    authorizer::Caller,
    secrets::SecretError,
};

/// `authorization` is the header's value.
pub async fn handle(deps: &Granted<Authorizer>, authorization: String) -> Result<Caller, SecretError> {
    let Some(token) = auth::bearer(&authorization) else { return Ok(Caller::Unknown) };
    match auth::verify(deps, token).await {
        Ok(principal) => Ok(Caller::Known(principal)),
        Err(TokenError::Expired) => Ok(Caller::Expired),
        Err(TokenError::Invalid(reason)) => {
            tracing::info!(reason, "refused");
            Ok(Caller::Unknown)
        }
        Err(TokenError::Secret(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use domain::limits::ACCESS_TOKEN_TTL_S;
    use testing::World;

    use super::*;

    #[tokio::test]
    async fn a_good_token_says_whose_it_is_without_touching_a_table() {
        let world = World::new().await;
        let token = identity::sessions::issue(&world.deps, &world.owner).await.unwrap();
        for authorization in [format!("Bearer {token}"), format!("bearer  {token} ")] {
            assert_eq!(handle(&world.deps.granted(), authorization).await.unwrap(), Caller::Known(world.owner.clone()));
        }
        assert!(world.dynamo.take_calls().is_empty());
    }

    #[tokio::test]
    async fn anything_else_is_refused() {
        let world = World::new().await;
        let token = identity::sessions::issue(&world.deps, &world.owner).await.unwrap();
        for authorization in ["", "Bearer", "Bearer ", "Bearer x", "Bearer a.b.c", &token, &format!("Basic {token}")] {
            let caller = handle(&world.deps.granted(), authorization.to_owned()).await.unwrap();
            assert_eq!(caller, Caller::Unknown, "{authorization}");
        }
    }

    #[tokio::test]
    async fn an_expired_token_is_told_from_a_wrong_one() {
        let world = World::new().await;
        let token = identity::sessions::issue(&world.deps, &world.owner).await.unwrap();
        world.clock.advance_s(ACCESS_TOKEN_TTL_S);
        for (token, caller) in [(token.clone(), Caller::Expired), (format!("{token}x"), Caller::Unknown)] {
            assert_eq!(handle(&world.deps.granted(), format!("Bearer {token}")).await.unwrap(), caller);
        }
    }

    #[tokio::test]
    async fn without_keys_there_is_no_answer() {
        let world = World::new().await;
        let token = identity::sessions::issue(&world.deps, &world.owner).await.unwrap();
        world.aws.lose_secrets();
        let error = handle(&world.deps.granted(), format!("Bearer {token}")).await.unwrap_err();
        assert_eq!(error.name, "selleasi/test/token-keys");
    }
}
