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

/// An order to be placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PlaceOrder {
    /// Contact data of the customer.
    #[garde(dive)]
    pub customer: CustomerInput,
    /// Required if the store has shipping methods.
    #[garde(dive)]
    #[serde(default)]
    pub shipping_address: Option<AddressInput>,
    /// Id of one of the store's shipping methods; required if the store has any.
    #[garde(length(chars, min = 1, max = NAME_MAX), inner(custom(check::line)))]
    #[serde(default)]
    pub shipping_method: Option<String>,
    /// One of the store's payment methods; by default its first.
    #[garde(length(chars, min = 1, max = NAME_MAX), inner(custom(check::line)))]
    #[serde(default)]
    pub payment_method: Option<String>,
    /// A note for the seller.
    #[garde(length(chars, min = 1, max = SHORT_TEXT_MAX), inner(custom(check::paragraph)))]
    #[serde(default)]
    pub note: Option<String>,
}

/// Contact data of the customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CustomerInput {
    /// The customer's name.
    #[garde(length(chars, min = 1, max = NAME_MAX), custom(check::line))]
    pub name: String,
    /// E-mail address.
    #[garde(length(max = EMAIL_MAX), custom(check::email))]
    pub email: String,
    /// Phone number in E.164 format, like `+2348012345678`.
    #[garde(length(max = PHONE_MAX), inner(custom(check::phone)))]
    #[serde(default)]
    pub phone: Option<String>,
}

impl From<CustomerInput> for Customer {
    fn from(input: CustomerInput) -> Self {
        Self { name: input.name, email: domain::text::normalize_email(&input.email), phone: input.phone }
    }
}

/// A shipping address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AddressInput {
    /// Name of the recipient.
    #[garde(length(chars, min = 1, max = NAME_MAX), custom(check::line))]
    pub full_name: String,
    /// Street and house number.
    #[garde(length(chars, min = 1, max = SHORT_TEXT_MAX), custom(check::line))]
    pub address: String,
    /// City or town.
    #[garde(length(chars, min = 1, max = NAME_MAX), custom(check::line))]
    pub city: String,
    /// State or region.
    #[garde(length(chars, min = 1, max = NAME_MAX), inner(custom(check::line)))]
    #[serde(default)]
    pub state: Option<String>,
    /// Code of the country (ISO 3166-1 alpha-2), like `NG`.
    #[garde(length(equal = 2), custom(check::country))]
    pub country: String,
    /// Postal code, where the country uses them.
    #[garde(length(chars, min = 1, max = NAME_MAX), inner(custom(check::line)))]
    #[serde(default)]
    pub postal_code: Option<String>,
    /// Phone number in E.164 format, like `+2348012345678`.
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

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Order {
    /// Id of the order.
    pub id: OrderId,
    /// A short number for people to read: `7KQ2-M9XD`.
    pub number: String,
    /// The store.
    pub store_id: StoreId,
    /// Status of the order.
    pub status: OrderStatus,
    /// Why the order was cancelled, if it was.
    pub cancel_reason: Option<CancelReason>,
    /// The guest or customer who placed the order.
    pub buyer_id: AccountId,
    /// Contact data of the customer.
    pub customer: Customer,
    /// Where the goods are sent.
    pub shipping_address: Option<Address>,
    /// Id of the store's shipping method.
    pub shipping_method: Option<String>,
    /// The payment method.
    pub payment_method: String,
    /// The buyer's note, for the seller.
    pub note: Option<String>,
    /// The lines, with the prices at the time the order was placed.
    pub lines: Vec<OrderLine>,
    /// The totals at the time the order was placed.
    pub totals: Totals,
    /// The coupon that gave `totals.discount`.
    pub coupon: Option<AppliedCoupon>,
    /// Delivery of the goods; null until the seller begins to prepare them.
    pub fulfilment: Option<Fulfilment>,
    /// Returns, in the sequence in which they were requested.
    pub returns: Vec<Return>,
    /// When the order was placed.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub placed_at: Timestamp,
    /// End of the payment window. It moves while the payment provider is away and no checkout could be opened, for at
    /// most a day, and if the checkout was opened late.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub expires_at: Timestamp,
    /// When the order last changed.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub updated_at: Timestamp,
    /// Version of the order, for `If-Match`; one more with each change.
    pub version: u64,
}

impl Order {
    /// The order as the API returns it.
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

/// An order in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OrderSummary {
    /// Id of the order.
    pub id: OrderId,
    /// A short number for people to read: `7KQ2-M9XD`.
    pub number: String,
    /// Status of the order. It also tells whether the order is paid.
    pub status: OrderStatus,
    /// Why the order was cancelled, if it was.
    pub cancel_reason: Option<CancelReason>,
    /// Where the goods are; null until the seller begins to prepare them.
    pub fulfilment_status: Option<FulfilmentStatus>,
    /// The account that placed the order.
    pub buyer_id: AccountId,
    /// The customer's name.
    pub customer_name: String,
    /// The customer's e-mail address, as typed.
    pub customer_email: String,
    /// Title of the first line.
    pub first_title: String,
    /// Number of lines.
    pub line_count: u32,
    /// Units of all lines.
    pub units: u32,
    /// The amount to pay.
    pub total: Money,
    /// When the order was placed.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub placed_at: Timestamp,
    /// End of the payment window.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub expires_at: Timestamp,
    /// When the order last changed.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub updated_at: Timestamp,
    /// Version of the order, for `If-Match`; one more with each change.
    pub version: u64,
}

impl OrderSummary {
    /// The order as the API lists it.
    pub fn new(order: domain::order::Order, version: u64) -> Self {
        Self {
            id: order.id,
            status: order.state.status(),
            cancel_reason: order.cancel_reason(),
            fulfilment_status: order.fulfilment.as_ref().map(|fulfilment| fulfilment.status),
            buyer_id: order.buyer_id,
            units: order.units(),
            number: order.number,
            customer_name: order.customer.name,
            customer_email: order.customer.email,
            line_count: u32::try_from(order.lines.len()).unwrap_or(u32::MAX),
            // An order has at least one line.
            first_title: order.lines.into_iter().next().map(|line| line.title).unwrap_or_default(),
            total: order.totals.total,
            placed_at: order.placed_at,
            expires_at: order.expires_at,
            updated_at: order.updated_at,
            version,
        }
    }
}

/// Delivery of an order's goods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Fulfilment {
    /// Where the goods are.
    pub status: FulfilmentStatus,
    /// Tracking data, if there is any.
    pub tracking: Option<Tracking>,
    /// The seller's note on this status.
    pub note: Option<String>,
    /// When the status last changed.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub updated_at: Timestamp,
}

impl From<domain::order::Fulfilment> for Fulfilment {
    fn from(held: domain::order::Fulfilment) -> Self {
        Self { status: held.status, tracking: held.tracking, note: held.note, updated_at: held.updated_at }
    }
}

/// A return of delivered goods, requested by the buyer and decided by the seller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Return {
    /// Id of the return.
    pub id: ReturnId,
    /// Status of the return.
    pub status: ReturnStatus,
    /// The returned goods.
    pub lines: Vec<ReturnLine>,
    /// The buyer's reason.
    pub reason: String,
    /// Whether the units were put back into stock. Null unless the return is accepted.
    pub restock: Option<bool>,
    /// The amount refunded to the buyer. Null unless the return is accepted.
    pub refund: Option<Money>,
    /// The seller's note on a rejected return.
    pub note: Option<String>,
    /// When the buyer requested the return.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub requested_at: Timestamp,
    /// When the seller decided; null until then.
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

/// A new fulfilment status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FulfilOrder {
    /// The new status.
    #[garde(skip)]
    #[eserde(compat)]
    pub status: FulfilmentStatus,
    /// Tracking data; unchanged if it is absent.
    #[garde(dive)]
    #[serde(default)]
    pub tracking: Option<TrackingInput>,
    /// A note for the buyer.
    #[garde(length(chars, min = 1, max = SHORT_TEXT_MAX), inner(custom(check::paragraph)))]
    #[serde(default)]
    pub note: Option<String>,
}

/// Tracking data of a parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TrackingInput {
    /// Name of the courier.
    #[garde(length(chars, min = 1, max = NAME_MAX), custom(check::line))]
    pub courier: String,
    /// The courier's tracking number.
    #[garde(length(chars, min = 1, max = NAME_MAX), custom(check::line))]
    pub number: String,
}

impl From<TrackingInput> for Tracking {
    fn from(input: TrackingInput) -> Self {
        Self { courier: input.courier, number: input.number }
    }
}

/// A return to be requested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewReturn {
    /// The goods to return; each variant once.
    #[garde(length(min = 1, max = ORDER_LINES_MAX), dive)]
    pub lines: Vec<ReturnLineInput>,
    /// The reason, for the seller.
    #[garde(length(chars, min = 1, max = SHORT_TEXT_MAX), custom(check::paragraph))]
    pub reason: String,
}

/// A variant to return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReturnLineInput {
    /// The variant.
    #[garde(skip)]
    #[eserde(compat)]
    pub variant_id: VariantId,
    /// Number of units.
    #[garde(range(min = 1, max = QUANTITY_MAX))]
    pub quantity: u32,
}

impl From<ReturnLineInput> for ReturnLine {
    fn from(input: ReturnLineInput) -> Self {
        Self { variant_id: input.variant_id, quantity: input.quantity }
    }
}

/// A decision on a return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReturnDecision {
    /// Whether the return is accepted.
    #[garde(skip)]
    pub accept: bool,
    /// Whether the units of an accepted return are put back into stock; by default they are not.
    #[garde(skip)]
    #[serde(default)]
    pub restock: bool,
    /// A note on a rejection, for the buyer.
    #[garde(length(chars, min = 1, max = SHORT_TEXT_MAX), inner(custom(check::paragraph)))]
    #[serde(default)]
    pub note: Option<String>,
}

/// A change of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TimelineEntry {
    /// When the order changed.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub at: Timestamp,
    /// Status of the order after the change.
    pub status: OrderStatus,
    /// The event that the change emitted.
    pub event: String,
    /// Version of the order after the change.
    pub version: u64,
}

/// The changes of an order, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Timeline {
    /// The order.
    pub order_id: OrderId,
    /// The changes, oldest first.
    pub items: Vec<TimelineEntry>,
}

/// The path of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OrderPath {
    /// Id of the order.
    pub id: OrderId,
}

/// The path of a return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReturnPath {
    /// Id of the order.
    pub id: OrderId,
    /// Id of the return.
    pub return_id: ReturnId,
}

/// Filter and page of a list of orders.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ListOrders {
    /// Only orders with this status.
    #[serde(default)]
    pub status: Option<OrderStatus>,
    /// Items per page.
    #[serde(default)]
    pub limit: Limit,
    /// The `next_cursor` of the previous page.
    #[serde(default)]
    pub cursor: Option<String>,
}

endpoints! {
    /// Place an order
    ///
    /// Orders the items in the caller's cart. Either the stock of all lines is reserved, or the order is refused: 409
    /// `lines_unavailable` names the lines that cannot be ordered, and the cart stays as it is. The order has the
    /// current prices, shipping rate and tax. A line whose price changed since the buyer last saw it is refused too.
    /// The order waits for its payment until `expires_at`. A declined card does not end it: the buyer can pay with
    /// another one until then.
    ///
    /// While it waits, it holds its stock. So one buyer, and one e-mail address, can have 10 unpaid orders with 2,000 units
    /// at a store at once, and one client address 100 with 10,000: 409 `too_much_unpaid` refuses more.
    ///
    /// If the cart has a coupon, the order uses it or is refused: 409 `coupon_exhausted` if the coupon's cap is
    /// reached, `coupon_used` if this customer (by e-mail address) used it as often as one customer can,
    /// `coupon_not_applicable` for all other reasons.
    Place = Post "/orders" => "orders-place" {
        access: Access::Needs(Permission::OrdersPlace), store: Required, idempotency: Required,
        path: Nothing, query: Nothing, body: PlaceOrder, reply: 201 Order,
        tables: [
            Orders: Put Update, Carts: BatchGet Put, Tenants: BatchGet, Catalog: BatchGet, Inventory: Put Update, Timers: Put,
            Coupons: BatchGet Put Update,
        ],
        emits: [OrderCreated],
        problems: [CART_CHANGED, CART_EMPTY, COUPON_EXHAUSTED, COUPON_NOT_APPLICABLE, COUPON_USED, LINES_UNAVAILABLE, NOTHING_TO_PAY, TOO_MUCH_UNPAID, TOTAL_TOO_LARGE, NOT_FOUND],
        rate: Checkout,
        reserved: true,
    }
    /// List own orders
    ///
    /// Lists the caller's orders in a store, newest first, each as a summary: `GET /orders/{id}` has its lines.
    List = Get "/orders" => "orders-list" {
        access: Access::Needs(Permission::OrdersReadOwn), store: Required, idempotency: None,
        path: Nothing, query: ListQuery, body: Nothing, reply: 200 Page<OrderSummary>,
        tables: [Orders: Query], emits: [],
        grants: [CursorKey],
    }
    /// Get an order
    ///
    /// For its buyer and the store's team.
    Get = Get "/orders/{id}" => "orders-get" {
        access: Access::Needs(Permission::OrdersRead), store: None, idempotency: None,
        path: OrderPath, query: Nothing, body: Nothing, reply: 200 Order,
        tables: [Orders: Get], emits: [],
    }
    /// Get the timeline of an order
    ///
    /// The changes of an order and when they happened, oldest first.
    ShowTimeline = Get "/orders/{id}/timeline" => "orders-timeline" {
        access: Access::Needs(Permission::OrdersRead), store: None, idempotency: None,
        path: OrderPath, query: Nothing, body: Nothing, reply: 200 Timeline,
        tables: [Orders: Query], emits: [],
    }
    /// Cancel an order
    ///
    /// Possible until the goods are dispatched. A paid order is refunded. An unpaid order is `cancel_requested` until
    /// the provider has confirmed that nothing was paid; if the buyer did pay, the order is refunded.
    Cancel = Post "/orders/{id}/cancel" => "orders-cancel" {
        access: Access::Needs(Permission::OrdersCancel), store: None, idempotency: Required,
        path: OrderPath, query: Nothing, body: Nothing, reply: 200 Order,
        tables: [Orders: Get Put, Timers: Delete],
        emits: [OrderCancelRequested, OrderCancelled],
        problems: [INVALID_STATE],
    }
    /// Update fulfilment status
    ///
    /// A confirmed order becomes `preparing` (optional), then `dispatched`, which makes the order `fulfilled`: it can
    /// no longer be cancelled. Then it can become `in_transit` and `out_for_delivery` (both optional), and finally
    /// `delivered`, which makes the order `completed`, or `delivery_failed`, after which it can be dispatched again.
    /// The buyer is notified of dispatch and delivery.
    Fulfil = Post "/orders/{id}/fulfilment" => "orders-fulfil" {
        access: Access::Needs(Permission::OrdersFulfil), store: None, idempotency: Required,
        path: OrderPath, query: Nothing, body: FulfilOrder, reply: 200 Order,
        tables: [Orders: Get Put],
        emits: [OrderDispatched, OrderDelivered, OrderFulfilmentUpdated],
        problems: [INVALID_STATE],
    }
    /// Request a return
    ///
    /// Asks the seller to take back delivered goods. Possible within 30 days of delivery, and for no more units of a
    /// variant than were bought and are not in another return. 422 names the lines that cannot be returned.
    RequestReturn = Post "/orders/{id}/returns" => "orders-request-return" {
        access: Access::Needs(Permission::OrdersRequestReturn), store: None, idempotency: Required,
        path: OrderPath, query: Nothing, body: NewReturn, reply: 201 Return,
        tables: [Orders: Get Put], emits: [ReturnRequested],
        problems: [INVALID_STATE, RETURN_WINDOW_CLOSED, TOO_MANY_RETURNS],
    }
    /// Accept or reject a return
    ///
    /// An accepted return is refunded: the buyer gets the share of what was paid for the goods, without shipping. A
    /// decision is final. Repeating it changes nothing; a different decision is refused (409 `already_decided`).
    DecideReturn = Post "/orders/{id}/returns/{return_id}/decide" => "orders-decide-return" {
        access: Access::Needs(Permission::OrdersReturn), store: None, idempotency: Accepted,
        path: ReturnPath, query: Nothing, body: ReturnDecision, reply: 200 Return,
        tables: [Orders: Get Put], emits: [OrderReturned, ReturnRejected],
        problems: [ALREADY_DECIDED, INVALID_STATE],
    }
    /// List all orders of a store
    ///
    /// For the store's team; newest first, each as a summary. Those with status `pending` hold stock without being paid:
    /// each names its buyer, and how many units it holds.
    ListAll = Get "/admin/orders" => "orders-list-all" {
        access: Access::Needs(Permission::OrdersReadAll), store: Required, idempotency: None,
        path: Nothing, query: ListOrders, body: Nothing, reply: 200 Page<OrderSummary>,
        tables: [Orders: Query], emits: [],
        grants: [CursorKey],
    }
}

steps! {
    /// The payment was captured: marks the order paid, or refunds it if a person cancelled it in the meantime.
    OnPaymentCompleted = "orders-on-payment-completed" on events::PaymentCompleted {
        retry: STEP,
        tables: [Orders: Get Put Update, Requests: Put, Timers: Delete],
        emits: [OrderPaymentCompleted, OrderCancelled],
        reserved: true,
    }
    /// The payment failed: cancels the order, and restores the buyer's cart.
    OnPaymentFailed = "orders-on-payment-failed" on events::PaymentFailed {
        retry: STEP,
        tables: [Orders: Get Put Update, Carts: Update, Requests: Put, Timers: Delete], emits: [OrderCancelled],
    }
    /// The stock was sold: confirms the order.
    OnStockUpdated = "orders-on-stock-updated" on events::StockCountUpdated {
        retry: STEP,
        tables: [Orders: Get Put, Requests: Put], emits: [OrderConfirmed],
        reserved: true,
    }
    /// The stock was gone when the order was paid: cancels the order, which refunds it.
    OnStockRejected = "orders-on-stock-rejected" on events::StockRejected {
        retry: STEP,
        tables: [Orders: Get Put, Requests: Put], emits: [OrderCancelled],
    }
    /// All of the money was refunded: marks the order refunded.
    OnRefundCompleted = "orders-on-refund-completed" on events::RefundCompleted {
        retry: STEP,
        tables: [Orders: Get Put, Requests: Put], emits: [OrderRefunded],
    }
    /// The payment window closed: cancels an order that is still unpaid, and restores the buyer's cart. If no checkout
    /// could be opened in time, extends the window instead.
    Expire = "orders-expire" about OrderId {
        retry: STEP,
        tables: [Orders: BatchGet Put Update, Payments: BatchGet, Carts: Update, Timers: Put Delete],
        emits: [OrderCancelled, OrderWindowExtended],
    }
}
