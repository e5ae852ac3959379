//! `scripts/simulate`: any number of runs, with what they reached and what went wrong in them, and the first failure told
//! as a story.
//!
//!   simulate --seeds N --steps M [--seed S] [--threads T]
//!   simulate --sale S

use std::{
    collections::{BTreeMap, BTreeSet},
    process::ExitCode,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use simulator::{Broken, Coverage, Fault, Plan, RARE, REACHABLE, Report, Script, granted_to, play, run_all, shrink};

/// How often progress is shown.
const PROGRESS_EVERY: Duration = Duration::from_secs(10);

struct Options {
    seeds: u64,
    steps: u64,
    first_seed: u64,
    threads: usize,
    /// Tells this sale instead.
    sale: Option<u64>,
}

#[derive(Default)]
struct Total {
    runs: u64,
    steps: u64,
    calls: u64,
    in_database: Duration,
    orders: u64,
    events: u64,
    faults: BTreeMap<Fault, u64>,
    coverage: Coverage,
    used: BTreeSet<(&'static str, String)>,
    failures: Vec<(u64, Broken)>,
    /// When progress was last shown.
    shown: Duration,
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}\nusage: simulate --seeds N --steps M [--seed S] [--threads T] | --sale S");
            return ExitCode::from(2);
        }
    };
    if let Some(seed) = options.sale {
        return tell_sale(seed);
    }
    #[expect(clippy::disallowed_methods, reason = "measures how fast the simulation is")]
    let started = Instant::now();
    let total = Mutex::new(Total::default());
    let seeds = options.first_seed..options.first_seed + options.seeds;
    run_all(seeds, options.steps, options.threads, |seed, report| {
        let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
        total.add(seed, report);
        total.show(started.elapsed());
    });
    let took = started.elapsed();
    report(&options, &total.into_inner().unwrap_or_else(PoisonError::into_inner), took)
}

impl Total {
    fn add(&mut self, seed: u64, report: Report) {
        self.runs += 1;
        self.steps += report.steps;
        self.calls += report.calls;
        self.in_database += report.in_database;
        self.orders += report.orders;
        self.events += report.events;
        for (fault, times) in report.faults {
            *self.faults.entry(fault).or_default() += times;
        }
        for (transition, times) in report.coverage {
            *self.coverage.entry(transition).or_default() += times;
        }
        self.used.extend(report.used);
        if let Some(broken) = report.broken {
            eprintln!("seed {seed}: {}: {}", broken.invariant, broken.detail);
            self.failures.push((seed, broken));
        }
    }

    /// Shows how far it is, now and then.
    fn show(&mut self, elapsed: Duration) {
        if elapsed >= self.shown + PROGRESS_EVERY {
            self.shown = elapsed;
            let failed = self.failures.len();
            eprintln!("{:5}s  {} runs, {} steps, {failed} failed", elapsed.as_secs(), self.runs, self.steps);
        }
    }
}

fn report(options: &Options, total: &Total, took: Duration) -> ExitCode {
    let per_s = |count: u64| {
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = count as f64 / took.as_secs_f64();
        format!("{rate:.0}")
    };
    println!("{} runs of {} steps in {:.1} s", total.runs, options.steps, took.as_secs_f64());
    println!("  steps   {:>10}  {:>6}/s", total.steps, per_s(total.steps));
    println!("  calls   {:>10}  {:>6}/s", total.calls, per_s(total.calls));
    let threads = u32::try_from(options.threads).unwrap_or(1);
    let share = 100.0 * total.in_database.as_secs_f64() / (took * threads).as_secs_f64();
    println!("  time    {share:>9.0}%  in the embedded database");
    println!("  orders  {:>10}", total.orders);
    println!("  events  {:>10}", total.events);
    println!("faults");
    for fault in Fault::ALL {
        println!("  {:20} {:>9}", format!("{fault:?}"), total.faults.get(&fault).copied().unwrap_or_default());
    }
    println!("transitions");
    let mut unreached = 0;
    for (machine, from, to) in REACHABLE {
        let times = total.coverage.get(&(machine, from.to_owned(), to.to_owned())).copied().unwrap_or_default();
        unreached += usize::from(times == 0);
        println!("  {machine:12} {from:>16} -> {to:16} {times:>9}");
    }
    for ((machine, from, to), times) in &total.coverage {
        if !REACHABLE.contains(&(*machine, from, to)) && !RARE.contains(&(*machine, from, to)) {
            println!("  {machine:12} {from:>16} -> {to:16} {times:>9}  (not listed)");
        }
    }
    println!("{unreached} transitions not reached");
    let functions = total.used.iter().map(|(function, _)| *function).collect();
    let granted = granted_to(&functions);
    let used = granted.intersection(&total.used).count();
    println!("{used} of {} uses that are granted to {} functions; not used:", granted.len(), functions.len());
    for (function, unused) in granted.difference(&total.used) {
        println!("  {function:32} {unused}");
    }
    let Some((seed, broken)) = total.failures.iter().min_by_key(|(seed, _)| *seed) else {
        println!("no invariant broke");
        return ExitCode::SUCCESS;
    };
    println!("{} runs failed:", total.failures.len());
    let mut by_invariant: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for (seed, broken) in &total.failures {
        by_invariant.entry(broken.invariant).or_default().push(*seed);
    }
    for (invariant, seeds) in by_invariant {
        let first: Vec<_> = seeds.iter().take(5).map(u64::to_string).collect();
        println!("  {invariant}: {} (seeds {} …)", seeds.len(), first.join(", "));
    }
    let failure = shrink(&Plan::new(*seed, options.steps), broken);
    println!("\nseed {seed}, cut down to {} steps and {:?}:\n", failure.plan.steps.len(), failure.plan.faults);
    for line in &failure.report.story {
        println!("{line}");
    }
    println!("\n{}: {}", failure.broken.invariant, failure.broken.detail);
    println!("replay: scripts/simulate --seeds 1 --steps {} --seed {seed}", options.steps);
    ExitCode::FAILURE
}

/// A sale under every limit, as the seed draws it.
fn tell_sale(seed: u64) -> ExitCode {
    let report = play(&Script::drawn(seed));
    for line in report.story {
        println!("{line}");
    }
    println!();
    for broken in &report.all_broken {
        println!("{}: {}", broken.invariant, broken.detail);
    }
    if report.all_broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn options() -> Result<Options, String> {
    let mut options = Options { seeds: 100, steps: 100, first_seed: 1, threads: 2, sale: None };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().and_then(|value| value.parse::<u64>().ok());
        let value = value.ok_or_else(|| format!("{name}: expected a number"))?;
        match name.as_str() {
            "--seeds" => options.seeds = value,
            "--steps" => options.steps = value,
            "--sale" => options.sale = Some(value),
            "--seed" => options.first_seed = value,
            "--threads" => options.threads = usize::try_from(value).map_err(|error| error.to_string())?.max(1),
            _ => return Err(format!("{name}: there is no such option")),
        }
    }
    Ok(options)
}
