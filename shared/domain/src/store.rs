//! A store: what a tenant sells from, and its settings.

use serde::{Deserialize, Serialize};

use crate::{Currency, InvalidTransition, Money, StoreId, Timestamp};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum StoreStatus {
    Draft,
    Active,
    Suspended,
    Closed,
}

impl StoreStatus {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Closed => "closed",
        }
    }
}

/// Sales tax. `inclusive`: prices contain it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Tax {
    /// Hundredths of a percent: 750 is 7.5 %.
    pub rate_basis_points: u32,
    pub inclusive: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ShippingMethod {
    /// Chosen by the seller; what `POST /orders` names.
    pub id: String,
    pub name: String,
    pub rate: Money,
    pub estimated_days: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Store {
    pub id: StoreId,
    pub name: String,
    /// Unique over all tenants: it is a host name.
    pub slug: String,
    pub description: Option<String>,
    pub logo_url: Option<String>,
    pub currency: Currency,
    /// IANA name.
    pub timezone: String,
    pub tax: Tax,
    pub shipping_methods: Vec<ShippingMethod>,
    pub payment_methods: Vec<String>,
    pub payment_window_s: u32,
    pub support_email: String,
    pub low_stock_email: Option<String>,
    pub status: StoreStatus,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Store {
    /// A draft opens; an open store is suspended and opened again; a closed one stays closed.
    pub fn set_status(self, status: StoreStatus, now: Timestamp) -> Result<Self, InvalidTransition> {
        use StoreStatus::{Active, Closed, Draft, Suspended};
        match (self.status, status) {
            (Draft | Suspended, Active) | (Active, Suspended) | (Draft | Active | Suspended, Closed) => {
                Ok(Self { status, updated_at: now, ..self })
            }
            (from, to) if from == to => Ok(self),
            (from, to) => Err(InvalidTransition { state: from.name(), event: to.name() }),
        }
    }
}

/// `now` plus a number of seconds, at the latest the end of time.
pub fn after(now: Timestamp, seconds: i64) -> Timestamp {
    now.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}
