//! The order, payment and reservation machines, checked over every interleaving of two orders on one unit of stock, and
//! on a coupon that may be used once.
//!
//! Two buyers place an order for the one unit. Each may pay at any time after being told where, late too, may have the
//! card declined, may cancel or be cancelled. Every event may arrive at any time, in any order, and again at any time;
//! webhooks may come or not; each step sees the payment window open or over, as it likes. All that can become of that
//! is visited, breadth first, each state once. The rules are the domain's own functions (`order`, `payment`,
//! `reservation`), put together as the services' handlers do (`orders`, `payments`, `opening`, `inventory`); the model
//! adds people, the provider's books and the queues between the steps.
//!
//! What must hold at all times, over every change and wherever nothing happens by itself any more is in `laws` and
//! `world`; and what happens by itself comes to an end.
//!
//! The explorer is our own hundred lines: `stateright`, which would do, brings a web server, a command line and a
//! second `rand` to every test build of a crate that has next to no dependencies.

#![cfg(test)]

mod coverage;
mod explorer;
mod inventory;
mod laws;
mod moves;
mod opening;
mod orders;
mod over;
mod payments;
mod queues;
mod side;
mod story;
mod transaction;
mod world;

use std::collections::BTreeSet;

use domain::order::CancelReason;

use crate::{
    explorer::{Explored, explore},
    moves::Scope,
    story::tell,
    transaction::{Fault, Transition},
    world::Shop,
};

const ONE: Scope = Scope {
    buyers: 1,
    people: &[CancelReason::Buyer, CancelReason::Staff],
    coupon: false,
    troubles: false,
    vain: 0,
    tidies: true,
    fault: None,
};
const TWO: Scope = Scope { buyers: 2, ..ONE };
const TWO_WITH_COUPON: Scope = Scope { coupon: true, people: &[CancelReason::Buyer], ..TWO };

/// Explores all of it, in which nothing must be wrong.
fn all_is_well(scope: Scope) -> (Shop, Explored) {
    let mut shop = Shop::new(scope);
    match explore(&mut shop) {
        Ok(explored) => {
            println!("{scope:?}: {explored:?}, {} of them at rest, in {} ways", shop.rests, shop.ends.len());
            (shop, explored)
        }
        Err(violation) => panic!("{}\n{}", violation.what, tell(&shop, &violation.path)),
    }
}

#[test]
fn two_orders_on_one_unit() {
    let (shop, explored) = all_is_well(TWO);
    // A model that has lost most of its states proves nothing.
    assert!(explored.states > 1_000_000, "{explored:?}");
    assert!(shop.rests > 1_000);
}

#[test]
fn two_orders_with_one_coupon() {
    let (shop, explored) = all_is_well(TWO_WITH_COUPON);
    assert!(explored.states > 100_000, "{explored:?}");
    assert!(!shop.made.contains(&("order", "cancelled", "payment_completed", "paid")));
    assert!(shop.made.contains(&("order", "cancelled", "payment_completed", "refund_pending")));
}

#[test]
fn one_order_while_the_provider_is_in_trouble() {
    all_is_well(Scope { troubles: true, vain: 5, ..ONE });
}

#[test]
#[ignore = "takes a minute"]
fn two_orders_while_the_provider_is_in_trouble() {
    all_is_well(Scope { troubles: true, vain: 1, people: &[CancelReason::Buyer], ..TWO });
}

#[test]
fn forgetting_letters_that_are_over_forgets_nothing() {
    let one = Scope { people: &[CancelReason::Buyer], ..ONE };
    let (tidy, _) = all_is_well(one);
    let (untidy, _) = all_is_well(Scope { tidies: false, ..one });
    assert_eq!(tidy.made, untidy.made);
    assert_eq!(tidy.ends, untidy.ends);
}

#[test]
fn every_transition_is_made_but_those_that_nothing_makes() {
    let people: &[CancelReason] = &[CancelReason::Buyer];
    let (two, _) = all_is_well(Scope { people, ..TWO });
    let (troubled, _) = all_is_well(Scope { people, troubles: true, vain: 5, ..ONE });
    let made: BTreeSet<Transition> = two.made.union(&troubled.made).copied().collect();
    let possible = coverage::possible();
    let unreached: BTreeSet<Transition> = coverage::UNREACHED.iter().map(|(unreached, _)| *unreached).collect();
    assert_eq!(made.difference(&possible).collect::<Vec<_>>(), Vec::<&Transition>::new(), "made, though impossible");
    assert_eq!(possible.difference(&made).copied().collect::<BTreeSet<_>>(), unreached);
}

/// What is found wrong where a rule is broken on purpose, and the shortest way there.
fn goes_wrong(fault: Fault, scope: Scope) -> String {
    let mut shop = Shop::new(Scope { fault: Some(fault), ..scope });
    let Err(violation) = explore(&mut shop) else { panic!("nobody notices") };
    let story = format!("{}{}", tell(&shop, &violation.path), violation.what);
    println!("{story}");
    story
}

const SOLD_AND_GIVEN_BACK: &str = "\
1. Ada places an order.
      Ada's order: pending (version 1)
      Ada's reservation: held
      Ada's payment: none
      stock: 1 on hand, 1 reserved
2. Ada asks where to pay.
      Ada's payment: initiated
3. Ada asks where to pay.
      Ada's payment: pending
4. Ada pays at the provider.
5. Ada's ORDER_CREATED for orders-expire arrives.
      Ada's order: cancelled (version 2)
6. A webhook about Ada's payment comes.
      Ada's payment: captured
7. Ada's PAYMENT_COMPLETED for orders-on-payment-completed arrives.
      Ada's order: paid (version 3)
8. Ada's ORDER_PAYMENT_COMPLETED (version 3) for inventory-on-order-paid arrives.
      Ada's reservation: committed
      stock: 0 on hand, 0 reserved
9. Ada's ORDER_CANCELLED (version 2) for inventory-on-order-cancelled arrives.
      Ada's reservation: returned
      stock: 1 on hand, 0 reserved
10. Ada's STOCK_COUNT_UPDATED for orders-on-stock-updated arrives.
      Ada's order: confirmed (version 4)
a confirmed order has no stock";

#[test]
fn a_reservation_that_ignores_versions_is_noticed() {
    let story = goes_wrong(Fault::ReservationsIgnoreVersions, Scope { tidies: false, ..ONE });
    assert_eq!(story, SOLD_AND_GIVEN_BACK);
}

#[test]
fn stock_that_is_sold_without_a_condition_is_noticed() {
    let story = goes_wrong(Fault::StockIsSoldUnconditionally, TWO);
    assert!(story.ends_with("stock: 0 on hand, 1 reserved\nthe stock's numbers are not sound"));
}

#[test]
fn a_revived_order_that_a_person_had_cancelled_is_noticed() {
    let story = goes_wrong(Fault::CancelledOrdersAreRevived, ONE);
    assert!(story.ends_with("Ada's order: paid (version 4)\na final order changes other than by a refund"));
}

#[test]
fn a_coupon_that_is_used_without_a_condition_is_noticed() {
    let story = goes_wrong(Fault::CouponsAreUsedUnconditionally, TWO_WITH_COUPON);
    assert!(story.ends_with("the coupon is used more often than it may be"));
}

#[test]
fn a_revived_order_whose_coupon_was_given_back_is_noticed() {
    let story = goes_wrong(Fault::OrdersWithCouponsAreRevived, Scope { buyers: 1, ..TWO_WITH_COUPON });
    assert!(story.ends_with("Ada's order: paid (version 3)\na final order changes other than by a refund"));
}

#[test]
fn an_early_event_that_is_dropped_is_noticed() {
    let story = goes_wrong(Fault::EarlyEventsAreDropped, TWO);
    assert!(story.ends_with("at rest: an order is still refund_pending"));
}

#[test]
fn a_provider_that_gives_money_back_twice_is_noticed() {
    let story = goes_wrong(Fault::MoneyGoesBackTwice, ONE);
    assert!(story.ends_with("more goes back than was taken"));
}
