//! One buyer's part of the world: the order and what belongs to it, in the domain's own types, what the provider's
//! books say, and the messages on their way.

use std::hash::{Hash, Hasher};

use domain::{
    AccountId, CouponId, Currency, Money, OrderId, PaymentId, ProductId, StoreId, Timestamp, VariantId,
    coupon::{AppliedCoupon, Redemption, RedemptionState},
    order::{Customer, Order, OrderState, order_number},
    payment::{NewPayment, Payment},
    pricing::Totals,
    reservation::{Reservation, ReservedLine},
    stock::Stock,
};
use ulid::Ulid;

use crate::queues::{Event, Queues};

/// Time stands still, and a payment window may be over at any step that asks: so no state needs a time.
pub(crate) const NOW: Timestamp = Timestamp::UNIX_EPOCH;
pub(crate) const TOTAL: Money = Money::new(1_000, Currency::Ngn);
/// An amount that nobody asked for.
pub(crate) const WRONG: Money = Money::new(900, Currency::Ngn);
pub(crate) const NOTHING: Money = Money::zero(Currency::Ngn);

/// What the provider knows of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Charge {
    Unpaid,
    Declined,
    Taken(Money),
}

/// What the provider knows of a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Back {
    UnderWay,
    Processed,
    Failed,
}

/// The provider's own books, by the index of the attempt and of the refund.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Provider {
    pub(crate) charges: Vec<Charge>,
    pub(crate) refunds: Vec<Option<(Money, Back)>>,
}

impl Provider {
    pub(crate) fn taken(&self) -> i64 {
        self.charges.iter().map(|charge| if let Charge::Taken(amount) = charge { amount.amount_minor } else { 0 }).sum()
    }

    /// Given back, or promised to be.
    pub(crate) fn claimed(&self) -> i64 {
        self.back(|back| back != Back::Failed)
    }

    pub(crate) fn given_back(&self) -> i64 {
        self.back(|back| back == Back::Processed)
    }

    fn back(&self, counts: impl Fn(Back) -> bool) -> i64 {
        self.refunds.iter().flatten().filter(|(_, back)| counts(*back)).map(|(amount, _)| amount.amount_minor).sum()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Side {
    pub(crate) order: Order,
    pub(crate) version: u64,
    pub(crate) reservation: Reservation,
    /// Of the one coupon, if the order used it.
    pub(crate) redemption: Option<Redemption>,
    pub(crate) payment: Option<Payment>,
    pub(crate) provider: Provider,
    pub(crate) queues: Queues,
    /// Why this must never have happened.
    pub(crate) wrong: Option<String>,
}

/// The parts that differ most; equality decides.
impl Hash for Side {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.order.state.status(), self.version).hash(state);
        (self.reservation.state as u8, self.reservation.order_version).hash(state);
        self.redemption.as_ref().map(|redemption| redemption.state as u8).hash(state);
        self.payment.as_ref().map(|payment| (payment.status, payment.refunds.len())).hash(state);
        self.provider.hash(state);
        self.queues.hash(state);
    }
}

impl Side {
    /// An order just placed; its unit is reserved in the same transaction.
    pub(crate) fn placed() -> Self {
        let order = order(OrderState::Pending);
        let lines = vec![ReservedLine { variant_id: VariantId::from_ulid(Ulid(1)), quantity: 1 }];
        let mut queues = Queues::default();
        let _ = queues.send(Event::OrderCreated);
        Self {
            version: 1,
            reservation: Reservation::hold(order.id, order.store_id, lines, NOW),
            redemption: None,
            order,
            payment: None,
            provider: Provider::default(),
            queues,
            wrong: None,
        }
    }

    /// The same, with the coupon.
    pub(crate) fn placed_with_coupon() -> Self {
        let mut side = Self::placed();
        let coupon_id = CouponId::from_ulid(Ulid(1));
        side.order.coupon = Some(AppliedCoupon { coupon_id, code: String::new(), discount: NOTHING });
        side.redemption = Some(Redemption {
            order_id: side.order.id,
            store_id: side.order.store_id,
            coupon_id,
            email: String::new(),
            state: RedemptionState::Held,
            redeemed_at: NOW,
            updated_at: NOW,
        });
        side
    }
}

pub(crate) fn order(state: OrderState) -> Order {
    Order {
        id: OrderId::from_ulid(Ulid(1)),
        store_id: StoreId::from_ulid(Ulid(1)),
        number: order_number([0; 5]),
        buyer_id: AccountId::from_ulid(Ulid(1)),
        customer: Customer { name: String::new(), email: String::new(), phone: None },
        shipping_address: None,
        shipping_method: None,
        payment_provider: String::new(),
        note: None,
        lines: vec![],
        totals: Totals { subtotal: TOTAL, discount: NOTHING, shipping: NOTHING, tax: NOTHING, total: TOTAL },
        coupon: None,
        state,
        placed_at: NOW,
        expires_at: NOW,
        payment_window_s: 0,
        updated_at: NOW,
        fulfilment: None,
        returns: vec![],
        client: None,
    }
}

pub(crate) fn payment(order: &Order) -> Payment {
    NewPayment {
        id: PaymentId::from_ulid(Ulid(1)),
        order_id: order.id,
        store_id: order.store_id,
        provider: order.payment_provider.clone(),
        amount: order.totals.total,
        email: String::new(),
        expires_at: order.expires_at,
    }
    .start(NOW)
}

/// What the buyers share: the one unit, and the one coupon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shared {
    pub(crate) stock: Stock,
    /// Of the coupon, which may be used once.
    pub(crate) uses: u32,
}

/// Stock of the one variant, of which there is one unit.
pub(crate) fn one_unit() -> Stock {
    let empty =
        Stock::empty(ProductId::from_ulid(Ulid(1)), VariantId::from_ulid(Ulid(1)), StoreId::from_ulid(Ulid(1)), NOW);
    Stock { on_hand: 1, available: 1, ..empty }
}
