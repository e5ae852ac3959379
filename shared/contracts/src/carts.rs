//! Carts over HTTP. A cart belongs to the token's subject, guest or customer, in one store.

use domain::{
    CartId, Money, Permission, ProductId, StoreId, Timestamp, VariantId,
    limits::{COUPON_CODE_MAX, COUPON_CODE_MIN, QUANTITY_MAX},
    pricing::Totals,
};
use serde::{Deserialize, Serialize};

use crate::{check, endpoints, http::Nothing, row::Access};

/// A cart as its buyer sees it: with today's prices, and what of it can be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Cart {
    /// Absent until something was put in.
    pub id: Option<CartId>,
    pub store_id: StoreId,
    pub lines: Vec<CartLine>,
    /// Of the lines that can be ordered (`available` and `price_changed`), at today's prices. Shipping is 0 until it
    /// is chosen, with the order.
    pub totals: Totals,
    /// The coupon in the cart, if there is one.
    pub coupon: Option<CartCoupon>,
    /// When the lines are forgotten unless the cart changes before; absent while there are none.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub expires_at: Option<Timestamp>,
    /// 0 until something was put in.
    pub version: u64,
}

/// A coupon, and what it does for the cart as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CartCoupon {
    pub code: String,
    /// What it takes off, and `totals` counts; 0 where it does not apply right now. How often the customer has used it
    /// is looked at when the order is placed.
    pub discount: Money,
    pub problem: Option<CouponProblem>,
}

/// Why a coupon does not apply right now. The cart can be ordered without it only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CouponProblem {
    /// `coupon_not_applicable`, or `coupon_exhausted`.
    pub code: String,
    /// For people.
    pub detail: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CartLine {
    pub product_id: ProductId,
    pub variant_id: VariantId,
    /// Absent where the product is gone.
    pub title: Option<String>,
    pub image_url: Option<String>,
    pub quantity: u32,
    /// Today's price; the last one where it is no longer sold.
    pub unit_price: Money,
    /// The price when the line was last added or changed. An order is placed at this price or not at all.
    pub seen_price: Money,
    /// `unit_price` times `quantity`.
    pub line_total: Money,
    pub state: LineState,
    /// Units that can be bought now.
    pub available: i64,
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub added_at: Timestamp,
}

/// Whether a line can be ordered as it is. Where several apply, the last of these is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum LineState {
    Available,
    /// Change the line, if only to the same quantity, to accept today's price.
    PriceChanged,
    /// Fewer are available than the line asks for.
    OutOfStock,
    /// No longer sold.
    Discontinued,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AddItem {
    #[garde(skip)]
    #[eserde(compat)]
    pub product_id: ProductId,
    #[garde(skip)]
    #[eserde(compat)]
    pub variant_id: VariantId,
    #[garde(range(min = 1, max = QUANTITY_MAX))]
    pub quantity: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangeItem {
    #[garde(range(min = 1, max = QUANTITY_MAX))]
    pub quantity: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CouponCode {
    /// In upper or lower case.
    #[garde(length(min = COUPON_CODE_MIN, max = COUPON_CODE_MAX), custom(check::coupon_code))]
    pub code: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct MergeCart {
    /// A guest's access token, for the same store's tenant.
    #[garde(length(min = 1, max = TOKEN_MAX))]
    pub guest_token: String,
}

/// Ours have under 600 bytes.
const TOKEN_MAX: usize = 4_096;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ItemPath {
    /// The line's variant.
    pub id: VariantId,
}

endpoints! {
    /// Shows the caller's cart at today's prices, with what of it can be had.
    ///
    /// A cart that was ordered or has expired is an empty one.
    Get = Get "/cart" => "carts-get" {
        access: Access::Needs(Permission::CartsUse), store: Required, idempotency: None,
        path: Nothing, query: Nothing, body: Nothing, reply: 200 Cart,
        tables: [Carts: Get, Tenants: BatchGet, Catalog: BatchGet, Inventory: BatchGet, Coupons: BatchGet], emits: [],
        problems: [TOTAL_TOO_LARGE, NOT_FOUND],
    }
    /// Puts units of a variant into the cart.
    ///
    /// A variant already there grows, at today's price. More than is available may be put in: the line is then
    /// `out_of_stock` and says how many can be had. Where there is none at all, that is told at once (409
    /// `out_of_stock`).
    Add = Post "/cart/items" => "carts-add" {
        access: Access::Needs(Permission::CartsUse), store: Required, idempotency: Accepted,
        path: Nothing, query: Nothing, body: AddItem, reply: 200 Cart,
        tables: [Carts: Get Put, Tenants: BatchGet, Catalog: BatchGet, Inventory: BatchGet, Coupons: BatchGet], emits: [],
        problems: [NOT_FOUND, DISCONTINUED, OUT_OF_STOCK, QUANTITY_TOO_LARGE, CART_FULL, TOTAL_TOO_LARGE],
    }
    /// Sets how many of a variant are wanted, and accepts today's price.
    Change = Patch "/cart/items/{id}" => "carts-change" {
        access: Access::Needs(Permission::CartsUse), store: Required, idempotency: None,
        path: ItemPath, query: Nothing, body: ChangeItem, reply: 200 Cart,
        tables: [Carts: Get Put, Tenants: BatchGet, Catalog: BatchGet, Inventory: BatchGet, Coupons: BatchGet], emits: [],
        problems: [DISCONTINUED, QUANTITY_TOO_LARGE, TOTAL_TOO_LARGE],
    }
    /// Takes a line out of the cart.
    Remove = Delete "/cart/items/{id}" => "carts-remove" {
        access: Access::Needs(Permission::CartsUse), store: Required, idempotency: None,
        path: ItemPath, query: Nothing, body: Nothing, reply: 200 Cart,
        tables: [Carts: Get Put, Tenants: BatchGet, Catalog: BatchGet, Inventory: BatchGet, Coupons: BatchGet], emits: [],
        problems: [TOTAL_TOO_LARGE],
    }
    /// Takes everything out of the cart.
    Clear = Delete "/cart" => "carts-clear" {
        access: Access::Needs(Permission::CartsUse), store: Required, idempotency: None,
        path: Nothing, query: Nothing, body: Nothing, reply: 200 Cart,
        tables: [Carts: Get Put, Tenants: BatchGet, Catalog: BatchGet, Inventory: BatchGet, Coupons: BatchGet], emits: [],
        problems: [NOT_FOUND],
    }
    /// Puts a coupon into the cart, instead of any other.
    ///
    /// A code that the store does not have or that nobody can use now is refused (422, naming `/code`). Whether it
    /// applies to what is in the cart, the cart says; what it takes off, it takes off the goods and not the shipping.
    ApplyCoupon = Post "/cart/coupon" => "carts-apply-coupon" {
        access: Access::Needs(Permission::CartsUse), store: Required, idempotency: Accepted,
        path: Nothing, query: Nothing, body: CouponCode, reply: 200 Cart,
        tables: [
            Carts: Get Put, Tenants: BatchGet, Catalog: BatchGet, Inventory: BatchGet, Coupons: Get BatchGet,
        ],
        emits: [],
        problems: [NOT_FOUND, CART_EMPTY, TOTAL_TOO_LARGE],
    }
    /// Takes the coupon out of the cart.
    RemoveCoupon = Delete "/cart/coupon" => "carts-remove-coupon" {
        access: Access::Needs(Permission::CartsUse), store: Required, idempotency: None,
        path: Nothing, query: Nothing, body: Nothing, reply: 200 Cart,
        tables: [Carts: Get Put, Tenants: BatchGet, Catalog: BatchGet, Inventory: BatchGet, Coupons: BatchGet], emits: [],
        problems: [NOT_FOUND, TOTAL_TOO_LARGE],
    }
    /// Moves the lines of a guest's cart into the customer's, at sign-in.
    ///
    /// Of a variant in both, the larger quantity stays. Lines beyond the 40 that a cart holds stay in the guest's.
    /// The guest's coupon moves where the customer has chosen none.
    Merge = Post "/cart/merge" => "carts-merge" {
        access: Access::Needs(Permission::CartsMerge), store: Required, idempotency: Accepted,
        path: Nothing, query: Nothing, body: MergeCart, reply: 200 Cart,
        tables: [Carts: BatchGet Put, Tenants: BatchGet, Catalog: BatchGet, Inventory: BatchGet, Coupons: BatchGet], emits: [],
        problems: [NOT_FOUND, TOTAL_TOO_LARGE],
        grants: [TokenKeys],
    }
}
