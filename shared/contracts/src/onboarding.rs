//! A seller's onboarding over HTTP: from an e-mail address to an open store.
//!
//! Every call after the first carries the secret that the first one gave, in the header `X-Onboarding-Token`; without
//! it an onboarding answers like one that does not exist. As in `auth`, no answer is kept for a repetition.

use domain::{
    Currency, OnboardingId, TenantId, Timestamp,
    limits::{DESCRIPTION_MAX, EMAIL_MAX, NAME_MAX, PASSWORD_MAX, PASSWORD_MIN, PHONE_MAX, SLUG_MAX, TIMEZONE_MAX},
    onboarding::Step,
    tenant::{Plan, TenantKind, TenantStatus},
};
use serde::{Deserialize, Serialize};

use crate::{
    auth::{Account, CODE_DIGITS, PASSWORD_MEMORY_MB, Tokens, digits},
    check, endpoints,
    http::Nothing,
    row::Access,
    stores::{Store, free_slug, time_zone},
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StartOnboarding {
    #[garde(length(max = EMAIL_MAX), custom(check::email))]
    pub email: String,
    #[garde(length(chars, min = 1, max = NAME_MAX), custom(check::clean))]
    pub full_name: String,
    #[garde(length(chars, min = 1, max = NAME_MAX), custom(check::clean))]
    pub tenant_name: String,
    #[garde(skip)]
    #[eserde(compat)]
    pub kind: TenantKind,
}

/// An onboarding that has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Started {
    pub id: OnboardingId,
    /// To be sent as `X-Onboarding-Token` with every later call. It is not shown again.
    pub onboarding_token: String,
    /// What comes next.
    pub step: Step,
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub expires_at: Timestamp,
}

/// How far an onboarding has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Progress {
    pub id: OnboardingId,
    /// What comes next.
    pub step: Step,
    pub phone_verified: bool,
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub expires_at: Timestamp,
}

impl From<&domain::onboarding::Onboarding> for Progress {
    fn from(onboarding: &domain::onboarding::Onboarding) -> Self {
        Self {
            id: onboarding.id,
            step: onboarding.step,
            phone_verified: onboarding.phone_verified,
            expires_at: onboarding.expires_at,
        }
    }
}

#[derive(Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CodeBody {
    #[garde(length(equal = CODE_DIGITS), custom(digits))]
    pub code: String,
}

#[derive(Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PasswordBody {
    #[garde(length(chars, min = PASSWORD_MIN, max = PASSWORD_MAX))]
    pub password: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PhoneBody {
    #[garde(length(max = PHONE_MAX), custom(check::phone))]
    pub phone: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProfileBody {
    #[garde(length(chars, min = 1, max = NAME_MAX), custom(check::clean))]
    pub store_name: String,
    /// The store's host name. Made from its name unless given.
    #[garde(length(min = 3, max = SLUG_MAX), inner(custom(check::slug), custom(free_slug)))]
    #[serde(default)]
    pub store_slug: Option<String>,
    /// Of all prices in the store.
    #[garde(skip)]
    #[eserde(compat)]
    pub currency: Currency,
    /// IANA name, like `Africa/Lagos`.
    #[garde(length(max = TIMEZONE_MAX), custom(time_zone))]
    pub timezone: String,
    #[garde(length(chars, min = 1, max = DESCRIPTION_MAX), inner(custom(check::clean)))]
    #[serde(default)]
    pub description: Option<String>,
}

/// A tenant that has just opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OpenedTenant {
    pub id: TenantId,
    pub name: String,
    pub kind: TenantKind,
    pub plan: Plan,
    pub status: TenantStatus,
}

/// All that a seller starts with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Completed {
    pub tokens: Tokens,
    pub tenant: OpenedTenant,
    pub store: Store,
    pub account: Account,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OnboardingPath {
    pub id: OnboardingId,
}

endpoints! {
    /// Begins a seller's onboarding.
    ///
    /// Sends a six-digit code to the e-mail address, good for ten minutes and five tries; beginning again, after a
    /// minute (429 `too_soon` before), sends another. The answer is the same whether or not the address is known. Keep
    /// `onboarding_token`: every later call carries it in the header `X-Onboarding-Token`. An onboarding that is not
    /// finished within a week is gone.
    Start = Post "/onboarding" => "onboarding-start" {
        access: Access::Public, store: None, idempotency: None,
        path: Nothing, query: Nothing, body: StartOnboarding, reply: 201 Started,
        tables: [Accounts: Put Delete, Tenants: Put], emits: [],
        problems: [TOO_SOON],
        grants: [SendEmail],
        rate: Auth,
    }
    /// Shows how far an onboarding has come.
    Get = Get "/onboarding/{id}" => "onboarding-get" {
        access: Access::Public, store: None, idempotency: None,
        path: OnboardingPath, query: Nothing, body: Nothing, reply: 200 Progress,
        tables: [Tenants: Get], emits: [],
    }
    /// Proves the e-mail address with the code that was sent there.
    ///
    /// A wrong code is 422 and says how many tries are left; a dead one is 409 `code_dead`: begin again.
    VerifyEmail = Post "/onboarding/{id}/verify-email" => "onboarding-verify-email" {
        access: Access::Public, store: None, idempotency: None,
        path: OnboardingPath, query: Nothing, body: CodeBody, reply: 200 Progress,
        tables: [Tenants: Get Put], emits: [],
        problems: [CODE_DEAD, INVALID_STATE],
        rate: Auth,
    }
    /// Sets the password.
    ///
    /// Where the e-mail address belongs to an account already, this is that account's password, and the new tenant
    /// will be that account's.
    SetPassword = Post "/onboarding/{id}/password" => "onboarding-password" {
        access: Access::Public, store: None, idempotency: None,
        path: OnboardingPath, query: Nothing, body: PasswordBody, reply: 200 Progress,
        tables: [Accounts: Get, Tenants: Get Put], emits: [],
        problems: [INVALID_STATE],
        rate: Auth,
        memory_mb: PASSWORD_MEMORY_MB,
    }
    /// Gives a phone number (optional), and sends a code.
    ///
    /// There is no SMS provider yet: the code comes by e-mail, to the verified address. So a verified phone number
    /// means that the account's owner confirmed it, not that it was reached. Another code can be had after a minute
    /// (429 `too_soon` before).
    GivePhone = Post "/onboarding/{id}/phone" => "onboarding-phone" {
        access: Access::Public, store: None, idempotency: None,
        path: OnboardingPath, query: Nothing, body: PhoneBody, reply: 200 Progress,
        tables: [Accounts: Put Delete, Tenants: Get Put], emits: [],
        problems: [INVALID_STATE, TOO_SOON],
        grants: [SendEmail],
        rate: Auth,
    }
    /// Confirms the phone number with the code that was sent.
    VerifyPhone = Post "/onboarding/{id}/verify-phone" => "onboarding-verify-phone" {
        access: Access::Public, store: None, idempotency: None,
        path: OnboardingPath, query: Nothing, body: CodeBody, reply: 200 Progress,
        tables: [Tenants: Get Put], emits: [],
        problems: [CODE_DEAD, NO_PHONE, INVALID_STATE],
        rate: Auth,
    }
    /// Says what the first store is.
    ///
    /// A name that another store has is 409 `slug_taken`; it is this store's once the onboarding is complete.
    SetProfile = Post "/onboarding/{id}/profile" => "onboarding-profile" {
        access: Access::Public, store: None, idempotency: None,
        path: OnboardingPath, query: Nothing, body: ProfileBody, reply: 200 Progress,
        tables: [Tenants: Get Put], emits: [],
        problems: [INVALID_STATE, SLUG_TAKEN],
    }
    /// Opens the tenant and its first store, and signs its owner in.
    Complete = Post "/onboarding/{id}/complete" => "onboarding-complete" {
        access: Access::Public, store: None, idempotency: None,
        path: OnboardingPath, query: Nothing, body: Nothing, reply: 201 Completed,
        tables: [Accounts: Get Put Check, Tenants: Get Put], emits: [TenantOnboarded],
        problems: [INVALID_STATE, ONBOARDING_DONE, PASSWORD_NEEDED, SLUG_TAKEN],
        grants: [SigningKey],
        rate: Auth,
    }
}
