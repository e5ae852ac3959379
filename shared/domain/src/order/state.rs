//! The states of an order, of its delivery and of its returns.

use serde::{Deserialize, Serialize};

use crate::{Money, PaymentId, ReturnId, Timestamp, VariantId};

/// Why an order was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    /// The buyer cancelled.
    Buyer,
    /// The seller's team cancelled.
    Staff,
    /// The order was not paid within the payment window.
    Expired,
    /// The payment failed.
    PaymentFailed,
    /// The order was paid after its stock had been released, and the stock was gone.
    OutOfStock,
    /// All of the money was refunded after the goods were dispatched.
    Refunded,
}

impl CancelReason {
    /// Whether a person cancelled, so that money captured later is refunded.
    pub(super) const fn is_decision(self) -> bool {
        matches!(self, Self::Buyer | Self::Staff)
    }
}

/// State of an order, with the data that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum OrderState {
    /// Waits for its payment.
    Pending,
    /// A person cancelled the order while the buyer may be paying: the provider is asked before the cancellation is
    /// final.
    CancelRequested {
        /// Who cancelled.
        reason: CancelReason,
    },
    /// Paid; its stock is being sold.
    Paid {
        /// The payment.
        payment_id: PaymentId,
        /// When the payment was captured.
        paid_at: Timestamp,
    },
    /// Paid, and its stock is sold: the seller can pack it.
    Confirmed {
        /// The payment.
        payment_id: PaymentId,
        /// When the payment was captured.
        paid_at: Timestamp,
        /// When the stock was sold.
        confirmed_at: Timestamp,
    },
    /// The goods were dispatched.
    Fulfilled {
        /// The payment.
        payment_id: PaymentId,
        /// When the goods were first dispatched.
        fulfilled_at: Timestamp,
    },
    /// The goods were delivered.
    Completed {
        /// The payment.
        payment_id: PaymentId,
        /// When the goods were delivered.
        completed_at: Timestamp,
    },
    /// Cancelled without a payment.
    Cancelled {
        /// Why the order was cancelled.
        reason: CancelReason,
        /// When the order was cancelled.
        cancelled_at: Timestamp,
    },
    /// Cancelled; its money is being refunded.
    RefundPending {
        /// Why the order was cancelled.
        reason: CancelReason,
        /// The payment.
        payment_id: PaymentId,
    },
    /// All of its money was refunded.
    Refunded {
        /// Why the order was cancelled.
        reason: CancelReason,
        /// The payment.
        payment_id: PaymentId,
        /// When the last of the money was refunded.
        refunded_at: Timestamp,
    },
}

/// Status of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Waits for its payment.
    Pending,
    /// Cancelled by a person while the buyer may be paying; final once the provider has answered.
    CancelRequested,
    /// Paid; its stock is being sold.
    Paid,
    /// Paid, and its stock is sold: the seller can pack it.
    Confirmed,
    /// The goods were dispatched.
    Fulfilled,
    /// The goods were delivered.
    Completed,
    /// Cancelled without a payment.
    Cancelled,
    /// Cancelled; its money is being refunded.
    RefundPending,
    /// All of its money was refunded.
    Refunded,
}

impl OrderStatus {
    /// Every value.
    pub const ALL: [Self; 9] = [
        Self::Pending,
        Self::CancelRequested,
        Self::Paid,
        Self::Confirmed,
        Self::Fulfilled,
        Self::Completed,
        Self::Cancelled,
        Self::RefundPending,
        Self::Refunded,
    ];

    /// The name in the API and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::CancelRequested => "cancel_requested",
            Self::Paid => "paid",
            Self::Confirmed => "confirmed",
            Self::Fulfilled => "fulfilled",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::RefundPending => "refund_pending",
            Self::Refunded => "refunded",
        }
    }
}

impl OrderState {
    /// The status of this state.
    pub const fn status(&self) -> OrderStatus {
        match self {
            Self::Pending => OrderStatus::Pending,
            Self::CancelRequested { .. } => OrderStatus::CancelRequested,
            Self::Paid { .. } => OrderStatus::Paid,
            Self::Confirmed { .. } => OrderStatus::Confirmed,
            Self::Fulfilled { .. } => OrderStatus::Fulfilled,
            Self::Completed { .. } => OrderStatus::Completed,
            Self::Cancelled { .. } => OrderStatus::Cancelled,
            Self::RefundPending { .. } => OrderStatus::RefundPending,
            Self::Refunded { .. } => OrderStatus::Refunded,
        }
    }
}

/// Status of the delivery of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FulfilmentStatus {
    /// The seller is preparing the goods.
    Preparing,
    /// The courier has the goods.
    Dispatched,
    /// The goods are on their way.
    InTransit,
    /// The goods will be delivered today.
    OutForDelivery,
    /// The buyer has the goods.
    Delivered,
    /// The courier could not deliver the goods. The seller can dispatch them again.
    DeliveryFailed,
}

impl FulfilmentStatus {
    /// Every value.
    pub const ALL: [Self; 6] = [
        Self::Preparing,
        Self::Dispatched,
        Self::InTransit,
        Self::OutForDelivery,
        Self::Delivered,
        Self::DeliveryFailed,
    ];

    /// The name in the API and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::Dispatched => "dispatched",
            Self::InTransit => "in_transit",
            Self::OutForDelivery => "out_for_delivery",
            Self::Delivered => "delivered",
            Self::DeliveryFailed => "delivery_failed",
        }
    }
}

/// Tracking data of a parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Tracking {
    /// Name of the courier.
    pub courier: String,
    /// The courier's tracking number.
    pub number: String,
}

/// State of the delivery of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fulfilment {
    /// Where the goods are.
    pub status: FulfilmentStatus,
    /// Tracking data, if there is any.
    pub tracking: Option<Tracking>,
    /// The seller's note on this status, for the buyer.
    pub note: Option<String>,
    /// How often the goods were dispatched.
    pub dispatches: u32,
    /// When the fulfilment last changed.
    pub updated_at: Timestamp,
}

/// A returned variant, and how many units of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReturnLine {
    /// The variant.
    pub variant_id: VariantId,
    /// Number of units.
    pub quantity: u32,
}

/// State of a return, with the data that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum ReturnState {
    /// Waits for the decision of the seller.
    Requested,
    /// Accepted and refunded.
    Accepted {
        /// Whether the units are put back into stock.
        restock: bool,
        /// The amount refunded to the buyer.
        refund: Money,
        /// When the seller decided.
        decided_at: Timestamp,
    },
    /// Rejected.
    Rejected {
        /// The seller's note, for the buyer.
        note: Option<String>,
        /// When the seller decided.
        decided_at: Timestamp,
    },
}

/// Status of a return.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReturnStatus {
    /// Waits for the decision of the seller.
    Requested,
    /// Accepted and refunded.
    Accepted,
    /// Rejected.
    Rejected,
}

impl ReturnState {
    /// The status of this state.
    pub const fn status(&self) -> ReturnStatus {
        match self {
            Self::Requested => ReturnStatus::Requested,
            Self::Accepted { .. } => ReturnStatus::Accepted,
            Self::Rejected { .. } => ReturnStatus::Rejected,
        }
    }
}

/// A return of goods of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Return {
    /// Id of the return.
    pub id: ReturnId,
    /// The returned goods; at most one line for each variant.
    pub lines: Vec<ReturnLine>,
    /// The buyer's reason.
    pub reason: String,
    /// State of the return.
    pub state: ReturnState,
    /// When the return was requested.
    pub requested_at: Timestamp,
}
