//! Carts over HTTP. A cart belongs to one guest or customer, in one store.

use domain::{
    CartId, Money, Permission, ProductId, StoreId, Timestamp, VariantId,
    limits::{COUPON_CODE_MAX, COUPON_CODE_MIN, QUANTITY_MAX},
    pricing::Totals,
};
use serde::{Deserialize, Serialize};

use crate::{check, endpoints, http::Nothing, row::Access};

/// A cart, with current prices and availability.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Cart {
    /// Null until the first item is added.
    pub id: Option<CartId>,
    /// The store.
    pub store_id: StoreId,
    /// The items; at most one line for each variant.
    pub lines: Vec<CartLine>,
    /// Totals of the lines that can be ordered (`available` and `price_changed`), at current prices. Shipping is 0,
    /// because it is chosen with the order.
    pub totals: Totals,
    /// The coupon in the cart, if there is one.
    pub coupon: Option<CartCoupon>,
    /// When the lines are discarded, unless the cart changes before. Null if there are no lines.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub expires_at: Option<Timestamp>,
    /// Version of the cart; 0 until the first item is added.
    pub version: u64,
}

/// The coupon in a cart, and its discount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CartCoupon {
    /// The code, in upper case.
    pub code: String,
    /// The discount, which `totals` includes; 0 if the coupon does not apply now. Whether the customer can use the
    /// coupon once more is checked when the order is placed.
    pub discount: Money,
    /// Why the coupon does not apply now; null if it does.
    pub problem: Option<CouponProblem>,
}

/// Why a coupon does not apply now. The cart can only be ordered after the coupon is removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CouponProblem {
    /// `coupon_not_applicable` or `coupon_exhausted`.
    pub code: String,
    /// An explanation, for people.
    pub detail: String,
}

/// A line of a cart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CartLine {
    /// The product.
    pub product_id: ProductId,
    /// The variant.
    pub variant_id: VariantId,
    /// Name of the product and variant; null if the product no longer exists.
    pub title: Option<String>,
    /// Address of a picture.
    pub image_url: Option<String>,
    /// Number of units.
    pub quantity: u32,
    /// Current price of one unit; the last known price if the variant is no longer sold.
    pub unit_price: Money,
    /// The price when the line was last added or changed. An order is refused if it differs from the current price.
    pub seen_price: Money,
    /// `unit_price` times `quantity`.
    pub line_total: Money,
    /// Whether the line can be ordered.
    pub state: LineState,
    /// Units that can be bought now.
    pub available: i64,
    /// When the variant was added.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub added_at: Timestamp,
}

/// Whether a line can be ordered. If several values apply, it is the last of them in this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum LineState {
    /// The line can be ordered.
    Available,
    /// The price changed. To accept the new price, update the cart item, even with the same quantity.
    PriceChanged,
    /// Fewer units are available than the line's quantity.
    OutOfStock,
    /// The variant is no longer sold.
    Discontinued,
}

/// An item to be added to the cart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AddItem {
    /// The product.
    #[garde(skip)]
    #[eserde(compat)]
    pub product_id: ProductId,
    /// The variant.
    #[garde(skip)]
    #[eserde(compat)]
    pub variant_id: VariantId,
    /// Number of units.
    #[garde(range(min = 1, max = QUANTITY_MAX))]
    pub quantity: u32,
}

/// A new quantity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangeItem {
    /// Number of units.
    #[garde(range(min = 1, max = QUANTITY_MAX))]
    pub quantity: u32,
}

/// A coupon code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CouponCode {
    /// The code, in upper or lower case.
    #[garde(length(min = COUPON_CODE_MIN, max = COUPON_CODE_MAX), custom(check::coupon_code))]
    pub code: String,
}

/// The guest whose cart is merged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct MergeCart {
    /// Access token of the guest, for the tenant of the same store.
    #[garde(length(min = 1, max = TOKEN_MAX), custom(check::token))]
    pub guest_token: String,
}

/// Longest access token, in bytes. The platform's own have fewer than 600.
const TOKEN_MAX: usize = 4_096;

/// The path of a cart item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ItemPath {
    /// The variant of the cart item.
    pub id: VariantId,
}

endpoints! {
    /// Get the cart
    ///
    /// The caller's cart, with current prices and availability. A cart that was ordered or has expired is empty.
    Get = Get "/cart" => "carts-get" {
        access: Access::Needs(Permission::CartsUse), store: Required, idempotency: None,
        path: Nothing, query: Nothing, body: Nothing, reply: 200 Cart,
        tables: [Carts: Get, Tenants: BatchGet, Catalog: BatchGet, Inventory: BatchGet, Coupons: BatchGet], emits: [],
        problems: [TOTAL_TOO_LARGE, NOT_FOUND],
    }
    /// Add a cart item
    ///
    /// Adds units of a variant at the current price. If the cart has the variant already, its quantity grows. More
    /// units than are available can be added: the line is then `out_of_stock`, and says how many are `available`. A
    /// variant without any stock is refused (409 `out_of_stock`).
    Add = Post "/cart/items" => "carts-add" {
        access: Access::Needs(Permission::CartsUse), store: Required, idempotency: Accepted,
        path: Nothing, query: Nothing, body: AddItem, reply: 200 Cart,
        tables: [Carts: Get Put, Tenants: BatchGet, Catalog: BatchGet, Inventory: BatchGet, Coupons: BatchGet], emits: [],
        problems: [NOT_FOUND, DISCONTINUED, OUT_OF_STOCK, QUANTITY_TOO_LARGE, CART_FULL, TOTAL_TOO_LARGE],
    }
    /// Update a cart item
    ///
    /// Sets the quantity of a variant, and accepts its current price.
    Change = Patch "/cart/items/{id}" => "carts-change" {
        access: Access::Needs(Permission::CartsUse), store: Required, idempotency: None,
        path: ItemPath, query: Nothing, body: ChangeItem, reply: 200 Cart,
        tables: [Carts: Get Put, Tenants: BatchGet, Catalog: BatchGet, Inventory: BatchGet, Coupons: BatchGet], emits: [],
        problems: [DISCONTINUED, QUANTITY_TOO_LARGE, TOTAL_TOO_LARGE],
    }
    /// Remove a cart item
    Remove = Delete "/cart/items/{id}" => "carts-remove" {
        access: Access::Needs(Permission::CartsUse), store: Required, idempotency: None,
        path: ItemPath, query: Nothing, body: Nothing, reply: 200 Cart,
        tables: [Carts: Get Put, Tenants: BatchGet, Catalog: BatchGet, Inventory: BatchGet, Coupons: BatchGet], emits: [],
        problems: [TOTAL_TOO_LARGE],
    }
    /// Clear the cart
    ///
    /// Removes all items and the coupon.
    Clear = Delete "/cart" => "carts-clear" {
        access: Access::Needs(Permission::CartsUse), store: Required, idempotency: None,
        path: Nothing, query: Nothing, body: Nothing, reply: 200 Cart,
        tables: [Carts: Get Put, Tenants: BatchGet, Catalog: BatchGet, Inventory: BatchGet, Coupons: BatchGet], emits: [],
        problems: [NOT_FOUND],
    }
    /// Apply a coupon to the cart
    ///
    /// Replaces any other coupon. A code that the store does not have, or that nobody can use now, is refused (422,
    /// naming `/code`). The cart in the response says whether the coupon applies to its items. The discount is on the
    /// goods, not on shipping.
    ApplyCoupon = Post "/cart/coupon" => "carts-apply-coupon" {
        access: Access::Needs(Permission::CartsUse), store: Required, idempotency: Accepted,
        path: Nothing, query: Nothing, body: CouponCode, reply: 200 Cart,
        tables: [
            Carts: Get Put, Tenants: BatchGet, Catalog: BatchGet, Inventory: BatchGet, Coupons: Get BatchGet,
        ],
        emits: [],
        problems: [NOT_FOUND, CART_EMPTY, TOTAL_TOO_LARGE],
        // Codes can be guessed.
        rate: Checkout,
    }
    /// Remove the coupon from the cart
    RemoveCoupon = Delete "/cart/coupon" => "carts-remove-coupon" {
        access: Access::Needs(Permission::CartsUse), store: Required, idempotency: None,
        path: Nothing, query: Nothing, body: Nothing, reply: 200 Cart,
        tables: [Carts: Get Put, Tenants: BatchGet, Catalog: BatchGet, Inventory: BatchGet, Coupons: BatchGet], emits: [],
        problems: [NOT_FOUND, TOTAL_TOO_LARGE],
    }
    /// Merge a guest's cart into the customer's
    ///
    /// For use after sign-in. If both carts have a variant, the larger quantity stays. A cart has at most 40 lines;
    /// lines beyond that stay in the guest's cart. The guest's coupon is moved if the customer's cart has none.
    Merge = Post "/cart/merge" => "carts-merge" {
        access: Access::Needs(Permission::CartsMerge), store: Required, idempotency: Accepted,
        path: Nothing, query: Nothing, body: MergeCart, reply: 200 Cart,
        tables: [Carts: BatchGet Put, Tenants: BatchGet, Catalog: BatchGet, Inventory: BatchGet, Coupons: BatchGet], emits: [],
        problems: [NOT_FOUND, TOTAL_TOO_LARGE],
        grants: [TokenKeys],
    }
}
