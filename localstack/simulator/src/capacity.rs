//! Executions at once: an account has so many, functions may have some of them to themselves, and a flood from outside
//! takes what is left.

use fastrand::Rng;

/// Requests of a function in a second, over all stores, as API Gateway lets them through: `gen/root.rs` has one bound
/// for the whole stage, so that all functions share it.
fn throttle_rps(_function: &str) -> usize {
    1_000
}

/// Whether requests for the one use up what API Gateway lets through of the other.
fn share_throttle(_one: &str, _other: &str) -> bool {
    true
}

/// Executions that a function has to itself. The templates reserve none.
fn reserved(_function: &str) -> Option<usize> {
    None
}

/// Requests from outside, more than anybody wants to serve.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flood {
    pub(crate) function: &'static str,
    pub(crate) rps: usize,
    /// What one of them takes.
    pub(crate) ms: usize,
    pub(crate) until_ms: i64,
}

impl Flood {
    /// Executions at once that it would fill.
    fn wants(&self) -> usize {
        (self.rps.min(throttle_rps(self.function)) * self.ms).div_ceil(1_000)
    }
}

#[derive(Debug)]
pub(crate) struct Capacity {
    account: usize,
    floods: Vec<Flood>,
}

impl Capacity {
    pub(crate) fn new(account: usize) -> Self {
        Self { account, floods: vec![] }
    }

    pub(crate) fn begin(&mut self, flood: Flood) {
        self.floods.push(flood);
    }

    /// When the last flood is over.
    pub(crate) fn end_ms(&self) -> Option<i64> {
        self.floods.iter().map(|flood| flood.until_ms).max()
    }

    /// Whether API Gateway lets a request for a function through: of those that share a bound, as many as it allows.
    pub(crate) fn lets_in(&self, function: &str, now_ms: i64, rng: &mut Rng) -> bool {
        let floods = self.floods.iter().filter(|flood| now_ms < flood.until_ms);
        let rps: usize = floods.filter(|flood| share_throttle(flood.function, function)).map(|flood| flood.rps).sum();
        let allowed = throttle_rps(function);
        rps < allowed || rng.usize(0..=rps) < allowed
    }

    /// Whether an execution of a function can start, with so many of it and so many of all under way. Where a flood
    /// wants more than there is, each execution that ends is fought for, and chance decides.
    pub(crate) fn has_room(&self, function: &str, of_it: usize, of_all: usize, now_ms: i64, rng: &mut Rng) -> bool {
        if let Some(own) = reserved(function) {
            return of_it < own;
        }
        if of_all >= self.account {
            return false;
        }
        let (mut left, mut wanted) = (self.account - of_all, 1);
        for flood in self.floods.iter().filter(|flood| now_ms < flood.until_ms) {
            match reserved(flood.function) {
                Some(own) => left = left.saturating_sub(own),
                None => wanted += flood.wants(),
            }
        }
        wanted <= left || rng.usize(0..wanted) < left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_leaves_a_small_account_little_and_a_large_one_enough() {
        let mut rng = Rng::with_seed(1);
        let flood = Flood { function: "auth-login", rps: 1_000, ms: 150, until_ms: 10 };
        let mut got = |account: usize, now_ms: i64| {
            let mut capacity = Capacity::new(account);
            capacity.begin(flood);
            (0..1_000).filter(|_| capacity.has_room("orders-expire", 0, 0, now_ms, &mut rng)).count()
        };
        assert!((40..100).contains(&got(10, 0)));
        assert_eq!(got(10, 10), 1_000);
        assert_eq!(got(151, 0), 1_000);
    }

    #[test]
    fn no_more_run_than_an_account_has() {
        let (capacity, mut rng) = (Capacity::new(3), Rng::with_seed(1));
        assert!(capacity.has_room("orders-place", 2, 2, 0, &mut rng));
        assert!(!capacity.has_room("orders-place", 0, 3, 0, &mut rng));
    }
}
