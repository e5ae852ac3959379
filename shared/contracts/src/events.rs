//! Events: the envelope, and what each says. A field once sent stays; a changed shape is a new struct with a higher
//! `SCHEMA`, and the old one stays so that queued messages still decode.

use domain::{
    AccountId, CouponId, EventId, Money, OrderId, PaymentId, ProductId, RefundId, ReturnId, StoreId, TenantId,
    Timestamp, VariantId,
    coupon::AppliedCoupon,
    order::{CancelReason, Customer, FulfilmentStatus, OrderLine, Tracking},
    payment::FailureReason,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

/// What an event is wrapped in (CloudEvents 1.0 in meaning). On the bus it is the `detail`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Envelope<D> {
    pub id: EventId,
    pub r#type: String,
    /// The service that committed it: `selleasi.orders`.
    pub source: String,
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub time: Timestamp,
    pub tenant_id: TenantId,
    /// Id of the aggregate it is about.
    pub subject: String,
    /// Version of the aggregate after it: a later event of the same subject has a higher one.
    pub version: u64,
    /// Shared by everything that one request set off.
    pub correlation_id: String,
    /// The event that this one followed from, if any.
    pub causation_id: Option<EventId>,
    /// W3C trace context.
    pub traceparent: Option<String>,
    pub schema: u32,
    pub data: D,
}

/// At most this many bytes of envelope; EventBridge takes 256 KB, the audit trail and Kafka less.
pub const EVENT_BYTES_MAX: usize = 64 * 1024;

/// What an event says.
pub trait Event: Serialize + DeserializeOwned + Send {
    const TYPE: &'static str;
    const SOURCE: &'static str;
    const SCHEMA: u32 = 1;
}

/// What a consumer takes: one type of event, several, or all there are.
pub trait Incoming: Sized + Send + 'static {
    /// The types; empty for every type there is.
    const TYPES: &'static [&'static str];

    /// Reads an event's data as its type says.
    ///
    /// # Errors
    /// The type is none of [`Self::TYPES`], or the data is not that type's. The message quotes nothing of the data,
    /// which may be personal.
    fn read(event_type: &str, data: Value) -> Result<Self, Unreadable>;
}

/// An event that is not what its consumer takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("an event of type {0:?} was not expected")]
    Unexpected(String),
    #[error("the data is not that of a {0}")]
    Malformed(String),
}

impl<E: Event + 'static> Incoming for E {
    const TYPES: &'static [&'static str] = &[E::TYPE];

    fn read(event_type: &str, data: Value) -> Result<Self, Unreadable> {
        if event_type != E::TYPE {
            return Err(Unreadable::Unexpected(event_type.to_owned()));
        }
        serde_json::from_value(data).map_err(|_| Unreadable::Malformed(event_type.to_owned()))
    }
}

impl Incoming for Value {
    const TYPES: &'static [&'static str] = &[];

    fn read(_: &str, data: Value) -> Result<Self, Unreadable> {
        Ok(data)
    }
}

impl Envelope<Value> {
    /// The same event with its data read.
    ///
    /// # Errors
    /// As [`Incoming::read`].
    pub fn read<E: Incoming>(self) -> Result<Envelope<E>, Unreadable> {
        let data = E::read(&self.r#type, self.data)?;
        Ok(Envelope {
            id: self.id,
            r#type: self.r#type,
            source: self.source,
            time: self.time,
            tenant_id: self.tenant_id,
            subject: self.subject,
            version: self.version,
            correlation_id: self.correlation_id,
            causation_id: self.causation_id,
            traceparent: self.traceparent,
            schema: self.schema,
            data,
        })
    }
}

/// Several types of events that one consumer takes.
macro_rules! one_of {
    ($(#[$doc:meta])* $name:ident { $($event:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $name { $($event($event)),* }

        impl Incoming for $name {
            const TYPES: &'static [&'static str] = &[$(<$event as Event>::TYPE),*];

            fn read(event_type: &str, data: Value) -> Result<Self, Unreadable> {
                $(if event_type == <$event as Event>::TYPE {
                    return <$event as Incoming>::read(event_type, data).map(Self::$event);
                })*
                Err(Unreadable::Unexpected(event_type.to_owned()))
            }
        }

        $(impl From<$event> for $name {
            fn from(event: $event) -> Self {
                Self::$event(event)
            }
        })*
    };
}

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident = $type:literal from $source:literal { $($(#[$field_doc:meta])* $field:ident: $ty:ty),* $(,)? })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
            #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
            pub struct $name { $($(#[$field_doc])* pub $field: $ty),* }

            impl Event for $name {
                const TYPE: &'static str = $type;
                const SOURCE: &'static str = concat!("selleasi.", $source);
            }
        )*

        /// The type of every event.
        pub const TYPES: &[&str] = &[$($type),*];

        /// Reads an envelope as its type says and writes it again; `None` where the type is unknown or it cannot be read.
        #[cfg(test)]
        fn round_trip(event_type: &str, envelope: &serde_json::Value) -> Option<serde_json::Value> {
            match event_type {
                $($type => serde_json::to_value(serde_json::from_value::<Envelope<$name>>(envelope.clone()).ok()?).ok(),)*
                _ => None,
            }
        }

        /// Type, source and schema (of the whole envelope) of every event.
        #[cfg(feature = "schema")]
        #[allow(clippy::type_complexity, reason = "a plain list of three columns")]
        pub fn schemas() -> Vec<(&'static str, &'static str, fn(&mut schemars::SchemaGenerator) -> schemars::Schema)> {
            vec![$(($type, <$name as Event>::SOURCE, |generator| generator.root_schema_for::<Envelope<$name>>())),*]
        }
    };
}

/// A variant and how many of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LineQuantity {
    pub product_id: ProductId,
    pub variant_id: VariantId,
    pub title: String,
    pub quantity: u32,
}

impl From<&OrderLine> for LineQuantity {
    fn from(line: &OrderLine) -> Self {
        Self {
            product_id: line.product_id,
            variant_id: line.variant_id,
            title: line.title.clone(),
            quantity: line.quantity,
        }
    }
}

/// Stock of a variant after a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StockLine {
    pub variant_id: VariantId,
    /// Units added (or, negative, taken).
    pub delta: i64,
}

events! {
    /// A seller finished onboarding: tenant active, first store open.
    TenantOnboarded = "TENANT_ONBOARDED" from "onboarding" {
        account_id: AccountId, store_id: StoreId, email: String, full_name: String, tenant_name: String, store_name: String, store_slug: String,
    }
    /// A buyer registered.
    AccountRegistered = "ACCOUNT_REGISTERED" from "auth" { account_id: AccountId }
    StoreCreated = "STORE_CREATED" from "stores" { store_id: StoreId, name: String, slug: String, actor: AccountId }
    StoreUpdated = "STORE_UPDATED" from "stores" { store_id: StoreId, changed: Vec<String>, actor: AccountId }
    StoreStatusChanged = "STORE_STATUS_CHANGED" from "stores" { store_id: StoreId, before: String, after: String, actor: AccountId }
    ProductCreated = "PRODUCT_CREATED" from "products" { store_id: StoreId, product_id: ProductId, name: String, actor: AccountId }
    ProductUpdated = "PRODUCT_UPDATED" from "products" { store_id: StoreId, product_id: ProductId, changed: Vec<String>, actor: AccountId }
    ProductStatusChanged = "PRODUCT_STATUS_CHANGED" from "products" { store_id: StoreId, product_id: ProductId, before: String, after: String, actor: AccountId }
    /// The seller counted, restocked or wrote off.
    StockAdjusted = "STOCK_ADJUSTED" from "inventory" { store_id: StoreId, variant_id: VariantId, delta: i64, on_hand: i64, reason: String, actor: AccountId }

    CouponCreated = "COUPON_CREATED" from "coupons" { store_id: StoreId, coupon_id: CouponId, code: String, actor: AccountId }
    /// Its terms changed; uses are told by orders.
    CouponUpdated = "COUPON_UPDATED" from "coupons" { store_id: StoreId, coupon_id: CouponId, changed: Vec<String>, actor: AccountId }
    CouponDeleted = "COUPON_DELETED" from "coupons" { store_id: StoreId, coupon_id: CouponId, code: String, actor: AccountId }

    /// An order was placed and its stock reserved.
    OrderCreated = "ORDER_CREATED" from "orders" {
        store_id: StoreId, order_id: OrderId, number: String, buyer_id: AccountId, customer: Customer,
        lines: Vec<LineQuantity>, total: Money, payment_provider: String,
        #[cfg_attr(feature = "schema", schemars(with = "String"))]
        expires_at: Timestamp,
    }
    /// A person cancelled an order that may be being paid: the payment is to be settled one way or the other.
    OrderCancelRequested = "ORDER_CANCEL_REQUESTED" from "orders" { store_id: StoreId, order_id: OrderId, number: String, reason: CancelReason }
    /// The order is off. Its stock goes back, and its money too if `refund`.
    OrderCancelled = "ORDER_CANCELLED" from "orders" {
        store_id: StoreId, order_id: OrderId, number: String, customer: Customer, total: Money, reason: CancelReason, refund: bool,
    }
    /// The order is paid: its stock is to be sold.
    OrderPaymentCompleted = "ORDER_PAYMENT_COMPLETED" from "orders" {
        store_id: StoreId, order_id: OrderId, number: String, payment_id: PaymentId, total: Money,
    }
    /// Paid and the stock sold: the seller can pack.
    OrderConfirmed = "ORDER_CONFIRMED" from "orders" {
        store_id: StoreId, order_id: OrderId, number: String, customer: Customer, lines: Vec<LineQuantity>, total: Money,
        /// What made the order cheaper; absent where nothing did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        coupon: Option<AppliedCoupon>,
    }
    /// All of an order's money went back: it was cancelled, or its goods were returned.
    OrderRefunded = "ORDER_REFUNDED" from "orders" {
        store_id: StoreId, order_id: OrderId, number: String, customer: Customer, total: Money,
    }
    /// The goods are with the courier. `dispatch` counts from 1: after a delivery that failed they may be sent again.
    OrderDispatched = "ORDER_DISPATCHED" from "orders" {
        store_id: StoreId, order_id: OrderId, number: String, customer: Customer, dispatch: u32, tracking: Option<Tracking>, note: Option<String>,
    }
    /// The goods are with the buyer.
    OrderDelivered = "ORDER_DELIVERED" from "orders" {
        store_id: StoreId, order_id: OrderId, number: String, customer: Customer, note: Option<String>,
    }
    /// The goods are being prepared, are under way, or could not be delivered.
    OrderFulfilmentUpdated = "ORDER_FULFILMENT_UPDATED" from "orders" {
        store_id: StoreId, order_id: OrderId, number: String, status: FulfilmentStatus, tracking: Option<Tracking>, note: Option<String>,
    }
    /// The buyer wants delivered goods to be taken back: the seller is to decide.
    ReturnRequested = "RETURN_REQUESTED" from "orders" {
        store_id: StoreId, order_id: OrderId, return_id: ReturnId, number: String, customer: Customer, lines: Vec<LineQuantity>, reason: String,
    }
    /// The seller does not take the goods back.
    ReturnRejected = "RETURN_REJECTED" from "orders" {
        store_id: StoreId, order_id: OrderId, return_id: ReturnId, number: String, customer: Customer, note: Option<String>,
    }
    /// Delivered goods came back and were accepted.
    OrderReturned = "ORDER_RETURNED" from "orders" {
        store_id: StoreId, order_id: OrderId, number: String, lines: Vec<StockLine>,
        /// This, and what follows, is not in events from before sellers decided about returns.
        return_id: Option<ReturnId>,
        /// Whether the units are on hand again; they are unless this says no.
        restock: Option<bool>,
        /// What goes back to the buyer.
        refund: Option<Money>,
    }

    /// A checkout was opened at the provider.
    PaymentInitiated = "PAYMENT_INITIATED" from "payments" {
        store_id: StoreId, order_id: OrderId, payment_id: PaymentId, provider: String, reference: String, amount: Money,
    }
    /// The provider says that the order's amount was captured.
    PaymentCompleted = "PAYMENT_COMPLETED" from "payments" {
        store_id: StoreId, order_id: OrderId, payment_id: PaymentId, provider: String, reference: String, amount: Money, fees: Money,
    }
    /// No money came, or not the right one (then it goes back).
    PaymentFailed = "PAYMENT_FAILED" from "payments" {
        store_id: StoreId, order_id: OrderId, payment_id: PaymentId, provider: String, amount: Money, reason: FailureReason,
    }
    /// Money came that is not what was asked for. It goes back by itself; a person should look.
    PaymentFlagged = "PAYMENT_FLAGGED" from "payments" {
        store_id: StoreId, order_id: OrderId, payment_id: PaymentId, provider: String, reference: String, expected: Money, captured: Money,
    }
    /// A refund was recorded and is being asked of the provider.
    RefundInitiated = "REFUND_INITIATED" from "payments" {
        store_id: StoreId, order_id: OrderId, payment_id: PaymentId, refund_id: RefundId, amount: Money,
    }
    /// The provider sent the money back. `settles` says that the order's whole payment is now refunded.
    RefundCompleted = "REFUND_COMPLETED" from "payments" {
        store_id: StoreId, order_id: OrderId, payment_id: PaymentId, refund_id: RefundId, amount: Money, settles: bool,
    }
    /// The provider will not send the money back by itself: a person must act.
    RefundFailed = "REFUND_FAILED" from "payments" {
        store_id: StoreId, order_id: OrderId, payment_id: PaymentId, refund_id: RefundId, amount: Money,
    }
    /// A provider called; the delivery is stored and is a hint to ask the provider.
    WebhookReceived = "WEBHOOK_RECEIVED" from "payments" { provider: String, event: String, order_id: OrderId, reference: String }

    /// The order's stock is sold.
    StockCountUpdated = "STOCK_COUNT_UPDATED" from "inventory" { store_id: StoreId, order_id: OrderId, lines: Vec<StockLine> }
    /// The order was paid after its reservation had lapsed, and the stock is gone.
    StockRejected = "STOCK_REJECTED" from "inventory" { store_id: StoreId, order_id: OrderId, short: Vec<VariantId> }
    /// The order's stock is free again.
    StockReleased = "STOCK_RELEASED" from "inventory" { store_id: StoreId, order_id: OrderId, lines: Vec<StockLine> }

    /// A message went out to a person.
    NotificationSent = "NOTIFICATION_SENT" from "notifications" { notification: String, reference: String, audience: String }
}

one_of! {
    /// An order is off, or will be once its payment is settled.
    OrderEnded { OrderCancelRequested, OrderCancelled }
}

one_of! {
    /// What people are told of.
    Notable {
        TenantOnboarded, OrderConfirmed, OrderCancelled, OrderRefunded, OrderDispatched, OrderDelivered, ReturnRequested,
        ReturnRejected, RefundCompleted, PaymentFlagged, RefundFailed,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// Golden events: what was once sent must decode for ever, and what is sent now is what the golden file says.
    #[test]
    fn golden_events_are_read_and_written_as_they_are() {
        for event_type in super::TYPES {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../events/bus/{event_type}.v1.json"));
            let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let golden: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(super::round_trip(event_type, &golden), Some(golden), "{event_type}");
        }
    }
}
