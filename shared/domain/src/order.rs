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
//! a coupon, for its use may be another's by now. How the goods get to the buyer and back is in [`crate::fulfilment`] and
//! [`crate::returns`].

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, InvalidTransition, Money, OrderId, PaymentId, ProductId, StoreId, Timestamp, VariantId,
    coupon::AppliedCoupon,
    fulfilment::Fulfilment,
    guard::{self, Rule},
    pricing::Totals,
    returns::Return,
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
    const fn is_decision(self) -> bool {
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

/// What a transition asks the rest of the shop to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
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

/// The next order and what it caused; `None` where nothing is to be done (any more).
pub type Step = Option<(Order, Outcome)>;

impl Order {
    /// The payment was captured in full. `None`: it is already paid, or its money is already on its way back.
    pub fn payment_completed(self, payment_id: PaymentId, now: Timestamp) -> Step {
        let paid = OrderState::Paid { payment_id, paid_at: now };
        let can_be_revived = |reason: CancelReason| self.coupon.is_none() && !reason.is_decision();
        match self.state {
            OrderState::Pending => Some((self.into_state(paid, now), Outcome::Paid { payment_id })),
            OrderState::Cancelled { reason, .. } if can_be_revived(reason) || !guard::stands(Rule::DecisionStands) => {
                Some((self.into_state(paid, now), Outcome::Paid { payment_id }))
            }
            OrderState::CancelRequested { reason } | OrderState::Cancelled { reason, .. } => {
                Some(self.refund(reason, payment_id, now))
            }
            _ => None,
        }
    }

    /// The payment failed, lapsed or was closed without money moving.
    pub fn payment_failed(self, now: Timestamp) -> Step {
        let reason = match self.state {
            OrderState::Pending => CancelReason::PaymentFailed,
            OrderState::CancelRequested { reason } => reason,
            _ => return None,
        };
        Some(self.cancelled(reason, now))
    }

    /// The payment window closed.
    pub fn expire(self, now: Timestamp) -> Step {
        match self.state {
            OrderState::Pending if now >= self.expires_at || !guard::stands(Rule::Expiry) => {
                Some(self.cancelled(CancelReason::Expired, now))
            }
            _ => None,
        }
    }

    /// The stock was sold. Early before the order is paid.
    pub fn stock_updated(self, now: Timestamp) -> Result<Step, InvalidTransition> {
        match self.state {
            OrderState::Paid { payment_id, paid_at } => {
                let confirmed = OrderState::Confirmed { payment_id, paid_at, confirmed_at: now };
                Ok(Some((self.into_state(confirmed, now), Outcome::Confirmed)))
            }
            _ => self.left_alone_once_paid("stock_updated"),
        }
    }

    /// The stock was gone. Early before the order is paid.
    pub fn stock_rejected(self, now: Timestamp) -> Result<Step, InvalidTransition> {
        match self.state {
            OrderState::Paid { payment_id, .. } => Ok(Some(self.refund(CancelReason::OutOfStock, payment_id, now))),
            _ => self.left_alone_once_paid("stock_rejected"),
        }
    }

    /// All of the captured money went back. Early until the order is waiting for that: the payment hears of rejected
    /// stock at the same time as the order, and may be faster.
    pub fn refund_completed(self, now: Timestamp) -> Result<Step, InvalidTransition> {
        match self.state {
            OrderState::RefundPending { reason, payment_id } => {
                let refunded = OrderState::Refunded { reason, payment_id, refunded_at: now };
                Ok(Some((self.into_state(refunded, now), Outcome::Refunded)))
            }
            OrderState::Fulfilled { payment_id, .. } | OrderState::Completed { payment_id, .. } => {
                let reason = CancelReason::Refunded;
                let refunded = OrderState::Refunded { reason, payment_id, refunded_at: now };
                Ok(Some((self.into_state(refunded, now), Outcome::Refunded)))
            }
            OrderState::Refunded { .. } => Ok(None),
            _ => Err(self.invalid("refund_completed")),
        }
    }

    /// A person cancels. Allowed until the goods are on their way.
    pub fn cancel(self, reason: CancelReason, now: Timestamp) -> Result<(Self, Outcome), InvalidTransition> {
        match self.state {
            OrderState::Pending => {
                Ok((self.into_state(OrderState::CancelRequested { reason }, now), Outcome::CancelRequested { reason }))
            }
            OrderState::Paid { payment_id, .. } | OrderState::Confirmed { payment_id, .. } => {
                Ok(self.refund(reason, payment_id, now))
            }
            _ => Err(self.invalid("cancel")),
        }
    }

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

    fn cancelled(self, reason: CancelReason, now: Timestamp) -> (Self, Outcome) {
        let state = OrderState::Cancelled { reason, cancelled_at: now };
        (self.into_state(state, now), Outcome::Cancelled { reason, refund: false })
    }

    fn refund(self, reason: CancelReason, payment_id: PaymentId, now: Timestamp) -> (Self, Outcome) {
        let state = OrderState::RefundPending { reason, payment_id };
        (self.into_state(state, now), Outcome::Cancelled { reason, refund: true })
    }

    fn left_alone_once_paid(&self, event: &'static str) -> Result<Step, InvalidTransition> {
        if self.payment_id().is_some() { Ok(None) } else { Err(self.invalid(event)) }
    }

    pub(crate) const fn invalid(&self, event: &'static str) -> InvalidTransition {
        InvalidTransition { state: self.state.status().name(), event }
    }

    pub(crate) fn into_state(self, state: OrderState, now: Timestamp) -> Self {
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
    use proptest::prelude::*;
    use ulid::Ulid;

    use super::*;
    use crate::{CouponId, Currency};

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn payment() -> PaymentId {
        PaymentId::from_ulid(Ulid(9))
    }

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

    fn apply(order: Order, event: u8) -> Step {
        match event {
            0 => order.payment_completed(payment(), NOW),
            1 => order.payment_failed(NOW),
            2 => order.expire(NOW),
            3 => order.stock_updated(NOW).ok().flatten(),
            4 => order.stock_rejected(NOW).ok().flatten(),
            5 => order.refund_completed(NOW).ok().flatten(),
            6 => order.cancel(CancelReason::Buyer, NOW).ok(),
            _ => order.cancel(CancelReason::Staff, NOW).ok(),
        }
    }

    #[test]
    fn an_order_paid_after_it_lapsed_is_revived() {
        let (lapsed, outcome) = order(OrderState::Pending).expire(NOW).unwrap();
        assert_eq!(outcome, Outcome::Cancelled { reason: CancelReason::Expired, refund: false });
        assert_eq!(lapsed.payment_completed(payment(), NOW).unwrap().1, Outcome::Paid { payment_id: payment() });
    }

    #[test]
    fn an_order_with_a_coupon_paid_after_it_lapsed_is_refunded() {
        let off = Money::zero(Currency::Ngn);
        let coupon = AppliedCoupon { coupon_id: CouponId::from_ulid(Ulid(4)), code: "SAVE10".into(), discount: off };
        let with_coupon = Order { coupon: Some(coupon), ..order(OrderState::Pending) };
        for cancelled in [with_coupon.clone().expire(NOW), with_coupon.payment_failed(NOW)] {
            let (cancelled, _) = cancelled.unwrap();
            let reason = cancelled.cancel_reason().unwrap();
            let (refunding, outcome) = cancelled.payment_completed(payment(), NOW).unwrap();
            assert_eq!(outcome, Outcome::Cancelled { reason, refund: true });
            assert_eq!(refunding.payment_completed(payment(), NOW), None);
        }
    }

    #[test]
    fn an_order_paid_after_the_buyer_cancelled_is_refunded() {
        let (asked, _) = order(OrderState::Pending).cancel(CancelReason::Buyer, NOW).unwrap();
        let refund = Outcome::Cancelled { reason: CancelReason::Buyer, refund: true };
        assert_eq!(asked.clone().payment_completed(payment(), NOW).unwrap().1, refund);
        let (cancelled, _) = asked.payment_failed(NOW).unwrap();
        assert_eq!(cancelled.payment_completed(payment(), NOW).unwrap().1, refund);
    }

    #[test]
    fn an_order_whose_money_all_went_back_after_it_was_sent_is_refunded() {
        let payment_id = payment();
        let sent = [
            OrderState::Fulfilled { payment_id, fulfilled_at: NOW },
            OrderState::Completed { payment_id, completed_at: NOW },
        ];
        for state in sent {
            assert!(order(state.clone()).cancel(CancelReason::Buyer, NOW).is_err(), "it is on its way");
            let (refunded, outcome) = order(state).refund_completed(NOW).unwrap().unwrap();
            assert_eq!((outcome, refunded.cancel_reason()), (Outcome::Refunded, Some(CancelReason::Refunded)));
            assert_eq!(refunded.refund_completed(NOW), Ok(None));
        }
    }

    #[test]
    fn does_not_expire_early() {
        let later = Order { expires_at: NOW + jiff::Span::new().seconds(1), ..order(OrderState::Pending) };
        assert!(later.expire(NOW).is_none());
    }

    #[test]
    fn an_event_that_overtook_its_cause_comes_again() {
        assert!(order(OrderState::Pending).stock_updated(NOW).is_err());
        assert!(order(OrderState::Pending).stock_rejected(NOW).is_err());
        let (paid, _) = order(OrderState::Pending).payment_completed(payment(), NOW).unwrap();
        assert!(paid.clone().refund_completed(NOW).is_err());
        let (refunding, _) = paid.stock_rejected(NOW).unwrap().unwrap();
        assert_eq!(refunding.clone().stock_rejected(NOW), Ok(None));
        let (refunded, _) = refunding.refund_completed(NOW).unwrap().unwrap();
        assert_eq!(refunded.refund_completed(NOW), Ok(None));
    }

    #[test]
    fn numbers_are_readable() {
        assert_eq!(order_number([0; 5]), "0000-0000");
        assert_eq!(order_number([255; 5]), "ZZZZ-ZZZZ");
    }

    proptest! {
        /// Money is never kept on a cancelled order: once captured, an order is being fulfilled or refunded.
        #[test]
        fn captured_money_is_never_stranded(events in prop::collection::vec(0..8_u8, 0..20)) {
            let mut current = order(OrderState::Pending);
            let mut captured = false;
            for event in events {
                captured |= event == 0;
                if let Some((next, _)) = apply(current.clone(), event) {
                    current = next;
                }
                let status = current.state.status();
                if captured {
                    prop_assert!(!matches!(status, OrderStatus::Pending | OrderStatus::CancelRequested | OrderStatus::Cancelled));
                } else {
                    prop_assert!(current.payment_id().is_none());
                }
            }
        }

        #[test]
        fn the_same_event_twice_has_one_effect(events in prop::collection::vec(0..8_u8, 0..20)) {
            let mut current = order(OrderState::Pending);
            for event in events {
                if let Some((next, _)) = apply(current.clone(), event) {
                    prop_assert!(apply(next.clone(), event).is_none());
                    current = next;
                }
            }
        }
    }
}
