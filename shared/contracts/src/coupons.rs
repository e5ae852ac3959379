//! Coupons over HTTP, and the step of the saga that gives their uses back.

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

/// A coupon, as the store's team sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Coupon {
    pub id: CouponId,
    pub store_id: StoreId,
    pub code: String,
    pub discount: Discount,
    pub minimum_subtotal: Option<Money>,
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub starts_at: Option<Timestamp>,
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub ends_at: Option<Timestamp>,
    pub cap: Option<u32>,
    pub cap_per_customer: Option<u32>,
    /// Orders that use it; one that is cancelled gives its use back.
    pub uses: u32,
    pub active: bool,
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub created_at: Timestamp,
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub updated_at: Timestamp,
    /// One more with each change, and with each use.
    pub version: u64,
}

impl Coupon {
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

#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateCoupon {
    /// Unique in the store, kept in upper case.
    #[garde(length(min = COUPON_CODE_MIN, max = COUPON_CODE_MAX), custom(check::coupon_code))]
    pub code: String,
    /// A share of the goods, or an amount in the store's currency.
    #[garde(custom(is_possible))]
    #[eserde(compat)]
    pub discount: Discount,
    /// What the goods must come to.
    #[garde(inner(custom(check::price)))]
    #[eserde(compat)]
    #[serde(default)]
    pub minimum_subtotal: Option<Money>,
    #[garde(skip)]
    #[eserde(compat)]
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>", extend("format" = "date-time")))]
    pub starts_at: Option<Timestamp>,
    /// After `starts_at`.
    #[garde(skip)]
    #[eserde(compat)]
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>", extend("format" = "date-time")))]
    pub ends_at: Option<Timestamp>,
    /// Uses in all.
    #[garde(range(min = 1, max = COUPON_CAP_MAX))]
    #[serde(default)]
    pub cap: Option<u32>,
    /// Uses by one customer, by e-mail address.
    #[garde(range(min = 1, max = COUPON_CAP_MAX))]
    #[serde(default)]
    pub cap_per_customer: Option<u32>,
    /// It is, unless told.
    #[garde(skip)]
    #[serde(default)]
    pub active: Option<bool>,
}

/// Only what is given changes; null clears.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateCoupon {
    #[garde(inner(custom(is_possible)))]
    #[eserde(compat)]
    #[serde(default)]
    pub discount: Option<Discount>,
    #[garde(inner(inner(custom(check::price))))]
    #[serde(default, deserialize_with = "patch::clearable")]
    pub minimum_subtotal: Clearable<Money>,
    #[garde(skip)]
    #[serde(default, deserialize_with = "patch::clearable")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>", extend("format" = "date-time")))]
    pub starts_at: Clearable<Timestamp>,
    #[garde(skip)]
    #[serde(default, deserialize_with = "patch::clearable")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>", extend("format" = "date-time")))]
    pub ends_at: Clearable<Timestamp>,
    /// Not below the uses there are.
    #[garde(inner(inner(range(min = 1, max = COUPON_CAP_MAX))))]
    #[serde(default, deserialize_with = "patch::clearable")]
    pub cap: Clearable<u32>,
    #[garde(inner(inner(range(min = 1, max = COUPON_CAP_MAX))))]
    #[serde(default, deserialize_with = "patch::clearable")]
    pub cap_per_customer: Clearable<u32>,
    #[garde(skip)]
    #[serde(default)]
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

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CouponPath {
    pub id: CouponId,
}

endpoints! {
    /// Adds a coupon.
    Create = Post "/coupons" => "coupons-create" {
        access: Access::Needs(Permission::CouponsWrite), store: Required, idempotency: Accepted,
        path: Nothing, query: Nothing, body: CreateCoupon, reply: 201 Coupon,
        tables: [Coupons: Put, Tenants: Get], emits: [CouponCreated],
        problems: [CODE_TAKEN, NOT_FOUND],
    }
    /// Lists a store's coupons, newest first.
    List = Get "/coupons" => "coupons-list" {
        access: Access::Needs(Permission::CouponsRead), store: Required, idempotency: None,
        path: Nothing, query: ListQuery, body: Nothing, reply: 200 Page<Coupon>,
        tables: [Coupons: Query], emits: [],
        grants: [CursorKey],
    }
    /// Shows a coupon.
    Get = Get "/coupons/{id}" => "coupons-get" {
        access: Access::Needs(Permission::CouponsRead), store: Required, idempotency: None,
        path: CouponPath, query: Nothing, body: Nothing, reply: 200 Coupon,
        tables: [Coupons: Get], emits: [],
    }
    /// Changes a coupon's terms.
    ///
    /// Orders that were placed keep what it took off. Every use is a new version, so `If-Match` refuses a change of a
    /// coupon that somebody used meanwhile.
    Update = Patch "/coupons/{id}" => "coupons-update" {
        access: Access::Needs(Permission::CouponsWrite), store: Required, idempotency: None,
        path: CouponPath, query: Nothing, body: UpdateCoupon, reply: 200 Coupon,
        tables: [Coupons: BatchGet Put, Tenants: BatchGet], emits: [CouponUpdated],
    }
    /// Deletes a coupon, used or not.
    ///
    /// Orders that were placed keep what it took off. Its code is free for another coupon at once.
    Delete = Delete "/coupons/{id}" => "coupons-delete" {
        access: Access::Needs(Permission::CouponsWrite), store: Required, idempotency: None,
        path: CouponPath, query: Nothing, body: Nothing, reply: 200 Coupon,
        tables: [Coupons: Get Delete], emits: [CouponDeleted],
    }
}

steps! {
    /// The order is off: the use that it made of a coupon is given back.
    OnOrderCancelled = "coupons-on-order-cancelled" on events::OrderCancelled {
        retry: STEP,
        tables: [Coupons: Get Put Update, Requests: Put], emits: [],
    }
}
