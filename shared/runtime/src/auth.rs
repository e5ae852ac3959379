//! Who is calling. API Gateway's authorizer has verified the token, and a function reads only what it passed on; where
//! a token is optional, the authorizer is not asked, and the function verifies it itself.

use contracts::row::Grant;
pub use tokens::Principal;
use tokens::TokenKeys;

use crate::{deps::Deps, http::Problem, secrets::SecretError};

/// Why a token was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Not a valid token; why is not told to whoever sent it.
    #[error("invalid token: {0}")]
    Invalid(String),
    /// The keys are away or malformed, which is no fault of the token's.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Invalid(_) => Self::unauthorized(),
            TokenError::Secret(error) => error.into(),
        }
    }
}

/// Verifies an access token.
///
/// # Errors
/// [`TokenError`]: the token is invalid or expired, or the keys cannot be read or used.
pub async fn verify(deps: &Deps, token: &str) -> Result<Principal, TokenError> {
    tokens::verify(&keys(deps).await?, token, &deps.config.public_base_url, deps.now()).map_err(|error| match error {
        tokens::TokenError::Invalid(reason) => TokenError::Invalid(reason),
        tokens::TokenError::Key(error) => deps.unusable(Grant::TokenKeys, &error).into(),
    })
}

/// The public keys that verify access tokens.
///
/// # Errors
/// [`SecretError`] if the keys cannot be read.
pub async fn keys(deps: &Deps) -> Result<TokenKeys, SecretError> {
    deps.secret(Grant::TokenKeys).await
}
