//! Stores over HTTP.

use domain::{
    Currency, Money, Permission, StoreId, Timestamp,
    limits::{
        DESCRIPTION_MAX, EMAIL_MAX, ESTIMATED_DAYS_MAX, NAME_MAX, PAYMENT_WINDOW_MAX_S, PAYMENT_WINDOW_MIN_S,
        SHIPPING_METHODS_MAX, SLUG_MAX, TAX_RATE_MAX_BASIS_POINTS, TIMEZONE_MAX, URL_MAX,
    },
    store::{PAYMENT_METHODS, ShippingMethod, StoreStatus, Tax, is_reserved_slug, is_timezone},
};
use serde::{Deserialize, Serialize};

use crate::{
    check, endpoints,
    http::{ListQuery, Nothing, Page},
    patch,
    patch::Clearable,
    row::Access,
};

/// A store, as its team sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Store {
    pub id: StoreId,
    pub name: String,
    pub slug: String,
    pub description: Option<String>,
    pub logo_url: Option<String>,
    pub currency: Currency,
    pub timezone: String,
    pub tax: Tax,
    pub shipping_methods: Vec<ShippingMethod>,
    pub payment_methods: Vec<String>,
    pub payment_window_s: u32,
    pub support_email: String,
    pub low_stock_email: Option<String>,
    pub status: StoreStatus,
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub created_at: Timestamp,
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub updated_at: Timestamp,
    pub version: u64,
}

impl Store {
    pub fn new(store: domain::store::Store, version: u64) -> Self {
        Self {
            id: store.id,
            name: store.name,
            slug: store.slug,
            description: store.description,
            logo_url: store.logo_url,
            currency: store.currency,
            timezone: store.timezone,
            tax: store.tax,
            shipping_methods: store.shipping_methods,
            payment_methods: store.payment_methods,
            payment_window_s: store.payment_window_s,
            support_email: store.support_email,
            low_stock_email: store.low_stock_email,
            status: store.status,
            created_at: store.created_at,
            updated_at: store.updated_at,
            version,
        }
    }
}

/// A store, as buyers see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PublicStore {
    pub id: StoreId,
    pub name: String,
    pub slug: String,
    pub description: Option<String>,
    pub logo_url: Option<String>,
    pub currency: Currency,
    pub timezone: String,
    pub tax: Tax,
    pub shipping_methods: Vec<ShippingMethod>,
    pub payment_methods: Vec<String>,
    pub support_email: String,
}

impl From<domain::store::Store> for PublicStore {
    fn from(store: domain::store::Store) -> Self {
        Self {
            id: store.id,
            name: store.name,
            slug: store.slug,
            description: store.description,
            logo_url: store.logo_url,
            currency: store.currency,
            timezone: store.timezone,
            tax: store.tax,
            shipping_methods: store.shipping_methods,
            payment_methods: store.payment_methods,
            support_email: store.support_email,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateStore {
    #[garde(length(chars, min = 1, max = NAME_MAX), custom(check::clean))]
    pub name: String,
    /// The store's host name, unique on the platform and for good; made from the name unless given.
    #[garde(length(min = 3, max = SLUG_MAX), inner(custom(check::slug), custom(free_slug)))]
    #[serde(default)]
    pub slug: Option<String>,
    /// What everything in it costs; for good.
    #[garde(skip)]
    #[eserde(compat)]
    pub currency: Currency,
    /// IANA name: `Africa/Lagos`.
    #[garde(length(max = TIMEZONE_MAX), custom(time_zone))]
    pub timezone: String,
    #[garde(length(chars, min = 1, max = DESCRIPTION_MAX), inner(custom(check::clean)))]
    #[serde(default)]
    pub description: Option<String>,
    #[garde(length(max = URL_MAX), inner(custom(check::web_address)))]
    #[serde(default)]
    pub logo_url: Option<String>,
    /// None unless given.
    #[garde(dive)]
    #[serde(default)]
    pub tax: Option<TaxInput>,
    /// A store without any does not ship.
    #[garde(length(max = SHIPPING_METHODS_MAX), dive)]
    #[serde(default)]
    pub shipping_methods: Vec<ShippingMethodInput>,
    /// All that there are unless given.
    #[garde(length(min = 1, max = PAYMENT_METHODS.len()), inner(inner(custom(payment_method))))]
    #[serde(default)]
    pub payment_methods: Option<Vec<String>>,
    /// How long an order waits for its payment; 900 unless given.
    #[garde(range(min = PAYMENT_WINDOW_MIN_S, max = PAYMENT_WINDOW_MAX_S))]
    #[serde(default)]
    pub payment_window_s: Option<u32>,
    /// Where buyers write to; your own address unless given.
    #[garde(length(max = EMAIL_MAX), inner(custom(check::email)))]
    #[serde(default)]
    pub support_email: Option<String>,
    /// Who is told that something runs out.
    #[garde(length(max = EMAIL_MAX), inner(custom(check::email)))]
    #[serde(default)]
    pub low_stock_email: Option<String>,
}

/// Sales tax.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TaxInput {
    /// Hundredths of a percent: 750 is 7.5 %.
    #[garde(range(max = TAX_RATE_MAX_BASIS_POINTS))]
    pub rate_basis_points: u32,
    /// Prices contain it.
    #[garde(skip)]
    pub inclusive: bool,
}

impl From<TaxInput> for Tax {
    fn from(input: TaxInput) -> Self {
        Self { rate_basis_points: input.rate_basis_points, inclusive: input.inclusive }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ShippingMethodInput {
    /// What `POST /orders` names it by; unique in the store.
    #[garde(length(min = 3, max = SLUG_MAX), custom(check::slug))]
    pub id: String,
    #[garde(length(chars, min = 1, max = NAME_MAX), custom(check::clean))]
    pub name: String,
    /// In the store's currency.
    #[garde(custom(check::price))]
    #[eserde(compat)]
    pub rate: Money,
    #[garde(range(max = ESTIMATED_DAYS_MAX))]
    pub estimated_days: u32,
}

impl From<ShippingMethodInput> for ShippingMethod {
    fn from(input: ShippingMethodInput) -> Self {
        Self { id: input.id, name: input.name, rate: input.rate, estimated_days: input.estimated_days }
    }
}

/// Only what is given changes; null clears. Slug and currency stay what they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateStore {
    #[garde(length(chars, min = 1, max = NAME_MAX), inner(custom(check::clean)))]
    #[serde(default)]
    pub name: Option<String>,
    #[garde(length(chars, min = 1, max = DESCRIPTION_MAX), inner(inner(custom(check::clean))))]
    #[serde(default, deserialize_with = "patch::clearable")]
    pub description: Clearable<String>,
    #[garde(length(max = URL_MAX), inner(inner(custom(check::web_address))))]
    #[serde(default, deserialize_with = "patch::clearable")]
    pub logo_url: Clearable<String>,
    #[garde(length(max = TIMEZONE_MAX), inner(custom(time_zone)))]
    #[serde(default)]
    pub timezone: Option<String>,
    #[garde(dive)]
    #[serde(default)]
    pub tax: Option<TaxInput>,
    /// All of them.
    #[garde(length(max = SHIPPING_METHODS_MAX), dive)]
    #[serde(default)]
    pub shipping_methods: Option<Vec<ShippingMethodInput>>,
    #[garde(length(min = 1, max = PAYMENT_METHODS.len()), inner(inner(custom(payment_method))))]
    #[serde(default)]
    pub payment_methods: Option<Vec<String>>,
    #[garde(range(min = PAYMENT_WINDOW_MIN_S, max = PAYMENT_WINDOW_MAX_S))]
    #[serde(default)]
    pub payment_window_s: Option<u32>,
    #[garde(length(max = EMAIL_MAX), inner(custom(check::email)))]
    #[serde(default)]
    pub support_email: Option<String>,
    #[garde(length(max = EMAIL_MAX), inner(inner(custom(check::email))))]
    #[serde(default, deserialize_with = "patch::clearable")]
    pub low_stock_email: Clearable<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SetStoreStatus {
    #[garde(skip)]
    #[eserde(compat)]
    pub status: StoreStatus,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StorePath {
    pub id: StoreId,
}

pub fn time_zone<T: AsRef<str>>(text: &T, _: &()) -> garde::Result {
    rule(is_timezone(text.as_ref()), || "expected an IANA time zone, like Africa/Lagos".to_owned())
}

pub fn free_slug<T: AsRef<str>>(text: &T, _: &()) -> garde::Result {
    rule(!is_reserved_slug(text.as_ref()), || "this name is the platform's own".to_owned())
}

pub fn payment_method<T: AsRef<str>>(text: &T, _: &()) -> garde::Result {
    rule(PAYMENT_METHODS.contains(&text.as_ref()), || format!("expected one of {}", PAYMENT_METHODS.join(", ")))
}

fn rule(holds: bool, message: impl FnOnce() -> String) -> garde::Result {
    if holds { Ok(()) } else { Err(garde::Error::new(message())) }
}

endpoints! {
    /// Opens another store.
    ///
    /// It starts as a draft, which only its team sees; open it with `POST /stores/{id}/status`. The plan says how many
    /// stores a tenant may have (403 `plan_limit`).
    Create = Post "/stores" => "stores-create" {
        access: Access::Needs(Permission::StoresWrite), store: None, idempotency: Accepted,
        path: Nothing, query: Nothing, body: CreateStore, reply: 201 Store,
        tables: [Accounts: BatchGet, Tenants: BatchGet Put Update], emits: [StoreCreated],
        problems: [PLAN_LIMIT, SLUG_TAKEN, NOT_FOUND],
    }
    /// Lists the tenant's stores, oldest first.
    List = Get "/stores" => "stores-list" {
        access: Access::Needs(Permission::StoresRead), store: None, idempotency: None,
        path: Nothing, query: ListQuery, body: Nothing, reply: 200 Page<Store>,
        tables: [Tenants: Query], emits: [],
        grants: [CursorKey],
    }
    /// Shows the store that a host name or `X-Store` names, as buyers see it.
    Resolve = Get "/stores/resolve" => "stores-resolve" {
        access: Access::Public, store: Required, idempotency: None,
        path: Nothing, query: Nothing, body: Nothing, reply: 200 PublicStore,
        tables: [Tenants: Get], emits: [],
        problems: [NOT_FOUND],
    }
    /// Shows a store.
    Get = Get "/stores/{id}" => "stores-get" {
        access: Access::Needs(Permission::StoresRead), store: None, idempotency: None,
        path: StorePath, query: Nothing, body: Nothing, reply: 200 Store,
        tables: [Tenants: Get], emits: [],
    }
    /// Changes a store's settings.
    Update = Patch "/stores/{id}" => "stores-update" {
        access: Access::Needs(Permission::StoresWrite), store: None, idempotency: None,
        path: StorePath, query: Nothing, body: UpdateStore, reply: 200 Store,
        tables: [Tenants: Get Put], emits: [StoreUpdated],
    }
    /// Opens, suspends or closes a store.
    ///
    /// Buyers see it while it is active; a change takes up to 30 seconds to reach them. A closed store stays closed, and
    /// no longer counts against the plan.
    SetStatus = Post "/stores/{id}/status" => "stores-status" {
        access: Access::Needs(Permission::StoresWrite), store: None, idempotency: Accepted,
        path: StorePath, query: Nothing, body: SetStoreStatus, reply: 200 Store,
        tables: [Tenants: Get BatchGet Put Update], emits: [StoreStatusChanged],
        problems: [INVALID_STATE],
    }
}
