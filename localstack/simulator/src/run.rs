//! A run from its plan to its report.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

use fastrand::Rng;

use crate::{
    faults::Fault,
    invariants::{Broken, always, at_rest, broken, ended_early},
    limits::Limit,
    mirror::Coverage,
    plan::{Plan, mix},
    timers::in_vain,
    world::World,
};

/// What came of a run.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Steps taken; fewer than planned when an invariant broke before the end.
    pub steps: u64,
    /// The first invariant that did not hold.
    pub broken: Option<Broken>,
    /// Every one that was seen not to hold: a script goes on, a run stops at the first.
    pub all_broken: Vec<Broken>,
    pub coverage: Coverage,
    pub faults: BTreeMap<Fault, u64>,
    /// Calls to AWS and the provider.
    pub calls: u64,
    /// Real time spent in the embedded database.
    pub in_database: Duration,
    /// What functions used of AWS: function, use.
    pub used: BTreeSet<(&'static str, String)>,
    pub orders: u64,
    pub events: u64,
    /// What happened, if the plan asked for it to be told.
    pub story: Vec<String>,
}

/// Makes a run of so many steps for every seed, on so many threads. Each report goes to `heed`, on the thread that made it.
pub fn run_all(seeds: Range<u64>, steps: u64, threads: usize, heed: impl Fn(u64, Report) + Sync) {
    let next = AtomicU64::new(seeds.start);
    let worker = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            heed(seed, run(&Plan::new(seed, steps)));
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(worker);
        }
    });
}

/// Each run in a process has a number, which nothing in it depends on.
static RUNS: AtomicU64 = AtomicU64::new(0);

pub(crate) fn next_run() -> u64 {
    RUNS.fetch_add(1, Ordering::Relaxed)
}

/// Makes a run. The same plan is the same run.
pub fn run(plan: &Plan) -> Report {
    let mut world = World::new(plan, next_run());
    let mut report = Report::default();
    for number in &plan.steps {
        let (kind, mut rng) = plan.step(*number);
        world.cloud.state().tell(|| format!("{number}. {kind:?}"));
        world.step(kind, &mut rng);
        report.steps += 1;
        if world.check() {
            return finish(world, report);
        }
    }
    let mut rng = Rng::with_seed(mix(plan.seed, u64::MAX - 2));
    world.cloud.state().tell(|| "faults stop, and everything comes to its end".to_owned());
    world.come_to_rest(&mut rng);
    if world.check() {
        return finish(world, report);
    }
    world.check_at_rest();
    if world.cloud.state().broken.is_empty() {
        world.cloud.state().tell(|| "every event comes twice more".to_owned());
        world.replay(&mut rng);
    }
    finish(world, report)
}

pub(crate) fn finish(world: World, mut report: Report) -> Report {
    crate::guards::switch_on();
    let state = world.cloud.state();
    for broken in &state.broken {
        let broken = Broken { detail: state.story.named(&broken.detail), ..broken.clone() };
        if !report.all_broken.contains(&broken) {
            report.all_broken.push(broken);
        }
    }
    report.broken = report.all_broken.first().cloned();
    report.coverage = world.mirror.coverage.clone();
    report.faults = state.faults.counts().clone();
    report.calls = state.calls;
    report.in_database = state.in_database;
    report.used = state.used.iter().map(|(function, wanted)| (*function, wanted.to_string())).collect();
    report.orders = world.mirror.orders.len() as u64;
    report.events = world.mirror.outbox.len() as u64;
    report.story = state.story.lines();
    report
}

impl World {
    /// Takes in what was written and checks what may never be broken. Whether something is.
    pub(crate) fn check(&mut self) -> bool {
        let written = std::mem::take(&mut self.cloud.state().written);
        if !written.is_empty() {
            let known = self.mirror.placed.len();
            let changes = self.mirror.take_in(written);
            let mut found = always(&self.mirror, &changes, &self.cloud.provider);
            let mut state = self.cloud.state();
            if state.limits.contains(&Limit::Window) {
                found.extend(changes.iter().filter_map(|change| ended_early(change, &self.mirror, &state.refused)));
            }
            found.extend(in_vain(&state.timers, &self.mirror).into_iter().map(|detail| broken("I21", detail)));
            for (at, order) in self.mirror.placed.iter().enumerate().skip(known) {
                state.story.name(&order.to_string(), || format!("order {}", at + 1));
            }
            state.broken.extend(found);
        }
        !self.cloud.state().broken.is_empty()
    }

    pub(crate) fn check_at_rest(&mut self) {
        self.check_outcomes();
        self.check_wishes();
        self.check_reached();
        let mut state = self.cloud.state();
        let published: BTreeSet<String> =
            state.published.iter().filter_map(|(_, _, event)| Some(event["id"].as_str()?.to_owned())).collect();
        let found = at_rest(&self.mirror, &self.cloud.provider, &published);
        state.broken.extend(found);
    }
}
