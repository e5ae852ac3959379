//! A tenant: the organisation that owns stores, and its plan.

use serde::{Deserialize, Serialize};

use crate::{AccountId, Role, TenantId, Timestamp};

/// Kind of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TenantKind {
    /// A person.
    Individual,
    /// A business.
    Business,
}

/// Status of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TenantStatus {
    /// Being set up.
    Draft,
    /// In business.
    Active,
    /// Suspended by the operator.
    Suspended,
    /// Closed for good.
    Closed,
}

/// A tenant's plan, which sets its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Plan {
    /// One store.
    Free,
    /// Up to five stores.
    Pro,
    /// No limits.
    Enterprise,
}

impl Plan {
    /// The name in the API and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Free => "FREE",
            Self::Pro => "PRO",
            Self::Enterprise => "ENTERPRISE",
        }
    }

    /// Stores that a tenant on this plan can have; `None` means no limit.
    pub const fn stores_max(self) -> Option<u32> {
        match self {
            Self::Free => Some(1),
            Self::Pro => Some(5),
            Self::Enterprise => None,
        }
    }

    /// Products that a tenant on this plan can have; `None` means no limit.
    pub const fn products_max(self) -> Option<u32> {
        match self {
            Self::Free => Some(50),
            Self::Pro => Some(500),
            Self::Enterprise => None,
        }
    }
}

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
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
    /// Stores that are not closed. Counted in the transaction that adds or closes one, so that the plan's limit holds.
    pub stores: u32,
    /// Products of all stores, counted in the same way.
    pub products: u32,
    /// When the tenant was created.
    pub created_at: Timestamp,
    /// When the tenant last changed.
    pub updated_at: Timestamp,
}

/// The role of an account in a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The account.
    pub account_id: AccountId,
    /// Role of the account.
    pub role: Role,
    /// When the account joined the tenant.
    pub joined_at: Timestamp,
}
