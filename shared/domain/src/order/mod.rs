//! An order and its states. A transition consumes the old order and returns the new one with the [`Change`], or says
//! that there is nothing to do, so an event that is delivered twice or late is harmless. An event that arrives before
//! the event that it follows from is an [`InvalidTransition`]: it must be delivered again later.
//!
//! ```text
//! pending --> paid --> confirmed --> fulfilled --> completed
//!  |  |       ^  |         |            |            |
//!  |  |       |  |         |            +------------+ (all of the money was refunded, for example after returns)
//!  |  |       |  |         |                         v
//!  |  |       |  +---------+--> refund_pending --> refunded
//!  |  |       |                  ^
//!  |  |       +--(money, late)   |
//!  |  +-> cancelled -------------+ (money, after a person cancelled, or with a coupon)
//!  |       ^                     |
//!  +-> cancel_requested ---------+
//! ```
//! An order whose payment window closed, or whose payment failed, is cancelled. The window of an order that cannot be
//! paid, because the provider has not opened a checkout, is extended, for at most a day. If its money arrives later, the order
//! is revived: its stock is sold if it is still available, and the money is refunded if it is not. An order that a
//! person cancelled is not revived but refunded. So is an order with a coupon, because another order may hold its use
//! by then.
//!
//! The types are in this module and in `state`; the transitions are in `transitions` (payment, stock, cancellation),
//! `fulfilment` (delivery) and [`returns`].

mod fulfilment;
mod holder;
pub mod returns;
mod state;
mod transitions;

pub use holder::{Holder, client_of};
pub use state::{
    CancelReason, Fulfilment, FulfilmentStatus, OrderState, OrderStatus, Return, ReturnLine, ReturnState, ReturnStatus,
    Tracking,
};

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, InvalidTransition, Money, OrderId, PaymentId, ProductId, StoreId, Timestamp, VariantId,
    coupon::AppliedCoupon, limits::PAYMENT_WINDOW_DEFAULT_S, pricing::Totals,
};

/// A line of an order, with the prices at the time the order was placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OrderLine {
    /// The product.
    pub product_id: ProductId,
    /// The variant.
    pub variant_id: VariantId,
    /// Name of the product and, if it has several, of the variant.
    pub title: String,
    /// Stock keeping unit: the seller's own number of the variant.
    pub sku: String,
    /// Address of a picture.
    pub image_url: Option<String>,
    /// Price of one unit.
    pub unit_price: Money,
    /// Number of units.
    pub quantity: u32,
    /// `unit_price` times `quantity`.
    pub line_total: Money,
}

/// Contact data of the customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Customer {
    /// The customer's name.
    pub name: String,
    /// E-mail address, normalised.
    pub email: String,
    /// Phone number in E.164 format.
    pub phone: Option<String>,
}

/// A shipping address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Address {
    /// Name of the recipient.
    pub full_name: String,
    /// Street and house number.
    pub address: String,
    /// City or town.
    pub city: String,
    /// State or region.
    pub state: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Postal code, where the country uses them.
    pub postal_code: Option<String>,
    /// Phone number in E.164 format.
    pub phone: Option<String>,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Id of the order.
    pub id: OrderId,
    /// The store.
    pub store_id: StoreId,
    /// Short, unguessable, readable aloud: `7KQ2-M9XD`.
    pub number: String,
    /// The account that placed the order: a guest or a customer.
    pub buyer_id: AccountId,
    /// Contact data of the customer.
    pub customer: Customer,
    /// Where the goods are sent; `None` if the store does not ship.
    pub shipping_address: Option<Address>,
    /// Id of the store's shipping method.
    pub shipping_method: Option<String>,
    /// The payment method: `paystack`.
    pub payment_provider: String,
    /// The buyer's note, for the seller.
    pub note: Option<String>,
    /// The lines.
    pub lines: Vec<OrderLine>,
    /// The totals at the time the order was placed.
    pub totals: Totals,
    /// The coupon that gave `totals.discount`.
    #[serde(default)]
    pub coupon: Option<AppliedCoupon>,
    /// State of the order.
    pub state: OrderState,
    /// When the order was placed.
    pub placed_at: Timestamp,
    /// End of the payment window. It moves while no checkout could be opened, and if one was opened late.
    pub expires_at: Timestamp,
    /// Length of the payment window, in seconds, as the store had set it when the order was placed.
    #[serde(default = "default_window_s")]
    pub payment_window_s: u32,
    /// When the order last changed.
    pub updated_at: Timestamp,
    /// State of the delivery; `None` until the seller begins to prepare the goods.
    #[serde(default)]
    pub fulfilment: Option<Fulfilment>,
    /// Returns, in the sequence in which they were requested.
    #[serde(default)]
    pub returns: Vec<Return>,
    /// Where the order was placed from (see [`client_of`]), as long as the order counts against what its [`Holder`]s may
    /// hold unpaid; `None` after that.
    #[serde(default)]
    pub client: Option<String>,
}

/// For orders from before the length was stored.
const fn default_window_s() -> u32 {
    PAYMENT_WINDOW_DEFAULT_S
}

/// The effect of a transition. It decides which event is emitted, and so what other services do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The order is paid: its reserved stock is to be sold.
    Paid {
        /// The payment that paid it.
        payment_id: PaymentId,
    },
    /// The payment window closes later, because no checkout could be opened in time.
    WindowExtended,
    /// The order is paid and its stock is sold.
    Confirmed,
    /// A person cancelled an order that may be being paid: the provider is to be asked, and the payment settled.
    CancelRequested {
        /// Who cancelled.
        reason: CancelReason,
    },
    /// The order is cancelled: its stock is to be released.
    Cancelled {
        /// Why it was cancelled.
        reason: CancelReason,
        /// Whether captured money is to be refunded.
        refund: bool,
    },
    /// All of the order's money was refunded.
    Refunded,
    /// The fulfilment status changed.
    Fulfilment(Fulfilment),
    /// A return was requested or decided. An accepted one is to be refunded, and its goods restocked if so decided.
    Return(Return),
}

/// The new order and the change; `None` if there is nothing to do.
pub type Transition = Option<(Order, Change)>;

impl Order {
    /// The payment that paid the order, if it is paid.
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

    /// Why the order was cancelled, if it was.
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

/// Makes an order number from 40 random bits: 8 characters in two groups, from an alphabet without look-alikes.
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
            payment_window_s: PAYMENT_WINDOW_DEFAULT_S,
            updated_at: NOW,
            fulfilment: None,
            returns: vec![],
            client: None,
        }
    }

    #[test]
    fn numbers_are_readable() {
        assert_eq!(order_number([0; 5]), "0000-0000");
        assert_eq!(order_number([255; 5]), "ZZZZ-ZZZZ");
    }
}
