//! The orders service's steps, as `functions/orders` puts them together: read, decide, write and tell in one
//! transaction.

use domain::{
    InvalidTransition,
    limits::CHECKOUT_WAIT_MAX_S,
    order::{CancelReason, Change, Order, OrderState, Transition},
    time::after,
};

use crate::{
    payments::Luck,
    queues::{Consumer, Event, Message},
    side::NOW,
    transaction::{Answer, Fault, Transaction},
};

impl Transaction {
    pub(crate) fn orders(&mut self, message: Message, luck: Luck) -> Answer {
        match message.to {
            Consumer::OrdersExpire => self.expire(luck),
            Consumer::OrdersOnPaymentCompleted => self.payment_completed(),
            Consumer::OrdersOnPaymentFailed => self.step("payment_failed", |order| Ok(order.payment_failed(NOW))),
            Consumer::OrdersOnStockUpdated => self.step("stock_updated", |order| order.stock_updated(NOW)),
            Consumer::OrdersOnStockRejected => self.step("stock_rejected", |order| order.stock_rejected(NOW)),
            // A part of the money, or money that never paid the order, changes nothing.
            _ if matches!(message.event, Event::RefundCompleted { settles: false, .. }) => Answer::Nothing,
            _ => self.step("refund_completed", |order| order.refund_completed(NOW)),
        }
    }

    /// The timer comes when the window has closed. It comes again while there is no checkout, until a day is over. What
    /// moves the window is not written: nothing else depends on it.
    fn expire(&mut self, luck: Luck) -> Answer {
        let waited_s = if luck == Luck::WindowOver { CHECKOUT_WAIT_MAX_S } else { 0 };
        let order = Order { placed_at: after(NOW, -waited_s), ..self.side.order.clone() };
        match order.expire(self.side.payment.as_ref(), NOW) {
            Some((_, Change::WindowExtended)) => Answer::Again,
            Some((next, change)) => {
                self.write("expire", Order { placed_at: NOW, ..next }, change);
                Answer::Written
            }
            None => Answer::Nothing,
        }
    }

    fn payment_completed(&mut self) -> Answer {
        let Some(payment_id) = self.side.payment.as_ref().map(|payment| payment.id) else { return Answer::Early };
        let revives_all = self.has(Fault::CancelledOrdersAreRevived);
        let revives_with_coupon = self.has(Fault::OrdersWithCouponsAreRevived);
        self.step("payment_completed", |mut order| {
            if let OrderState::Cancelled { reason, .. } = &mut order.state
                && revives_all
            {
                *reason = CancelReason::Expired;
            }
            order.coupon = order.coupon.take().filter(|_| !revives_with_coupon);
            Ok(order.payment_completed(payment_id, NOW))
        })
    }

    /// `transition::step`.
    fn step(
        &mut self,
        event: &'static str,
        transition: impl Fn(Order) -> Result<Transition, InvalidTransition>,
    ) -> Answer {
        match transition(self.side.order.clone()) {
            Ok(Some((next, change))) => {
                self.write(event, next, change);
                Answer::Written
            }
            Ok(None) => Answer::Nothing,
            Err(_) if self.has(Fault::EarlyEventsAreDropped) => Answer::Nothing,
            Err(_) => Answer::Early,
        }
    }

    /// `POST /orders/{id}/cancel`. Nothing happens where that is refused.
    pub(crate) fn cancel(&mut self, reason: CancelReason) {
        if let Ok((next, change)) = self.side.order.clone().cancel(reason, NOW) {
            self.write("cancel", next, change);
        }
    }

    /// `transition::write`.
    fn write(&mut self, event: &'static str, next: Order, change: Change) {
        self.made.insert(("order", self.side.order.state.status().name(), event, next.state.status().name()));
        self.side.order = next;
        self.side.version += 1;
        let version = self.side.version;
        match change {
            Change::Paid { .. } => self.emit(Event::OrderPaymentCompleted { version }),
            Change::CancelRequested { .. } => self.emit(Event::OrderCancelRequested),
            Change::Cancelled { reason, refund } => {
                let expired = reason == CancelReason::Expired;
                let coupon = self.side.redemption.is_some();
                self.emit(Event::OrderCancelled { version, refund, expired, coupon });
            }
            // Only people are told.
            Change::Confirmed | Change::Refunded | Change::WindowExtended => {}
            Change::Fulfilment(_) | Change::Return(_) => unreachable!("nobody ships here"),
        }
    }
}
