//! The inventory service's steps, as `functions/inventory` puts them together.

use domain::reservation::{Reservation, ReservationState, StockEffect};

use crate::{
    queues::Event,
    side::NOW,
    transaction::{Answer, Fault, Transaction},
};

impl Transaction {
    pub(crate) fn inventory(&mut self, event: Event) -> Answer {
        match event {
            Event::OrderPaymentCompleted { version } => self.on_order_paid(self.heeded(version)),
            Event::OrderCancelled { version, .. } => self.on_order_cancelled(self.heeded(version)),
            _ => Answer::Poison("an event that inventory does not expect"),
        }
    }

    /// Where the stock is short, the real step finds out in one transaction and rejects in a second. What happens
    /// between the two does not touch the reservation, so it might as well have come after.
    fn on_order_paid(&mut self, version: u64) -> Answer {
        let held = self.side.reservation.clone();
        let Some((next, effect)) = held.clone().commit(version, NOW) else { return Answer::Nothing };
        if self.apply_stock(effect) {
            self.follow(next, "commit");
            self.emit(Event::StockCountUpdated);
            return Answer::Written;
        }
        if effect == StockEffect::SellHeld {
            return Answer::Poison("reserved units are not there");
        }
        let Some(rejected) = held.reject(version, NOW) else { return Answer::Nothing };
        self.follow(rejected, "reject");
        self.emit(Event::StockRejected);
        Answer::Written
    }

    fn on_order_cancelled(&mut self, version: u64) -> Answer {
        let Some((next, effect)) = self.side.reservation.clone().release(version, NOW) else { return Answer::Nothing };
        if effect.is_some_and(|effect| !self.apply_stock(effect)) {
            return Answer::Poison("the stock does not hold what was promised");
        }
        self.follow(next, "release");
        Answer::Written
    }

    fn follow(&mut self, next: Reservation, event: &'static str) {
        self.made.insert(("reservation", name(self.side.reservation.state), event, name(next.state)));
        self.side.reservation = next;
    }

    fn heeded(&self, version: u64) -> u64 {
        let newer = self.side.reservation.order_version + 1;
        if self.has(Fault::ReservationsIgnoreVersions) { newer } else { version }
    }
}

/// A reservation's state, for people.
pub(crate) const fn name(state: ReservationState) -> &'static str {
    match state {
        ReservationState::Held => "held",
        ReservationState::Committed => "committed",
        ReservationState::Released => "released",
        ReservationState::Returned => "returned",
        ReservationState::Rejected => "rejected",
    }
}
