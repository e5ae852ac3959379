//! Accounts of people who sign in, their sessions and their one-time codes.

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, Role, SessionId, StoreId, TenantId, Timestamp,
    limits::{GUEST_TTL_S, ONE_TIME_CODE_TRIES, ONE_TIME_CODE_TTL_S, REFRESH_GRACE_S, REFRESH_TOKEN_TTL_S},
    time::after,
};

/// The account of a person who signs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Id of the account.
    pub id: AccountId,
    /// Normalised; unique across all tenants.
    pub email: String,
    /// Whether the e-mail address was verified with a code.
    pub email_verified: bool,
    /// The person's name.
    pub full_name: String,
    /// Phone number in E.164 format.
    pub phone: Option<String>,
    /// Whether the phone number was verified with a code.
    pub phone_verified: bool,
    /// Address of a picture of the person.
    pub avatar_url: Option<String>,
    /// An Argon2id PHC string; `None` until a password is set.
    pub password_hash: Option<String>,
    /// When the account was created.
    pub created_at: Timestamp,
    /// When the account last changed.
    pub updated_at: Timestamp,
}

/// Seconds before another code can be sent to the same e-mail address. It bounds the codes to 1,440 a day and the
/// guesses to 7,200 a day for each address: less than 1 % of the million six-digit codes.
pub const ONE_TIME_CODE_PAUSE_S: i64 = 60;

/// A six-digit code that was sent to a person. Only its hash is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneTimeCode {
    /// Hash of the code.
    pub hash: String,
    /// When the code expires.
    pub expires_at: Timestamp,
    /// How often the code can still be tried.
    pub tries_left: u32,
}

/// Result of trying a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeCheck {
    /// The code is right.
    Right,
    /// The code is wrong.
    Wrong {
        /// How often the person can try again; at least 1.
        tries_left: u32,
    },
    /// The code has expired, was used, or was tried too often: the person needs a new one.
    Dead,
}

impl OneTimeCode {
    /// A new code, valid for [`ONE_TIME_CODE_TTL_S`] seconds and [`ONE_TIME_CODE_TRIES`] tries.
    pub fn new(hash: String, now: Timestamp) -> Self {
        Self { hash, expires_at: after(now, ONE_TIME_CODE_TTL_S), tries_left: ONE_TIME_CODE_TRIES }
    }

    /// Spends one try; `is_right` says whether the hash of the given code matches. The caller must store the returned
    /// code, which has one try less, or none after the right code.
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

/// A sign-in on one device. Stores the hashes of its two newest refresh tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Id of the session.
    pub id: SessionId,
    /// The account.
    pub account_id: AccountId,
    /// The tenant that the session is for; `None` for a person who belongs to no tenant.
    pub tenant_id: Option<TenantId>,
    /// The store of a guest; `None` for everybody else.
    pub store_id: Option<StoreId>,
    /// Role of the account in the tenant.
    pub role: Role,
    /// Hash of the newest refresh token.
    pub refresh_hash: String,
    /// Hash of the refresh token before the newest.
    pub previous_hash: Option<String>,
    /// When the refresh token was last rotated.
    pub rotated_at: Timestamp,
    /// When the session was created.
    pub created_at: Timestamp,
    /// When the session expires.
    pub expires_at: Timestamp,
    /// Whether the session was ended by sign-out, or because an old refresh token was used.
    pub revoked: bool,
}

/// Result of checking a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshCheck {
    /// It is the newest token: rotate it.
    Rotate,
    /// It is the previous token, within the grace period: the response was lost. Rotate again.
    Retry,
    /// It is an older token, so somebody else may have it: revoke the session.
    Reuse,
    /// The session has expired or was revoked.
    Invalid,
}

impl Session {
    /// Checks a refresh token. `is_token` says whether the token matches a stored hash. A token that never belonged to
    /// this session counts as an old one: a client that knows the session's id but not its token must not keep it open.
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

    /// Whether the session is neither revoked nor expired.
    pub fn is_live(&self, now: Timestamp) -> bool {
        !self.revoked && now < self.expires_at
    }

    /// Replaces the refresh token, and extends the session from `now`.
    pub fn rotate(self, new_hash: String, now: Timestamp) -> Self {
        let expires_at = after(now, lifetime_s(self.role));
        Self { previous_hash: Some(self.refresh_hash), refresh_hash: new_hash, rotated_at: now, expires_at, ..self }
    }

    /// Replaces the newest token because the response with it was lost. The previous token stays valid for the rest of
    /// the grace period, which is not extended, in case this response is lost too.
    pub fn retry(self, new_hash: String) -> Self {
        Self { refresh_hash: new_hash, ..self }
    }

    /// Ends the session.
    pub fn revoke(self) -> Self {
        Self { revoked: true, ..self }
    }
}

/// Seconds that a session lives after its last use.
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
