//! Sessions: opening and refreshing them, and their tokens. A refresh token is `<session id>.<256 random bits>`; only
//! its hash is stored.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use contracts::{auth::Tokens, row::Grant};
use domain::{
    AccountId, Role, SessionId, StoreId, TenantId,
    account::{Session, lifetime_s},
    limits::ACCESS_TOKEN_TTL_S,
    time::after,
};

use runtime::{Deps, Principal, secrets::SecretError};
use tokens::SigningKey;

use crate::password::{hash_secret, same};

/// The account that signs in, with its tenant and role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// The account, or a guest's id.
    pub account_id: AccountId,
    /// The tenant that the session is for; `None` for a person without one.
    pub tenant_id: Option<TenantId>,
    /// For a guest, the store; otherwise `None`.
    pub store_id: Option<StoreId>,
    /// The role in that tenant.
    pub role: Role,
}

/// Makes a new session and its tokens. The caller writes the session before it returns the tokens.
///
/// # Errors
/// [`SecretError`] if the signing key cannot be read or used.
pub async fn open(deps: &Deps, subject: Subject) -> Result<(Session, Tokens), SecretError> {
    let (id, now) = (deps.id(SessionId::from_ulid), deps.now());
    let (token, hash) = new_refresh_token(deps, id);
    let session = Session {
        id,
        account_id: subject.account_id,
        tenant_id: subject.tenant_id,
        store_id: subject.store_id,
        role: subject.role,
        refresh_hash: hash,
        previous_hash: None,
        rotated_at: now,
        created_at: now,
        expires_at: after(now, lifetime_s(subject.role)),
        revoked: false,
    };
    let tokens = tokens_of(deps, &session, token).await?;
    Ok((session, tokens))
}

/// Makes the tokens of a session, with a refresh token whose hash the session stores.
///
/// # Errors
/// [`SecretError`] if the signing key cannot be read or used.
pub async fn tokens_of(deps: &Deps, session: &Session, refresh_token: String) -> Result<Tokens, SecretError> {
    let principal = Principal {
        tenant_id: session.tenant_id,
        account_id: session.account_id,
        role: session.role,
        session_id: session.id,
    };
    Ok(Tokens {
        access_token: issue(deps, &principal).await?,
        refresh_token,
        token_type: "Bearer".to_owned(),
        expires_in: ACCESS_TOKEN_TTL_S,
        account_id: session.account_id,
        tenant_id: session.tenant_id,
        role: session.role,
    })
}

/// Signs an access token for a principal.
///
/// # Errors
/// [`SecretError`] if the signing key cannot be read or used.
pub async fn issue(deps: &Deps, principal: &Principal) -> Result<String, SecretError> {
    let key: SigningKey = deps.secret(Grant::SigningKey).await?;
    let id = deps.id(|ulid| ulid).to_string();
    let token = tokens::sign(&key, principal, &deps.config.public_base_url, id, deps.now());
    token.map_err(|error| deps.unusable(Grant::SigningKey, &error))
}

/// A new refresh token for a session, and its hash.
pub fn new_refresh_token(deps: &Deps, id: SessionId) -> (String, String) {
    let token = format!("{id}.{}", URL_SAFE_NO_PAD.encode(deps.random::<32>()));
    let hash = hash_refresh_token(&token);
    (token, hash)
}

/// The session id in a refresh token. The token is not checked: see [`is_refresh_token`].
pub fn named_session(refresh_token: &str) -> Option<SessionId> {
    refresh_token.split_once('.').and_then(|(id, _)| id.parse().ok())
}

/// A check whether a stored hash belongs to this refresh token, in constant time.
pub fn is_refresh_token(refresh_token: &str) -> impl Fn(&str) -> bool {
    let hash = hash_refresh_token(refresh_token);
    move |kept| same(kept, &hash)
}

/// A secret of 256 random bits, in base64url without padding.
pub fn new_secret(deps: &Deps) -> String {
    URL_SAFE_NO_PAD.encode(deps.random::<32>())
}

fn hash_refresh_token(token: &str) -> String {
    hash_secret("refresh", token)
}
