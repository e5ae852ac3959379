//! Which steps a run takes. Step `i` of a seed is always the same step, whatever other steps are left out, so that a
//! failing run can be cut down.

use std::collections::BTreeSet;

use fastrand::Rng;

use crate::{
    faults::Fault,
    guards::Guard,
    limits::{CONCURRENCY, Limit},
};

/// Something that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A buyer puts something into the cart.
    Shop,
    /// A buyer orders what is in the cart, or sends an earlier request again.
    Place,
    /// A buyer asks where to pay.
    StartPayment,
    /// A buyer pays at the provider.
    Pay,
    /// A buyer's card is declined.
    Decline,
    /// The provider calls.
    Webhook,
    /// A refund at the provider moves on.
    MoveRefund,
    /// Buyer or team cancels an order.
    Cancel,
    /// The team says where an order's goods are, or says it again.
    Fulfil,
    /// A buyer wants delivered goods to be taken back, or asks again.
    Return,
    /// The team accepts or rejects a return, or says so again.
    Decide,
    /// The team gives money back, a part of it or what is left, or asks for it again.
    Refund,
    /// The team counts or restocks.
    Adjust,
    /// The team changes a price.
    ChangePrice,
    /// The team changes the terms of a coupon.
    ChangeCoupon,
    /// Somebody looks at what is or is not theirs, with cursors genuine and forged.
    Look,
    /// Some committed events go from the outbox's stream to the bus.
    Relay,
    /// The clock calls the function that sends due timers to their queues.
    Tick,
    /// A queue gives messages to its function.
    Deliver,
    /// A message that was dealt with comes again.
    Redeliver,
    /// A function under way is killed.
    Kill,
    /// Time passes: seconds, or more than a payment window.
    Wait,
    /// People do nothing for a while, and what is under way goes on: some orders get as far as to their buyers.
    Lull,
}

const WEIGHTS: [(Kind, u32); 23] = [
    (Kind::Shop, 7),
    (Kind::Place, 9),
    (Kind::StartPayment, 2),
    (Kind::Pay, 8),
    (Kind::Decline, 3),
    (Kind::Webhook, 6),
    (Kind::MoveRefund, 4),
    (Kind::Cancel, 4),
    (Kind::Fulfil, 8),
    (Kind::Return, 5),
    (Kind::Decide, 5),
    (Kind::Refund, 2),
    (Kind::Adjust, 2),
    (Kind::ChangePrice, 1),
    (Kind::ChangeCoupon, 1),
    (Kind::Look, 4),
    (Kind::Relay, 14),
    (Kind::Tick, 6),
    (Kind::Deliver, 34),
    (Kind::Redeliver, 2),
    (Kind::Kill, 2),
    (Kind::Wait, 6),
    (Kind::Lull, 3),
];

/// What stores and buyers are like.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    pub payment_window_s: u32,
    /// Products of the first shop that are as large as a product may be, besides the usual goods.
    pub large_products: usize,
    /// What buyers call themselves.
    pub customer_name: &'static str,
}

impl Default for Setting {
    fn default() -> Self {
        Self { payment_window_s: 900, large_products: 0, customer_name: "Chinua" }
    }
}

/// A run to be made.
#[derive(Debug, Clone)]
pub struct Plan {
    pub seed: u64,
    /// Numbers of the steps to take, ascending: all of `0..n`, or those that a smaller run keeps.
    pub steps: Vec<u64>,
    /// Kinds of faults that may happen.
    pub faults: BTreeSet<Fault>,
    /// Guards of the product that are switched off.
    pub off: BTreeSet<Guard>,
    /// What the run is held to.
    pub limits: BTreeSet<Limit>,
    /// Executions at once that the account has.
    pub concurrency: usize,
    /// Executions at once that each function keeps for itself whose row says so (the template's `ReservedConcurrency`).
    pub reserved: usize,
    pub setting: Setting,
    /// Whether the run is told.
    pub told: bool,
}

impl Plan {
    /// The first `steps` steps of a seed, with every fault.
    pub fn new(seed: u64, steps: u64) -> Self {
        Self {
            seed,
            steps: (0..steps).collect(),
            faults: Fault::ALL.into(),
            off: BTreeSet::new(),
            limits: Limit::ALWAYS.into(),
            concurrency: CONCURRENCY,
            reserved: 0,
            setting: Setting::default(),
            told: false,
        }
    }

    pub fn without(mut self, guards: impl IntoIterator<Item = Guard>) -> Self {
        self.off.extend(guards);
        self
    }

    /// How rough the run is, in percent of the usual rates: a seed is a calm day, a usual one or a storm.
    pub(crate) fn weather(&self) -> u32 {
        [20, 100, 100, 250][Rng::with_seed(mix(self.seed, u64::MAX)).usize(0..4)]
    }

    /// A step, and the randomness that is its own.
    pub(crate) fn step(&self, number: u64) -> (Kind, Rng) {
        let mut rng = Rng::with_seed(mix(self.seed, number));
        let total: u32 = WEIGHTS.iter().map(|(_, weight)| weight).sum();
        let mut drawn = rng.u32(0..total);
        for (kind, weight) in WEIGHTS {
            if drawn < weight {
                return (kind, rng);
            }
            drawn -= weight;
        }
        (Kind::Wait, rng)
    }
}

/// Two numbers into one that looks like neither (SplitMix64's finisher).
pub(crate) fn mix(seed: u64, number: u64) -> u64 {
    let mut mixed = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
