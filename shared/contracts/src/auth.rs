//! Signing in over HTTP: buyers at a store, the teams of tenants, and the tokens both get.
//!
//! None of these keeps an answer for a repetition: answers hold tokens and bodies hold passwords, and neither may lie
//! in a table. What is done twice here is harmless, or is told.

use domain::{
    AccountId, Permission, Role, TenantId, Timestamp,
    limits::{EMAIL_MAX, NAME_MAX, PASSWORD_MAX, PASSWORD_MIN, PHONE_MAX, URL_MAX},
};
use serde::{Deserialize, Serialize};

use crate::{check, endpoints, http::Nothing, patch, patch::Clearable, row::Access};

/// Functions that hash passwords get this much memory: CPU comes with it.
pub const PASSWORD_MEMORY_MB: u16 = 1_024;

/// Digits of a one-time code.
pub const CODE_DIGITS: usize = 6;
/// A refresh token is a session's id, a point and 43 characters.
const REFRESH_TOKEN_MAX: usize = 100;

/// A signed-in caller's tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Tokens {
    /// To be sent as `Authorization: Bearer`.
    pub access_token: String,
    /// Good once, for `POST /auth/refresh`.
    pub refresh_token: String,
    /// `Bearer`.
    pub token_type: String,
    /// Seconds until the access token expires.
    pub expires_in: i64,
    pub account_id: AccountId,
    /// The tenant that the tokens are for; none for a person who works for none.
    pub tenant_id: Option<TenantId>,
    pub role: Role,
}

/// An account, as the person sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Account {
    pub id: AccountId,
    pub email: String,
    pub email_verified: bool,
    pub full_name: String,
    pub phone: Option<String>,
    pub phone_verified: bool,
    pub avatar_url: Option<String>,
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub created_at: Timestamp,
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub updated_at: Timestamp,
    pub version: u64,
}

impl Account {
    pub fn new(account: domain::account::Account, version: u64) -> Self {
        Self {
            id: account.id,
            email: account.email,
            email_verified: account.email_verified,
            full_name: account.full_name,
            phone: account.phone,
            phone_verified: account.phone_verified,
            avatar_url: account.avatar_url,
            created_at: account.created_at,
            updated_at: account.updated_at,
            version,
        }
    }
}

#[derive(Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RegisterBuyer {
    #[garde(length(max = EMAIL_MAX), custom(check::email))]
    pub email: String,
    #[garde(length(chars, min = PASSWORD_MIN, max = PASSWORD_MAX))]
    pub password: String,
    #[garde(length(chars, min = 1, max = NAME_MAX), custom(check::clean))]
    pub full_name: String,
    #[garde(length(max = PHONE_MAX), inner(custom(check::phone)))]
    #[serde(default)]
    pub phone: Option<String>,
}

/// The same for e-mail addresses that are known and those that are not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VerificationSent {
    /// `verification_sent`.
    pub status: String,
}

#[derive(Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct VerifyEmailBody {
    #[garde(length(max = EMAIL_MAX), custom(check::email))]
    pub email: String,
    #[garde(length(equal = CODE_DIGITS), custom(digits))]
    pub code: String,
}

#[derive(Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    #[garde(length(max = EMAIL_MAX), custom(check::email))]
    pub email: String,
    #[garde(length(chars, min = 1, max = PASSWORD_MAX))]
    pub password: String,
    /// For the team of several tenants: which one. Not together with a store.
    #[garde(skip)]
    #[eserde(compat)]
    #[serde(default)]
    pub tenant_id: Option<TenantId>,
}

#[derive(Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RefreshToken {
    #[garde(length(min = 1, max = REFRESH_TOKEN_MAX))]
    pub refresh_token: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ChooseTenant {
    #[garde(skip)]
    #[eserde(compat)]
    pub tenant_id: TenantId,
}

/// Only what is given changes; null clears.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateAccount {
    #[garde(length(chars, min = 1, max = NAME_MAX), inner(custom(check::clean)))]
    #[serde(default)]
    pub full_name: Option<String>,
    #[garde(inner(length(max = PHONE_MAX), inner(custom(check::phone))))]
    #[serde(default, deserialize_with = "patch::clearable")]
    pub phone: Clearable<String>,
    #[garde(inner(length(max = URL_MAX), inner(custom(check::web_address))))]
    #[serde(default, deserialize_with = "patch::clearable")]
    pub avatar_url: Clearable<String>,
}

/// The public keys that verify access tokens (RFC 7517).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KeySet {
    pub keys: Vec<PublicKey>,
}

/// An elliptic-curve public key (RFC 7518, section 6.2.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PublicKey {
    pub kty: String,
    pub crv: String,
    pub x: String,
    pub y: String,
    pub kid: String,
    pub alg: String,
    pub r#use: String,
}

/// A rule for codes: nothing but digits.
pub fn digits<T: AsRef<str>>(text: &T, _: &()) -> garde::Result {
    if text.as_ref().bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(())
    } else {
        Err(garde::Error::new("expected digits"))
    }
}

endpoints! {
    /// Makes a guest of a store.
    ///
    /// Whoever only looks around and buys needs no account: a guest has a cart and follows its own orders.
    Guest = Post "/auth/guest" => "auth-guest" {
        access: Access::Public, store: Required, idempotency: None,
        path: Nothing, query: Nothing, body: Nothing, reply: 201 Tokens,
        tables: [Accounts: Put], emits: [],
        grants: [SigningKey],
        rate: Auth,
    }
    /// Registers a buyer.
    ///
    /// Sends a six-digit code to the e-mail address, for `POST /auth/verify-email`; it is good for ten minutes. The
    /// answer is the same whether or not the address is known. Registering again, after a minute (429 `too_soon`
    /// before), sends another code and takes the place of what was given before.
    Register = Post "/auth/register" => "auth-register" {
        access: Access::Public, store: Required, idempotency: None,
        path: Nothing, query: Nothing, body: RegisterBuyer, reply: 202 VerificationSent,
        tables: [Accounts: Get BatchGet Put Delete], emits: [],
        problems: [TOO_SOON],
        grants: [SendEmail],
        rate: Auth,
        memory_mb: PASSWORD_MEMORY_MB,
    }
    /// Finishes a buyer's registration with the code that was sent, and signs in.
    VerifyEmail = Post "/auth/verify-email" => "auth-verify-email" {
        access: Access::Public, store: Required, idempotency: None,
        path: Nothing, query: Nothing, body: VerifyEmailBody, reply: 200 Tokens,
        tables: [Accounts: Get BatchGet Put, Tenants: BatchGet Put], emits: [AccountRegistered],
        problems: [CODE_DEAD],
        grants: [SigningKey],
        rate: Auth,
    }
    /// Signs in.
    ///
    /// With a store (`X-Store`, or its host name): as a customer of that store's tenant. Without: as part of a
    /// tenant's team, of `tenant_id` or else of the tenant joined first; who works for none gets tokens for no tenant.
    Login = Post "/auth/login" => "auth-login" {
        access: Access::Public, store: Optional, idempotency: None,
        path: Nothing, query: Nothing, body: Credentials, reply: 200 Tokens,
        tables: [Accounts: Get Query Put, Tenants: Get Put], emits: [],
        problems: [EMAIL_UNVERIFIED, INVALID_CREDENTIALS, NOT_FOUND],
        grants: [SigningKey],
        rate: Auth,
        memory_mb: PASSWORD_MEMORY_MB,
    }
    /// Gives new tokens for a refresh token.
    ///
    /// A refresh token is good once. One used again within ten seconds was a lost answer; later it is taken for theft,
    /// and the session ends.
    Refresh = Post "/auth/refresh" => "auth-refresh" {
        access: Access::Public, store: None, idempotency: None,
        path: Nothing, query: Nothing, body: RefreshToken, reply: 200 Tokens,
        tables: [Accounts: Get Put], emits: [],
        problems: [INVALID_REFRESH_TOKEN],
        grants: [SigningKey],
        rate: Auth,
    }
    /// Ends the session.
    ///
    /// Its refresh token is dead at once; an access token lives to its end, a quarter of an hour at the most.
    Logout = Post "/auth/logout" => "auth-logout" {
        access: Access::Needs(Permission::SessionEnd), store: None, idempotency: None,
        path: Nothing, query: Nothing, body: Nothing, reply: 200 Nothing,
        tables: [Accounts: Get Put], emits: [],
    }
    /// Gives tokens for another tenant whose team one belongs to.
    SwitchTenant = Post "/auth/switch-tenant" => "auth-switch-tenant" {
        access: Access::Needs(Permission::TenantSwitch), store: None, idempotency: None,
        path: Nothing, query: Nothing, body: ChooseTenant, reply: 200 Tokens,
        tables: [Accounts: BatchGet Put Check], emits: [],
        problems: [NOT_FOUND],
        grants: [SigningKey],
    }
    /// Shows one's own account.
    Me = Get "/auth/me" => "auth-me" {
        access: Access::Needs(Permission::ProfileRead), store: None, idempotency: None,
        path: Nothing, query: Nothing, body: Nothing, reply: 200 Account,
        tables: [Accounts: Get], emits: [],
        problems: [NOT_FOUND],
    }
    /// Changes one's own account. A phone number that changes has to be verified again.
    UpdateMe = Patch "/auth/me" => "auth-update-me" {
        access: Access::Needs(Permission::ProfileWrite), store: None, idempotency: None,
        path: Nothing, query: Nothing, body: UpdateAccount, reply: 200 Account,
        tables: [Accounts: Get Put], emits: [],
        problems: [NOT_FOUND],
    }
    /// The public keys that verify access tokens.
    Jwks = Get "/.well-known/jwks.json" => "auth-jwks" {
        access: Access::Public, store: None, idempotency: None,
        path: Nothing, query: Nothing, body: Nothing, reply: 200 KeySet,
        tables: [], emits: [],
        grants: [TokenKeys],
    }
}
