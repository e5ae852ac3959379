//! Delivery of an order's goods. The seller updates the status, step by step.
//!
//! ```text
//! preparing -> dispatched -> in_transit -> out_for_delivery -> delivered
//!                  ^                              \-> delivery_failed
//!                  +------------------------------------------+
//! ```
//! `preparing`, `in_transit` and `out_for_delivery` can be skipped. The first `dispatched` makes the order fulfilled,
//! and it can no longer be cancelled; `delivered` makes it completed.

use super::{Change, Fulfilment, FulfilmentStatus, Order, OrderState, Tracking};
use crate::{InvalidTransition, Timestamp, limits::DISPATCHES_MAX};

impl FulfilmentStatus {
    /// The verb for a change to this status, as in "cannot deliver".
    const fn verb(self) -> &'static str {
        match self {
            Self::Preparing => "prepare",
            Self::Dispatched => "dispatch",
            Self::InTransit => "be in transit",
            Self::OutForDelivery => "be out for delivery",
            Self::Delivered => "deliver",
            Self::DeliveryFailed => "fail to be delivered",
        }
    }

    /// Whether this status can follow the status `before`; `None` means that there is no status yet.
    const fn follows(self, before: Option<Self>) -> bool {
        match before {
            None => matches!(self, Self::Preparing | Self::Dispatched),
            Some(Self::Preparing | Self::DeliveryFailed) => matches!(self, Self::Dispatched),
            Some(Self::Dispatched) => {
                matches!(self, Self::InTransit | Self::OutForDelivery | Self::Delivered | Self::DeliveryFailed)
            }
            Some(Self::InTransit) => matches!(self, Self::OutForDelivery | Self::Delivered | Self::DeliveryFailed),
            Some(Self::OutForDelivery) => matches!(self, Self::Delivered | Self::DeliveryFailed),
            Some(Self::Delivered) => false,
        }
    }
}

impl Order {
    /// Updates the fulfilment status. `tracking` replaces the tracking data only if it is given.
    ///
    /// # Errors
    /// [`InvalidTransition`] if the order is not confirmed or fulfilled, the status cannot follow the current one, or
    /// the goods were dispatched as often as [`DISPATCHES_MAX`] allows.
    pub fn fulfil(
        self,
        status: FulfilmentStatus,
        tracking: Option<Tracking>,
        note: Option<String>,
        now: Timestamp,
    ) -> Result<(Self, Change), InvalidTransition> {
        let is_under_way = matches!(self.state, OrderState::Confirmed { .. } | OrderState::Fulfilled { .. });
        if !is_under_way {
            return Err(self.invalid(status.verb()));
        }
        let held = self.fulfilment.as_ref();
        let before = held.map(|held| held.status);
        if !status.follows(before) {
            let state = before.map_or(self.state.status().name(), FulfilmentStatus::name);
            return Err(InvalidTransition { state, event: status.verb() });
        }
        let is_dispatched = status == FulfilmentStatus::Dispatched;
        let dispatches = held.map_or(0, |held| held.dispatches) + u32::from(is_dispatched);
        if dispatches > DISPATCHES_MAX {
            return Err(InvalidTransition { state: "no more dispatches are allowed", event: status.verb() });
        }
        let tracking = tracking.or_else(|| held.and_then(|held| held.tracking.clone()));
        let state = match (&self.state, status) {
            (OrderState::Confirmed { payment_id, .. }, FulfilmentStatus::Dispatched) => {
                OrderState::Fulfilled { payment_id: *payment_id, fulfilled_at: now }
            }
            (OrderState::Fulfilled { payment_id, .. }, FulfilmentStatus::Delivered) => {
                OrderState::Completed { payment_id: *payment_id, completed_at: now }
            }
            (state, _) => state.clone(),
        };
        let fulfilment = Fulfilment { status, tracking, note, dispatches, updated_at: now };
        let change = Change::Fulfilment(fulfilment.clone());
        Ok((Self { fulfilment: Some(fulfilment), ..self.into_state(state, now) }, change))
    }
}

#[cfg(test)]
mod tests {
    use FulfilmentStatus::{Delivered, DeliveryFailed, Dispatched, InTransit, OutForDelivery, Preparing};
    use proptest::prelude::*;
    use ulid::Ulid;

    use super::*;
    use crate::{PaymentId, order::OrderStatus, order::tests::order};

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn confirmed() -> Order {
        order(OrderState::Confirmed { payment_id: PaymentId::from_ulid(Ulid(9)), paid_at: NOW, confirmed_at: NOW })
    }

    fn go(order: Order, steps: &[FulfilmentStatus]) -> Result<Order, InvalidTransition> {
        steps.iter().try_fold(order, |order, status| order.fulfil(*status, None, None, NOW).map(|(next, _)| next))
    }

    #[test]
    fn dispatching_fulfils_and_delivering_completes() {
        let statuses = [
            (Preparing, OrderStatus::Confirmed),
            (Dispatched, OrderStatus::Fulfilled),
            (InTransit, OrderStatus::Fulfilled),
            (OutForDelivery, OrderStatus::Fulfilled),
            (DeliveryFailed, OrderStatus::Fulfilled),
            (Dispatched, OrderStatus::Fulfilled),
            (Delivered, OrderStatus::Completed),
        ];
        let mut current = confirmed();
        for (status, expected) in statuses {
            current = go(current, &[status]).unwrap();
            assert_eq!(current.state.status(), expected, "{status:?}");
        }
        assert_eq!(current.fulfilment.unwrap().dispatches, 2);
    }

    #[test]
    fn what_cannot_be_is_refused_in_words() {
        let said = |order: Order, status| go(order, &[status]).unwrap_err().to_string();
        assert_eq!(said(confirmed(), Delivered), "cannot deliver while confirmed");
        assert_eq!(said(go(confirmed(), &[Preparing]).unwrap(), Delivered), "cannot deliver while preparing");
        assert_eq!(said(order(OrderState::Pending), Dispatched), "cannot dispatch while pending");
        let delivered = go(confirmed(), &[Dispatched, Delivered]).unwrap();
        assert_eq!(said(delivered, Dispatched), "cannot dispatch while completed");
        let fails = [Dispatched, DeliveryFailed].repeat(DISPATCHES_MAX as usize);
        assert_eq!(
            said(go(confirmed(), &fails).unwrap(), Dispatched),
            "cannot dispatch while no more dispatches are allowed"
        );
    }

    #[test]
    fn tracking_stays_until_there_is_another() {
        let tracking = |number: &str| Some(Tracking { courier: "GIG".into(), number: number.into() });
        let (sent, _) = confirmed().fulfil(Dispatched, tracking("1"), Some("On its way".into()), NOW).unwrap();
        let (moved, _) = sent.fulfil(InTransit, None, None, NOW).unwrap();
        let fulfilment = moved.fulfilment.clone().unwrap();
        assert_eq!((fulfilment.tracking, fulfilment.note), (tracking("1"), None));
        let (failed, _) = moved.fulfil(DeliveryFailed, None, None, NOW).unwrap();
        let (again, _) = failed.fulfil(Dispatched, tracking("2"), None, NOW).unwrap();
        assert_eq!(again.fulfilment.unwrap().tracking, tracking("2"));
    }

    proptest! {
        /// Whatever is tried: an order is fulfilled if and only if its goods were dispatched, completed if and only if
        /// they were delivered, and comes to an end of moves.
        #[test]
        fn order_and_goods_agree(tries in prop::collection::vec(prop::sample::select(&FulfilmentStatus::ALL[..]), 0..60)) {
            let mut current = confirmed();
            let mut moves = 0;
            for status in tries {
                if let Ok(next) = go(current.clone(), &[status]) {
                    current = next;
                    moves += 1;
                }
                let status = current.fulfilment.as_ref().map(|held| held.status);
                let expected = match status {
                    None | Some(Preparing) => OrderStatus::Confirmed,
                    Some(Delivered) => OrderStatus::Completed,
                    Some(_) => OrderStatus::Fulfilled,
                };
                prop_assert_eq!(current.state.status(), expected);
            }
            prop_assert!(moves <= 1 + 4 * DISPATCHES_MAX);
        }
    }
}
