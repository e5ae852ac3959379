//! An order and its states. A transition consumes the old order and returns the next one with what it caused, or
//! says that nothing is to be done, so an event delivered twice or late is harmless by construction. An event that
//! overtook the one it follows from is an [`InvalidTransition`]: it must come again.
//!
//! ```text
//! pending --> paid --> confirmed --> fulfilled --> completed
//!  |  |       ^  |         |            |            |
//!  |  |       |  |         |            +------------+ (all the money, after returns)
//!  |  |       |  |         |                         v
//!  |  |       |  +---------+--> refund_pending --> refunded
//!  |  |       |                  ^
//!  |  |       +--(money, late)   |
//!  |  +-> cancelled -------------+ (money, after a person cancelled, or with a coupon)
//!  |       ^                     |
//!  +-> cancel_requested ---------+
//! ```
//! An order that lapsed or whose payment failed is cancelled, but money that arrives later revives it: its stock is
//! taken again if there is any, and refunded in full if not. One that a person cancelled is refunded; so is one that used
//! a coupon, for its use may be another's by now.
//!
//! What an order is, is here and in `state`; what may happen to it is in `transitions` (payment, stock, cancelling), in
//! `fulfilment` (how the goods get to the buyer) and in [`returns`] (and back).

mod fulfilment;
pub mod returns;
mod state;
mod transitions;

pub use state::{
    CancelReason, Fulfilment, FulfilmentStatus, OrderState, OrderStatus, Return, ReturnLine, ReturnState, ReturnStatus,
    Tracking,
};

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, InvalidTransition, Money, OrderId, PaymentId, ProductId, StoreId, Timestamp, VariantId,
    coupon::AppliedCoupon, pricing::Totals,
};

/// A line with the prices of the moment the order was placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OrderLine {
    pub product_id: ProductId,
    pub variant_id: VariantId,
    pub title: String,
    pub sku: String,
    pub image_url: Option<String>,
    pub unit_price: Money,
    pub quantity: u32,
    pub line_total: Money,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Customer {
    pub name: String,
    pub email: String,
    pub phone: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Address {
    pub full_name: String,
    pub address: String,
    pub city: String,
    pub state: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    pub postal_code: Option<String>,
    pub phone: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub id: OrderId,
    pub store_id: StoreId,
    /// Short, unguessable, readable aloud: `7KQ2-M9XD`.
    pub number: String,
    /// The token's subject that placed it, guest or customer.
    pub buyer_id: AccountId,
    pub customer: Customer,
    pub shipping_address: Option<Address>,
    pub shipping_method: Option<String>,
    pub payment_provider: String,
    pub note: Option<String>,
    pub lines: Vec<OrderLine>,
    pub totals: Totals,
    /// What took `totals.discount` off.
    #[serde(default)]
    pub coupon: Option<AppliedCoupon>,
    pub state: OrderState,
    pub placed_at: Timestamp,
    /// Until when it can be paid.
    pub expires_at: Timestamp,
    pub updated_at: Timestamp,
    /// `None` until somebody begins to prepare it.
    #[serde(default)]
    pub fulfilment: Option<Fulfilment>,
    /// In the order they were asked for.
    #[serde(default)]
    pub returns: Vec<Return>,
}

/// What happened to an order, and so what the rest of the shop is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Sell the reserved stock.
    Paid {
        payment_id: PaymentId,
    },
    Confirmed,
    /// Ask the provider, then settle the payment.
    CancelRequested {
        reason: CancelReason,
    },
    /// Give the stock back, and the money too if `refund`.
    Cancelled {
        reason: CancelReason,
        refund: bool,
    },
    Refunded,
    /// The goods have moved on.
    Fulfilment(Fulfilment),
    /// A return was asked for, or decided: take accepted goods back, and send back what they cost.
    Return(Return),
}

/// The next order and what happened to it; `None` where nothing is to be done (any more).
pub type Transition = Option<(Order, Change)>;

impl Order {
    pub fn payment_id(&self) -> Option<PaymentId> {
        match self.state {
            OrderState::Paid { payment_id, .. }
            | OrderState::Confirmed { payment_id, .. }
            | OrderState::Fulfilled { payment_id, .. }
            | OrderState::Completed { payment_id, .. }
            | OrderState::RefundPending { payment_id, .. }
            | OrderState::Refunded { payment_id, .. } => Some(payment_id),
            OrderState::Pending | OrderState::CancelRequested { .. } | OrderState::Cancelled { .. } => None,
        }
    }

    pub const fn cancel_reason(&self) -> Option<CancelReason> {
        match self.state {
            OrderState::CancelRequested { reason }
            | OrderState::Cancelled { reason, .. }
            | OrderState::RefundPending { reason, .. }
            | OrderState::Refunded { reason, .. } => Some(reason),
            _ => None,
        }
    }

    const fn invalid(&self, event: &'static str) -> InvalidTransition {
        InvalidTransition { state: self.state.status().name(), event }
    }

    fn into_state(self, state: OrderState, now: Timestamp) -> Self {
        Self { state, updated_at: now, ..self }
    }
}

/// A number made from 40 random bits: 8 letters of an alphabet without look-alikes, in two groups.
pub fn order_number(random: [u8; 5]) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let bits = random.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
    let letter = |index: u32| char::from(ALPHABET[(bits >> (35 - 5 * index) & 31) as usize]);
    let group = |from: u32| (from..from + 4).map(letter).collect::<String>();
    format!("{}-{}", group(0), group(4))
}

#[cfg(test)]
pub(crate) mod tests {
    use ulid::Ulid;

    use super::*;
    use crate::Currency;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    pub(crate) fn order(state: OrderState) -> Order {
        let zero = Money::zero(Currency::Ngn);
        Order {
            id: OrderId::from_ulid(Ulid(1)),
            store_id: StoreId::from_ulid(Ulid(2)),
            number: order_number([1, 2, 3, 4, 5]),
            buyer_id: AccountId::from_ulid(Ulid(3)),
            customer: Customer { name: "Ada".into(), email: "ada@example.com".into(), phone: None },
            shipping_address: None,
            shipping_method: None,
            payment_provider: "paystack".into(),
            note: None,
            lines: vec![],
            totals: Totals { subtotal: zero, discount: zero, shipping: zero, tax: zero, total: zero },
            coupon: None,
            state,
            placed_at: NOW,
            expires_at: NOW,
            updated_at: NOW,
            fulfilment: None,
            returns: vec![],
        }
    }

    #[test]
    fn numbers_are_readable() {
        assert_eq!(order_number([0; 5]), "0000-0000");
        assert_eq!(order_number([255; 5]), "ZZZZ-ZZZZ");
    }
}
