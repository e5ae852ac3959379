//! Sessions: opening and refreshing them, and their tokens.
//!
//! A person's refresh token is `<account id>.<session id>.<number>.<secret>`. The first secret is random; each later one
//! is the HMAC of the one before, under a key that is stored with the session. Only the hash of the newest is stored. So
//! who reads the database has no token, who has a token cannot tell the next one, and the session can tell whether it
//! issued a token, however old.
//!
//! Nothing is stored for a guest: its refresh token is a signed JWT.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use contracts::{auth::Tokens, row::Grant};
use domain::{
    AccountId, Role, SessionId, TenantId,
    account::{Account, Session},
    limits::{ACCESS_TOKEN_TTL_S, REFRESH_TOKEN_TTL_S},
    time::after,
};
use hmac::{Hmac, KeyInit, Mac, digest::Key};
use runtime::{Deps, Principal, secrets::SecretError};
use sha2::Sha256;
use tokens::{Kind, SigningKey};

use crate::password::{hash_secret, same};

/// The account that signs in, with its tenant and role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// The account.
    pub account_id: AccountId,
    /// The account's `password_version` when its password or code was checked.
    pub password_version: u32,
    /// The tenant that the session is for; `None` for a person without one.
    pub tenant_id: Option<TenantId>,
    /// The role in that tenant.
    pub role: Role,
}

impl Subject {
    /// An account whose password or code was just checked.
    pub const fn of(account: &Account, tenant_id: Option<TenantId>, role: Role) -> Self {
        Self { account_id: account.id, password_version: account.password_version, tenant_id, role }
    }
}

/// The newest token is looked for in so many steps. A client that refreshes whenever its access token expires needs a
/// month for them; older tokens are refused like tokens that the session never issued.
const STEPS_MAX: u32 = 10_000;

/// A person's refresh token.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// The account.
    pub account_id: AccountId,
    /// The session.
    pub session_id: SessionId,
    /// The number of the token in its session.
    pub generation: u32,
    secret: String,
}

impl RefreshToken {
    /// Reads a token's parts; `None` if it does not have the form of one. Whether a session issued it, says
    /// [`RefreshToken::newest`].
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let token = Self {
            account_id: parts.next()?.parse().ok()?,
            session_id: parts.next()?.parse().ok()?,
            generation: parts.next()?.parse().ok()?,
            secret: parts.next()?.to_owned(),
        };
        parts.next().is_none().then_some(token)
    }

    /// If the session issued this token: the newest token that follows from it, which is itself if it is the newest.
    pub fn newest(&self, session: &Session) -> Option<Self> {
        let steps = session.generation.checked_sub(self.generation).filter(|steps| *steps <= STEPS_MAX)?;
        let newest = (0..steps).fold(self.clone(), |token, _| token.next(session));
        same(&newest.hash(), &session.refresh_hash).then_some(newest)
    }

    /// The token that follows from this one.
    #[must_use]
    pub fn next(&self, session: &Session) -> Self {
        let mut key = Key::<Hmac<Sha256>>::default();
        key.iter_mut().zip(session.chain_key.bytes()).for_each(|(to, from)| *to = from);
        let mac = Hmac::<Sha256>::new(&key).chain_update(&self.secret);
        let secret = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
        Self { generation: self.generation.saturating_add(1), secret, ..self.clone() }
    }

    /// What a session stores of its newest token.
    pub fn hash(&self) -> String {
        hash_secret("refresh", &self.to_string())
    }
}

impl fmt::Display for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}.{}", self.account_id, self.session_id, self.generation, self.secret)
    }
}

/// Makes a new session and its tokens. The caller writes the session before it returns the tokens.
///
/// # Errors
/// [`SecretError`] if the signing key cannot be read or used.
pub async fn open(deps: &Deps, subject: Subject) -> Result<(Session, Tokens), SecretError> {
    let (id, now) = (deps.id(SessionId::from_ulid), deps.now());
    let account_id = subject.account_id;
    let token = RefreshToken { account_id, session_id: id, generation: 0, secret: new_secret(deps) };
    let session = Session {
        id,
        account_id,
        tenant_id: subject.tenant_id,
        role: subject.role,
        password_version: subject.password_version,
        chain_key: new_secret(deps),
        refresh_hash: token.hash(),
        generation: 0,
        rotated_at: now,
        created_at: now,
        expires_at: after(now, REFRESH_TOKEN_TTL_S),
    };
    let tokens = tokens_of(deps, &session, &token).await?;
    Ok((session, tokens))
}

/// Makes the tokens of a session, with its newest refresh token.
///
/// # Errors
/// [`SecretError`] if the signing key cannot be read or used.
pub async fn tokens_of(deps: &Deps, session: &Session, newest: &RefreshToken) -> Result<Tokens, SecretError> {
    let principal = Principal {
        tenant_id: session.tenant_id,
        account_id: session.account_id,
        role: session.role,
        session_id: session.id,
    };
    tokens(deps, &principal, newest.to_string()).await
}

/// Makes the tokens of a guest. Nothing has to be written.
///
/// # Errors
/// [`SecretError`] if the signing key cannot be read or used.
pub async fn tokens_of_guest(deps: &Deps, guest: &Principal) -> Result<Tokens, SecretError> {
    let refresh_token = sign(deps, Kind::GuestRefresh, guest).await?;
    tokens(deps, guest, refresh_token).await
}

async fn tokens(deps: &Deps, principal: &Principal, refresh_token: String) -> Result<Tokens, SecretError> {
    Ok(Tokens {
        access_token: issue(deps, principal).await?,
        refresh_token,
        token_type: "Bearer".to_owned(),
        expires_in: ACCESS_TOKEN_TTL_S,
        account_id: principal.account_id,
        tenant_id: principal.tenant_id,
        role: principal.role,
    })
}

/// Signs an access token for a principal.
///
/// # Errors
/// [`SecretError`] if the signing key cannot be read or used.
pub async fn issue(deps: &Deps, principal: &Principal) -> Result<String, SecretError> {
    sign(deps, Kind::Access, principal).await
}

async fn sign(deps: &Deps, kind: Kind, principal: &Principal) -> Result<String, SecretError> {
    let key: SigningKey = deps.secret(Grant::SigningKey).await?;
    let id = deps.id(|ulid| ulid).to_string();
    let token = tokens::sign(&key, kind, principal, &deps.config.public_base_url, id, deps.now());
    token.map_err(|error| deps.unusable(Grant::SigningKey, &error))
}

/// A secret of 256 random bits, in base64url without padding.
pub fn new_secret(deps: &Deps) -> String {
    URL_SAFE_NO_PAD.encode(deps.random::<32>())
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;
    use ulid::Ulid;

    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn first() -> (Session, RefreshToken) {
        let (account_id, session_id) = (AccountId::from_ulid(Ulid(1)), SessionId::from_ulid(Ulid(2)));
        let token = RefreshToken { account_id, session_id, generation: 0, secret: "A".repeat(43) };
        let session = Session {
            id: session_id,
            account_id,
            tenant_id: None,
            role: Role::Customer,
            password_version: 0,
            chain_key: "k".repeat(43),
            refresh_hash: token.hash(),
            generation: 0,
            rotated_at: NOW,
            created_at: NOW,
            expires_at: after(NOW, 100),
        };
        (session, token)
    }

    /// A session that was refreshed so often, and all of its tokens.
    fn refreshed(times: u32) -> (Session, Vec<RefreshToken>) {
        let (mut session, token) = first();
        let mut tokens = vec![token];
        for _ in 0..times {
            let next = tokens.last().unwrap().next(&session);
            session = session.rotate(next.hash(), NOW);
            tokens.push(next);
        }
        (session, tokens)
    }

    fn is(one: Option<RefreshToken>, other: &RefreshToken) -> bool {
        one.is_some_and(|one| one == *other)
    }

    #[test]
    fn every_token_that_was_issued_leads_to_the_newest() {
        let (session, tokens) = refreshed(20);
        let newest = tokens.last().unwrap();
        for token in &tokens {
            let read = RefreshToken::parse(&token.to_string()).unwrap();
            assert!(read == *token && is(read.newest(&session), newest), "{token}");
        }
        let mut secrets: Vec<_> = tokens.iter().map(|token| &token.secret).collect();
        secrets.dedup();
        assert!(secrets.len() == tokens.len() && secrets.iter().all(|secret| secret.len() == 43));
    }

    #[test]
    fn no_other_token_does() {
        let (session, tokens) = refreshed(3);
        let mut others = vec![tokens[3].next(&session)];
        for token in &tokens {
            let wrong_number = (0..6).filter(|generation| *generation != token.generation);
            others.extend(wrong_number.map(|generation| RefreshToken { generation, ..token.clone() }));
            others.push(RefreshToken { secret: "B".repeat(43), ..token.clone() });
            others.push(RefreshToken { secret: String::new(), ..token.clone() });
            others.push(RefreshToken { account_id: AccountId::from_ulid(Ulid(9)), ..token.clone() });
        }
        assert!(others.iter().all(|other| other.newest(&session).is_none()));
        // Who has a token but not the session's key cannot tell the next one.
        let guessed = tokens[3].next(&Session { chain_key: "l".repeat(43), ..session.clone() });
        let session = session.rotate(tokens[3].next(&refreshed(3).0).hash(), NOW);
        assert!(guessed.newest(&session).is_none() && is(tokens[0].newest(&session), &tokens[3].next(&session)));
    }

    #[test]
    fn the_chain_is_not_followed_for_ever() {
        let (session, tokens) = refreshed(1);
        let of = |generation| Session { generation, ..session.clone() };
        assert!(tokens[1].newest(&session).is_some() && tokens[1].newest(&of(STEPS_MAX + 2)).is_none());
        assert!(tokens[1].newest(&of(0)).is_none());
    }
}
