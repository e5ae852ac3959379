//! Orders over HTTP, and the steps of the saga that belong to them.

use domain::{
    AccountId, OrderId, Permission, StoreId, Timestamp,
    coupon::AppliedCoupon,
    limits::{EMAIL_MAX, NAME_MAX, PHONE_MAX, SHORT_TEXT_MAX},
    order::{Address, CancelReason, Customer, OrderLine, OrderStatus, Totals},
};
use serde::{Deserialize, Serialize};

use crate::{
    check, endpoints, events,
    events::Event,
    http::{Limit, ListQuery, Nothing, Page},
    table::{Access, Action, Consumer, Grant, Grants, MEMORY_MB, Source, Table},
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PlaceOrder {
    #[garde(dive)]
    pub customer: CustomerInput,
    /// Needed where the store ships.
    #[garde(dive)]
    #[serde(default)]
    pub shipping_address: Option<AddressInput>,
    /// Id of one of the store's shipping methods; needed where it has any.
    #[garde(length(min = 1, max = NAME_MAX))]
    #[serde(default)]
    pub shipping_method: Option<String>,
    /// One of the store's payment methods; its first unless given.
    #[garde(length(min = 1, max = NAME_MAX))]
    #[serde(default)]
    pub payment_method: Option<String>,
    /// For the seller.
    #[garde(length(chars, min = 1, max = SHORT_TEXT_MAX), inner(custom(check::clean)))]
    #[serde(default)]
    pub note: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CustomerInput {
    #[garde(length(chars, min = 1, max = NAME_MAX), custom(check::clean))]
    pub name: String,
    #[garde(length(max = EMAIL_MAX), custom(check::email))]
    pub email: String,
    #[garde(length(max = PHONE_MAX), inner(custom(check::phone)))]
    #[serde(default)]
    pub phone: Option<String>,
}

impl From<CustomerInput> for Customer {
    fn from(input: CustomerInput) -> Self {
        Self { name: input.name, email: domain::text::normalize_email(&input.email), phone: input.phone }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AddressInput {
    #[garde(length(chars, min = 1, max = NAME_MAX), custom(check::clean))]
    pub full_name: String,
    #[garde(length(chars, min = 1, max = SHORT_TEXT_MAX), custom(check::clean))]
    pub address: String,
    #[garde(length(chars, min = 1, max = NAME_MAX), custom(check::clean))]
    pub city: String,
    #[garde(length(chars, min = 1, max = NAME_MAX), inner(custom(check::clean)))]
    #[serde(default)]
    pub state: Option<String>,
    /// ISO 3166-1 alpha-2.
    #[garde(length(equal = 2), custom(check::country))]
    pub country: String,
    #[garde(length(chars, min = 1, max = NAME_MAX), inner(custom(check::clean)))]
    #[serde(default)]
    pub postal_code: Option<String>,
    #[garde(length(max = PHONE_MAX), inner(custom(check::phone)))]
    #[serde(default)]
    pub phone: Option<String>,
}

impl From<AddressInput> for Address {
    fn from(input: AddressInput) -> Self {
        Self {
            full_name: input.full_name,
            address: input.address,
            city: input.city,
            state: input.state,
            country: input.country,
            postal_code: input.postal_code,
            phone: input.phone,
        }
    }
}

/// An order, as its buyer and the store's team see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Order {
    pub id: OrderId,
    pub number: String,
    pub store_id: StoreId,
    pub status: OrderStatus,
    pub cancel_reason: Option<CancelReason>,
    pub buyer_id: AccountId,
    pub customer: Customer,
    pub shipping_address: Option<Address>,
    pub shipping_method: Option<String>,
    pub payment_method: String,
    pub note: Option<String>,
    pub lines: Vec<OrderLine>,
    pub totals: Totals,
    /// What took `totals.discount` off.
    pub coupon: Option<AppliedCoupon>,
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub placed_at: Timestamp,
    /// Until when it can be paid.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub expires_at: Timestamp,
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub updated_at: Timestamp,
    pub version: u64,
}

impl Order {
    pub fn new(order: domain::order::Order, version: u64) -> Self {
        Self {
            id: order.id,
            status: order.state.status(),
            cancel_reason: order.cancel_reason(),
            number: order.number,
            store_id: order.store_id,
            buyer_id: order.buyer_id,
            customer: order.customer,
            shipping_address: order.shipping_address,
            shipping_method: order.shipping_method,
            payment_method: order.payment_provider,
            note: order.note,
            lines: order.lines,
            totals: order.totals,
            coupon: order.coupon,
            placed_at: order.placed_at,
            expires_at: order.expires_at,
            updated_at: order.updated_at,
            version,
        }
    }
}

/// A step an order went through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TimelineEntry {
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub at: Timestamp,
    pub status: OrderStatus,
    /// The event this step sent out.
    pub event: String,
    /// Version of the order after it.
    pub version: u64,
}

/// Everything that happened to an order, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Timeline {
    pub order_id: OrderId,
    pub items: Vec<TimelineEntry>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OrderPath {
    pub id: OrderId,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ListOrders {
    #[serde(default)]
    pub status: Option<OrderStatus>,
    #[serde(default)]
    pub limit: Limit,
    #[serde(default)]
    pub cursor: Option<String>,
}

/// A line that cannot be ordered as it is, in a problem's `errors`.
pub const OUT_OF_STOCK: &str = "out_of_stock";
pub const PRICE_CHANGED: &str = "price_changed";
pub const DISCONTINUED: &str = "discontinued";

endpoints! {
    /// Places an order for what is in the caller's cart.
    ///
    /// Every line is reserved, or none: lines that cannot be had are named (409) and the cart stays. Prices, shipping
    /// and tax are read at this moment; a price that changed since the cart last showed it is an error too, never a
    /// surprise. The order waits for its payment until `expires_at`.
    ///
    /// A coupon in the cart is used, or the order refused: 409 `coupon_exhausted` where it has been used as often as it
    /// may be, `coupon_used` where this customer (by e-mail address) has, `coupon_not_applicable` for all other reasons.
    Place = Post "/orders" => "orders-place" {
        access: Access::Needs(Permission::OrdersPlace), store: Required, idempotency: Required,
        path: Nothing, query: Nothing, body: PlaceOrder, reply: 201 Order,
        tables: [
            Orders: Put, Carts: BatchGet Put, Tenants: BatchGet, Catalog: BatchGet, Inventory: Put Update,
            Coupons: BatchGet Put Update,
        ],
        emits: [events::OrderCreated::TYPE],
    }
    /// Lists the caller's own orders, newest first.
    List = Get "/orders" => "orders-list" {
        access: Access::Needs(Permission::OrdersReadOwn), store: Required, idempotency: None,
        path: Nothing, query: ListQuery, body: Nothing, reply: 200 Page<Order>,
        tables: [Orders: Query], emits: [],
        grants: [CursorKey],
    }
    /// Shows an order to its buyer or the store's team.
    Get = Get "/orders/{id}" => "orders-get" {
        access: Access::Needs(Permission::OrdersRead), store: None, idempotency: None,
        path: OrderPath, query: Nothing, body: Nothing, reply: 200 Order,
        tables: [Orders: Get], emits: [],
    }
    /// Shows everything that happened to an order.
    ShowTimeline = Get "/orders/{id}/timeline" => "orders-timeline" {
        access: Access::Needs(Permission::OrdersRead), store: None, idempotency: None,
        path: OrderPath, query: Nothing, body: Nothing, reply: 200 Timeline,
        tables: [Orders: Query], emits: [],
    }
    /// Cancels an order.
    ///
    /// One that may be being paid is `cancel_requested` until the payment is settled; one that is paid is refunded.
    Cancel = Post "/orders/{id}/cancel" => "orders-cancel" {
        access: Access::Needs(Permission::OrdersCancel), store: None, idempotency: Required,
        path: OrderPath, query: Nothing, body: Nothing, reply: 200 Order,
        tables: [Orders: Get Put],
        emits: [events::OrderCancelRequested::TYPE, events::OrderCancelled::TYPE],
    }
    /// Lists a store's orders, newest first, for its team.
    ListAll = Get "/admin/orders" => "orders-list-all" {
        access: Access::Needs(Permission::OrdersReadAll), store: Required, idempotency: None,
        path: Nothing, query: ListOrders, body: Nothing, reply: 200 Page<Order>,
        tables: [Orders: Query], emits: [],
        grants: [CursorKey],
    }
}

const STEP_TABLES: Grants = &[(Table::Orders, &[Action::Get, Action::Put])];

/// A step that cancels an unpaid order gives the buyer's cart back.
const CANCELLING_STEP_TABLES: Grants =
    &[(Table::Orders, &[Action::Get, Action::Put]), (Table::Carts, &[Action::Update])];

pub const ON_PAYMENT_COMPLETED: Consumer = Consumer {
    function: "orders-on-payment-completed",
    doc: "The money is there: the order is paid, or refunded if a person cancelled it meanwhile.",
    source: Source::Events { types: &[events::PaymentCompleted::TYPE], delay_s: 0 },
    batch: 10,
    concurrency: 0,
    timeout_s: 20,
    tables: STEP_TABLES,
    emits: &[events::OrderPaymentCompleted::TYPE, events::OrderCancelled::TYPE],
    grants: &[],
    memory_mb: MEMORY_MB,
};

pub const ON_PAYMENT_FAILED: Consumer = Consumer {
    function: "orders-on-payment-failed",
    doc: "No money will come: the order is cancelled.",
    source: Source::Events { types: &[events::PaymentFailed::TYPE], delay_s: 0 },
    tables: CANCELLING_STEP_TABLES,
    emits: &[events::OrderCancelled::TYPE],
    ..ON_PAYMENT_COMPLETED
};

pub const ON_STOCK_UPDATED: Consumer = Consumer {
    function: "orders-on-stock-updated",
    doc: "The stock is sold: the order is confirmed.",
    source: Source::Events { types: &[events::StockCountUpdated::TYPE], delay_s: 0 },
    emits: &[events::OrderConfirmed::TYPE],
    ..ON_PAYMENT_COMPLETED
};

pub const ON_STOCK_REJECTED: Consumer = Consumer {
    function: "orders-on-stock-rejected",
    doc: "The stock was gone when the money came: the order is off and its money goes back.",
    source: Source::Events { types: &[events::StockRejected::TYPE], delay_s: 0 },
    emits: &[events::OrderCancelled::TYPE],
    ..ON_PAYMENT_COMPLETED
};

pub const ON_REFUND_COMPLETED: Consumer = Consumer {
    function: "orders-on-refund-completed",
    doc: "All the money went back: the order is refunded.",
    source: Source::Events { types: &[events::RefundCompleted::TYPE], delay_s: 0 },
    emits: &[events::OrderRefunded::TYPE],
    ..ON_PAYMENT_COMPLETED
};

pub const EXPIRE: Consumer = Consumer {
    function: "orders-expire",
    doc: "The payment window closed: the order is cancelled. Called when the shortest window is over, and again when the order's own is.",
    source: Source::Events { types: &[events::OrderCreated::TYPE], delay_s: domain::limits::PAYMENT_WINDOW_MIN_S },
    tables: CANCELLING_STEP_TABLES,
    emits: &[events::OrderCancelled::TYPE],
    grants: &[Grant::Requeue],
    ..ON_PAYMENT_COMPLETED
};

/// This service's consumers.
pub const CONSUMERS: &[&Consumer] =
    &[&ON_PAYMENT_COMPLETED, &ON_PAYMENT_FAILED, &ON_STOCK_UPDATED, &ON_STOCK_REJECTED, &ON_REFUND_COMPLETED, &EXPIRE];
