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
    /// The token was valid, and has expired.
    #[error("expired token")]
    Expired,
    /// The keys cannot be read or are malformed, so nothing is known about the token.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Invalid(_) => Self::unauthorized(),
            TokenError::Expired => Self::token_expired(),
            TokenError::Secret(error) => error.into(),
        }
    }
}

/// The token in the value of `Authorization`, empty if there is only the scheme; `None` for another scheme. The name of
/// the scheme is case-insensitive (RFC 9110, section 11.1).
pub fn bearer(authorization: &str) -> Option<&str> {
    let authorization = authorization.trim();
    let (scheme, token) = authorization.split_once(' ').unwrap_or((authorization, ""));
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
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
    tokens::verify(&keys(deps).await?, kind, token, &deps.config.public_base_url, deps.now()).map_err(|error| {
        match error {
            tokens::TokenError::Invalid(reason) => TokenError::Invalid(reason.to_owned()),
            tokens::TokenError::Expired => TokenError::Expired,
            tokens::TokenError::Key(error) => deps.unusable(Grant::TokenKeys, &error).into(),
        }
    })
}

/// The public keys that verify access tokens.
///
/// # Errors
/// [`SecretError`] if the keys cannot be read.
pub async fn keys(deps: &Deps) -> Result<TokenKeys, SecretError> {
    deps.secret(Grant::TokenKeys).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_is_read_in_any_case() {
        for authorization in ["Bearer a.b.c", "bearer a.b.c", "BEARER  a.b.c", " beArer a.b.c "] {
            assert_eq!(bearer(authorization), Some("a.b.c"), "{authorization}");
        }
        assert_eq!((bearer("Bearer"), bearer("bearer ")), (Some(""), Some("")));
        for other in ["", "a.b.c", "Basic a.b.c", "Bearera.b.c", "Bear er"] {
            assert_eq!(bearer(other), None, "{other}");
        }
    }
}
