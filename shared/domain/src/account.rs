//! A person who signs in, their sessions and one-time codes.

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, Role, SessionId, StoreId, TenantId, Timestamp,
    limits::{GUEST_TTL_S, ONE_TIME_CODE_TRIES, ONE_TIME_CODE_TTL_S, REFRESH_GRACE_S, REFRESH_TOKEN_TTL_S},
    time::after,
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub id: AccountId,
    /// Normalised; unique over all tenants.
    pub email: String,
    pub email_verified: bool,
    pub full_name: String,
    pub phone: Option<String>,
    pub phone_verified: bool,
    pub avatar_url: Option<String>,
    /// An Argon2id PHC string; `None` until a password is set.
    pub password_hash: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Another code for the same e-mail address is sent this long after the last: guessing at a code stays hopeless, and
/// nobody's mailbox can be filled.
pub const ONE_TIME_CODE_PAUSE_S: i64 = 60;

/// A six-digit code sent to somebody, stored hashed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneTimeCode {
    pub hash: String,
    pub expires_at: Timestamp,
    pub tries_left: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeCheck {
    Right,
    /// Wrong; it may be tried again this often.
    Wrong {
        tries_left: u32,
    },
    /// Too late or tried too often: ask for a new one.
    Dead,
}

impl OneTimeCode {
    pub fn new(hash: String, now: Timestamp) -> Self {
        Self { hash, expires_at: after(now, ONE_TIME_CODE_TTL_S), tries_left: ONE_TIME_CODE_TRIES }
    }

    /// Tries a code, given whether its hash is right. The code returned must be stored: a try is spent.
    pub fn check(self, is_right: bool, now: Timestamp) -> (Self, CodeCheck) {
        if now >= self.expires_at || self.tries_left == 0 {
            return (self, CodeCheck::Dead);
        }
        let tries_left = self.tries_left - 1;
        let check = match (is_right, tries_left) {
            (true, _) => CodeCheck::Right,
            (false, 0) => CodeCheck::Dead,
            (false, tries_left) => CodeCheck::Wrong { tries_left },
        };
        (Self { tries_left: if is_right { 0 } else { tries_left }, ..self }, check)
    }
}

/// A sign-in on one device. Only the hash of its newest refresh token is kept, and of the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub id: SessionId,
    pub account_id: AccountId,
    pub tenant_id: Option<TenantId>,
    /// For a guest, the store it belongs to.
    pub store_id: Option<StoreId>,
    pub role: Role,
    pub refresh_hash: String,
    pub previous_hash: Option<String>,
    pub rotated_at: Timestamp,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub revoked: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshCheck {
    /// The newest token: rotate it.
    Rotate,
    /// The one before, within the grace: its answer was lost. Rotate again.
    Retry,
    /// An old token came back: somebody else has it. Revoke the session.
    Reuse,
    /// Unknown, expired or revoked.
    Invalid,
}

impl Session {
    /// Whether `is_token` knows the token that was shown as one of the two kept here. A secret that this session never
    /// had counts as an old one: who knows the session's id and not its token should have neither.
    pub fn check(&self, is_token: impl Fn(&str) -> bool, now: Timestamp) -> RefreshCheck {
        let is_newest = is_token(&self.refresh_hash);
        let is_previous = self.previous_hash.as_deref().is_some_and(is_token);
        if !self.is_live(now) {
            RefreshCheck::Invalid
        } else if is_newest {
            RefreshCheck::Rotate
        } else if is_previous && now < after(self.rotated_at, REFRESH_GRACE_S) {
            RefreshCheck::Retry
        } else {
            RefreshCheck::Reuse
        }
    }

    pub fn is_live(&self, now: Timestamp) -> bool {
        !self.revoked && now < self.expires_at
    }

    pub fn rotate(self, new_hash: String, now: Timestamp) -> Self {
        let expires_at = after(now, lifetime_s(self.role));
        Self { previous_hash: Some(self.refresh_hash), refresh_hash: new_hash, rotated_at: now, expires_at, ..self }
    }

    /// Gives the bearer of the token before the newest another one. That token stays good for what is left of the
    /// grace, which is not prolonged: the answer may get lost again.
    pub fn retry(self, new_hash: String) -> Self {
        Self { refresh_hash: new_hash, ..self }
    }

    pub fn revoke(self) -> Self {
        Self { revoked: true, ..self }
    }
}

/// How long a session lives after its last use.
pub const fn lifetime_s(role: Role) -> i64 {
    match role {
        Role::Guest => GUEST_TTL_S,
        _ => REFRESH_TOKEN_TTL_S,
    }
}

#[cfg(test)]
mod tests {
    use ulid::Ulid;

    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn a_code_dies_after_five_tries_and_works_once() {
        let mut code = OneTimeCode::new("h".into(), NOW);
        for left in [4, 3, 2, 1] {
            let (next, check) = code.check(false, NOW);
            assert_eq!(check, CodeCheck::Wrong { tries_left: left });
            code = next;
        }
        let (used, check) = code.clone().check(true, NOW);
        assert_eq!(check, CodeCheck::Right);
        assert_eq!(used.check(true, NOW).1, CodeCheck::Dead);
        let (dead, check) = code.check(false, NOW);
        assert_eq!(check, CodeCheck::Dead);
        assert_eq!(dead.check(true, NOW).1, CodeCheck::Dead);
    }

    #[test]
    fn a_code_expires() {
        let code = OneTimeCode::new("h".into(), NOW);
        assert_eq!(code.check(true, after(NOW, ONE_TIME_CODE_TTL_S)).1, CodeCheck::Dead);
    }

    #[test]
    fn a_refresh_token_used_again_later_is_theft() {
        let session = Session {
            id: SessionId::from_ulid(Ulid(1)),
            account_id: AccountId::from_ulid(Ulid(2)),
            tenant_id: None,
            store_id: None,
            role: Role::Customer,
            refresh_hash: "a".into(),
            previous_hash: None,
            rotated_at: NOW,
            created_at: NOW,
            expires_at: after(NOW, 100),
            revoked: false,
        };
        let check = |session: &Session, token: &str, now| session.check(|kept| kept == token, now);
        assert_eq!(check(&session, "a", NOW), RefreshCheck::Rotate);
        assert_eq!(check(&session, "x", NOW), RefreshCheck::Reuse);
        let rotated = session.rotate("b".into(), NOW);
        assert_eq!(check(&rotated, "b", NOW), RefreshCheck::Rotate);
        assert_eq!(check(&rotated, "a", after(NOW, 9)), RefreshCheck::Retry);
        assert_eq!(check(&rotated, "a", after(NOW, 10)), RefreshCheck::Reuse);
        let retried = rotated.retry("c".into());
        assert_eq!(check(&retried, "c", NOW), RefreshCheck::Rotate);
        assert_eq!(check(&retried, "a", after(NOW, 9)), RefreshCheck::Retry);
        assert_eq!(check(&retried, "a", after(NOW, 10)), RefreshCheck::Reuse);
        assert_eq!(check(&retried, "b", NOW), RefreshCheck::Reuse);
        assert_eq!(check(&retried, "c", retried.expires_at), RefreshCheck::Invalid);
        assert_eq!(check(&retried.revoke(), "c", NOW), RefreshCheck::Invalid);
    }
}
