//! What must hold of a shop's books, whatever happened: rules over what is stored, by the numbers in the simulator's
//! README. The simulator looks after every step, `selleasi check` over a whole database.

use std::collections::BTreeMap;

use crate::{
    OrderId, VariantId,
    ledger::{EntryKind, LedgerEntry},
    order::{CancelReason, Order, OrderStatus, ReturnState},
    payment::{Payment, RefundStatus},
    reservation::{Reservation, ReservationState},
    stock::{Movement, Stock},
};

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Its number: `I2`.
    pub invariant: &'static str,
    /// Of what, and how.
    pub detail: String,
}

impl Broken {
    /// An invariant that does not hold.
    pub fn new(invariant: &'static str, detail: impl Into<String>) -> Self {
        Self { invariant, detail: detail.into() }
    }
}

/// I2 and I3: units on hand are what movements add up to, units reserved are what held reservations hold, and no more is
/// reserved than is on hand. All stock of a database, with all its movements and reservations.
pub fn stock<'a>(
    stocks: impl IntoIterator<Item = &'a Stock>,
    movements: impl IntoIterator<Item = &'a Movement>,
    reservations: impl IntoIterator<Item = &'a Reservation>,
) -> Vec<Broken> {
    let mut held: BTreeMap<VariantId, i64> = BTreeMap::new();
    for reservation in reservations.into_iter().filter(|held| held.state == ReservationState::Held) {
        for line in &reservation.lines {
            *held.entry(line.variant_id).or_default() += i64::from(line.quantity);
        }
    }
    let mut moved: BTreeMap<VariantId, i64> = BTreeMap::new();
    for movement in movements {
        *moved.entry(movement.variant_id).or_default() += movement.delta;
    }
    let mut found = vec![];
    for Stock { variant_id: variant, on_hand, reserved, available, .. } in stocks {
        if *reserved < 0 || reserved > on_hand || *available != on_hand - reserved {
            let detail = format!("{variant}: {on_hand} on hand, {reserved} reserved, {available} available");
            found.push(Broken::new("I2", detail));
        }
        let moved = moved.get(variant).copied().unwrap_or_default();
        if *on_hand != moved {
            found.push(Broken::new("I2", format!("{variant}: {on_hand} on hand, but movements add up to {moved}")));
        }
        let held = held.get(variant).copied().unwrap_or_default();
        if *reserved != held {
            found.push(Broken::new("I3", format!("{variant}: {reserved} reserved, but orders hold {held}")));
        }
    }
    found
}

/// I1: a ledger entry balances.
pub fn entry(order: OrderId, key: &str, entry: &LedgerEntry) -> Option<Broken> {
    (!entry.is_balanced()).then(|| Broken::new("I1", format!("{order}: {key} does not balance")))
}

/// I7: no capture has more refunds than was captured.
pub fn refunds(payment: &Payment) -> Vec<Broken> {
    let mut found = vec![];
    for capture in &payment.captures {
        let back = payment.refunds.iter().filter(|refund| refund.reference == capture.reference);
        let back = back.filter(|refund| refund.status != RefundStatus::Failed);
        let back: i64 = back.map(|refund| refund.amount.amount_minor).sum();
        if back > capture.amount.amount_minor {
            let (order, amount) = (payment.order_id, capture.amount);
            found.push(Broken::new("I7", format!("{order}: {back} to be refunded of {amount}")));
        }
    }
    found
}

/// Whether the buyer has the goods, or will; or has given them back.
pub fn is_sold(order: &Order) -> bool {
    use OrderStatus::{Completed, Confirmed, Fulfilled, Refunded};
    let status = order.state.status();
    let after_returns = status == Refunded && order.cancel_reason() == Some(CancelReason::Refunded);
    matches!(status, Confirmed | Fulfilled | Completed) || after_returns
}

/// I8, of an order that has come to rest: its stock is sold, or held no more.
pub fn stock_of(order: &Order, reservation: Option<&Reservation>) -> Option<Broken> {
    let (id, status) = (order.id, order.state.status().name());
    let Some(reservation) = reservation else {
        return Some(Broken::new("I8", format!("{id} has no reservation")));
    };
    let state = reservation.state;
    let fits = if is_sold(order) {
        state == ReservationState::Committed
    } else {
        matches!(state, ReservationState::Released | ReservationState::Returned | ReservationState::Rejected)
    };
    (!fits).then(|| Broken::new("I8", format!("{id} is {status}, but its stock is {state:?}")))
}

/// I8, of an order that has come to rest, by its own ledger: of one that is off nothing is kept, of one that is sold what
/// it cost, less what went back.
pub fn money_of<'a>(order: &Order, entries: impl IntoIterator<Item = &'a LedgerEntry>) -> Option<Broken> {
    let (mut taken, mut given_back) = (0, 0);
    for entry in entries {
        let amount: i64 = entry.postings.iter().map(|posting| posting.debit_minor).sum();
        match entry.kind {
            EntryKind::Capture | EntryKind::StrayCapture => taken += amount,
            EntryKind::Refund | EntryKind::StrayRefund => given_back += amount,
        }
    }
    let (id, status, kept) = (order.id, order.state.status().name(), taken - given_back);
    let total = order.totals.total.amount_minor;
    // What returns and the seller's own refunds give back is between nothing and all.
    let fits = if is_sold(order) { (0..=total).contains(&kept) && taken >= total } else { kept == 0 };
    (!fits).then(|| Broken::new("I8", format!("{id} is {status}, but of {total} {kept} is kept")))
}

/// I2, of a sold order: what was accepted to be sold again is on hand again, and nothing else. `movements` are all for
/// the order.
pub fn returned_stock<'a>(order: &Order, movements: impl IntoIterator<Item = &'a Movement>) -> Option<Broken> {
    let mut wanted: BTreeMap<VariantId, i64> = BTreeMap::new();
    for held in &order.returns {
        if matches!(held.state, ReturnState::Accepted { restock: true, .. }) {
            for line in &held.lines {
                *wanted.entry(line.variant_id).or_default() += i64::from(line.quantity);
            }
        }
    }
    let mut moved: BTreeMap<VariantId, i64> = BTreeMap::new();
    for movement in movements {
        *moved.entry(movement.variant_id).or_default() += movement.delta;
    }
    let id = order.id;
    (moved != wanted).then(|| Broken::new("I2", format!("{id}: {moved:?} came back into stock, and {wanted:?} should")))
}
