//! A store: what a tenant sells from, and its settings.

use serde::{Deserialize, Serialize};

use crate::{Currency, InvalidTransition, Money, StoreId, Timestamp, limits::TIMEZONE_MAX};

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

/// Ways to pay that a store can offer: the providers that there is code for.
pub const PAYMENT_METHODS: [&str; 1] = ["paystack"];

/// Host names under the platform's domain that are its own, or that would let a store pose as the platform.
const RESERVED_SLUGS: [&str; 20] = [
    "account",
    "admin",
    "api",
    "app",
    "auth",
    "billing",
    "cdn",
    "dashboard",
    "docs",
    "grafana",
    "help",
    "login",
    "mail",
    "metrics",
    "pay",
    "payments",
    "security",
    "static",
    "support",
    "www",
];

/// A slug that no store can have.
pub fn is_reserved_slug(slug: &str) -> bool {
    RESERVED_SLUGS.contains(&slug)
}

/// An IANA time zone by form, like `Africa/Lagos` or `UTC`. Nothing here reckons in it; front ends do.
pub fn is_timezone(text: &str) -> bool {
    text.len() <= TIMEZONE_MAX
        && text.split('/').all(|part| {
            part.starts_with(|c: char| c.is_ascii_alphabetic())
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'+'))
        })
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

#[cfg(test)]
mod tests {
    use ulid::Ulid;

    use super::*;

    fn store(status: StoreStatus) -> Store {
        Store {
            id: StoreId::from_ulid(Ulid(1)),
            name: "Ada".into(),
            slug: "ada".into(),
            description: None,
            logo_url: None,
            currency: Currency::Ngn,
            timezone: "Africa/Lagos".into(),
            tax: Tax { rate_basis_points: 0, inclusive: false },
            shipping_methods: vec![],
            payment_methods: vec![],
            payment_window_s: 900,
            support_email: "ada@example.com".into(),
            low_stock_email: None,
            status,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn statuses_go_where_they_may() {
        use StoreStatus::{Active, Closed, Draft, Suspended};
        let all = [Draft, Active, Suspended, Closed];
        let opens = [(Draft, Active), (Active, Suspended), (Suspended, Active)];
        for from in all {
            for to in all {
                let moved = store(from).set_status(to, Timestamp::UNIX_EPOCH);
                let may = from == to || to == Closed || opens.contains(&(from, to));
                assert_eq!(moved.map(|store| store.status).ok(), may.then_some(to), "{from:?} to {to:?}");
            }
        }
    }

    #[test]
    fn time_zones_have_their_form() {
        for name in ["UTC", "Africa/Lagos", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "America/Port-au-Prince"] {
            assert!(is_timezone(name), "{name}");
        }
        for name in ["", "Africa/", "/Lagos", "Africa Lagos", "+01:00", "../etc/passwd"] {
            assert!(!is_timezone(name), "{name}");
        }
    }

    #[test]
    fn reserved_names_are_ones_that_could_be_asked_for() {
        assert!(is_reserved_slug("api") && !is_reserved_slug("adas-books"));
        assert!(RESERVED_SLUGS.iter().all(|slug| crate::text::is_slug(slug)));
    }
}
