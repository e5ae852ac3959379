//! What must hold: of one order and its payment at any time, of a change, and of one that has come to rest. What must
//! hold of both together is in `world`.

use domain::{
    coupon::RedemptionState,
    order::{CancelReason, OrderState, OrderStatus},
    payment::{Payment, PaymentStatus, RefundStatus},
    reservation::ReservationState,
};

use crate::{
    queues::Consumer,
    side::{Side, TOTAL},
};

/// Notes what is wrong with having become that.
pub(crate) fn judge(before: &Side, next: &mut Side) {
    if next.wrong.is_none() {
        next.wrong = wrong_change(before, next).or_else(|| wrong_at_any_time(next)).map(str::to_owned);
    }
}

fn wrong_change(before: &Side, next: &Side) -> Option<&'static str> {
    use OrderStatus::{Cancelled, Confirmed, Paid, RefundPending, Refunded};
    let (from, to) = (before.order.state.status(), next.order.state.status());
    let by_a_person =
        matches!(before.order.state, OrderState::Cancelled { reason: CancelReason::Buyer | CancelReason::Staff, .. });
    let lawful = match from {
        // Money that comes late revives an order; unless a person had cancelled it, or it used a coupon: then it goes
        // back (decisions 0005 and 0009).
        Cancelled if !by_a_person && before.order.coupon.is_none() => to == Paid,
        Cancelled | Confirmed => to == RefundPending,
        Refunded => false,
        _ => true,
    };
    let (held, holds) = (before.reservation.state, next.reservation.state);
    let was_over = matches!(held, ReservationState::Returned | ReservationState::Rejected);
    let is_refunded = |side: &Side| side.payment.as_ref().is_some_and(|at| at.status == PaymentStatus::Refunded);
    match () {
        () if from != to && !lawful => Some("a final order changes other than by a refund"),
        () if was_over && held != holds => Some("a reservation that is over changes"),
        () if is_refunded(before) && !is_refunded(next) => Some("a refunded payment changes"),
        () => None,
    }
}

const fn is_off(status: OrderStatus) -> bool {
    matches!(status, OrderStatus::Cancelled | OrderStatus::RefundPending | OrderStatus::Refunded)
}

/// Whether it does, if it ever did.
pub(crate) fn holds_coupon(side: &Side) -> Option<bool> {
    side.redemption.as_ref().map(|redemption| redemption.state == RedemptionState::Held)
}

fn wrong_at_any_time(side: &Side) -> Option<&'static str> {
    let (taken, claimed) = (side.provider.taken(), side.provider.claimed());
    let settled = side.payment.as_ref().is_some_and(Payment::is_settled);
    let was_paid = side.order.payment_id().is_some();
    let status = side.order.state.status();
    match () {
        () if !is_off(status) && holds_coupon(side) == Some(false) => Some("an order goes on without its coupon"),
        () if claimed > taken => Some("more goes back than was taken"),
        () if was_paid && !(settled && taken == TOTAL.amount_minor) => Some("an order is paid without its money"),
        () if status == OrderStatus::Confirmed && side.reservation.state != ReservationState::Committed => {
            Some("a confirmed order has no stock")
        }
        () if status == OrderStatus::Confirmed && claimed > 0 => Some("a confirmed order's money goes back"),
        () if status == OrderStatus::Refunded && side.provider.given_back() != taken => {
            Some("a refunded order's money has not gone back")
        }
        () => None,
    }
}

/// What is wrong with a side to which nothing happens any more.
pub(crate) fn wrong_at_rest(side: &Side) -> Option<String> {
    let status = side.order.state.status();
    let Some(payment) = &side.payment else { return Some("at rest: an order has no payment".into()) };
    let kept = side.provider.taken() - side.provider.given_back();
    let holds = matches!(side.reservation.state, ReservationState::Held | ReservationState::Committed);
    // Reconciliation of a payment that is never paid goes round for three days.
    if let Some(stuck) = side.queues.waiting().find(|message| message.to != Consumer::PaymentsReconcile) {
        return Some(format!("at rest: nothing will ever make {stuck} welcome"));
    }
    let wrong = match status {
        _ if booked(payment) != (side.provider.taken(), side.provider.given_back()) => {
            "our books differ from the provider's"
        }
        _ if payment.status.is_open() => "a payment is still open",
        // A person has been told, and must act.
        _ if payment.refunds.iter().any(|refund| refund.status == RefundStatus::Failed) => return None,
        OrderStatus::Confirmed if kept != TOTAL.amount_minor => "a confirmed order's money is not there",
        OrderStatus::Cancelled | OrderStatus::Refunded if kept != 0 => "an order is off and its money kept",
        OrderStatus::Cancelled | OrderStatus::Refunded if holds => "an order is off and has stock",
        OrderStatus::Cancelled | OrderStatus::Refunded if holds_coupon(side) == Some(true) => {
            "an order is off and uses a coupon"
        }
        OrderStatus::Confirmed | OrderStatus::Cancelled | OrderStatus::Refunded => return None,
        _ => return Some(format!("at rest: an order is still {}", status.name())),
    };
    Some(format!("at rest: {wrong}"))
}

/// Captured and given back, as our own books say.
fn booked(payment: &Payment) -> (i64, i64) {
    let processed = payment.refunds.iter().filter(|refund| refund.status == RefundStatus::Processed);
    (
        payment.captures.iter().map(|capture| capture.amount.amount_minor).sum(),
        processed.map(|refund| refund.amount.amount_minor).sum(),
    )
}
