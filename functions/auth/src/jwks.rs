//! `GET /.well-known/jwks.json`: the public halves of the keys that sign access tokens, those to come and those of
//! tokens still about.

use contracts::auth::{Jwks, KeySet};
use runtime::{
    Call, Deps, Outcome, Reply,
    tokens::{self, TokenKey},
};

pub async fn handle(deps: &Deps, _: Call<Jwks>) -> Outcome<Jwks> {
    let keys = tokens::keys(deps).await?.all().filter_map(TokenKey::public_jwk).collect();
    Ok(Reply::new(&KeySet { keys }).header("cache-control", "public, max-age=300"))
}
