//! Payments over HTTP, provider webhooks, and the steps of the saga that belong to them.

use domain::{
    Money, OrderId, PaymentId, Permission, RefundId, Timestamp,
    payment::{FailureReason, PaymentStatus, RefundStatus},
};
use serde::{Deserialize, Serialize};

use crate::{check, endpoints, events, http::Nothing, orders::OrderPath, row::Access, steps};

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
        tables: [Payments: Get Put, Orders: Get, Timers: Put],
        emits: [PaymentInitiated, PaymentFailed],
        problems: [ORDER_NOT_PAYABLE, PAYMENT_STARTING, PROVIDER_UNAVAILABLE],
        grants: [Paystack],
        rate: Checkout,
        reserved: true,
    }
    /// Shows the payment of an order.
    Get = Get "/orders/{id}/payment" => "payments-get" {
        access: Access::Needs(Permission::PaymentsRead), store: None, idempotency: None,
        path: OrderPath, query: Nothing, body: Nothing, reply: 200 Payment,
        tables: [Payments: BatchGet, Orders: BatchGet], emits: [],
        problems: [PAYMENT_NOT_STARTED],
    }
    /// Sends money back for a paid order: a part of it, or all that is left.
    ///
    /// It is on its way when this answers; the payment shows when the provider is done. All of the money of an order
    /// whose goods have not left goes back by cancelling it, which gives the stock back too.
    GiveBack = Post "/orders/{id}/payment/refunds" => "payments-refund" {
        access: Access::Needs(Permission::PaymentsRefund), store: None, idempotency: Required,
        path: OrderPath, query: Nothing, body: NewRefund, reply: 201 Refund,
        tables: [Payments: BatchGet Put, Orders: BatchGet, Timers: Put], emits: [RefundInitiated],
        problems: [CANCEL_INSTEAD, INVALID_STATE, NOTHING_TO_REFUND, ORDER_NOT_PAID, TOO_MANY_REFUNDS],
    }
    /// Takes Paystack's webhooks.
    ///
    /// Signed with `x-paystack-signature`: lower-case hex HMAC-SHA512 of the raw body under the secret key. Answered as
    /// soon as the delivery is stored; it is a hint, and money moves only on what Paystack's API says when asked.
    WebhookPaystack = Post "/webhooks/paystack" => "payments-webhook-paystack" {
        access: Access::Public, store: None, idempotency: None,
        path: Nothing, query: Nothing, body: Nothing, reply: 200 WebhookAccepted,
        tables: [Payments: Put], emits: [WebhookReceived],
        problems: [INVALID_SIGNATURE],
        grants: [Paystack],
        rate: Webhook,
        reserved: true,
    }
}

steps! {
    /// A provider called: asks it what really happened, and books that.
    // One at a time, here and below: a provider may take seconds to answer, and one slow message must not hold up others.
    ProcessWebhook = "payments-process-webhook" on events::WebhookReceived {
        batch: 1, retry: DEPENDENCY,
        tables: [Payments: Get Put, Timers: Put Delete],
        emits: [PaymentCompleted, PaymentFailed, PaymentFlagged, RefundInitiated, RefundCompleted, RefundFailed],
        grants: [Paystack],
        reserved: true,
    }
    /// Asks the provider again and again, less and less often, until a payment or a refund is settled; then asks for a
    /// person.
    Reconcile = "payments-reconcile" about OrderId {
        batch: 1, retry: DEPENDENCY,
        tables: [Payments: Get Put, Timers: Put Delete],
        emits: [PaymentCompleted, PaymentFailed, PaymentFlagged, RefundInitiated, RefundCompleted, RefundFailed],
        grants: [Paystack],
    }
    /// Opens the payment at the provider.
    OnOrderCreated = "payments-on-order-created" on events::OrderCreated {
        batch: 1, retry: DEPENDENCY,
        tables: [Payments: Get Put, Requests: Put, Timers: Put],
        emits: [PaymentInitiated, PaymentFailed],
        grants: [Paystack],
        reserved: true,
    }
    /// Closes an open payment after asking the provider one last time, or refunds what was captured.
    OnOrderCancelled = "payments-on-order-cancelled" on events::OrderEnded {
        batch: 1, retry: DEPENDENCY,
        tables: [Payments: Get Put, Requests: Put, Timers: Put Delete],
        emits: [PaymentCompleted, PaymentFailed, PaymentFlagged, RefundInitiated, RefundCompleted, RefundFailed],
        grants: [Paystack],
    }
    /// The goods are gone: refunds the money.
    OnStockRejected = "payments-on-stock-rejected" on events::StockRejected {
        batch: 1, retry: STEP,
        tables: [Payments: Get Put, Requests: Put, Timers: Put],
        emits: [RefundInitiated],
    }
    /// Delivered goods came back and were accepted: refunds what they cost.
    OnOrderReturned = "payments-on-order-returned" on events::OrderReturned {
        batch: 1, retry: STEP,
        tables: [Payments: Get Put, Requests: Put, Timers: Put],
        emits: [RefundInitiated],
    }
    /// Asks the provider for a refund that was recorded.
    OnRefundInitiated = "payments-on-refund-initiated" on events::RefundInitiated {
        batch: 1, retry: DEPENDENCY,
        tables: [Payments: Get Put, Timers: Put Delete],
        emits: [PaymentCompleted, PaymentFailed, PaymentFlagged, RefundInitiated, RefundCompleted, RefundFailed],
        grants: [Paystack],
    }
}
