//! A reservation: the units an order holds while it is paid for. One per order, for all its lines.
//!
//! Events about an order can arrive late or out of order, so each carries the order's version, and a reservation
//! only ever listens to a newer one: a cancellation that was overtaken by the payment that revived the order cannot
//! give away what was sold.

use serde::{Deserialize, Serialize};

use crate::{
    OrderId, StoreId, Timestamp, VariantId,
    guard::{self, Rule},
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReservedLine {
    pub variant_id: VariantId,
    pub quantity: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReservationState {
    /// Promised: counted in `reserved` of each line's stock.
    Held,
    /// Sold: taken off `on_hand`.
    Committed,
    /// Given back before it was sold.
    Released,
    /// Sold, then given back.
    Returned,
    /// Had lapsed, and by the time the money came the stock was gone.
    Rejected,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    pub order_id: OrderId,
    pub store_id: StoreId,
    pub lines: Vec<ReservedLine>,
    pub state: ReservationState,
    /// Version of the order that this reservation last followed.
    pub order_version: u64,
    pub updated_at: Timestamp,
}

/// What a step does to the stock of every line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StockEffect {
    /// `on_hand` and `reserved` fall: promised units are sold.
    SellHeld,
    /// `on_hand` and `available` fall, where enough is available: the promise had lapsed.
    SellFree,
    /// `reserved` falls, `available` rises.
    GiveBack,
    /// `on_hand` and `available` rise: sold units return.
    Return,
}

impl Reservation {
    pub fn hold(order_id: OrderId, store_id: StoreId, lines: Vec<ReservedLine>, now: Timestamp) -> Self {
        Self { order_id, store_id, lines, state: ReservationState::Held, order_version: 1, updated_at: now }
    }

    /// The order of that version is paid. `None`: nothing to do (already followed, or overtaken by a newer version).
    pub fn commit(self, order_version: u64, now: Timestamp) -> Option<(Self, StockEffect)> {
        let effect = match self.state {
            ReservationState::Held => StockEffect::SellHeld,
            ReservationState::Released => StockEffect::SellFree,
            ReservationState::Committed | ReservationState::Returned | ReservationState::Rejected => return None,
        };
        self.follow(order_version, ReservationState::Committed, now).map(|next| (next, effect))
    }

    /// The order of that version is cancelled. One that was released before has nothing to give back, but notes the
    /// newer version: the payment that came between the two cancellations must not sell it again.
    pub fn release(self, order_version: u64, now: Timestamp) -> Option<(Self, Option<StockEffect>)> {
        let (state, effect) = match self.state {
            ReservationState::Held => (ReservationState::Released, Some(StockEffect::GiveBack)),
            ReservationState::Committed => (ReservationState::Returned, Some(StockEffect::Return)),
            ReservationState::Released => (ReservationState::Released, None),
            ReservationState::Returned | ReservationState::Rejected => return None,
        };
        self.follow(order_version, state, now).map(|next| (next, effect))
    }

    /// The order of that version is paid, but the stock went to others.
    pub fn reject(self, order_version: u64, now: Timestamp) -> Option<Self> {
        match self.state {
            ReservationState::Released => self.follow(order_version, ReservationState::Rejected, now),
            _ => None,
        }
    }

    fn follow(self, order_version: u64, state: ReservationState, now: Timestamp) -> Option<Self> {
        let is_news = order_version > self.order_version || !guard::stands(Rule::NewerOrder);
        is_news.then_some(Self { state, order_version, updated_at: now, ..self })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ulid::Ulid;

    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn held() -> Reservation {
        let line = ReservedLine { variant_id: VariantId::from_ulid(Ulid(3)), quantity: 2 };
        Reservation::hold(OrderId::from_ulid(Ulid(1)), StoreId::from_ulid(Ulid(2)), vec![line], NOW)
    }

    #[test]
    fn a_cancellation_overtaken_by_the_payment_changes_nothing() {
        let (committed, effect) = held().commit(3, NOW).unwrap();
        assert_eq!(effect, StockEffect::SellHeld);
        assert_eq!(committed.release(2, NOW), None);
    }

    #[test]
    fn a_payment_overtaken_by_the_cancellation_sells_nothing() {
        let (released, _) = held().release(3, NOW).unwrap();
        assert_eq!(released.commit(2, NOW), None);
    }

    /// Lapsed (2), paid after all (3), cancelled by a person (4); the payment arrives last.
    #[test]
    fn a_payment_between_two_cancellations_sells_nothing() {
        let (released, _) = held().release(2, NOW).unwrap();
        let (released, effect) = released.release(4, NOW).unwrap();
        assert_eq!(effect, None);
        assert_eq!(released.commit(3, NOW), None);
    }

    #[test]
    fn a_lapsed_reservation_is_sold_from_what_is_free_or_rejected() {
        let (released, _) = held().release(2, NOW).unwrap();
        assert_eq!(released.clone().commit(3, NOW).unwrap().1, StockEffect::SellFree);
        assert_eq!(released.reject(3, NOW).unwrap().state, ReservationState::Rejected);
    }

    proptest! {
        /// Whatever arrives, in whatever order and however often: the stock effects add up to what the state says.
        #[test]
        fn effects_and_state_agree(events in prop::collection::vec((any::<bool>(), 2..6_u64), 0..12)) {
            let (mut reserved, mut on_hand) = (1, 0);
            let mut reservation = held();
            for (paid, version) in events {
                let step = if paid {
                    reservation.clone().commit(version, NOW).map(|(next, effect)| (next, Some(effect)))
                } else {
                    reservation.clone().release(version, NOW)
                };
                if let Some((next, effect)) = step {
                    let (r, h) = match effect {
                        Some(StockEffect::SellHeld) => (-1, -1),
                        Some(StockEffect::SellFree) => (0, -1),
                        Some(StockEffect::GiveBack) => (-1, 0),
                        Some(StockEffect::Return) => (0, 1),
                        None => (0, 0),
                    };
                    (reserved, on_hand, reservation) = (reserved + r, on_hand + h, next);
                }
            }
            let expected = match reservation.state {
                ReservationState::Held => (1, 0),
                ReservationState::Committed => (0, -1),
                _ => (0, 0),
            };
            prop_assert_eq!((reserved, on_hand), expected);
        }

        /// Of what can happen to one order (it lapses, is paid after all, and is cancelled), any part may have arrived,
        /// in any order and repeatedly: the newest decides.
        #[test]
        fn the_newest_version_decides(arrivals in prop::collection::vec(2..=4_u64, 1..8)) {
            let mut reservation = held();
            for version in &arrivals {
                let before = reservation.clone();
                let next = match version {
                    3 => before.commit(3, NOW).map(|(next, _)| next),
                    version => before.release(*version, NOW).map(|(next, _)| next),
                };
                reservation = next.unwrap_or(reservation);
            }
            let sold = reservation.state == ReservationState::Committed;
            prop_assert_eq!(sold, arrivals.iter().max() == Some(&3));
            prop_assert_ne!(reservation.state, ReservationState::Held);
        }
    }
}
