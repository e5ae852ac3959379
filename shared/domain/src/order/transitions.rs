//! Transitions of an order before its goods are dispatched: payment, stock and cancellation.

use super::{CancelReason, Change, Order, OrderState, Transition};
use crate::{
    InvalidTransition, PaymentId, Timestamp,
    guard::{self, Rule},
    limits::CHECKOUT_WAIT_MAX_S,
    payment::{Payment, late_window_s},
    time::after,
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

    /// The payment window closed: the order is cancelled, or its window extended if it could not be paid all the time.
    /// `None` if the window is still open, the order is no longer pending, or its money was captured: then it is about
    /// to be paid.
    pub fn expire(self, payment: Option<&Payment>, now: Timestamp) -> Transition {
        let waits = guard::stands(Rule::Expiry);
        let is_open = waits && now < self.expires_at;
        if self.state != OrderState::Pending || is_open || payment.is_some_and(Payment::is_settled) {
            return None;
        }
        match self.extension(payment, now).filter(|_| waits) {
            Some(expires_at) => Some((Self { expires_at, updated_at: now, ..self }, Change::WindowExtended)),
            None => Some(self.cancelled(CancelReason::Expired, now)),
        }
    }

    /// The new end of a payment window that is over. With a checkout, this is the end of the payment's own window, which
    /// is later if the checkout was opened late. Without one, the order waits for it. `None` if the window is not
    /// extended.
    fn extension(&self, payment: Option<&Payment>, now: Timestamp) -> Option<Timestamp> {
        let expires_at = match payment {
            Some(payment) if !payment.status.is_open() => return None,
            Some(payment) if payment.has_checkout() => payment.expires_at,
            _ => after(now, late_window_s(self.payment_window_s)).min(after(self.placed_at, CHECKOUT_WAIT_MAX_S)),
        };
        (expires_at > now).then_some(expires_at)
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
        payment::{FailureReason, tests::payment as unopened},
    };

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn payment() -> PaymentId {
        PaymentId::from_ulid(Ulid(9))
    }

    /// With a checkout, where the buyer can pay until then.
    fn open(expires_at: Timestamp) -> Payment {
        let open = unopened().checkout_opened("r1", "https://x".into(), 0, NOW).unwrap();
        Payment { expires_at, ..open }
    }

    fn apply(order: Order, event: u8) -> Transition {
        match event {
            0 => order.payment_completed(payment(), NOW),
            1 => order.payment_failed(NOW),
            2 => order.expire(Some(&open(NOW)), NOW),
            3 => order.stock_updated(NOW).ok().flatten(),
            4 => order.stock_rejected(NOW).ok().flatten(),
            5 => order.refund_completed(NOW).ok().flatten(),
            6 => order.cancel(CancelReason::Buyer, NOW).ok(),
            _ => order.cancel(CancelReason::Staff, NOW).ok(),
        }
    }

    #[test]
    fn an_order_paid_after_it_lapsed_is_revived() {
        let (lapsed, change) = order(OrderState::Pending).expire(Some(&open(NOW)), NOW).unwrap();
        assert_eq!(change, Change::Cancelled { reason: CancelReason::Expired, refund: false });
        assert_eq!(lapsed.payment_completed(payment(), NOW).unwrap().1, Change::Paid { payment_id: payment() });
    }

    #[test]
    fn an_order_with_a_coupon_paid_after_it_lapsed_is_refunded() {
        let off = Money::zero(Currency::Ngn);
        let coupon = AppliedCoupon { coupon_id: CouponId::from_ulid(Ulid(4)), code: "SAVE10".into(), discount: off };
        let with_coupon = Order { coupon: Some(coupon), ..order(OrderState::Pending) };
        for cancelled in [with_coupon.clone().expire(Some(&open(NOW)), NOW), with_coupon.payment_failed(NOW)] {
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
        let later = Order { expires_at: after(NOW, 1), ..order(OrderState::Pending) };
        for payment in [None, Some(&open(NOW)), Some(&unopened())] {
            assert!(later.clone().expire(payment, NOW).is_none());
        }
    }

    #[test]
    fn waits_for_a_checkout_for_a_day() {
        let (away, day_s) = (unopened().unanswered(NOW), CHECKOUT_WAIT_MAX_S);
        for payment in [None, Some(&unopened()), Some(&away)] {
            let mut waiting = order(OrderState::Pending);
            let (mut now, mut times) = (NOW, 0);
            while let (next, Change::WindowExtended) = waiting.clone().expire(payment, now).unwrap() {
                assert_eq!(next.expires_at, after(now, 900).min(after(NOW, day_s)));
                assert_eq!((&next.state, next.updated_at), (&OrderState::Pending, now));
                assert_eq!(next.clone().expire(payment, after(next.expires_at, -1)), None);
                (now, times) = (next.expires_at, times + 1);
                waiting = next;
            }
            assert_eq!((now, times), (after(NOW, day_s), day_s / 900));
            let (cancelled, _) = waiting.expire(payment, now).unwrap();
            assert_eq!(cancelled.cancel_reason(), Some(CancelReason::Expired));
        }
        let long = Order { payment_window_s: 7_200, ..order(OrderState::Pending) };
        assert_eq!(long.expire(None, NOW).unwrap().0.expires_at, after(NOW, 7_200));
    }

    #[test]
    fn the_window_of_a_checkout_that_opened_late_closes_late() {
        let (order, until) = (order(OrderState::Pending), after(NOW, 600));
        let (extended, change) = order.expire(Some(&open(until)), after(NOW, 10)).unwrap();
        assert_eq!((extended.expires_at, change), (until, Change::WindowExtended));
        assert_eq!(extended.clone().expire(Some(&open(until)), after(NOW, 599)), None);
        let (cancelled, _) = extended.expire(Some(&open(until)), until).unwrap();
        assert_eq!(cancelled.cancel_reason(), Some(CancelReason::Expired));
    }

    #[test]
    fn a_payment_that_failed_is_not_waited_for_and_one_that_was_captured_is() {
        let failed = unopened().failed(FailureReason::ProviderRejected, NOW).unwrap();
        let (cancelled, _) = order(OrderState::Pending).expire(Some(&failed), NOW).unwrap();
        assert_eq!(cancelled.cancel_reason(), Some(CancelReason::Expired));
        let paid = open(NOW);
        let (paid, _) = paid.clone().captured("r1", paid.amount, paid.amount, NOW).unwrap();
        assert_eq!(order(OrderState::Pending).expire(Some(&paid), after(NOW, 86_400)), None);
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
