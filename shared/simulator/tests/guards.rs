//! The simulator is itself tested: without any one of the product's guards, some run breaks an invariant. A guard whose
//! absence nothing notices is a missing check, or a guard that nobody needs.

#![cfg(feature = "sabotage")]
#![allow(clippy::unwrap_used, reason = "a test")]

use domain::guard::Rule;
use simulator::{Guard, Plan, run};

/// Runs until one breaks, at the most. What breaks a guard's invariant happens in one run of a few dozen.
const SEEDS: u64 = 400;
const STEPS: u64 = 100;

/// The first seed that breaks one of these invariants, and no other before it.
#[track_caller]
fn breaks(guards: &[Guard], invariants: &[&str]) {
    for seed in 1..=SEEDS {
        let Some(broken) = run(&Plan::new(seed, STEPS).without(guards.iter().copied())).broken else { continue };
        assert!(invariants.contains(&broken.invariant), "seed {seed}: {}: {}", broken.invariant, broken.detail);
        println!("without {guards:?} seed {seed} breaks {}: {}", broken.invariant, broken.detail);
        return;
    }
    panic!("{SEEDS} runs did not notice that {guards:?} was missing");
}

macro_rules! noticed {
    ($($name:ident: [$($guard:expr),+] breaks [$($invariant:literal),+];)+) => {
        $(#[test]
        fn $name() {
            breaks(&[$($guard),+], &[$($invariant),+]);
        })+
    };
}

noticed! {
    inbox: [Guard::Inbox] breaks ["I9"];
    version: [Guard::Version] breaks ["I2", "I3", "I7", "I8", "I9", "I11", "I12", "I14"];
    stock_available: [Guard::StockAvailable] breaks ["I2"];
    retry_token: [Guard::RetryToken] breaks ["I12"];
    outbox_in_the_transaction: [Guard::OutboxInTransaction] breaks ["I1", "I4", "I8", "I9", "I11"];
    idempotency_record: [Guard::IdempotencyRecord] breaks ["I12"];
    notification_claim: [Guard::NotificationClaim] breaks ["I14", "I9"];
    amount_check: [Guard::Rule(Rule::AmountCheck)] breaks ["I8"];
    expiry: [Guard::Rule(Rule::Expiry)] breaks ["I5"];
    newer_order: [Guard::Rule(Rule::NewerOrder)] breaks ["I2", "I8", "I9"];
    decision_stands: [Guard::Rule(Rule::DecisionStands)] breaks ["I5"];
    refund_cap: [Guard::Rule(Rule::RefundCap)] breaks ["I7", "I9"];
    cursor_signature: [Guard::Rule(Rule::CursorSignature)] breaks ["I10"];
    webhook_signature: [Guard::Rule(Rule::WebhookSignature)] breaks ["I1"];
    tenant_in_key: [Guard::Rule(Rule::TenantInKey)] breaks ["I10"];
}

/// Two must be at the same refund within a few calls of each other, which only long runs bring about.
#[test]
fn refund_asked_once() {
    let is_noticed = |seed: &u64| {
        let report = run(&Plan::new(*seed, 2_000).without([Guard::Rule(Rule::RefundAskedOnce)]));
        report.broken.is_some_and(|broken| broken.invariant == "I7")
    };
    let seed = (1..=40).find(is_noticed).unwrap();
    println!("seed {seed} of 2,000 steps breaks I7");
}

/// The ledger's keys are a second line: without versions two settlements of one charge meet there, and the books stay
/// right; without both they do not.
#[test]
fn ledger_uniqueness() {
    let has_wrong_books = |guards: &[Guard], seed: u64| {
        let broken = run(&Plan::new(seed, STEPS).without(guards.iter().copied())).broken;
        broken.is_some_and(|broken| broken.invariant == "I1")
    };
    let seed = (1..=SEEDS).find(|seed| has_wrong_books(&[Guard::LedgerUniqueness, Guard::Version], *seed)).unwrap();
    println!("without both, seed {seed} breaks I1");
    assert!(!has_wrong_books(&[Guard::LedgerUniqueness], seed), "the payment's version alone suffices");
    assert!(!has_wrong_books(&[Guard::Version], seed), "the ledger's keys alone suffice");
}
