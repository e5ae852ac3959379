//! `GET /.well-known/jwks.json`: the public keys that verify access tokens: the current key, the next one, and the
//! previous one while its tokens may still be valid.

use contracts::auth::{Jwks, KeySet};
use runtime::auth;
use runtime::{Call, Granted, Outcome, Reply};
use tokens::TokenKey;

pub async fn handle(deps: &Granted<Jwks>, _: Call<Jwks>) -> Outcome<Jwks> {
    let keys = auth::keys(deps).await?.all().filter_map(TokenKey::public_jwk).collect();
    Ok(Reply::new(&KeySet { keys }).header("cache-control", "public, max-age=300"))
}

#[cfg(test)]
mod tests {
    use testing::{TestRequest, World};

    use super::*;

    #[tokio::test]
    async fn publishes_every_public_half_and_nothing_else() {
        let world = World::new().await;
        let request = TestRequest::new().header("authorization", "Bearer expired.long.ago");
        let answer = request.send(&world.deps, handle).await;
        let shown: KeySet = answer.ok();
        let kids: Vec<_> = shown.keys.iter().map(|key| key.kid.as_str()).collect();
        assert_eq!(kids, ["one", "two"]);
        assert_eq!(answer.0.header("cache-control"), Some("public, max-age=300"));
        let members = |key: &serde_json::Value| key.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(members(&answer.json()["keys"][0]), ["alg", "crv", "kid", "kty", "use", "x", "y"]);
        assert!(world.dynamo.take_calls().is_empty());
    }
}
