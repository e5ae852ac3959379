//! A reservation: the stock held for an order until it is paid. One reservation per order, for all its lines.
//!
//! Events about an order can arrive late or out of order. Each carries the order's version, and a reservation ignores
//! every event that is not newer than the last one it followed. So if an order is cancelled and then revived by a
//! payment, and the cancellation arrives last, it cannot release the stock that was sold.

use serde::{Deserialize, Serialize};

use crate::{
    OrderId, StoreId, Timestamp, VariantId,
    guard::{self, Rule},
};

/// A reserved variant, and how many units of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReservedLine {
    /// The variant.
    pub variant_id: VariantId,
    /// Number of units.
    pub quantity: u32,
}

/// State of a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReservationState {
    /// Reserved: counted in `reserved` of each line's stock.
    Held,
    /// Sold: subtracted from `on_hand`.
    Committed,
    /// Released before it was sold.
    Released,
    /// Sold, then put back into stock.
    Returned,
    /// The reservation had been released, and the stock was gone when the payment arrived.
    Rejected,
}

/// The stock held for an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// The order.
    pub order_id: OrderId,
    /// The store.
    pub store_id: StoreId,
    /// The reserved lines.
    pub lines: Vec<ReservedLine>,
    /// State of the reservation.
    pub state: ReservationState,
    /// Version of the order in the last event that this reservation followed.
    pub order_version: u64,
    /// When the reservation last changed.
    pub updated_at: Timestamp,
}

/// The change of stock that a transition of the reservation needs, for every line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StockEffect {
    /// Sells reserved units: `on_hand` and `reserved` fall.
    SellHeld,
    /// Sells units although the reservation was released: `on_hand` and `available` fall, if enough are available.
    SellFree,
    /// Releases reserved units: `reserved` falls, `available` rises.
    GiveBack,
    /// Puts sold units back into stock: `on_hand` and `available` rise.
    Return,
}

impl Reservation {
    /// A new reservation for an order at version 1.
    pub fn hold(order_id: OrderId, store_id: StoreId, lines: Vec<ReservedLine>, now: Timestamp) -> Self {
        Self { order_id, store_id, lines, state: ReservationState::Held, order_version: 1, updated_at: now }
    }

    /// The order was paid at that version: the stock is sold. `None` if there is nothing to do, because this event or a
    /// newer one was followed already.
    pub fn commit(self, order_version: u64, now: Timestamp) -> Option<(Self, StockEffect)> {
        let effect = match self.state {
            ReservationState::Held => StockEffect::SellHeld,
            ReservationState::Released => StockEffect::SellFree,
            ReservationState::Committed | ReservationState::Returned | ReservationState::Rejected => return None,
        };
        self.follow(order_version, ReservationState::Committed, now).map(|next| (next, effect))
    }

    /// The order was cancelled at that version: the stock is released, or put back if it was sold. `None` if there is
    /// nothing to do.
    ///
    /// A reservation that is released already has no stock to give back, but still records the newer version, so that a
    /// payment between the two cancellations cannot sell the stock when it arrives last.
    pub fn release(self, order_version: u64, now: Timestamp) -> Option<(Self, Option<StockEffect>)> {
        let (state, effect) = match self.state {
            ReservationState::Held => (ReservationState::Released, Some(StockEffect::GiveBack)),
            ReservationState::Committed => (ReservationState::Returned, Some(StockEffect::Return)),
            ReservationState::Released => (ReservationState::Released, None),
            ReservationState::Returned | ReservationState::Rejected => return None,
        };
        self.follow(order_version, state, now).map(|next| (next, effect))
    }

    /// The order was paid at that version, but the stock had been released and is gone. `None` if there is nothing to
    /// do.
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
