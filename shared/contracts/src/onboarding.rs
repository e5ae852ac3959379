//! A seller's onboarding over HTTP: from an e-mail address to an open store.
//!
//! Every request after the first must carry the secret that the first one returned, in the header `X-Onboarding-Token`;
//! without it the response is 404. As in `auth`, these endpoints take no `Idempotency-Key`.

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

/// The seller and the tenant to be created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StartOnboarding {
    /// The seller's e-mail address.
    #[garde(length(max = EMAIL_MAX), custom(check::email))]
    pub email: String,
    /// The seller's name.
    #[garde(length(chars, min = 1, max = NAME_MAX), custom(check::line))]
    pub full_name: String,
    /// Name of the tenant.
    #[garde(length(chars, min = 1, max = NAME_MAX), custom(check::line))]
    pub tenant_name: String,
    /// Whether the tenant is a person or a business.
    #[garde(skip)]
    #[eserde(compat)]
    pub kind: TenantKind,
}

/// An onboarding that has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Started {
    /// Id of the onboarding.
    pub id: OnboardingId,
    /// Send it in the header `X-Onboarding-Token` with every later request. It is not shown again.
    pub onboarding_token: String,
    /// The next step.
    pub step: Step,
    /// When the onboarding expires.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub expires_at: Timestamp,
}

/// How far an onboarding has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Progress {
    /// Id of the onboarding.
    pub id: OnboardingId,
    /// The next step.
    pub step: Step,
    /// Whether the phone number was verified.
    pub phone_verified: bool,
    /// When the onboarding expires.
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

/// A one-time code.
#[derive(Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CodeBody {
    /// The code.
    #[garde(length(equal = CODE_DIGITS), custom(digits))]
    pub code: String,
}

/// A password.
#[derive(Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PasswordBody {
    /// Password, at least 10 characters.
    #[garde(length(chars, min = PASSWORD_MIN, max = PASSWORD_MAX), custom(check::password))]
    pub password: String,
}

/// A phone number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PhoneBody {
    /// Phone number in E.164 format, like `+2348012345678`.
    #[garde(length(max = PHONE_MAX), custom(check::phone))]
    pub phone: String,
}

/// Settings of the first store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProfileBody {
    /// Name of the store.
    #[garde(length(chars, min = 1, max = NAME_MAX), custom(check::line))]
    pub store_name: String,
    /// The store's host name below the platform's domain; by default made from its name.
    #[garde(length(min = 3, max = SLUG_MAX), inner(custom(check::slug), custom(free_slug)))]
    #[serde(default)]
    pub store_slug: Option<String>,
    /// Currency of all prices in the store; never changes.
    #[garde(skip)]
    #[eserde(compat)]
    pub currency: Currency,
    /// IANA name, like `Africa/Lagos`.
    #[garde(length(max = TIMEZONE_MAX), custom(time_zone))]
    pub timezone: String,
    /// What the store sells.
    #[garde(length(chars, min = 1, max = DESCRIPTION_MAX), inner(custom(check::paragraph)))]
    #[serde(default)]
    pub description: Option<String>,
}

/// A tenant that has just opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OpenedTenant {
    /// Id of the tenant.
    pub id: TenantId,
    /// Name of the tenant.
    pub name: String,
    /// Whether the tenant is a person or a business.
    pub kind: TenantKind,
    /// The tenant's plan.
    pub plan: Plan,
    /// Status of the tenant.
    pub status: TenantStatus,
}

/// What a completed onboarding created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Completed {
    /// The owner's tokens.
    pub tokens: Tokens,
    /// The tenant.
    pub tenant: OpenedTenant,
    /// The first store, open to buyers.
    pub store: Store,
    /// The owner's account.
    pub account: Account,
}

/// The path of an onboarding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OnboardingPath {
    /// Id of the onboarding.
    pub id: OnboardingId,
}

endpoints! {
    /// Start an onboarding
    ///
    /// Sends a six-digit code to the seller's e-mail address; it expires after ten minutes, and can be tried five
    /// times. Starting again sends another code. If too many codes were sent to the address lately, the request is
    /// refused (429 `too_soon`). The response is the same whether or not the address is registered. Keep `onboarding_token`: every
    /// later request needs it in the header `X-Onboarding-Token`. An onboarding that is not completed within a week
    /// expires.
    Start = Post "/onboarding" => "onboarding-start" {
        access: Access::Public, store: None, idempotency: None,
        path: Nothing, query: Nothing, body: StartOnboarding, reply: 201 Started,
        tables: [Accounts: BatchGet Put, Tenants: Put], emits: [],
        problems: [TOO_SOON],
        grants: [SendEmail],
        rate: Mail,
    }
    /// Get the progress of an onboarding
    Get = Get "/onboarding/{id}" => "onboarding-get" {
        access: Access::Public, store: None, idempotency: None,
        path: OnboardingPath, query: Nothing, body: Nothing, reply: 200 Progress,
        tables: [Tenants: Get], emits: [],
    }
    /// Verify the seller's e-mail address
    ///
    /// Takes the code that was sent there. A wrong code is refused with 422, which says how many tries are left; a code
    /// that has expired or was tried too often with 409 `code_dead`: start again.
    VerifyEmail = Post "/onboarding/{id}/verify-email" => "onboarding-verify-email" {
        access: Access::Public, store: None, idempotency: None,
        path: OnboardingPath, query: Nothing, body: CodeBody, reply: 200 Progress,
        tables: [Accounts: Delete, Tenants: Get Put], emits: [],
        problems: [CODE_DEAD, INVALID_STATE],
        rate: Auth,
    }
    /// Set the seller's password
    ///
    /// If the e-mail address belongs to an existing account, this must be the password of that account, which will own
    /// the new tenant. After several wrong passwords, further requests are refused for a while (429 `too_soon`).
    SetPassword = Post "/onboarding/{id}/password" => "onboarding-password" {
        access: Access::Public, store: None, idempotency: None,
        path: OnboardingPath, query: Nothing, body: PasswordBody, reply: 200 Progress,
        tables: [Accounts: Get BatchGet Put, Tenants: Get Put], emits: [],
        problems: [INVALID_STATE, TOO_SOON],
        rate: Auth,
        memory_mb: PASSWORD_MEMORY_MB,
    }
    /// Set the seller's phone number
    ///
    /// Optional. Sends a code. There is no SMS provider yet: the code is sent to the verified e-mail address. So a
    /// verified phone number means that the account's owner confirmed it, not that it was reached. If too
    /// many codes were sent there lately, the request is refused (429 `too_soon`).
    GivePhone = Post "/onboarding/{id}/phone" => "onboarding-phone" {
        access: Access::Public, store: None, idempotency: None,
        path: OnboardingPath, query: Nothing, body: PhoneBody, reply: 200 Progress,
        tables: [Accounts: BatchGet Put, Tenants: Get Put], emits: [],
        problems: [INVALID_STATE, TOO_SOON],
        grants: [SendEmail],
        rate: Auth,
    }
    /// Verify the seller's phone number
    ///
    /// Takes the code that was sent.
    VerifyPhone = Post "/onboarding/{id}/verify-phone" => "onboarding-verify-phone" {
        access: Access::Public, store: None, idempotency: None,
        path: OnboardingPath, query: Nothing, body: CodeBody, reply: 200 Progress,
        tables: [Tenants: Get Put], emits: [],
        problems: [CODE_DEAD, NO_PHONE, INVALID_STATE],
        rate: Auth,
    }
    /// Set the profile of the first store
    ///
    /// A slug that another store has is refused (409 `slug_taken`). The slug is reserved only when the onboarding is
    /// completed.
    SetProfile = Post "/onboarding/{id}/profile" => "onboarding-profile" {
        access: Access::Public, store: None, idempotency: None,
        path: OnboardingPath, query: Nothing, body: ProfileBody, reply: 200 Progress,
        tables: [Tenants: Get Put], emits: [],
        problems: [INVALID_STATE, SLUG_TAKEN],
    }
    /// Complete an onboarding
    ///
    /// Creates the tenant and its first store, and signs the owner in.
    Complete = Post "/onboarding/{id}/complete" => "onboarding-complete" {
        access: Access::Public, store: None, idempotency: None,
        path: OnboardingPath, query: Nothing, body: Nothing, reply: 201 Completed,
        tables: [Accounts: Get Put Check, Tenants: Get Put], emits: [TenantOnboarded],
        problems: [INVALID_STATE, ONBOARDING_DONE, PASSWORD_NEEDED, SLUG_TAKEN],
        grants: [SigningKey],
        rate: Auth,
    }
}
