//! Accounts of people who sign in, their sessions and their one-time codes.

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, Role, SessionId, TenantId, Timestamp, VerificationId,
    limits::{ONE_TIME_CODE_TRIES, ONE_TIME_CODE_TTL_S, REFRESH_GRACE_S, REFRESH_TOKEN_TTL_S},
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
    /// One more with each change of the password. Sessions of an earlier version have ended.
    pub password_version: u32,
    /// When the account was created.
    pub created_at: Timestamp,
    /// When the account last changed.
    pub updated_at: Timestamp,
}

impl Account {
    /// A new account, whose owner has proved the e-mail address (normalised). Without a password nobody signs in.
    pub const fn new(
        id: AccountId,
        email: String,
        full_name: String,
        password_hash: Option<String>,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            email,
            email_verified: true,
            full_name,
            phone: None,
            phone_verified: false,
            avatar_url: None,
            password_hash,
            password_version: 0,
            created_at: now,
            updated_at: now,
        }
    }

    /// Replaces the password. All sessions end, except one that is moved to the new version in the same transaction.
    pub fn password_changed(self, hash: String, now: Timestamp) -> Self {
        let password_version = self.password_version.wrapping_add(1);
        Self { password_hash: Some(hash), password_version, updated_at: now, ..self }
    }
}

/// A request to prove an e-mail address with a code that was sent there. The code counts only together with the secret
/// that this very request returned, so that requests for the same address do not affect each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// Id of the verification.
    pub id: VerificationId,
    /// Hash of the secret that the client got with the response.
    pub secret_hash: String,
    /// The e-mail address, normalised.
    pub email: String,
    /// The code that was sent to the address.
    pub code: OneTimeCode,
    /// What happens when the address is proved.
    pub purpose: VerificationPurpose,
}

/// What happens when an e-mail address is proved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerificationPurpose {
    /// An account is created.
    Register {
        /// The person's name.
        full_name: String,
        /// Phone number in E.164 format.
        phone: Option<String>,
        /// An Argon2id PHC string.
        password_hash: String,
    },
    /// A forgotten password is replaced.
    ResetPassword {
        /// The account's `password_version` when the code was sent; 0 without an account.
        password_version: u32,
    },
}

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

/// A sign-in on one device. Each refresh token follows from the one before it, by a key that only the session has; so
/// the hash of the newest token is enough to recognise all earlier ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Id of the session.
    pub id: SessionId,
    /// The account.
    pub account_id: AccountId,
    /// The tenant that the session is for; `None` for a person who belongs to no tenant.
    pub tenant_id: Option<TenantId>,
    /// Role of the account in the tenant.
    pub role: Role,
    /// The account's `password_version` at sign-in.
    pub password_version: u32,
    /// The key by which a refresh token follows from the one before. Worthless without a token.
    pub chain_key: String,
    /// Hash of the newest refresh token.
    pub refresh_hash: String,
    /// Number of the newest refresh token: 0 at sign-in, one more with each rotation.
    pub generation: u32,
    /// When the refresh token was last rotated.
    pub rotated_at: Timestamp,
    /// When the session was created.
    pub created_at: Timestamp,
    /// When the session expires.
    pub expires_at: Timestamp,
}

/// Result of checking a refresh token that the session has issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshCheck {
    /// It is the newest token: rotate it.
    Rotate,
    /// It is the previous token, within the grace period: the response was lost, or two tabs refresh at once. Return the
    /// newest token again.
    Repeat,
    /// It is an older token, so somebody else may have it: end the session.
    Reuse,
    /// The session has ended.
    Invalid,
}

impl Session {
    /// Checks a refresh token by its number. The caller has checked that this session issued it. `password_version` is
    /// the account's.
    pub fn check(&self, generation: u32, password_version: u32, now: Timestamp) -> RefreshCheck {
        if !self.is_live(password_version, now) {
            RefreshCheck::Invalid
        } else if generation == self.generation {
            RefreshCheck::Rotate
        } else if generation.checked_add(1) == Some(self.generation) && now < after(self.rotated_at, REFRESH_GRACE_S) {
            RefreshCheck::Repeat
        } else {
            RefreshCheck::Reuse
        }
    }

    /// Whether the session has neither expired nor ended with a change of the account's password.
    pub fn is_live(&self, password_version: u32, now: Timestamp) -> bool {
        password_version == self.password_version && now < self.expires_at
    }

    /// Replaces the refresh token, and extends the session from `now`.
    pub fn rotate(self, new_hash: String, now: Timestamp) -> Self {
        let generation = self.generation.saturating_add(1);
        let expires_at = after(now, REFRESH_TOKEN_TTL_S);
        Self { refresh_hash: new_hash, generation, rotated_at: now, expires_at, ..self }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
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

    fn session() -> Session {
        Session {
            id: SessionId::from_ulid(Ulid(1)),
            account_id: AccountId::from_ulid(Ulid(2)),
            tenant_id: None,
            role: Role::Customer,
            password_version: 3,
            chain_key: "k".into(),
            refresh_hash: "h".into(),
            generation: 0,
            rotated_at: NOW,
            created_at: NOW,
            expires_at: after(NOW, 100),
        }
    }

    proptest! {
        #[test]
        fn only_the_newest_token_rotates_and_only_the_one_before_repeats(
            waits_s in prop::collection::vec(0..REFRESH_TOKEN_TTL_S, 0..20),
            generation in 0_u32..25,
            later_s in 0..2 * REFRESH_GRACE_S,
        ) {
            let (mut session, mut now) = (session(), NOW);
            for wait_s in &waits_s {
                now = after(now, *wait_s);
                session = session.rotate("h".into(), now);
            }
            let newest = u32::try_from(waits_s.len()).unwrap();
            prop_assume!(generation <= newest);
            let now = after(now, later_s);
            let expected = match newest - generation {
                0 => RefreshCheck::Rotate,
                1 if later_s < REFRESH_GRACE_S => RefreshCheck::Repeat,
                _ => RefreshCheck::Reuse,
            };
            prop_assert_eq!(session.check(generation, 3, now), expected);
            prop_assert_eq!(session.check(generation, 4, now), RefreshCheck::Invalid);
            prop_assert_eq!(session.check(generation, 3, session.expires_at), RefreshCheck::Invalid);
        }
    }

    #[test]
    fn a_session_lives_as_long_after_each_use() {
        let rotated = session().rotate("i".into(), after(NOW, 50));
        assert_eq!(rotated.expires_at, after(NOW, 50 + REFRESH_TOKEN_TTL_S));
        assert_eq!((rotated.generation, rotated.created_at, rotated.rotated_at), (1, NOW, after(NOW, 50)));
    }
}
