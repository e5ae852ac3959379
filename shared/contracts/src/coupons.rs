//! Coupons over HTTP, and the step of the saga that releases their uses.

use domain::{
    CouponId, Money, Permission, StoreId, Timestamp,
    coupon::Discount,
    limits::{COUPON_CAP_MAX, COUPON_CODE_MAX, COUPON_CODE_MIN, DISCOUNT_MAX_BASIS_POINTS, PRICE_MAX_MINOR},
};
use serde::{Deserialize, Serialize};

use crate::{
    check, endpoints, events,
    http::{ListQuery, Nothing, Page},
    patch,
    patch::Clearable,
    row::Access,
    steps,
};

/// A coupon, for the store's team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Coupon {
    /// Id of the coupon.
    pub id: CouponId,
    /// The store.
    pub store_id: StoreId,
    /// The code.
    pub code: String,
    /// The discount on the goods.
    pub discount: Discount,
    /// The smallest subtotal that the coupon applies to.
    pub minimum_subtotal: Option<Money>,
    /// The coupon is valid from this moment on.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub starts_at: Option<Timestamp>,
    /// The coupon is valid before this moment.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub ends_at: Option<Timestamp>,
    /// The largest number of uses by all customers together.
    pub cap: Option<u32>,
    /// The largest number of uses by one customer (by e-mail address).
    pub cap_per_customer: Option<u32>,
    /// Orders that use the coupon, without cancelled ones.
    pub uses: u32,
    /// Whether the coupon is switched on.
    pub active: bool,
    /// When the coupon was created.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub created_at: Timestamp,
    /// When the coupon last changed.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub updated_at: Timestamp,
    /// Version of the coupon; one more with each change, and with each use.
    pub version: u64,
}

impl Coupon {
    /// The coupon as the API returns it.
    pub fn new(coupon: domain::coupon::Coupon, version: u64) -> Self {
        Self {
            id: coupon.id,
            store_id: coupon.store_id,
            code: coupon.code,
            discount: coupon.discount,
            minimum_subtotal: coupon.minimum_subtotal,
            starts_at: coupon.starts_at,
            ends_at: coupon.ends_at,
            cap: coupon.cap,
            cap_per_customer: coupon.cap_per_customer,
            uses: coupon.uses,
            active: coupon.active,
            created_at: coupon.created_at,
            updated_at: coupon.updated_at,
            version,
        }
    }
}

/// A coupon to be created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateCoupon {
    /// The code; unique in the store, stored in upper case.
    #[garde(length(min = COUPON_CODE_MIN, max = COUPON_CODE_MAX), custom(check::coupon_code))]
    pub code: String,
    /// A percentage of the subtotal, or an amount in the store's currency.
    #[garde(custom(is_possible))]
    #[eserde(compat)]
    pub discount: Discount,
    /// The smallest subtotal that the coupon applies to.
    #[garde(inner(custom(check::price)))]
    #[eserde(compat)]
    #[serde(default)]
    pub minimum_subtotal: Option<Money>,
    /// The coupon is valid from this moment on.
    #[garde(skip)]
    #[eserde(compat)]
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>", extend("format" = "date-time")))]
    pub starts_at: Option<Timestamp>,
    /// The coupon is valid before this moment, which must be after `starts_at`.
    #[garde(skip)]
    #[eserde(compat)]
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>", extend("format" = "date-time")))]
    pub ends_at: Option<Timestamp>,
    /// The largest number of uses by all customers together; unlimited if absent.
    #[garde(range(min = 1, max = COUPON_CAP_MAX))]
    #[serde(default)]
    pub cap: Option<u32>,
    /// The largest number of uses by one customer (by e-mail address); unlimited if absent.
    #[garde(range(min = 1, max = COUPON_CAP_MAX))]
    #[serde(default)]
    pub cap_per_customer: Option<u32>,
    /// Whether the coupon is switched on; by default it is.
    #[garde(skip)]
    #[serde(default)]
    pub active: Option<bool>,
}

/// Changes of a coupon. Absent fields keep their values; null clears a field that can be empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateCoupon {
    /// A percentage of the subtotal, or an amount in the store's currency.
    #[garde(inner(custom(is_possible)))]
    #[eserde(compat)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Discount"))]
    pub discount: Option<Discount>,
    /// The smallest subtotal that the coupon applies to.
    #[garde(inner(inner(custom(check::price))))]
    #[serde(default, deserialize_with = "patch::clearable")]
    pub minimum_subtotal: Clearable<Money>,
    /// The coupon is valid from this moment on.
    #[garde(skip)]
    #[serde(default, deserialize_with = "patch::clearable")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>", extend("format" = "date-time")))]
    pub starts_at: Clearable<Timestamp>,
    /// The coupon is valid before this moment, which must be after `starts_at`.
    #[garde(skip)]
    #[serde(default, deserialize_with = "patch::clearable")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>", extend("format" = "date-time")))]
    pub ends_at: Clearable<Timestamp>,
    /// The largest number of uses by all customers together; not below the current number of uses.
    #[garde(inner(inner(range(min = 1, max = COUPON_CAP_MAX))))]
    #[serde(default, deserialize_with = "patch::clearable")]
    pub cap: Clearable<u32>,
    /// The largest number of uses by one customer (by e-mail address).
    #[garde(inner(inner(range(min = 1, max = COUPON_CAP_MAX))))]
    #[serde(default, deserialize_with = "patch::clearable")]
    pub cap_per_customer: Clearable<u32>,
    /// Whether the coupon is switched on.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "bool"))]
    pub active: Option<bool>,
}

fn is_possible(discount: &Discount, (): &()) -> garde::Result {
    let (value, max, what) = match discount {
        Discount::Percentage { basis_points } => {
            (i64::from(*basis_points), DISCOUNT_MAX_BASIS_POINTS.into(), "basis_points")
        }
        Discount::Fixed { amount } => (amount.amount_minor, PRICE_MAX_MINOR, "amount_minor"),
    };
    if (1..=max).contains(&value) { Ok(()) } else { Err(garde::Error::new(format!("expected {what} from 1 to {max}"))) }
}

/// The path of a coupon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CouponPath {
    /// Id of the coupon.
    pub id: CouponId,
}

endpoints! {
    /// Create a coupon
    Create = Post "/coupons" => "coupons-create" {
        access: Access::Needs(Permission::CouponsWrite), store: Required, idempotency: Accepted,
        path: Nothing, query: Nothing, body: CreateCoupon, reply: 201 Coupon,
        tables: [Coupons: Put, Tenants: Get], emits: [CouponCreated],
        problems: [CODE_TAKEN, NOT_FOUND],
    }
    /// List coupons
    ///
    /// Coupons of a store, newest first.
    List = Get "/coupons" => "coupons-list" {
        access: Access::Needs(Permission::CouponsRead), store: Required, idempotency: None,
        path: Nothing, query: ListQuery, body: Nothing, reply: 200 Page<Coupon>,
        tables: [Coupons: Query], emits: [],
        grants: [CursorKey],
    }
    /// Get a coupon
    Get = Get "/coupons/{id}" => "coupons-get" {
        access: Access::Needs(Permission::CouponsRead), store: Required, idempotency: None,
        path: CouponPath, query: Nothing, body: Nothing, reply: 200 Coupon,
        tables: [Coupons: Get], emits: [],
    }
    /// Update a coupon
    ///
    /// Orders that were placed keep their discount. Every use makes a new version, so a request with `If-Match` is
    /// refused if the coupon was used in the meantime.
    Update = Patch "/coupons/{id}" => "coupons-update" {
        access: Access::Needs(Permission::CouponsWrite), store: Required, idempotency: None,
        path: CouponPath, query: Nothing, body: UpdateCoupon, reply: 200 Coupon,
        tables: [Coupons: BatchGet Put, Tenants: BatchGet], emits: [CouponUpdated],
    }
    /// Delete a coupon
    ///
    /// Possible even if the coupon was used: orders that were placed keep their discount. The code can be used for
    /// another coupon at once.
    Delete = Delete "/coupons/{id}" => "coupons-delete" {
        access: Access::Needs(Permission::CouponsWrite), store: Required, idempotency: None,
        path: CouponPath, query: Nothing, body: Nothing, reply: 200 Coupon,
        tables: [Coupons: Get Delete], emits: [CouponDeleted],
    }
}

steps! {
    /// An order was cancelled: releases its use of a coupon.
    OnOrderCancelled = "coupons-on-order-cancelled" on events::OrderCancelled {
        retry: STEP,
        tables: [Coupons: Get Put Update, Requests: Put], emits: [],
    }
}
