//! The simulator is itself tested: without any one of the product's guards, some run breaks an invariant. A guard whose
//! absence nothing notices is a missing check, or a guard that nobody needs.

#![cfg(feature = "sabotage")]
#![allow(clippy::unwrap_used, reason = "a test")]

use domain::guard::Rule;
use simulator::{Act, Guard, Plan, Script, play, run};

/// Runs until one breaks, at the most. What breaks a guard's invariant happens in one run of a few dozen.
const SEEDS: u64 = 400;
const STEPS: u64 = 100;
/// What needs two functions at the same item within a few calls of each other happens in one long run of a few.
const LONG_STEPS: u64 = 2_000;

/// The first seed that breaks one of these invariants, and no other before it.
#[track_caller]
fn breaks(guards: &[Guard], invariants: &[&str], steps: u64) {
    for seed in 1..=SEEDS * STEPS / steps {
        let Some(broken) = run(&Plan::new(seed, steps).without(guards.iter().copied())).broken else { continue };
        assert!(invariants.contains(&broken.invariant), "seed {seed}: {}: {}", broken.invariant, broken.detail);
        println!("without {guards:?} seed {seed} breaks {}: {}", broken.invariant, broken.detail);
        return;
    }
    panic!("no run noticed that {guards:?} was missing");
}

macro_rules! noticed {
    ($($name:ident: [$($guard:expr),+] breaks [$($invariant:literal),+] in $steps:expr;)+) => {
        $(#[test]
        fn $name() {
            breaks(&[$($guard),+], &[$($invariant),+], $steps);
        })+
    };
}

noticed! {
    inbox: [Guard::Inbox] breaks ["I9"] in STEPS;
    version: [Guard::Version] breaks ["I1", "I2", "I3", "I4", "I7", "I8", "I9", "I11", "I12", "I13", "I14"] in LONG_STEPS;
    stock_available: [Guard::StockAvailable] breaks ["I2"] in STEPS;
    coupon_cap: [Guard::CouponCap] breaks ["I13"] in STEPS;
    retry_token: [Guard::RetryToken] breaks ["I12"] in STEPS;
    outbox_in_the_transaction: [Guard::OutboxInTransaction] breaks ["I1", "I4", "I8", "I9", "I11", "I16"] in STEPS;
    idempotency_record: [Guard::IdempotencyRecord] breaks ["I12"] in STEPS;
    notification_claim: [Guard::NotificationClaim] breaks ["I14", "I9"] in STEPS;
    amount_check: [Guard::Rule(Rule::AmountCheck)] breaks ["I8"] in STEPS;
    newer_order: [Guard::Rule(Rule::NewerOrder)] breaks ["I2", "I8", "I9"] in STEPS;
    decision_stands: [Guard::Rule(Rule::DecisionStands)] breaks ["I5"] in STEPS;
    refund_cap: [Guard::Rule(Rule::RefundCap)] breaks ["I7", "I9"] in STEPS;
    return_cap: [Guard::Rule(Rule::ReturnCap)] breaks ["I8"] in LONG_STEPS;
    cursor_signature: [Guard::Rule(Rule::CursorSignature)] breaks ["I10"] in STEPS;
    webhook_signature: [Guard::Rule(Rule::WebhookSignature)] breaks ["I1"] in STEPS;
    tenant_in_key: [Guard::Rule(Rule::TenantInKey)] breaks ["I10"] in STEPS;
    refund_asked_once: [Guard::Rule(Rule::RefundAskedOnce)] breaks ["I1", "I7", "I8"] in LONG_STEPS;
}

/// Some run without either breaks the invariant, and the same run does not without one of them.
#[track_caller]
fn second_line(guards: [Guard; 2], invariant: &str, steps: u64) {
    let breaks = |guards: &[Guard], seed: u64| {
        let broken = run(&Plan::new(seed, steps).without(guards.iter().copied())).broken;
        broken.is_some_and(|broken| broken.invariant == invariant)
    };
    let seed = (1..=SEEDS * STEPS / steps).find(|seed| breaks(&guards, *seed)).unwrap();
    println!("without {guards:?} seed {seed} breaks {invariant}");
    for guard in guards {
        assert!(!breaks(&[guard], seed), "the other of {guards:?} alone suffices");
    }
}

/// The ledger's keys: without versions two settlements of one charge meet there, and the books stay right.
#[test]
fn ledger_uniqueness() {
    second_line([Guard::LedgerUniqueness, Guard::Version], "I1", STEPS);
}

/// The order's own rule: a timer that is sent too early, and taken for due, finds an order that does not lapse yet. An
/// unpaid order, and a sweep whose clock is ahead: runs rarely have both.
#[test]
fn expiry() {
    let guards = [Guard::Rule(Rule::Expiry), Guard::DueTime];
    let ends_early = |off: &[Guard]| {
        let acts = [(0, Act::SweepAhead { by_s: 120 }), (0, Act::Order { buyer: 0, coupon: false })];
        let script = Script { off: off.iter().copied().collect(), ..Script::new(acts, []) };
        play(&script).all_broken.iter().any(|broken| broken.invariant == "I5")
    };
    assert!(ends_early(&guards), "no run noticed that {guards:?} were missing");
    for guard in guards {
        assert!(!ends_early(&[guard]), "the other of {guards:?} alone suffices");
    }
}
