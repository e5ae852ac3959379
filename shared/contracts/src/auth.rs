//! Sign-in over HTTP: for buyers of a store and for the teams of tenants.
//!
//! These endpoints take no `Idempotency-Key`: their responses contain tokens and their bodies passwords, which must
//! not be stored in a table. Repeating a request is harmless, or is refused.

use domain::{
    AccountId, Permission, Role, TenantId, Timestamp,
    limits::{EMAIL_MAX, NAME_MAX, PASSWORD_MAX, PASSWORD_MIN, PHONE_MAX, URL_MAX},
};
use serde::{Deserialize, Serialize};

use crate::{check, endpoints, http::Nothing, patch, patch::Clearable, row::Access};

/// Memory of functions that hash passwords, in MB: CPU grows with memory.
pub const PASSWORD_MEMORY_MB: u16 = 1_024;

/// Digits of a one-time code.
pub const CODE_DIGITS: usize = 6;
/// A refresh token is the id of a session, a dot and 43 characters.
const REFRESH_TOKEN_MAX: usize = 100;

/// The tokens of a signed-in caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Tokens {
    /// Send it in the header `Authorization: Bearer`.
    pub access_token: String,
    /// Send it to `POST /auth/refresh`; it can be used once.
    pub refresh_token: String,
    /// Always `Bearer`.
    pub token_type: String,
    /// Seconds until the access token expires.
    pub expires_in: i64,
    /// The account.
    pub account_id: AccountId,
    /// The tenant that the tokens are for; null for a person who belongs to no tenant.
    pub tenant_id: Option<TenantId>,
    /// Role of the account in the tenant.
    pub role: Role,
}

/// The caller's account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Account {
    /// Id of the account.
    pub id: AccountId,
    /// E-mail address.
    pub email: String,
    /// Whether the e-mail address was verified with a code.
    pub email_verified: bool,
    /// The person's name.
    pub full_name: String,
    /// Phone number in E.164 format, like `+2348012345678`.
    pub phone: Option<String>,
    /// Whether the phone number was verified with a code.
    pub phone_verified: bool,
    /// Address of a picture of the person.
    pub avatar_url: Option<String>,
    /// When the account was created.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub created_at: Timestamp,
    /// When the account last changed.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub updated_at: Timestamp,
    /// Version of the account, for `If-Match`; one more with each change.
    pub version: u64,
}

impl Account {
    /// The account as the API returns it.
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

/// The registration of a customer.
#[derive(Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RegisterBuyer {
    /// E-mail address.
    #[garde(length(max = EMAIL_MAX), custom(check::email))]
    pub email: String,
    /// Password, at least 10 characters.
    #[garde(length(chars, min = PASSWORD_MIN, max = PASSWORD_MAX))]
    pub password: String,
    /// The person's name.
    #[garde(length(chars, min = 1, max = NAME_MAX), custom(check::clean))]
    pub full_name: String,
    /// Phone number in E.164 format, like `+2348012345678`.
    #[garde(length(max = PHONE_MAX), inner(custom(check::phone)))]
    #[serde(default)]
    pub phone: Option<String>,
}

/// Confirms that a code was sent. The response is the same whether or not the e-mail address is registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VerificationSent {
    /// Always `verification_sent`.
    pub status: String,
}

/// The code that was sent to an e-mail address.
#[derive(Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct VerifyEmailBody {
    /// E-mail address.
    #[garde(length(max = EMAIL_MAX), custom(check::email))]
    pub email: String,
    /// The code.
    #[garde(length(equal = CODE_DIGITS), custom(digits))]
    pub code: String,
}

/// E-mail address and password.
#[derive(Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// E-mail address.
    #[garde(length(max = EMAIL_MAX), custom(check::email))]
    pub email: String,
    /// Password.
    #[garde(length(chars, min = 1, max = PASSWORD_MAX))]
    pub password: String,
    /// The tenant to sign in to, for a person who belongs to several. Not allowed together with a store.
    #[garde(skip)]
    #[eserde(compat)]
    #[serde(default)]
    pub tenant_id: Option<TenantId>,
}

/// A refresh token.
#[derive(Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RefreshToken {
    /// The newest refresh token of the session.
    #[garde(length(min = 1, max = REFRESH_TOKEN_MAX))]
    pub refresh_token: String,
}

/// The tenant to switch to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ChooseTenant {
    /// The tenant.
    #[garde(skip)]
    #[eserde(compat)]
    pub tenant_id: TenantId,
}

/// Changes of an account. Absent fields keep their values; null clears a field.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateAccount {
    /// The person's name.
    #[garde(length(chars, min = 1, max = NAME_MAX), inner(custom(check::clean)))]
    #[serde(default)]
    pub full_name: Option<String>,
    /// Phone number in E.164 format, like `+2348012345678`.
    #[garde(inner(length(max = PHONE_MAX), inner(custom(check::phone))))]
    #[serde(default, deserialize_with = "patch::clearable")]
    pub phone: Clearable<String>,
    /// Address of a picture of the person.
    #[garde(inner(length(max = URL_MAX), inner(custom(check::web_address))))]
    #[serde(default, deserialize_with = "patch::clearable")]
    pub avatar_url: Clearable<String>,
}

/// The public keys that verify access tokens (RFC 7517).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KeySet {
    /// The keys; during a key rotation there are several.
    pub keys: Vec<PublicKey>,
}

/// An elliptic-curve public key (RFC 7518, section 6.2.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PublicKey {
    /// Key type: `EC`.
    pub kty: String,
    /// Curve.
    pub crv: String,
    /// X coordinate, in base64url.
    pub x: String,
    /// Y coordinate, in base64url.
    pub y: String,
    /// Id of the key, as in the header of access tokens.
    pub kid: String,
    /// Algorithm of the signatures.
    pub alg: String,
    /// Use of the key: `sig`.
    pub r#use: String,
}

/// Rule for codes: only digits.
///
/// # Errors
/// The message, for the client.
pub fn digits<T: AsRef<str>>(text: &T, _: &()) -> garde::Result {
    if text.as_ref().bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(())
    } else {
        Err(garde::Error::new("expected digits"))
    }
}

endpoints! {
    /// Create a guest session
    ///
    /// Buyers need no registration: a guest of a store has a cart, and can place orders and follow them.
    Guest = Post "/auth/guest" => "auth-guest" {
        access: Access::Public, store: Required, idempotency: None,
        path: Nothing, query: Nothing, body: Nothing, reply: 201 Tokens,
        tables: [Accounts: Put], emits: [],
        grants: [SigningKey],
        rate: Auth,
    }
    /// Register a customer
    ///
    /// Sends a six-digit code to the e-mail address, for `POST /auth/verify-email`; it expires after ten minutes. The
    /// response is the same whether or not the address is registered. Registering again sends another code, and
    /// replaces the data of the earlier request. It is possible after a minute; before, it is refused (429
    /// `too_soon`).
    Register = Post "/auth/register" => "auth-register" {
        access: Access::Public, store: Required, idempotency: None,
        path: Nothing, query: Nothing, body: RegisterBuyer, reply: 202 VerificationSent,
        tables: [Accounts: Get BatchGet Put Delete], emits: [],
        problems: [TOO_SOON],
        grants: [SendEmail],
        rate: Auth,
        memory_mb: PASSWORD_MEMORY_MB,
    }
    /// Verify a customer's e-mail address
    ///
    /// Completes the registration with the code that was sent, and signs the customer in.
    VerifyEmail = Post "/auth/verify-email" => "auth-verify-email" {
        access: Access::Public, store: Required, idempotency: None,
        path: Nothing, query: Nothing, body: VerifyEmailBody, reply: 200 Tokens,
        tables: [Accounts: Get BatchGet Put Delete, Tenants: BatchGet Put], emits: [AccountRegistered],
        problems: [CODE_DEAD],
        grants: [SigningKey],
        rate: Auth,
    }
    /// Sign in
    ///
    /// If the request names a store (by `X-Store` or the host name), signs in as a customer of the store's tenant.
    /// Otherwise, signs in as a member of a tenant's team: of `tenant_id`, or by default of the tenant joined first. A
    /// person who belongs to no tenant gets tokens without one.
    Login = Post "/auth/login" => "auth-login" {
        access: Access::Public, store: Optional, idempotency: None,
        path: Nothing, query: Nothing, body: Credentials, reply: 200 Tokens,
        tables: [Accounts: Get Query Put, Tenants: Get Put], emits: [],
        problems: [EMAIL_UNVERIFIED, INVALID_CREDENTIALS, NOT_FOUND],
        grants: [SigningKey],
        rate: Auth,
        memory_mb: PASSWORD_MEMORY_MB,
    }
    /// Refresh tokens
    ///
    /// Returns new tokens. A refresh token can be used once. Using it again within ten seconds is allowed, in case the
    /// response was lost. Using it later is treated as theft, and ends the session.
    Refresh = Post "/auth/refresh" => "auth-refresh" {
        access: Access::Public, store: None, idempotency: None,
        path: Nothing, query: Nothing, body: RefreshToken, reply: 200 Tokens,
        tables: [Accounts: Get Put], emits: [],
        problems: [INVALID_REFRESH_TOKEN],
        grants: [SigningKey],
        rate: Auth,
    }
    /// Sign out
    ///
    /// Ends the session. Its refresh token stops working at once; an access token works until it expires, at most 15
    /// minutes.
    Logout = Post "/auth/logout" => "auth-logout" {
        access: Access::Needs(Permission::SessionEnd), store: None, idempotency: None,
        path: Nothing, query: Nothing, body: Nothing, reply: 200 Nothing,
        tables: [Accounts: Get Put], emits: [],
    }
    /// Switch to another tenant
    ///
    /// Returns tokens for another tenant that the caller belongs to.
    SwitchTenant = Post "/auth/switch-tenant" => "auth-switch-tenant" {
        access: Access::Needs(Permission::TenantSwitch), store: None, idempotency: None,
        path: Nothing, query: Nothing, body: ChooseTenant, reply: 200 Tokens,
        tables: [Accounts: BatchGet Put Check], emits: [],
        problems: [NOT_FOUND],
        grants: [SigningKey],
    }
    /// Get own account
    Me = Get "/auth/me" => "auth-me" {
        access: Access::Needs(Permission::ProfileRead), store: None, idempotency: None,
        path: Nothing, query: Nothing, body: Nothing, reply: 200 Account,
        tables: [Accounts: Get], emits: [],
        problems: [NOT_FOUND],
    }
    /// Update own account
    ///
    /// After a change, the phone number is no longer verified.
    UpdateMe = Patch "/auth/me" => "auth-update-me" {
        access: Access::Needs(Permission::ProfileWrite), store: None, idempotency: None,
        path: Nothing, query: Nothing, body: UpdateAccount, reply: 200 Account,
        tables: [Accounts: Get Put], emits: [],
        problems: [NOT_FOUND],
    }
    /// Get the public keys that verify access tokens
    Jwks = Get "/.well-known/jwks.json" => "auth-jwks" {
        access: Access::Public, store: None, idempotency: None,
        path: Nothing, query: Nothing, body: Nothing, reply: 200 KeySet,
        tables: [], emits: [],
        grants: [TokenKeys],
    }
}
