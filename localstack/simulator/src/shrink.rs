//! A failing run, cut down: fewer steps and fewer kinds of faults, as long as the same invariant still breaks.

use crate::{
    invariants::Broken,
    plan::Plan,
    run::{Report, run},
};

/// A run that breaks an invariant, as small as it was found.
#[derive(Debug, Clone)]
pub struct Failure {
    pub plan: Plan,
    pub report: Report,
    pub broken: Broken,
}

/// Runs that cutting down may take.
const TRIES: u32 = 1_500;

/// Cuts a failing plan down (Zeller's delta debugging), and tells it.
pub fn shrink(plan: &Plan, broken: &Broken) -> Failure {
    let mut tries = 0;
    let mut still_fails = |plan: &Plan| {
        tries += 1;
        let found = (tries <= TRIES).then(|| run(plan).broken).flatten();
        found.is_some_and(|found| found.invariant == broken.invariant)
    };
    let mut plan = plan.clone();
    for fault in plan.faults.clone() {
        let mut fewer = plan.clone();
        fewer.faults.remove(&fault);
        if still_fails(&fewer) {
            plan = fewer;
        }
    }
    let mut pieces = 2;
    while plan.steps.len() > 1 {
        let size = plan.steps.len().div_ceil(pieces);
        let without = |at: usize| {
            let kept = plan.steps.iter().enumerate().filter(|(index, _)| index / size != at);
            Plan { steps: kept.map(|(_, step)| *step).collect(), ..plan.clone() }
        };
        if let Some(smaller) = (0..plan.steps.len().div_ceil(size)).map(without).find(&mut still_fails) {
            plan = smaller;
            pieces = pieces.saturating_sub(1).max(2);
        } else if size == 1 {
            break;
        } else {
            pieces = (pieces * 2).min(plan.steps.len());
        }
    }
    let report = run(&Plan { told: true, ..plan.clone() });
    let broken = report.broken.clone().unwrap_or_else(|| broken.clone());
    Failure { plan, report, broken }
}
