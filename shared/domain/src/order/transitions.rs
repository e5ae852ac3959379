//! Transitions of an order before its goods are dispatched: payment, stock and cancellation.

use super::{CancelReason, Change, Order, OrderState, Transition};
use crate::{
    InvalidTransition, PaymentId, Timestamp,
    guard::{self, Rule},
};

impl Order {
    /// The payment was captured in full. `None` if the order is paid already, or its money is being refunded.
    pub fn payment_completed(self, payment_id: PaymentId, now: Timestamp) -> Transition {
        let paid = OrderState::Paid { payment_id, paid_at: now };
        let can_be_revived = |reason: CancelReason| self.coupon.is_none() && !reason.is_decision();
        match self.state {
            OrderState::Pending => Some((self.into_state(paid, now), Change::Paid { payment_id })),
            OrderState::Cancelled { reason, .. } if can_be_revived(reason) || !guard::stands(Rule::DecisionStands) => {
                Some((self.into_state(paid, now), Change::Paid { payment_id }))
            }
            OrderState::CancelRequested { reason } | OrderState::Cancelled { reason, .. } => {
                Some(self.refund(reason, payment_id, now))
            }
            _ => None,
        }
    }

    /// The payment failed, expired or was closed without a capture. `None` if the order is no longer unpaid.
    pub fn payment_failed(self, now: Timestamp) -> Transition {
        let reason = match self.state {
            OrderState::Pending => CancelReason::PaymentFailed,
            OrderState::CancelRequested { reason } => reason,
            _ => return None,
        };
        Some(self.cancelled(reason, now))
    }

    /// The payment window closed. `None` if it is still open, or the order is no longer pending.
    pub fn expire(self, now: Timestamp) -> Transition {
        match self.state {
            OrderState::Pending if now >= self.expires_at || !guard::stands(Rule::Expiry) => {
                Some(self.cancelled(CancelReason::Expired, now))
            }
            _ => None,
        }
    }

    /// The stock was sold. `None` if the order has moved on.
    ///
    /// # Errors
    /// [`InvalidTransition`] if the order is not paid yet: the event arrived too early.
    pub fn stock_updated(self, now: Timestamp) -> Result<Transition, InvalidTransition> {
        match self.state {
            OrderState::Paid { payment_id, paid_at } => {
                let confirmed = OrderState::Confirmed { payment_id, paid_at, confirmed_at: now };
                Ok(Some((self.into_state(confirmed, now), Change::Confirmed)))
            }
            _ => self.left_alone_once_paid("stock_updated"),
        }
    }

    /// The stock was gone when the order was paid. `None` if the order has moved on.
    ///
    /// # Errors
    /// [`InvalidTransition`] if the order is not paid yet: the event arrived too early.
    pub fn stock_rejected(self, now: Timestamp) -> Result<Transition, InvalidTransition> {
        match self.state {
            OrderState::Paid { payment_id, .. } => Ok(Some(self.refund(CancelReason::OutOfStock, payment_id, now))),
            _ => self.left_alone_once_paid("stock_rejected"),
        }
    }

    /// All of the captured money was refunded. `None` if that is recorded already.
    ///
    /// # Errors
    /// [`InvalidTransition`] if the order does not wait for a refund and was not dispatched: the event arrived too
    /// early. Payment and order receive the event of rejected stock at the same time, so the refund can be faster.
    pub fn refund_completed(self, now: Timestamp) -> Result<Transition, InvalidTransition> {
        match self.state {
            OrderState::RefundPending { reason, payment_id } => {
                let refunded = OrderState::Refunded { reason, payment_id, refunded_at: now };
                Ok(Some((self.into_state(refunded, now), Change::Refunded)))
            }
            OrderState::Fulfilled { payment_id, .. } | OrderState::Completed { payment_id, .. } => {
                let reason = CancelReason::Refunded;
                let refunded = OrderState::Refunded { reason, payment_id, refunded_at: now };
                Ok(Some((self.into_state(refunded, now), Change::Refunded)))
            }
            OrderState::Refunded { .. } => Ok(None),
            _ => Err(self.invalid("refund_completed")),
        }
    }

    /// A person cancels the order.
    ///
    /// # Errors
    /// [`InvalidTransition`] if the goods were dispatched, or the order is cancelled or being refunded.
    pub fn cancel(self, reason: CancelReason, now: Timestamp) -> Result<(Self, Change), InvalidTransition> {
        match self.state {
            OrderState::Pending => {
                Ok((self.into_state(OrderState::CancelRequested { reason }, now), Change::CancelRequested { reason }))
            }
            OrderState::Paid { payment_id, .. } | OrderState::Confirmed { payment_id, .. } => {
                Ok(self.refund(reason, payment_id, now))
            }
            _ => Err(self.invalid("cancel")),
        }
    }

    fn cancelled(self, reason: CancelReason, now: Timestamp) -> (Self, Change) {
        let state = OrderState::Cancelled { reason, cancelled_at: now };
        (self.into_state(state, now), Change::Cancelled { reason, refund: false })
    }

    fn refund(self, reason: CancelReason, payment_id: PaymentId, now: Timestamp) -> (Self, Change) {
        let state = OrderState::RefundPending { reason, payment_id };
        (self.into_state(state, now), Change::Cancelled { reason, refund: true })
    }

    fn left_alone_once_paid(&self, event: &'static str) -> Result<Transition, InvalidTransition> {
        if self.payment_id().is_some() { Ok(None) } else { Err(self.invalid(event)) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ulid::Ulid;

    use super::*;
    use crate::{
        CouponId, Currency, Money,
        coupon::AppliedCoupon,
        order::{OrderStatus, tests::order},
    };

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn payment() -> PaymentId {
        PaymentId::from_ulid(Ulid(9))
    }

    fn apply(order: Order, event: u8) -> Transition {
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
        let (lapsed, change) = order(OrderState::Pending).expire(NOW).unwrap();
        assert_eq!(change, Change::Cancelled { reason: CancelReason::Expired, refund: false });
        assert_eq!(lapsed.payment_completed(payment(), NOW).unwrap().1, Change::Paid { payment_id: payment() });
    }

    #[test]
    fn an_order_with_a_coupon_paid_after_it_lapsed_is_refunded() {
        let off = Money::zero(Currency::Ngn);
        let coupon = AppliedCoupon { coupon_id: CouponId::from_ulid(Ulid(4)), code: "SAVE10".into(), discount: off };
        let with_coupon = Order { coupon: Some(coupon), ..order(OrderState::Pending) };
        for cancelled in [with_coupon.clone().expire(NOW), with_coupon.payment_failed(NOW)] {
            let (cancelled, _) = cancelled.unwrap();
            let reason = cancelled.cancel_reason().unwrap();
            let (refunding, change) = cancelled.payment_completed(payment(), NOW).unwrap();
            assert_eq!(change, Change::Cancelled { reason, refund: true });
            assert_eq!(refunding.payment_completed(payment(), NOW), None);
        }
    }

    #[test]
    fn an_order_paid_after_the_buyer_cancelled_is_refunded() {
        let (asked, _) = order(OrderState::Pending).cancel(CancelReason::Buyer, NOW).unwrap();
        let refund = Change::Cancelled { reason: CancelReason::Buyer, refund: true };
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
            let (refunded, change) = order(state).refund_completed(NOW).unwrap().unwrap();
            assert_eq!((change, refunded.cancel_reason()), (Change::Refunded, Some(CancelReason::Refunded)));
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
