//! Payments over HTTP, provider webhooks, and the steps of the saga that belong to them.

use domain::{
    Money, OrderId, PaymentId, Permission, RefundId, Timestamp,
    payment::{FailureReason, PaymentStatus, RefundStatus},
};
use serde::{Deserialize, Serialize};

use crate::{
    check, endpoints, events,
    events::Event,
    http::Nothing,
    orders::OrderPath,
    table::{Access, Action, Consumer, Grant, MEMORY_MB, Source, Table},
};

/// The payment of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Payment {
    pub id: PaymentId,
    pub order_id: OrderId,
    pub provider: String,
    pub status: PaymentStatus,
    pub failure_reason: Option<FailureReason>,
    pub amount: Money,
    /// Our reference at the provider, of the current attempt.
    pub reference: Option<String>,
    /// Where the buyer pays; present while the payment is open.
    pub checkout_url: Option<String>,
    pub attempts: u32,
    pub captured: Money,
    pub refunded: Money,
    pub refunds: Vec<Refund>,
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub expires_at: Timestamp,
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub updated_at: Timestamp,
    pub version: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Refund {
    pub id: RefundId,
    pub amount: Money,
    pub status: RefundStatus,
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub requested_at: Timestamp,
}

impl Payment {
    pub fn new(payment: domain::payment::Payment, version: u64) -> Self {
        let (captured, refunded) = payment.captured_and_refunded();
        let attempt = payment.current_attempt().cloned();
        Self {
            id: payment.id,
            order_id: payment.order_id,
            provider: payment.provider,
            status: payment.status,
            failure_reason: payment.failure_reason,
            amount: payment.amount,
            reference: attempt.as_ref().map(|attempt| attempt.reference.clone()),
            checkout_url: attempt.and_then(|attempt| attempt.checkout_url).filter(|_| payment.status.is_open()),
            attempts: u32::try_from(payment.attempts.len()).unwrap_or(u32::MAX),
            captured,
            refunded,
            refunds: payment
                .refunds
                .into_iter()
                .map(|refund| Refund {
                    id: refund.id,
                    amount: refund.amount,
                    status: refund.status,
                    requested_at: refund.requested_at,
                })
                .collect(),
            expires_at: payment.expires_at,
            updated_at: payment.updated_at,
            version,
        }
    }
}

/// Money to be sent back by the seller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, garde::Validate, eserde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewRefund {
    /// How much; absent for all that has not gone back.
    #[garde(inner(custom(check::positive)))]
    #[eserde(compat)]
    #[serde(default)]
    pub amount: Option<Money>,
}

/// A provider's own words; read by the step that processes them, never by this endpoint.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WebhookAccepted {
    pub received: bool,
}

endpoints! {
    /// Starts the payment of an order, or starts it again.
    ///
    /// Gives back where to pay. A checkout that is still open is given back as it is.
    Start = Post "/orders/{id}/payment" => "payments-start" {
        access: Access::Needs(Permission::PaymentsStart), store: None, idempotency: Required,
        path: OrderPath, query: Nothing, body: Nothing, reply: 200 Payment,
        tables: [Payments: Get Put, Orders: Get],
        emits: [events::PaymentInitiated::TYPE, events::PaymentFailed::TYPE],
        grants: [Paystack],
    }
    /// Shows the payment of an order.
    Get = Get "/orders/{id}/payment" => "payments-get" {
        access: Access::Needs(Permission::PaymentsRead), store: None, idempotency: None,
        path: OrderPath, query: Nothing, body: Nothing, reply: 200 Payment,
        tables: [Payments: BatchGet, Orders: BatchGet], emits: [],
    }
    /// Sends money back for a paid order: a part of it, or all that is left.
    ///
    /// It is on its way when this answers; the payment shows when the provider is done. All of the money of an order
    /// whose goods have not left goes back by cancelling it, which gives the stock back too.
    GiveBack = Post "/orders/{id}/payment/refunds" => "payments-refund" {
        access: Access::Needs(Permission::PaymentsRefund), store: None, idempotency: Required,
        path: OrderPath, query: Nothing, body: NewRefund, reply: 201 Refund,
        tables: [Payments: BatchGet Put, Orders: BatchGet], emits: [events::RefundInitiated::TYPE],
    }
    /// Takes Paystack's webhooks.
    ///
    /// Signed with `x-paystack-signature`: lower-case hex HMAC-SHA512 of the raw body under the secret key. Answered as
    /// soon as the delivery is stored; it is a hint, and money moves only on what Paystack's API says when asked.
    WebhookPaystack = Post "/webhooks/paystack" => "payments-webhook-paystack" {
        access: Access::Public, store: None, idempotency: None,
        path: Nothing, query: Nothing, body: Nothing, reply: 200 WebhookAccepted,
        tables: [Payments: Put], emits: [events::WebhookReceived::TYPE],
        grants: [Paystack],
    }
}

const STEP_TABLES: &[(Table, &[Action])] = &[(Table::Payments, &[Action::Get, Action::Put])];

pub const PROCESS_WEBHOOK: Consumer = Consumer {
    function: "payments-process-webhook",
    doc: "Asks the provider what really happened, and books it.",
    source: Source::Events { types: &[events::WebhookReceived::TYPE], delay_s: 0 },
    // One at a time: a provider may take seconds to answer, and one slow message must not hold up others.
    batch: 1,
    concurrency: 0,
    timeout_s: 20,
    tables: STEP_TABLES,
    emits: SETTLING_EVENTS,
    grants: &[Grant::Paystack],
    memory_mb: MEMORY_MB,
};

/// What asking the provider can bring to light.
const SETTLING_EVENTS: &[&str] = &[
    events::PaymentCompleted::TYPE,
    events::PaymentFailed::TYPE,
    events::PaymentFlagged::TYPE,
    events::RefundInitiated::TYPE,
    events::RefundCompleted::TYPE,
    events::RefundFailed::TYPE,
];

pub const RECONCILE: Consumer = Consumer {
    function: "payments-reconcile",
    doc: "Asks the provider again and again, less and less often, until a payment or a refund is settled; then asks for a person.",
    source: Source::Events { types: &[events::PaymentInitiated::TYPE, events::RefundInitiated::TYPE], delay_s: 0 },
    grants: &[Grant::Paystack, Grant::Requeue],
    ..PROCESS_WEBHOOK
};

pub const ON_ORDER_CREATED: Consumer = Consumer {
    function: "payments-on-order-created",
    doc: "Opens the payment at the provider.",
    source: Source::Events { types: &[events::OrderCreated::TYPE], delay_s: 0 },
    emits: &[events::PaymentInitiated::TYPE, events::PaymentFailed::TYPE],
    ..PROCESS_WEBHOOK
};

pub const ON_ORDER_CANCELLED: Consumer = Consumer {
    function: "payments-on-order-cancelled",
    doc: "Closes an open payment after asking the provider one last time, and sends captured money back.",
    source: Source::Events { types: &[events::OrderCancelRequested::TYPE, events::OrderCancelled::TYPE], delay_s: 0 },
    ..PROCESS_WEBHOOK
};

pub const ON_STOCK_REJECTED: Consumer = Consumer {
    function: "payments-on-stock-rejected",
    doc: "The goods are gone: sends the money back.",
    source: Source::Events { types: &[events::StockRejected::TYPE], delay_s: 0 },
    ..PROCESS_WEBHOOK
};

pub const ON_ORDER_RETURNED: Consumer = Consumer {
    function: "payments-on-order-returned",
    doc: "Delivered goods came back and were accepted: sends back what they cost.",
    source: Source::Events { types: &[events::OrderReturned::TYPE], delay_s: 0 },
    emits: &[events::RefundInitiated::TYPE],
    ..PROCESS_WEBHOOK
};

/// This service's consumers.
pub const CONSUMERS: &[&Consumer] =
    &[&PROCESS_WEBHOOK, &RECONCILE, &ON_ORDER_CREATED, &ON_ORDER_CANCELLED, &ON_STOCK_REJECTED, &ON_ORDER_RETURNED];
