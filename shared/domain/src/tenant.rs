//! A tenant: the organisation that owns stores.

use serde::{Deserialize, Serialize};

use crate::{AccountId, Role, TenantId, Timestamp};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TenantKind {
    Individual,
    Business,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TenantStatus {
    Draft,
    Active,
    Suspended,
    Closed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Plan {
    Free,
    Pro,
    Enterprise,
}

impl Plan {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Free => "FREE",
            Self::Pro => "PRO",
            Self::Enterprise => "ENTERPRISE",
        }
    }

    /// `None`: unlimited.
    pub const fn stores_max(self) -> Option<u32> {
        match self {
            Self::Free => Some(1),
            Self::Pro => Some(5),
            Self::Enterprise => None,
        }
    }

    /// `None`: unlimited.
    pub const fn products_max(self) -> Option<u32> {
        match self {
            Self::Free => Some(50),
            Self::Pro => Some(500),
            Self::Enterprise => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    pub id: TenantId,
    pub name: String,
    pub kind: TenantKind,
    pub plan: Plan,
    pub status: TenantStatus,
    /// Open stores and products, counted in the transaction that adds one, so that a plan cannot be overrun.
    pub stores: u32,
    pub products: u32,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Gives an account a role in a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    pub tenant_id: TenantId,
    pub account_id: AccountId,
    pub role: Role,
    pub joined_at: Timestamp,
}
