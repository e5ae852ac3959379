//! Sign-in over HTTP: for buyers of a store and for the teams of tenants.
//!
//! These endpoints take no `Idempotency-Key`: their responses contain tokens and their bodies passwords, which must
//! not be stored in a table. Repeating a request is harmless, or is refused.

use domain::{
    AccountId, Permission, Role, SessionId, TenantId, Timestamp,
    limits::{EMAIL_MAX, NAME_MAX, PASSWORD_MAX, PASSWORD_MIN, PHONE_MAX, URL_MAX},
};
use serde::{Deserialize, Serialize};

use crate::{
    check, endpoints,
    http::{ListQuery, Nothing, Page},
    patch,
    patch::Clearable,
    row::Access,
};

/// Memory of functions that hash passwords, in MB: CPU grows with memory.
pub const PASSWORD_MEMORY_MB: u16 = 1_024;

/// Digits of a one-time code.
pub const CODE_DIGITS: usize = 6;
/// A guest's refresh token is a JWT, somewhat longer than that of a person.
const REFRESH_TOKEN_MAX: usize = 1_024;
/// A verification token is an id, a dot and 43 characters.
const VERIFICATION_TOKEN_MAX: usize = 100;

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
    /// Password, at least 10 characters, and none of the most common ones. White space around it does not count.
    #[garde(length(chars, min = PASSWORD_MIN, max = PASSWORD_MAX), custom(check::password), custom(check::uncommon))]
    pub password: String,
    /// The person's name.
    #[garde(length(chars, min = 1, max = NAME_MAX), custom(check::line))]
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
    /// Send it together with the code from the e-mail: the code counts only with this token. It is not shown again.
    pub verification_token: String,
}

/// The code that was sent to an e-mail address.
#[derive(Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct VerifyEmailBody {
    /// The token that `POST /auth/register` returned.
    #[garde(length(min = 1, max = VERIFICATION_TOKEN_MAX), custom(check::token))]
    pub verification_token: String,
    /// The code.
    #[garde(length(equal = CODE_DIGITS), custom(digits))]
    pub code: String,
}

/// The e-mail address of an account whose password was forgotten.
#[derive(Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ForgottenPassword {
    /// E-mail address.
    #[garde(length(max = EMAIL_MAX), custom(check::email))]
    pub email: String,
}

/// The code that was sent to an e-mail address, and a new password.
#[derive(Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ResetPasswordBody {
    /// The token that `POST /auth/password/forgot` returned.
    #[garde(length(min = 1, max = VERIFICATION_TOKEN_MAX), custom(check::token))]
    pub verification_token: String,
    /// The code.
    #[garde(length(equal = CODE_DIGITS), custom(digits))]
    pub code: String,
    /// New password, at least 10 characters, and none of the most common ones. White space around it does not count.
    #[garde(length(chars, min = PASSWORD_MIN, max = PASSWORD_MAX), custom(check::password), custom(check::uncommon))]
    pub new_password: String,
}

/// The present password and a new one.
#[derive(Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangePasswordBody {
    /// The present password.
    #[garde(length(chars, min = 1, max = PASSWORD_MAX))]
    pub current_password: String,
    /// New password, at least 10 characters, and none of the most common ones. White space around it does not count.
    #[garde(length(chars, min = PASSWORD_MIN, max = PASSWORD_MAX), custom(check::password), custom(check::uncommon))]
    pub new_password: String,
}

/// A sign-in of the caller on one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Session {
    /// Id of the session.
    pub id: SessionId,
    /// Whether the request was made in this session.
    pub current: bool,
    /// The tenant that the session is for; null for a person who belongs to no tenant.
    pub tenant_id: Option<TenantId>,
    /// Role of the account in the tenant, when the session was last refreshed.
    pub role: Role,
    /// When the person signed in.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub created_at: Timestamp,
    /// When the tokens of the session were last refreshed.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub refreshed_at: Timestamp,
    /// When the session expires, unless its tokens are refreshed before.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub expires_at: Timestamp,
}

/// The path of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SessionPath {
    /// Id of the session.
    pub id: SessionId,
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
    /// The newest refresh token.
    #[garde(length(min = 1, max = REFRESH_TOKEN_MAX), custom(check::token))]
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

/// Changes of an account. Absent fields keep their values; null clears a field that can be empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateAccount {
    /// The person's name.
    #[garde(length(chars, min = 1, max = NAME_MAX), inner(custom(check::line)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
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
    /// Create a guest's tokens
    ///
    /// Buyers need no registration: a guest of a store has a cart, and can place orders and follow them. The tokens are
    /// good in every store of the tenant; each store has a cart and orders of its own.
    Guest = Post "/auth/guest" => "auth-guest" {
        access: Access::Public, store: Required, idempotency: None,
        path: Nothing, query: Nothing, body: Nothing, reply: 201 Tokens,
        tables: [], emits: [],
        grants: [SigningKey],
    }
    /// Register a customer
    ///
    /// Sends a six-digit code to the e-mail address; it expires after ten minutes. Keep `verification_token`:
    /// `POST /auth/verify-email` needs both. The response is the same whether or not the address has an account; only the
    /// e-mail tells. Nothing is registered before the address is verified, so registering again, by anybody, does not
    /// affect an earlier request. If too many codes were sent to the address lately, the request is refused (429
    /// `too_soon`).
    Register = Post "/auth/register" => "auth-register" {
        access: Access::Public, store: Required, idempotency: None,
        path: Nothing, query: Nothing, body: RegisterBuyer, reply: 202 VerificationSent,
        tables: [Accounts: BatchGet Put], emits: [],
        problems: [TOO_SOON],
        grants: [SendEmail],
        rate: Mail,
        memory_mb: PASSWORD_MEMORY_MB,
    }
    /// Verify a customer's e-mail address
    ///
    /// Completes the registration with the token that it returned and the code that was sent, and signs the customer in.
    VerifyEmail = Post "/auth/verify-email" => "auth-verify-email" {
        access: Access::Public, store: Required, idempotency: None,
        path: Nothing, query: Nothing, body: VerifyEmailBody, reply: 200 Tokens,
        tables: [Accounts: Get Put Delete, Tenants: Put], emits: [AccountRegistered],
        grants: [SigningKey],
        rate: Auth,
    }
    /// Sign in
    ///
    /// If the request names a store (by `X-Store` or the host name), signs in as a customer of the store's tenant.
    /// Otherwise, signs in as a member of a tenant's team: of `tenant_id`, or by default of the tenant joined first. A
    /// person who belongs to no tenant gets tokens without one. After several wrong passwords for an address, further
    /// requests are refused for a while (429 `too_soon`), also with the right password; resetting the password ends this.
    Login = Post "/auth/login" => "auth-login" {
        access: Access::Public, store: Optional, idempotency: None,
        path: Nothing, query: Nothing, body: Credentials, reply: 200 Tokens,
        tables: [Accounts: Get BatchGet Query Put, Tenants: Get Put], emits: [],
        problems: [INVALID_CREDENTIALS, NOT_FOUND, TOO_SOON],
        grants: [SigningKey],
        rate: Auth,
        memory_mb: PASSWORD_MEMORY_MB,
    }
    /// Refresh tokens
    ///
    /// Returns new tokens, with the present role of a team's member. A person's refresh token can be used once. Using it
    /// again within a minute returns the same next refresh token, in case the response was lost, or two tabs refresh
    /// at once. Using it later is treated as theft, and ends the session. A guest's refresh token is good for 30 days.
    Refresh = Post "/auth/refresh" => "auth-refresh" {
        access: Access::Public, store: None, idempotency: None,
        path: Nothing, query: Nothing, body: RefreshToken, reply: 200 Tokens,
        tables: [Accounts: Get BatchGet Put Delete], emits: [],
        problems: [INVALID_REFRESH_TOKEN],
        grants: [SigningKey, TokenKeys],
    }
    /// Sign out
    ///
    /// Ends the session, also of a guest. Its refresh token stops working at once; an access token works until it
    /// expires, at most five minutes.
    Logout = Post "/auth/logout" => "auth-logout" {
        access: Access::Needs(Permission::SessionEnd), store: None, idempotency: None,
        path: Nothing, query: Nothing, body: Nothing, reply: 200 Nothing,
        tables: [Accounts: Put Delete], emits: [],
    }
    /// List own sessions
    ///
    /// Where the caller is signed in, longest ago first.
    ListSessions = Get "/auth/sessions" => "auth-sessions" {
        access: Access::Needs(Permission::SessionsRead), store: None, idempotency: None,
        path: Nothing, query: ListQuery, body: Nothing, reply: 200 Page<Session>,
        tables: [Accounts: Get Query], emits: [],
        problems: [NOT_FOUND],
        grants: [CursorKey],
    }
    /// End one of the own sessions
    ///
    /// Its refresh token stops working at once; an access token works until it expires, at most five minutes.
    EndSession = Delete "/auth/sessions/{id}" => "auth-end-session" {
        access: Access::Needs(Permission::SessionsEnd), store: None, idempotency: None,
        path: SessionPath, query: Nothing, body: Nothing, reply: 200 Nothing,
        tables: [Accounts: Delete], emits: [],
    }
    /// Ask for a code to reset a password
    ///
    /// Sends a six-digit code to the e-mail address; it expires after ten minutes. Keep `verification_token`:
    /// `POST /auth/password/reset` needs both. The response is the same whether or not the address has an account; only
    /// the e-mail tells. If too many codes were sent to the address lately, the request is refused (429 `too_soon`).
    ForgotPassword = Post "/auth/password/forgot" => "auth-forgot-password" {
        access: Access::Public, store: None, idempotency: None,
        path: Nothing, query: Nothing, body: ForgottenPassword, reply: 202 VerificationSent,
        tables: [Accounts: Get BatchGet Put], emits: [],
        problems: [TOO_SOON],
        grants: [SendEmail],
        rate: Mail,
    }
    /// Reset a password
    ///
    /// Replaces the password, ends all sessions of the account, and tells its owner by e-mail. Sign in with the new
    /// password afterwards.
    ResetPassword = Post "/auth/password/reset" => "auth-reset-password" {
        access: Access::Public, store: None, idempotency: None,
        path: Nothing, query: Nothing, body: ResetPasswordBody, reply: 200 Nothing,
        tables: [Accounts: Get BatchGet Put Delete], emits: [],
        grants: [SendEmail],
        rate: Auth,
        memory_mb: PASSWORD_MEMORY_MB,
    }
    /// Change own password
    ///
    /// Needs the present password. Ends all other sessions of the account, and tells its owner by e-mail. After several
    /// wrong passwords, further requests are refused for a while (429 `too_soon`).
    ChangePassword = Post "/auth/password/change" => "auth-change-password" {
        access: Access::Needs(Permission::PasswordChange), store: None, idempotency: None,
        path: Nothing, query: Nothing, body: ChangePasswordBody, reply: 200 Nothing,
        tables: [Accounts: Get BatchGet Put], emits: [],
        problems: [NOT_FOUND, TOO_SOON],
        grants: [SendEmail],
        rate: Auth,
        memory_mb: PASSWORD_MEMORY_MB,
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
