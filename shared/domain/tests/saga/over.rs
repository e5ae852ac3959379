//! Messages of which nothing can come any more, whatever happens. To wait for them, or for copies of them, would only
//! multiply the states: by 35 for one order. That nothing is forgotten is not taken on trust: their copies go on
//! arriving, and one that still does something is a violation (`moves`); and for one order the same transitions are
//! made and the same ends reached if none is marked (`main`).

use domain::{
    coupon::RedemptionState,
    order::OrderStatus,
    payment::{Payment, PaymentStatus},
    reservation::ReservationState,
};

use crate::{
    queues::{Consumer, Delivery, Event, Message},
    side::{Charge, Side},
};

/// Marks such messages.
pub(crate) fn tidy(side: &mut Side) {
    let over: Vec<Message> =
        side.queues.messages().map(|(message, _)| message).filter(|at| is_over(side, *at)).collect();
    for message in over {
        side.queues.set(message, Delivery::Over);
    }
}

fn is_over(side: &Side, message: Message) -> bool {
    let status = side.order.state.status();
    let was_paid = side.order.payment_id().is_some();
    let payment = side.payment.as_ref();
    let is_refunded = payment.is_some_and(|payment| payment.status == PaymentStatus::Refunded);
    match message.to {
        Consumer::OrdersExpire => status != OrderStatus::Pending,
        Consumer::OrdersOnPaymentFailed => !matches!(status, OrderStatus::Pending | OrderStatus::CancelRequested),
        Consumer::OrdersOnPaymentCompleted => was_paid,
        Consumer::OrdersOnStockUpdated | Consumer::OrdersOnStockRejected => was_paid && status != OrderStatus::Paid,
        Consumer::OrdersOnRefundCompleted => {
            status == OrderStatus::Refunded || matches!(message.event, Event::RefundCompleted { settles: false, .. })
        }
        Consumer::InventoryOnOrderPaid | Consumer::InventoryOnOrderCancelled => is_followed(side, message.event),
        Consumer::CouponsOnOrderCancelled => {
            side.redemption.as_ref().is_none_or(|redemption| redemption.state == RedemptionState::Released)
        }
        Consumer::PaymentsOnOrderCreated => payment.is_some_and(|payment| !can_be_opened(payment)),
        Consumer::PaymentsOnStockRejected => is_refunded,
        Consumer::PaymentsOnOrderCancelled if matches!(message.event, Event::OrderCancelled { refund: true, .. }) => {
            is_refunded
        }
        // There is nothing to close any more, and that the provider is asked about news a webhook does as well.
        Consumer::PaymentsOnOrderCancelled => payment.is_some_and(|payment| !payment.status.is_open()),
        Consumer::PaymentsReconcile => {
            is_refunded && side.provider.charges.iter().all(|charge| matches!(charge, Charge::Taken(_)))
        }
    }
}

fn is_followed(side: &Side, event: Event) -> bool {
    let ended = matches!(side.reservation.state, ReservationState::Returned | ReservationState::Rejected);
    match event {
        Event::OrderCancelled { version, .. } | Event::OrderPaymentCompleted { version } => {
            ended || version <= side.reservation.order_version
        }
        _ => false,
    }
}

/// There is no checkout yet, and one is wanted.
pub(crate) fn can_be_opened(payment: &Payment) -> bool {
    payment.status.is_open() && payment.current_attempt().is_none_or(|attempt| attempt.checkout_url.is_none())
}
