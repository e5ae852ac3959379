//! The Lambda authorizer: verifies a request's token and returns its principal. It reads no table, so that it is cheap
//! enough for every request. A session that was ended is therefore noticed only when its token expires, at most five
//! minutes later with what API Gateway keeps of the decision.

use contracts::platform::Authorizer;
use runtime::auth::{self, TokenError};
use runtime::{Granted, Principal, secrets::SecretError};

/// `authorization` is the header's value. Returns `None` if it holds no valid token.
pub async fn handle(deps: &Granted<Authorizer>, authorization: String) -> Result<Option<Principal>, SecretError> {
    let Some(token) = bearer(&authorization) else { return Ok(None) };
    match auth::verify(deps, token).await {
        Ok(principal) => Ok(Some(principal)),
        Err(TokenError::Invalid(reason)) => {
            tracing::info!(reason, "refused");
            Ok(None)
        }
        Err(TokenError::Secret(error)) => Err(error),
    }
}

/// The scheme's name is case-insensitive (RFC 9110, section 11.1).
fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
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
            assert_eq!(handle(&world.deps.granted(), authorization).await.unwrap(), Some(world.owner.clone()));
        }
        assert!(world.dynamo.take_calls().is_empty());
    }

    #[tokio::test]
    async fn anything_else_is_refused() {
        let world = World::new().await;
        let token = identity::sessions::issue(&world.deps, &world.owner).await.unwrap();
        for authorization in ["", "Bearer", "Bearer ", "Bearer x", "Bearer a.b.c", &token, &format!("Basic {token}")] {
            assert_eq!(handle(&world.deps.granted(), authorization.to_owned()).await.unwrap(), None, "{authorization}");
        }
        world.clock.advance_s(ACCESS_TOKEN_TTL_S);
        assert_eq!(handle(&world.deps.granted(), format!("Bearer {token}")).await.unwrap(), None);
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
