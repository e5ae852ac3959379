//! Orders over HTTP, and the steps of the saga that belong to them.

use domain::{
    AccountId, Money, OrderId, Permission, ReturnId, StoreId, Timestamp, VariantId,
    coupon::AppliedCoupon,
    limits::{EMAIL_MAX, NAME_MAX, ORDER_LINES_MAX, PHONE_MAX, QUANTITY_MAX, SHORT_TEXT_MAX},
    order::{
        Address, CancelReason, Customer, FulfilmentStatus, OrderLine, OrderStatus, ReturnLine, ReturnState,
        ReturnStatus, Tracking,
    },
    pricing::Totals,
};
use serde::{Deserialize, Serialize};

use crate::{
    check, endpoints, events,
    http::{Limit, ListQuery, Nothing, Page},
    row::Access,
    steps,
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
    /// Where the goods are; absent until the seller begins to prepare them.
    pub fulfilment: Option<Fulfilment>,
    /// In the order they were asked for.
    pub returns: Vec<Return>,
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
            fulfilment: order.fulfilment.map(Into::into),
            returns: order.returns.into_iter().map(Into::into).collect(),
            placed_at: order.placed_at,
            expires_at: order.expires_at,
            updated_at: order.updated_at,
            version,
        }
    }
}

/// Where an order's goods are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Fulfilment {
    pub status: FulfilmentStatus,
    pub tracking: Option<Tracking>,
    /// The seller's words on this status.
    pub note: Option<String>,
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub updated_at: Timestamp,
}

impl From<domain::order::Fulfilment> for Fulfilment {
    fn from(held: domain::order::Fulfilment) -> Self {
        Self { status: held.status, tracking: held.tracking, note: held.note, updated_at: held.updated_at }
    }
}

/// Goods that come back, or that their buyer wants to be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Return {
    pub id: ReturnId,
    pub status: ReturnStatus,
    pub lines: Vec<ReturnLine>,
    /// The buyer's words.
    pub reason: String,
    /// Of an accepted one: whether its units are on hand again.
    pub restock: Option<bool>,
    /// Of an accepted one: what goes back to the buyer.
    pub refund: Option<Money>,
    /// Of a rejected one: the seller's words.
    pub note: Option<String>,
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub requested_at: Timestamp,
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub decided_at: Option<Timestamp>,
}

impl From<domain::order::Return> for Return {
    fn from(held: domain::order::Return) -> Self {
        let status = held.state.status();
        let (restock, refund, note, decided_at) = match held.state {
            ReturnState::Requested => (None, None, None, None),
            ReturnState::Accepted { restock, refund, decided_at } => {
                (Some(restock), Some(refund), None, Some(decided_at))
            }
            ReturnState::Rejected { note, decided_at } => (None, None, note, Some(decided_at)),
        };
        let domain::order::Return { id, lines, reason, requested_at, .. } = held;
        Self { id, status, lines, reason, restock, refund, note, requested_at, decided_at }
    }
}

/// Where the goods are now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FulfilOrder {
    #[garde(skip)]
    #[eserde(compat)]
    pub status: FulfilmentStatus,
    /// Stays as it is unless given.
    #[garde(dive)]
    #[serde(default)]
    pub tracking: Option<TrackingInput>,
    /// For the buyer.
    #[garde(length(chars, min = 1, max = SHORT_TEXT_MAX), inner(custom(check::clean)))]
    #[serde(default)]
    pub note: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TrackingInput {
    #[garde(length(chars, min = 1, max = NAME_MAX), custom(check::clean))]
    pub courier: String,
    /// The courier's number of the parcel.
    #[garde(length(chars, min = 1, max = NAME_MAX), custom(check::clean))]
    pub number: String,
}

impl From<TrackingInput> for Tracking {
    fn from(input: TrackingInput) -> Self {
        Self { courier: input.courier, number: input.number }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RequestReturn {
    /// What comes back, each variant once.
    #[garde(length(min = 1, max = ORDER_LINES_MAX), dive)]
    pub lines: Vec<ReturnLineInput>,
    /// For the seller.
    #[garde(length(chars, min = 1, max = SHORT_TEXT_MAX), custom(check::clean))]
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReturnLineInput {
    #[garde(skip)]
    #[eserde(compat)]
    pub variant_id: VariantId,
    #[garde(range(min = 1, max = QUANTITY_MAX))]
    pub quantity: u32,
}

impl From<ReturnLineInput> for ReturnLine {
    fn from(input: ReturnLineInput) -> Self {
        Self { variant_id: input.variant_id, quantity: input.quantity }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DecideReturn {
    #[garde(skip)]
    pub accept: bool,
    /// Of accepted goods: whether they can be sold again. They cannot unless this says so.
    #[garde(skip)]
    #[serde(default)]
    pub restock: bool,
    /// For the buyer of goods that are not taken back.
    #[garde(length(chars, min = 1, max = SHORT_TEXT_MAX), inner(custom(check::clean)))]
    #[serde(default)]
    pub note: Option<String>,
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

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReturnPath {
    pub id: OrderId,
    pub return_id: ReturnId,
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
            Orders: Put, Carts: BatchGet Put, Tenants: BatchGet, Catalog: BatchGet, Inventory: Put Update, Timers: Put,
            Coupons: BatchGet Put Update,
        ],
        emits: [OrderCreated],
        problems: [CART_CHANGED, CART_EMPTY, COUPON_EXHAUSTED, COUPON_NOT_APPLICABLE, COUPON_USED, LINES_UNAVAILABLE, NOTHING_TO_PAY, TOTAL_TOO_LARGE, NOT_FOUND],
        rate: Checkout,
        reserved: true,
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
        tables: [Orders: Get Put, Timers: Delete],
        emits: [OrderCancelRequested, OrderCancelled],
        problems: [INVALID_STATE],
    }
    /// Says where an order's goods are.
    ///
    /// A confirmed order is `preparing` or at once `dispatched`, which makes it `fulfilled`: it cannot be cancelled any
    /// more. From there it may be `in_transit`, `out_for_delivery`, and is `delivered`, which makes it `completed`, or
    /// `delivery_failed`, after which it may be dispatched again. The buyer is told of dispatch and delivery.
    Fulfil = Post "/orders/{id}/fulfilment" => "orders-fulfil" {
        access: Access::Needs(Permission::OrdersFulfil), store: None, idempotency: Required,
        path: OrderPath, query: Nothing, body: FulfilOrder, reply: 200 Order,
        tables: [Orders: Get Put],
        emits: [OrderDispatched, OrderDelivered, OrderFulfilmentUpdated],
        problems: [INVALID_STATE],
    }
    /// Asks for delivered goods to be taken back.
    ///
    /// Within 30 days of delivery, and no more of a variant than was bought and is not coming back already; lines that
    /// cannot come back are named (422). The seller decides.
    AskReturn = Post "/orders/{id}/returns" => "orders-request-return" {
        access: Access::Needs(Permission::OrdersRequestReturn), store: None, idempotency: Required,
        path: OrderPath, query: Nothing, body: RequestReturn, reply: 201 Return,
        tables: [Orders: Get Put], emits: [ReturnRequested],
        problems: [INVALID_STATE, RETURN_WINDOW_CLOSED, TOO_MANY_RETURNS],
    }
    /// Accepts or rejects a return.
    ///
    /// What is accepted is refunded: its share of what was paid for the goods, not of the shipping. A decision stands:
    /// the same one is answered as it was, another one is refused (409 `already_decided`).
    Decide = Post "/orders/{id}/returns/{return_id}/decide" => "orders-decide-return" {
        access: Access::Needs(Permission::OrdersReturn), store: None, idempotency: Accepted,
        path: ReturnPath, query: Nothing, body: DecideReturn, reply: 200 Return,
        tables: [Orders: Get Put], emits: [OrderReturned, ReturnRejected],
        problems: [ALREADY_DECIDED, INVALID_STATE],
    }
    /// Lists a store's orders, newest first, for its team.
    ListAll = Get "/admin/orders" => "orders-list-all" {
        access: Access::Needs(Permission::OrdersReadAll), store: Required, idempotency: None,
        path: Nothing, query: ListOrders, body: Nothing, reply: 200 Page<Order>,
        tables: [Orders: Query], emits: [],
        grants: [CursorKey],
    }
}

steps! {
    /// The money is there: the order is paid, or refunded if a person cancelled it meanwhile.
    OnPaymentCompleted = "orders-on-payment-completed" on events::PaymentCompleted {
        retry: STEP,
        tables: [Orders: Get Put, Requests: Put, Timers: Delete],
        emits: [OrderPaymentCompleted, OrderCancelled],
        reserved: true,
    }
    /// No money will come: the order is cancelled, and the buyer's cart given back.
    OnPaymentFailed = "orders-on-payment-failed" on events::PaymentFailed {
        retry: STEP,
        tables: [Orders: Get Put, Carts: Update, Requests: Put, Timers: Delete], emits: [OrderCancelled],
    }
    /// The stock is sold: the order is confirmed.
    OnStockUpdated = "orders-on-stock-updated" on events::StockCountUpdated {
        retry: STEP,
        tables: [Orders: Get Put, Requests: Put], emits: [OrderConfirmed],
        reserved: true,
    }
    /// The stock was gone when the money came: the order is off and its money is refunded.
    OnStockRejected = "orders-on-stock-rejected" on events::StockRejected {
        retry: STEP,
        tables: [Orders: Get Put, Requests: Put], emits: [OrderCancelled],
    }
    /// All the money was refunded, of a cancelled order or of returned goods: so is the order.
    OnRefundCompleted = "orders-on-refund-completed" on events::RefundCompleted {
        retry: STEP,
        tables: [Orders: Get Put, Requests: Put], emits: [OrderRefunded],
    }
    /// The payment window closed: an order that is still unpaid is cancelled, and the buyer's cart given back.
    Expire = "orders-expire" about OrderId {
        retry: STEP,
        tables: [Orders: Get Put, Carts: Update, Timers: Delete], emits: [OrderCancelled],
    }
}
