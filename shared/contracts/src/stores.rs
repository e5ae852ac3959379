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

/// A store, for its team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Store {
    /// Id of the store.
    pub id: StoreId,
    /// Name of the store.
    pub name: String,
    /// The store's host name below the platform's domain.
    pub slug: String,
    /// Description, for buyers.
    pub description: Option<String>,
    /// Address of the logo.
    pub logo_url: Option<String>,
    /// Currency of all prices.
    pub currency: Currency,
    /// IANA time zone name.
    pub timezone: String,
    /// Sales tax.
    pub tax: Tax,
    /// Shipping methods; a store without any does not ship.
    pub shipping_methods: Vec<ShippingMethod>,
    /// Payment methods that buyers can choose.
    pub payment_methods: Vec<String>,
    /// How long an order waits for its payment, in seconds.
    pub payment_window_s: u32,
    /// Where buyers can write to; null until the seller sets it.
    pub support_email: Option<String>,
    /// Where warnings of low stock are sent.
    pub low_stock_email: Option<String>,
    /// Status of the store.
    pub status: StoreStatus,
    /// When the store was created.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub created_at: Timestamp,
    /// When the store last changed.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub updated_at: Timestamp,
    /// Version of the store, for `If-Match`; one more with each change.
    pub version: u64,
}

impl Store {
    /// The store as the API returns it.
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

/// A store, for buyers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PublicStore {
    /// Id of the store.
    pub id: StoreId,
    /// Name of the store.
    pub name: String,
    /// The store's host name below the platform's domain.
    pub slug: String,
    /// Description, for buyers.
    pub description: Option<String>,
    /// Address of the logo.
    pub logo_url: Option<String>,
    /// Currency of all prices.
    pub currency: Currency,
    /// IANA time zone name.
    pub timezone: String,
    /// Sales tax.
    pub tax: Tax,
    /// Shipping methods; a store without any does not ship.
    pub shipping_methods: Vec<ShippingMethod>,
    /// Payment methods that buyers can choose.
    pub payment_methods: Vec<String>,
    /// Where buyers can write to; null until the seller sets it.
    pub support_email: Option<String>,
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

/// A store to be created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateStore {
    /// Name of the store.
    #[garde(length(chars, min = 1, max = NAME_MAX), custom(check::line))]
    pub name: String,
    /// The store's host name below the platform's domain; unique on the platform; never changes. By default made from
    /// the name.
    #[garde(length(min = 3, max = SLUG_MAX), inner(custom(check::slug), custom(free_slug)))]
    #[serde(default)]
    pub slug: Option<String>,
    /// Currency of all prices in the store; never changes.
    #[garde(skip)]
    #[eserde(compat)]
    pub currency: Currency,
    /// IANA time zone name, like `Africa/Lagos`.
    #[garde(length(max = TIMEZONE_MAX), custom(time_zone))]
    pub timezone: String,
    /// Description, for buyers.
    #[garde(length(chars, min = 1, max = DESCRIPTION_MAX), inner(custom(check::paragraph)))]
    #[serde(default)]
    pub description: Option<String>,
    /// Address of the logo.
    #[garde(length(max = URL_MAX), inner(custom(check::web_address)))]
    #[serde(default)]
    pub logo_url: Option<String>,
    /// Sales tax; by default none.
    #[garde(dive)]
    #[serde(default)]
    pub tax: Option<TaxInput>,
    /// Shipping methods; a store without any does not ship.
    #[garde(length(max = SHIPPING_METHODS_MAX), dive)]
    #[serde(default)]
    pub shipping_methods: Vec<ShippingMethodInput>,
    /// Payment methods; by default all that the platform has.
    #[garde(length(min = 1, max = PAYMENT_METHODS.len()), inner(inner(custom(payment_method))))]
    #[serde(default)]
    pub payment_methods: Option<Vec<String>>,
    /// How long an order waits for its payment, in seconds; by default 900.
    #[garde(range(min = PAYMENT_WINDOW_MIN_S, max = PAYMENT_WINDOW_MAX_S))]
    #[serde(default)]
    pub payment_window_s: Option<u32>,
    /// Where buyers can write to. It is published; by default there is none. The seller's own mails go to the address
    /// of the account that opens the store, whatever is set here.
    #[garde(length(max = EMAIL_MAX), inner(custom(check::email)))]
    #[serde(default)]
    pub support_email: Option<String>,
    /// Where warnings of low stock are sent.
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
    /// Whether prices include the tax. If not, it is added to the total.
    #[garde(skip)]
    pub inclusive: bool,
}

impl From<TaxInput> for Tax {
    fn from(input: TaxInput) -> Self {
        Self { rate_basis_points: input.rate_basis_points, inclusive: input.inclusive }
    }
}

/// A way to ship goods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ShippingMethodInput {
    /// Unique in the store; `POST /orders` selects the method by this id.
    #[garde(length(min = 3, max = SLUG_MAX), custom(check::slug))]
    pub id: String,
    /// Name, for buyers.
    #[garde(length(chars, min = 1, max = NAME_MAX), custom(check::line))]
    pub name: String,
    /// Price, in the store's currency.
    #[garde(custom(check::price))]
    #[eserde(compat)]
    pub rate: Money,
    /// Days until the goods usually arrive.
    #[garde(range(max = ESTIMATED_DAYS_MAX))]
    pub estimated_days: u32,
}

impl From<ShippingMethodInput> for ShippingMethod {
    fn from(input: ShippingMethodInput) -> Self {
        Self { id: input.id, name: input.name, rate: input.rate, estimated_days: input.estimated_days }
    }
}

/// Changes of a store. Absent fields keep their values; null clears a field that can be empty. Slug and currency cannot
/// be changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateStore {
    /// Name of the store.
    #[garde(length(chars, min = 1, max = NAME_MAX), inner(custom(check::line)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub name: Option<String>,
    /// Description, for buyers.
    #[garde(length(chars, min = 1, max = DESCRIPTION_MAX), inner(inner(custom(check::paragraph))))]
    #[serde(default, deserialize_with = "patch::clearable")]
    pub description: Clearable<String>,
    /// Address of the logo.
    #[garde(length(max = URL_MAX), inner(inner(custom(check::web_address))))]
    #[serde(default, deserialize_with = "patch::clearable")]
    pub logo_url: Clearable<String>,
    /// IANA time zone name, like `Africa/Lagos`.
    #[garde(length(max = TIMEZONE_MAX), inner(custom(time_zone)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub timezone: Option<String>,
    /// Sales tax.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "TaxInput"))]
    pub tax: Option<TaxInput>,
    /// All shipping methods: the list replaces the old one.
    #[garde(length(max = SHIPPING_METHODS_MAX), dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<ShippingMethodInput>"))]
    pub shipping_methods: Option<Vec<ShippingMethodInput>>,
    /// All payment methods: the list replaces the old one.
    #[garde(length(min = 1, max = PAYMENT_METHODS.len()), inner(inner(custom(payment_method))))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub payment_methods: Option<Vec<String>>,
    /// How long an order waits for its payment, in seconds.
    #[garde(range(min = PAYMENT_WINDOW_MIN_S, max = PAYMENT_WINDOW_MAX_S))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "u32"))]
    pub payment_window_s: Option<u32>,
    /// Where buyers can write to. It is published.
    #[garde(length(max = EMAIL_MAX), inner(inner(custom(check::email))))]
    #[serde(default, deserialize_with = "patch::clearable")]
    pub support_email: Clearable<String>,
    /// Where warnings of low stock are sent.
    #[garde(length(max = EMAIL_MAX), inner(inner(custom(check::email))))]
    #[serde(default, deserialize_with = "patch::clearable")]
    pub low_stock_email: Clearable<String>,
}

/// A new status of a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SetStoreStatus {
    /// The new status.
    #[garde(skip)]
    #[eserde(compat)]
    pub status: StoreStatus,
}

/// The path of a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StorePath {
    /// Id of the store.
    pub id: StoreId,
}

/// Rule for IANA time zone names.
///
/// # Errors
/// The message, for the client.
pub fn time_zone<T: AsRef<str>>(text: &T, _: &()) -> garde::Result {
    rule(is_timezone(text.as_ref()), || "expected an IANA time zone, like Africa/Lagos".to_owned())
}

/// Rule for slugs: not one that the platform keeps for itself.
///
/// # Errors
/// The message, for the client.
pub fn free_slug<T: AsRef<str>>(text: &T, _: &()) -> garde::Result {
    rule(!is_reserved_slug(text.as_ref()), || "this name is reserved by the platform".to_owned())
}

/// Rule for payment methods: one of [`PAYMENT_METHODS`].
///
/// # Errors
/// The message, for the client.
pub fn payment_method<T: AsRef<str>>(text: &T, _: &()) -> garde::Result {
    rule(PAYMENT_METHODS.contains(&text.as_ref()), || format!("expected one of {}", PAYMENT_METHODS.join(", ")))
}

fn rule(holds: bool, message: impl FnOnce() -> String) -> garde::Result {
    if holds { Ok(()) } else { Err(garde::Error::new(message())) }
}

endpoints! {
    /// Create a store
    ///
    /// The store starts as a draft that only its team sees; open it with `POST /stores/{id}/status`. The tenant's plan
    /// limits the number of stores (403 `plan_limit`). Who closed five stores in the last 90 days cannot open another yet
    /// (409 `too_many_closed_stores`).
    Create = Post "/stores" => "stores-create" {
        access: Access::Needs(Permission::StoresWrite), store: None, idempotency: Accepted,
        path: Nothing, query: Nothing, body: CreateStore, reply: 201 Store,
        tables: [Accounts: BatchGet, Tenants: BatchGet Query Put Update], emits: [StoreCreated],
        problems: [PLAN_LIMIT, SLUG_TAKEN, TOO_MANY_CLOSED_STORES, NOT_FOUND],
    }
    /// List stores
    ///
    /// Stores of the tenant, oldest first.
    List = Get "/stores" => "stores-list" {
        access: Access::Needs(Permission::StoresRead), store: None, idempotency: None,
        path: Nothing, query: ListQuery, body: Nothing, reply: 200 Page<Store>,
        tables: [Tenants: Query], emits: [],
        grants: [CursorKey],
    }
    /// Resolve a store
    ///
    /// The store that the host name or `X-Store` names, for buyers.
    Resolve = Get "/stores/resolve" => "stores-resolve" {
        access: Access::Public, store: Required, idempotency: None,
        path: Nothing, query: Nothing, body: Nothing, reply: 200 PublicStore,
        tables: [Tenants: Get], emits: [],
        problems: [NOT_FOUND],
    }
    /// Get a store
    Get = Get "/stores/{id}" => "stores-get" {
        access: Access::Needs(Permission::StoresRead), store: None, idempotency: None,
        path: StorePath, query: Nothing, body: Nothing, reply: 200 Store,
        tables: [Tenants: Get], emits: [],
    }
    /// Update a store
    Update = Patch "/stores/{id}" => "stores-update" {
        access: Access::Needs(Permission::StoresWrite), store: None, idempotency: None,
        path: StorePath, query: Nothing, body: UpdateStore, reply: 200 Store,
        tables: [Tenants: Get Put], emits: [StoreUpdated],
    }
    /// Open, suspend or close a store
    ///
    /// Buyers see a store while it is active; a change takes up to 30 seconds to take effect for them. A closed store
    /// cannot be opened again, and no longer counts against the plan's limit. Its slug is kept from others for 90 days;
    /// then another store can take it.
    SetStatus = Post "/stores/{id}/status" => "stores-status" {
        access: Access::Needs(Permission::StoresWrite), store: None, idempotency: Accepted,
        path: StorePath, query: Nothing, body: SetStoreStatus, reply: 200 Store,
        tables: [Tenants: Get BatchGet Put Update], emits: [StoreStatusChanged],
        problems: [INVALID_STATE],
    }
}
