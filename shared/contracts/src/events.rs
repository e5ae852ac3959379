//! Events: the envelope, and the data of each type. A field that was sent once is never removed. A changed shape is a
//! new struct with a higher `SCHEMA`; the old struct stays, so that queued messages can still be read.

use domain::{
    AccountId, CouponId, EventId, Money, OrderId, PaymentId, ProductId, RateRuleId, RefundId, ReturnId, StoreId,
    TenantId, Timestamp, VariantId,
    coupon::AppliedCoupon,
    order::{CancelReason, Customer, FulfilmentStatus, OrderLine, Tracking},
    payment::FailureReason,
    rate::{RuleClass, Subject},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

/// The envelope of an event; its fields mean the same as in CloudEvents 1.0. On the bus it is the `detail`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Envelope<D> {
    /// Id of the event; the same when the event is delivered again.
    pub id: EventId,
    /// The type: `ORDER_CREATED`.
    pub r#type: String,
    /// The service that committed the event: `selleasi.orders`.
    pub source: String,
    /// When the event was committed.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub time: Timestamp,
    /// The tenant.
    pub tenant_id: TenantId,
    /// Id of the aggregate that the event is about.
    pub subject: String,
    /// Version of the aggregate after the event: a later event of the same subject has a higher version.
    pub version: u64,
    /// Shared by all events that one request caused.
    pub correlation_id: String,
    /// The event that caused this one, if any.
    pub causation_id: Option<EventId>,
    /// W3C trace context.
    pub traceparent: Option<String>,
    /// Version of the data's shape.
    pub schema: u32,
    /// The data.
    pub data: D,
}

/// The largest envelope, in bytes. EventBridge takes 256 KB; the audit trail and Kafka take less.
pub const EVENT_BYTES_MAX: usize = 64 * 1024;

/// The data of one type of event.
pub trait Event: Serialize + DeserializeOwned + Send {
    /// The type, as on the bus: `ORDER_CREATED`.
    const TYPE: &'static str;
    /// The service that commits it: `selleasi.orders`.
    const SOURCE: &'static str;
    /// Version of the data's shape.
    const SCHEMA: u32 = 1;
}

/// The events that a consumer takes: one type, several types, or every type.
pub trait Incoming: Sized + Send + 'static {
    /// The types; an empty list means every type.
    const TYPES: &'static [&'static str];

    /// Reads the data of an event of the given type.
    ///
    /// # Errors
    /// The type is not one of [`Self::TYPES`], or the data does not have the type's shape. The message contains
    /// nothing of the data, which may be personal.
    fn read(event_type: &str, data: Value) -> Result<Self, Unreadable>;
}

/// Why a consumer cannot read an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// The consumer does not take events of this type.
    #[error("an event of type {0:?} was not expected")]
    Unexpected(String),
    /// The data does not have the shape of this type.
    #[error("the data does not have the shape of {0}")]
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
    /// The same event, with its data read.
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

/// Declares an enum of several types of events, for a consumer that takes all of them.
macro_rules! one_of {
    ($(#[$doc:meta])* $name:ident { $($event:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $name { $(#[doc = concat!("A [`", stringify!($event), "`].")] $event($event)),* }

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
            #[expect(missing_docs, reason = "fields mean the same in every event; those that do not are documented")]
            pub struct $name { $($(#[$field_doc])* pub $field: $ty),* }

            impl Event for $name {
                const TYPE: &'static str = $type;
                const SOURCE: &'static str = concat!("selleasi.", $source);
            }
        )*

        /// All types of events.
        pub const TYPES: &[&str] = &[$($type),*];

        /// Reads an envelope as its type says and writes it again; `None` where the type is unknown or it cannot be
        /// read.
        #[cfg(test)]
        fn round_trip(event_type: &str, envelope: &serde_json::Value) -> Option<serde_json::Value> {
            match event_type {
                $($type => serde_json::to_value(serde_json::from_value::<Envelope<$name>>(envelope.clone()).ok()?).ok(),)*
                _ => None,
            }
        }

        /// Type, source and JSON Schema (of the whole envelope) of every event.
        #[cfg(feature = "schema")]
        #[allow(clippy::type_complexity, reason = "a plain list of three columns")]
        pub fn schemas() -> Vec<(&'static str, &'static str, fn(&mut schemars::SchemaGenerator) -> schemars::Schema)> {
            vec![$(($type, <$name as Event>::SOURCE, |generator| generator.root_schema_for::<Envelope<$name>>())),*]
        }
    };
}

/// A variant, and how many units of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LineQuantity {
    /// The product.
    pub product_id: ProductId,
    /// The variant.
    pub variant_id: VariantId,
    /// Name of the product and, if it has several, of the variant.
    pub title: String,
    /// Number of units.
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

/// A change of the stock of a variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StockLine {
    /// The variant.
    pub variant_id: VariantId,
    /// Units added; negative for units removed.
    pub delta: i64,
}

events! {
    /// A seller completed the onboarding: the tenant is active, and its first store is open.
    TenantOnboarded = "TENANT_ONBOARDED" from "onboarding" {
        account_id: AccountId, store_id: StoreId, email: String, full_name: String, tenant_name: String, store_name: String, store_slug: String,
    }
    /// A buyer completed the registration.
    AccountRegistered = "ACCOUNT_REGISTERED" from "auth" { account_id: AccountId }
    /// A store was created.
    StoreCreated = "STORE_CREATED" from "stores" { store_id: StoreId, name: String, slug: String, actor: AccountId }
    /// Settings of a store changed; `changed` names the fields.
    StoreUpdated = "STORE_UPDATED" from "stores" { store_id: StoreId, changed: Vec<String>, actor: AccountId }
    /// A store was opened, suspended or closed.
    StoreStatusChanged = "STORE_STATUS_CHANGED" from "stores" { store_id: StoreId, before: String, after: String, actor: AccountId }
    /// A tenant set, changed or removed (without numbers) one of its rate limits.
    RateRuleChanged = "RATE_RULE_CHANGED" from "tenants" {
        rule_id: RateRuleId, class: RuleClass, subject: Subject, per_minute: Option<u32>, burst: Option<u32>, actor: AccountId,
    }
    /// A product was created.
    ProductCreated = "PRODUCT_CREATED" from "products" { store_id: StoreId, product_id: ProductId, name: String, actor: AccountId }
    /// A product or its variants changed; `changed` names the fields.
    ProductUpdated = "PRODUCT_UPDATED" from "products" { store_id: StoreId, product_id: ProductId, changed: Vec<String>, actor: AccountId }
    /// A product was published, withdrawn or archived.
    ProductStatusChanged = "PRODUCT_STATUS_CHANGED" from "products" { store_id: StoreId, product_id: ProductId, before: String, after: String, actor: AccountId }
    /// The team adjusted the units on hand of a variant.
    StockAdjusted = "STOCK_ADJUSTED" from "inventory" { store_id: StoreId, variant_id: VariantId, delta: i64, on_hand: i64, reason: String, actor: AccountId }

    /// A coupon was created.
    CouponCreated = "COUPON_CREATED" from "coupons" { store_id: StoreId, coupon_id: CouponId, code: String, actor: AccountId }
    /// The terms of a coupon changed. Uses cause no event: each is part of an order.
    CouponUpdated = "COUPON_UPDATED" from "coupons" { store_id: StoreId, coupon_id: CouponId, changed: Vec<String>, actor: AccountId }
    /// A coupon was deleted.
    CouponDeleted = "COUPON_DELETED" from "coupons" { store_id: StoreId, coupon_id: CouponId, code: String, actor: AccountId }

    /// An order was placed, and its stock reserved.
    OrderCreated = "ORDER_CREATED" from "orders" {
        store_id: StoreId, order_id: OrderId, number: String, buyer_id: AccountId, customer: Customer,
        lines: Vec<LineQuantity>, total: Money, payment_provider: String,
        #[cfg_attr(feature = "schema", schemars(with = "String"))]
        expires_at: Timestamp,
        /// Length of the payment window, in seconds. Old events lack it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        payment_window_s: Option<u32>,
    }
    /// The payment window of an order closes later, because no checkout could be opened in time.
    OrderWindowExtended = "ORDER_WINDOW_EXTENDED" from "orders" {
        store_id: StoreId, order_id: OrderId, number: String,
        #[cfg_attr(feature = "schema", schemars(with = "String"))]
        expires_at: Timestamp,
    }
    /// A person cancelled an order while the buyer may be paying: the payment is to be settled, one way or the other.
    OrderCancelRequested = "ORDER_CANCEL_REQUESTED" from "orders" { store_id: StoreId, order_id: OrderId, number: String, reason: CancelReason }
    /// An order was cancelled: its stock is to be released and, if `refund`, its money refunded.
    OrderCancelled = "ORDER_CANCELLED" from "orders" {
        store_id: StoreId, order_id: OrderId, number: String, customer: Customer, total: Money, reason: CancelReason, refund: bool,
    }
    /// An order was paid: its stock is to be sold.
    OrderPaymentCompleted = "ORDER_PAYMENT_COMPLETED" from "orders" {
        store_id: StoreId, order_id: OrderId, number: String, payment_id: PaymentId, total: Money,
    }
    /// An order was paid and its stock sold: the seller can pack it.
    OrderConfirmed = "ORDER_CONFIRMED" from "orders" {
        store_id: StoreId, order_id: OrderId, number: String, customer: Customer, lines: Vec<LineQuantity>, total: Money,
        /// The coupon that the order used; absent if it used none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        coupon: Option<AppliedCoupon>,
    }
    /// All of an order's money was refunded, because it was cancelled or its goods were returned.
    OrderRefunded = "ORDER_REFUNDED" from "orders" {
        store_id: StoreId, order_id: OrderId, number: String, customer: Customer, total: Money,
    }
    /// The goods were dispatched. `dispatch` counts from 1; after a failed delivery the goods can be dispatched again.
    OrderDispatched = "ORDER_DISPATCHED" from "orders" {
        store_id: StoreId, order_id: OrderId, number: String, customer: Customer, dispatch: u32, tracking: Option<Tracking>, note: Option<String>,
    }
    /// The goods were delivered.
    OrderDelivered = "ORDER_DELIVERED" from "orders" {
        store_id: StoreId, order_id: OrderId, number: String, customer: Customer, note: Option<String>,
    }
    /// The fulfilment status changed to any other than dispatched or delivered.
    OrderFulfilmentUpdated = "ORDER_FULFILMENT_UPDATED" from "orders" {
        store_id: StoreId, order_id: OrderId, number: String, status: FulfilmentStatus, tracking: Option<Tracking>, note: Option<String>,
    }
    /// A buyer requested a return: the seller is to decide.
    ReturnRequested = "RETURN_REQUESTED" from "orders" {
        store_id: StoreId, order_id: OrderId, return_id: ReturnId, number: String, customer: Customer, lines: Vec<LineQuantity>, reason: String,
    }
    /// The seller rejected a return.
    ReturnRejected = "RETURN_REJECTED" from "orders" {
        store_id: StoreId, order_id: OrderId, return_id: ReturnId, number: String, customer: Customer, note: Option<String>,
    }
    /// The seller accepted a return.
    OrderReturned = "ORDER_RETURNED" from "orders" {
        store_id: StoreId, order_id: OrderId, number: String, lines: Vec<StockLine>,
        /// The return. Old events, from before sellers decided on returns, lack this field and the next two.
        return_id: Option<ReturnId>,
        /// Whether the units are put back into stock; absent means yes.
        restock: Option<bool>,
        /// The amount to be refunded to the buyer.
        refund: Option<Money>,
    }

    /// A checkout was opened at the provider.
    PaymentInitiated = "PAYMENT_INITIATED" from "payments" {
        store_id: StoreId, order_id: OrderId, payment_id: PaymentId, provider: String, reference: String, amount: Money,
    }
    /// The provider captured the order's amount.
    PaymentCompleted = "PAYMENT_COMPLETED" from "payments" {
        store_id: StoreId, order_id: OrderId, payment_id: PaymentId, provider: String, reference: String, amount: Money, fees: Money,
    }
    /// The payment failed: nothing was captured, or a wrong amount, which is refunded.
    PaymentFailed = "PAYMENT_FAILED" from "payments" {
        store_id: StoreId, order_id: OrderId, payment_id: PaymentId, provider: String, amount: Money, reason: FailureReason,
    }
    /// The provider captured another amount or currency than requested. It is refunded automatically; a person should
    /// check.
    PaymentFlagged = "PAYMENT_FLAGGED" from "payments" {
        store_id: StoreId, order_id: OrderId, payment_id: PaymentId, provider: String, reference: String, expected: Money, captured: Money,
    }
    /// A refund was recorded; the provider is to be asked for it.
    RefundInitiated = "REFUND_INITIATED" from "payments" {
        store_id: StoreId, order_id: OrderId, payment_id: PaymentId, refund_id: RefundId, amount: Money,
    }
    /// The provider processed a refund. `settles` says that the order's whole payment is now refunded.
    RefundCompleted = "REFUND_COMPLETED" from "payments" {
        store_id: StoreId, order_id: OrderId, payment_id: PaymentId, refund_id: RefundId, amount: Money, settles: bool,
    }
    /// The provider could not process a refund: a person must act.
    RefundFailed = "REFUND_FAILED" from "payments" {
        store_id: StoreId, order_id: OrderId, payment_id: PaymentId, refund_id: RefundId, amount: Money,
    }
    /// A provider sent a webhook. It is stored, and the provider is to be asked what happened.
    WebhookReceived = "WEBHOOK_RECEIVED" from "payments" { provider: String, event: String, order_id: OrderId, reference: String }

    /// The stock of a paid order was sold.
    StockCountUpdated = "STOCK_COUNT_UPDATED" from "inventory" { store_id: StoreId, order_id: OrderId, lines: Vec<StockLine> }
    /// An order was paid after its stock had been released, and the stock is gone. `short` lists the missing variants.
    StockRejected = "STOCK_REJECTED" from "inventory" { store_id: StoreId, order_id: OrderId, short: Vec<VariantId> }
    /// Stock of an order was released, or put back into stock.
    StockReleased = "STOCK_RELEASED" from "inventory" { store_id: StoreId, order_id: OrderId, lines: Vec<StockLine> }

    /// A message was sent to a person.
    NotificationSent = "NOTIFICATION_SENT" from "notifications" { notification: String, reference: String, audience: String }
}

one_of! {
    /// An order was cancelled, or will be once its payment is settled.
    OrderEnded { OrderCancelRequested, OrderCancelled }
}

one_of! {
    /// Events that people are notified of.
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
