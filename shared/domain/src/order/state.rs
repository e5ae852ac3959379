//! The states of an order, of its delivery and of its returns.

use serde::{Deserialize, Serialize};

use crate::{Money, PaymentId, ReturnId, Timestamp, VariantId};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    /// The buyer asked.
    Buyer,
    /// The seller's team asked.
    Staff,
    /// Not paid within the payment window.
    Expired,
    PaymentFailed,
    /// Paid after the reservation had lapsed, and the stock was gone.
    OutOfStock,
    /// After the goods were sent, all the money went back.
    Refunded,
}

impl CancelReason {
    /// A person decided, so money that comes later goes back.
    pub(super) const fn is_decision(self) -> bool {
        matches!(self, Self::Buyer | Self::Staff)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum OrderState {
    Pending,
    /// Cancelled by a person while it may be being paid: the provider is asked before it is final.
    CancelRequested {
        reason: CancelReason,
    },
    Paid {
        payment_id: PaymentId,
        paid_at: Timestamp,
    },
    Confirmed {
        payment_id: PaymentId,
        paid_at: Timestamp,
        confirmed_at: Timestamp,
    },
    Fulfilled {
        payment_id: PaymentId,
        fulfilled_at: Timestamp,
    },
    Completed {
        payment_id: PaymentId,
        completed_at: Timestamp,
    },
    Cancelled {
        reason: CancelReason,
        cancelled_at: Timestamp,
    },
    RefundPending {
        reason: CancelReason,
        payment_id: PaymentId,
    },
    Refunded {
        reason: CancelReason,
        payment_id: PaymentId,
        refunded_at: Timestamp,
    },
}

/// The name of a state, for lists, filters and people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    Pending,
    CancelRequested,
    Paid,
    Confirmed,
    Fulfilled,
    Completed,
    Cancelled,
    RefundPending,
    Refunded,
}

impl OrderStatus {
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FulfilmentStatus {
    Preparing,
    /// Given to the courier.
    Dispatched,
    InTransit,
    OutForDelivery,
    Delivered,
    /// It comes back to the seller, who may dispatch it again.
    DeliveryFailed,
}

impl FulfilmentStatus {
    pub const ALL: [Self; 6] = [
        Self::Preparing,
        Self::Dispatched,
        Self::InTransit,
        Self::OutForDelivery,
        Self::Delivered,
        Self::DeliveryFailed,
    ];

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

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Tracking {
    pub courier: String,
    /// The courier's number of the parcel.
    pub number: String,
}

/// Where the goods are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fulfilment {
    pub status: FulfilmentStatus,
    pub tracking: Option<Tracking>,
    /// The seller's words on this status, for the buyer.
    pub note: Option<String>,
    /// How often they were dispatched.
    pub dispatches: u32,
    pub updated_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReturnLine {
    pub variant_id: VariantId,
    pub quantity: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum ReturnState {
    Requested,
    Accepted {
        /// The units go back into stock.
        restock: bool,
        /// What goes back to the buyer.
        refund: Money,
        decided_at: Timestamp,
    },
    Rejected {
        note: Option<String>,
        decided_at: Timestamp,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReturnStatus {
    Requested,
    Accepted,
    Rejected,
}

impl ReturnState {
    pub const fn status(&self) -> ReturnStatus {
        match self {
            Self::Requested => ReturnStatus::Requested,
            Self::Accepted { .. } => ReturnStatus::Accepted,
            Self::Rejected { .. } => ReturnStatus::Rejected,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Return {
    pub id: ReturnId,
    /// Each of another variant.
    pub lines: Vec<ReturnLine>,
    /// The buyer's words.
    pub reason: String,
    pub state: ReturnState,
    pub requested_at: Timestamp,
}
