//! Runs that must not break anything, and what the simulator itself promises.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::{collections::BTreeSet, sync::Mutex, thread};

use simulator::{Coverage, Fault, Plan, RARE, REACHABLE, Report, run, run_all, shrink};

const SEEDS: u64 = 500;
const STEPS: u64 = 100;
/// Long runs meet what short ones do not: many orders on the same stock, and a day and more.
const LONG_FROM: u64 = 1_000_000;
const LONG_SEEDS: u64 = 8;
const LONG_STEPS: u64 = 2_000;

/// Makes these runs on all processors; stops the test with the story of the first that fails.
fn all_hold(seeds: std::ops::Range<u64>, steps: u64) -> (Coverage, BTreeSet<Fault>) {
    let total = Mutex::new((Coverage::new(), BTreeSet::new()));
    let processors = thread::available_parallelism().map_or(2, std::num::NonZero::get);
    run_all(seeds, steps, processors, |seed, report| {
        if let Some(broken) = &report.broken {
            // Cutting a long run down takes minutes.
            println!("seed {seed} of {steps} steps: {}: {}", broken.invariant, broken.detail);
            let failure = shrink(&Plan::new(seed, steps), broken);
            let story = failure.report.story.join("\n");
            panic!("{story}\n\nseed {seed}: {}: {}", failure.broken.invariant, failure.broken.detail);
        }
        let mut total = total.lock().unwrap();
        for (transition, times) in report.coverage {
            *total.0.entry(transition).or_default() += times;
        }
        total.1.extend(report.faults.into_keys());
    });
    total.into_inner().unwrap()
}

#[test]
fn all_seeds_hold_and_reach_everything() {
    let (mut coverage, mut faults) = all_hold(1..1 + SEEDS, STEPS);
    let (of_long_runs, more_faults) = all_hold(LONG_FROM..LONG_FROM + LONG_SEEDS, LONG_STEPS);
    coverage.extend(of_long_runs);
    faults.extend(more_faults);
    let unreached = REACHABLE
        .into_iter()
        .filter(|(machine, from, to)| !coverage.contains_key(&(*machine, (*from).to_owned(), (*to).to_owned())));
    assert_eq!(unreached.collect::<Vec<_>>(), [], "transitions that no run reached");
    let is_listed = |at: &(&str, &str, &str)| REACHABLE.contains(at) || RARE.contains(at);
    let unlisted = coverage.keys().filter(|(machine, from, to)| !is_listed(&(machine, from, to)));
    assert_eq!(unlisted.collect::<Vec<_>>(), Vec::<&(&str, String, String)>::new(), "transitions that are not listed");
    assert_eq!(faults, Fault::ALL.into(), "faults that no run met");
}

#[test]
fn a_seed_is_the_same_run_every_time() {
    for seed in [7, 8] {
        let told = |_| -> Report { run(&Plan { told: true, ..Plan::new(seed, 150) }) };
        let [one, two] = [0, 1].map(told);
        assert!(one.story.len() > 100);
        assert_eq!(one.story, two.story);
        assert_eq!((one.calls, one.faults), (two.calls, two.faults));
    }
}

/// What is left of a run that fails still fails, of the same invariant, and is told.
#[test]
fn a_failure_is_cut_down_and_told() {
    let is_oversold = |seed: &u64| run(&sabotaged(*seed)).broken.is_some_and(|broken| broken.invariant == "I2");
    let seed = (1..200).find(is_oversold).unwrap();
    let plan = sabotaged(seed);
    let failure = shrink(&plan, &run(&plan).broken.unwrap());
    assert_eq!(failure.broken.invariant, "I2");
    assert!(failure.plan.steps.len() <= 12, "{:?}", failure.plan.steps);
    assert!(failure.report.story.iter().any(|line| line.contains("orders-place writes order")));
    // Nothing that is left can be left out.
    for at in 0..failure.plan.steps.len() {
        let mut fewer = failure.plan.clone();
        fewer.steps.remove(at);
        let broken = run(&fewer).broken;
        assert!(broken.is_none_or(|broken| broken.invariant != "I2"), "step {at} is not needed");
    }
}

fn sabotaged(seed: u64) -> Plan {
    Plan::new(seed, 100).without([simulator::Guard::StockAvailable])
}
