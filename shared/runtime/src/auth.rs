//! Verifying tokens. On most routes API Gateway's authorizer has verified the token, and the function reads
//! only the context it passes on. On routes with an optional token there is no authorizer, so the function verifies
//! the token itself.

use contracts::row::Grant;
pub use tokens::Principal;
use tokens::{Kind, TokenKeys};

use crate::{deps::Deps, http::Problem, secrets::SecretError};

/// Why a token was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The token is not valid. The reason is for logs, not for the caller.
    #[error("invalid token: {0}")]
    Invalid(String),
    /// The keys cannot be read or are malformed, so nothing is known about the token.
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
    verify_as(deps, Kind::Access, token).await
}

/// Verifies the refresh token of a guest.
///
/// # Errors
/// As [`verify`].
pub async fn verify_guest_refresh(deps: &Deps, token: &str) -> Result<Principal, TokenError> {
    verify_as(deps, Kind::GuestRefresh, token).await
}

async fn verify_as(deps: &Deps, kind: Kind, token: &str) -> Result<Principal, TokenError> {
    let keys = keys(deps).await?;
    tokens::verify(&keys, kind, token, &deps.config.public_base_url, deps.now()).map_err(|error| match error {
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
