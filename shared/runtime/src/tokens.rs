//! Access tokens: ES256 JWTs (RFC 9068 profile), 15 minutes, for at most one tenant.

use domain::{AccountId, Role, SessionId, TenantId, Timestamp, limits::ACCESS_TOKEN_TTL_S};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use crate::{auth::Principal, deps::Deps, secrets::SecretError};

/// Clocks may differ by this much.
const LEEWAY_S: u64 = 60;
const TYPE: &str = "at+jwt";

/// The keys that sign tokens: `current` signs, all verify. `next` is published before it signs, `previous` until its
/// last token has expired.
#[derive(Clone, Deserialize)]
pub struct TokenKeys {
    pub current: TokenKey,
    #[serde(default)]
    pub next: Option<TokenKey>,
    #[serde(default)]
    pub previous: Option<TokenKey>,
}

#[derive(Clone, Deserialize)]
pub struct TokenKey {
    pub kid: String,
    /// PKCS #8.
    pub private_pem: String,
    /// SubjectPublicKeyInfo.
    pub public_pem: String,
}

impl TokenKeys {
    pub fn all(&self) -> impl Iterator<Item = &TokenKey> {
        std::iter::once(&self.current).chain(&self.next).chain(&self.previous)
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: AccountId,
    tid: Option<TenantId>,
    role: Role,
    sid: SessionId,
    jti: String,
    iat: i64,
    exp: i64,
}

#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Not a valid token; why is not told to whoever sent it.
    #[error("invalid token: {0}")]
    Invalid(String),
    #[error(transparent)]
    Secret(#[from] SecretError),
}

/// Signs an access token for a principal.
pub async fn issue(deps: &Deps, principal: &Principal) -> Result<String, TokenError> {
    let keys = keys(deps).await?;
    let now = deps.now().as_second();
    let issuer = deps.config.public_base_url.clone();
    let claims = Claims {
        iss: issuer.clone(),
        aud: issuer,
        sub: principal.account_id,
        tid: principal.tenant_id,
        role: principal.role,
        sid: principal.session_id,
        jti: deps.id(|ulid| ulid).to_string(),
        iat: now,
        exp: now + ACCESS_TOKEN_TTL_S,
    };
    let mut header = Header::new(Algorithm::ES256);
    header.typ = Some(TYPE.to_owned());
    header.kid = Some(keys.current.kid.clone());
    let key = EncodingKey::from_ec_pem(keys.current.private_pem.as_bytes()).map_err(invalid)?;
    jsonwebtoken::encode(&header, &claims, &key).map_err(invalid)
}

/// Verifies an access token. One algorithm, a key of ours by its id; URLs and keys in the header are never looked at.
pub async fn verify(deps: &Deps, token: &str) -> Result<Principal, TokenError> {
    let header = jsonwebtoken::decode_header(token).map_err(invalid)?;
    if header.alg != Algorithm::ES256 || header.typ.as_deref() != Some(TYPE) {
        return Err(TokenError::Invalid("another kind of token".into()));
    }
    let keys = keys(deps).await?;
    let kid = header.kid.unwrap_or_default();
    let key = keys.all().find(|key| key.kid == kid).ok_or_else(|| TokenError::Invalid("unknown key".into()))?;
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_issuer(&[&deps.config.public_base_url]);
    validation.set_audience(&[&deps.config.public_base_url]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    // Expiry is checked below, against the clock in Deps.
    validation.validate_exp = false;
    let decoding = DecodingKey::from_ec_pem(key.public_pem.as_bytes()).map_err(invalid)?;
    let claims = jsonwebtoken::decode::<Claims>(token, &decoding, &validation).map_err(invalid)?.claims;
    check_times(&claims, deps.now())?;
    Ok(Principal { tenant_id: claims.tid, account_id: claims.sub, role: claims.role, session_id: claims.sid })
}

pub async fn keys(deps: &Deps) -> Result<TokenKeys, SecretError> {
    deps.secrets.get(&deps.config.token_keys_secret, deps.now()).await
}

fn check_times(claims: &Claims, now: Timestamp) -> Result<(), TokenError> {
    let leeway = i64::try_from(LEEWAY_S).unwrap_or(0);
    let now = now.as_second();
    if now >= claims.exp + leeway {
        return Err(TokenError::Invalid("expired".into()));
    }
    if claims.iat > now + leeway {
        return Err(TokenError::Invalid("from the future".into()));
    }
    Ok(())
}

fn invalid(error: jsonwebtoken::errors::Error) -> TokenError {
    TokenError::Invalid(error.to_string())
}
