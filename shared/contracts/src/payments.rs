//! Payments over HTTP, provider webhooks, and the steps of the saga that belong to them.

use domain::{
    Money, OrderId, PaymentId, Permission, RefundId, Timestamp,
    payment::{FailureReason, PaymentStatus, RefundStatus, TryErrorCode},
};
use serde::{Deserialize, Serialize};

use crate::{check, endpoints, events, http::Nothing, orders::OrderPath, row::Access, steps};

/// The payment of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Payment {
    /// Id of the payment.
    pub id: PaymentId,
    /// The order.
    pub order_id: OrderId,
    /// The payment provider: `paystack`.
    pub provider: String,
    /// Status of the payment. While it is `unknown`, the provider is away and the buyer cannot pay yet: the checkout is
    /// opened as soon as the provider answers, and the buyer should come back later.
    pub status: PaymentStatus,
    /// Why the payment failed, if it did.
    pub failure_reason: Option<FailureReason>,
    /// The last try to pay that failed, such as a declined card. The buyer can try again at `checkout_url`.
    pub last_error: Option<LastError>,
    /// The order's total.
    pub amount: Money,
    /// Reference of the newest attempt at the provider.
    pub reference: Option<String>,
    /// Where the buyer pays. Null unless the payment is open.
    pub checkout_url: Option<String>,
    /// Number of attempts at the provider. Calls that were not answered do not count.
    pub attempts: u32,
    /// What the buyer paid for the order.
    pub captured: Money,
    /// How much of it was refunded.
    pub refunded: Money,
    /// Refunds, oldest first.
    pub refunds: Vec<Refund>,
    /// End of the payment window. If the checkout was opened late, it is later than the order's, which follows.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub expires_at: Timestamp,
    /// When the payment last changed.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub updated_at: Timestamp,
    /// Version of the payment, for `If-Match`; one more with each change.
    pub version: u64,
}

/// A try to pay that failed at the provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LastError {
    /// Why the try failed.
    pub code: TryErrorCode,
    /// When the provider told of it.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub at: Timestamp,
}

/// A refund of a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Refund {
    /// Id of the refund.
    pub id: RefundId,
    /// The refunded amount.
    pub amount: Money,
    /// Status of the refund.
    pub status: RefundStatus,
    /// When the refund was created.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub requested_at: Timestamp,
}

impl Payment {
    /// The payment as the API returns it.
    pub fn new(payment: domain::payment::Payment, version: u64) -> Self {
        let (captured, refunded) = payment.captured_and_refunded();
        let attempt = payment.current_attempt().cloned();
        Self {
            id: payment.id,
            order_id: payment.order_id,
            provider: payment.provider,
            status: payment.status,
            failure_reason: payment.failure_reason,
            last_error: payment.last_error.map(|error| LastError { code: error.code, at: error.at }),
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

/// A refund to be created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, garde::Validate, eserde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewRefund {
    /// The amount to refund; by default everything that is not refunded yet.
    #[garde(inner(custom(check::positive)))]
    #[eserde(compat)]
    #[serde(default)]
    pub amount: Option<Money>,
}

/// Confirms that a webhook was stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WebhookAccepted {
    /// Always true.
    pub received: bool,
}

endpoints! {
    /// Start the payment of an order
    ///
    /// Opens a checkout at the provider and returns its address as `checkout_url`. If a checkout is open already,
    /// returns that one. While the provider is away, answers 503 `provider_unavailable`: the platform goes on trying, the
    /// order waits, and the buyer should come back later.
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
    /// Get the payment of an order
    Get = Get "/orders/{id}/payment" => "payments-get" {
        access: Access::Needs(Permission::PaymentsRead), store: None, idempotency: None,
        path: OrderPath, query: Nothing, body: Nothing, reply: 200 Payment,
        tables: [Payments: BatchGet, Orders: BatchGet], emits: [],
        problems: [PAYMENT_NOT_STARTED],
    }
    /// Refund a payment
    ///
    /// Refunds a part of what the buyer paid, or everything that is left. The refund is processed asynchronously: it
    /// is `requested` in this response, and the payment shows its final status. To refund an order completely before
    /// its goods are dispatched, cancel it instead, which releases its stock too.
    CreateRefund = Post "/orders/{id}/payment/refunds" => "payments-refund" {
        access: Access::Needs(Permission::PaymentsRefund), store: None, idempotency: Required,
        path: OrderPath, query: Nothing, body: NewRefund, reply: 201 Refund,
        tables: [Payments: BatchGet Put, Orders: BatchGet, Timers: Put], emits: [RefundInitiated],
        problems: [CANCEL_INSTEAD, INVALID_STATE, NOTHING_TO_REFUND, ORDER_NOT_PAID, TOO_MANY_REFUNDS],
    }
    /// Receive a Paystack webhook
    ///
    /// The header `x-paystack-signature` is the HMAC-SHA512 of the raw body under the secret key, in lower-case
    /// hexadecimal. The webhook is answered as soon as it is stored. It is only a hint: the platform then asks
    /// Paystack's API, and acts on that answer alone.
    WebhookPaystack = Post "/webhooks/paystack" => "payments-webhook-paystack" {
        access: Access::Public, store: None, idempotency: None,
        path: Nothing, query: Nothing, body: Nothing, reply: 200 WebhookAccepted,
        tables: [Payments: Get Put], emits: [WebhookReceived],
        problems: [INVALID_SIGNATURE],
        grants: [Paystack],
        rate: Webhook,
        reserved: true,
    }
}

steps! {
    /// A provider sent a webhook: asks the provider what happened, and records it.
    // One message per call, here and below: a provider may take seconds to answer, and one slow message must not delay
    // others.
    ProcessWebhook = "payments-process-webhook" on events::WebhookReceived {
        batch: 1, retry: DEPENDENCY,
        tables: [Payments: Get Put, Timers: Put Delete],
        emits: [PaymentCompleted, PaymentFailed, PaymentFlagged, RefundInitiated, RefundCompleted, RefundFailed],
        grants: [Paystack],
        reserved: true,
    }
    /// Asks the provider for the status of an open payment or refund, with growing intervals, until it is settled.
    /// Gives up after three days and reports it for a person to act.
    Reconcile = "payments-reconcile" about OrderId {
        batch: 1, retry: DEPENDENCY,
        tables: [Payments: Get Put, Timers: Put Delete],
        emits: [PaymentCompleted, PaymentFailed, PaymentFlagged, RefundInitiated, RefundCompleted, RefundFailed],
        grants: [Paystack],
    }
    /// An order was placed: opens a checkout at the provider.
    OnOrderCreated = "payments-on-order-created" on events::OrderCreated {
        batch: 1, retry: DEPENDENCY,
        tables: [Payments: Get Put, Requests: Put, Timers: Put],
        emits: [PaymentInitiated, PaymentFailed],
        grants: [Paystack],
        reserved: true,
    }
    /// An order was cancelled: asks the provider once more, then closes the open payment or refunds what was captured.
    OnOrderCancelled = "payments-on-order-cancelled" on events::OrderEnded {
        batch: 1, retry: DEPENDENCY,
        tables: [Payments: Get Put, Requests: Put, Timers: Put Delete],
        emits: [PaymentCompleted, PaymentFailed, PaymentFlagged, RefundInitiated, RefundCompleted, RefundFailed],
        grants: [Paystack],
    }
    /// The stock of a paid order is gone: refunds the payment.
    OnStockRejected = "payments-on-stock-rejected" on events::StockRejected {
        batch: 1, retry: STEP,
        tables: [Payments: Get Put, Requests: Put, Timers: Put],
        emits: [RefundInitiated],
    }
    /// A return was accepted: refunds its amount.
    OnOrderReturned = "payments-on-order-returned" on events::OrderReturned {
        batch: 1, retry: STEP,
        tables: [Payments: Get Put, Requests: Put, Timers: Put],
        emits: [RefundInitiated],
    }
    /// A refund was recorded: asks the provider for it.
    OnRefundInitiated = "payments-on-refund-initiated" on events::RefundInitiated {
        batch: 1, retry: DEPENDENCY,
        tables: [Payments: Get Put, Timers: Put Delete],
        emits: [PaymentCompleted, PaymentFailed, PaymentFlagged, RefundInitiated, RefundCompleted, RefundFailed],
        grants: [Paystack],
    }
}
