//! Executions at once: an account has so many, functions may have some of them to themselves, and a flood from outside
//! takes what is left.

use contracts::Row;
use fastrand::Rng;

use crate::{grants, limits::UNRESERVED_MIN};

/// Requests of a function in a second that API Gateway lets through.
fn throttle_rps(function: &str) -> usize {
    grants::row(function).and_then(Row::route).map_or(0, |route| usize::from(route.rate.throttle().rate))
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
    /// Executions at once that the functions share which have none to themselves.
    shared: usize,
    /// Executions at once that each function has to itself whose row says so; 0 where the operator reserves none.
    reserved: usize,
    floods: Vec<Flood>,
}

impl Capacity {
    /// Of an account with so many executions at once, so many of them for each function that keeps some.
    pub(crate) fn new(account: usize, reserved: usize) -> Self {
        let kept = reserved * contracts::rows().iter().filter(|row| row.reserved).count();
        assert!(reserved == 0 || kept + UNRESERVED_MIN <= account, "AWS wants {UNRESERVED_MIN} to stay free");
        Self { shared: account - kept, reserved, floods: vec![] }
    }

    pub(crate) fn begin(&mut self, flood: Flood) {
        self.floods.push(flood);
    }

    /// When the last flood is over.
    pub(crate) fn end_ms(&self) -> Option<i64> {
        self.floods.iter().map(|flood| flood.until_ms).max()
    }

    /// Whether API Gateway lets a request for a function through: of the function's, as many as its class allows.
    pub(crate) fn lets_in(&self, function: &str, now_ms: i64, rng: &mut Rng) -> bool {
        let floods = self.floods.iter().filter(|flood| now_ms < flood.until_ms && flood.function == function);
        let (rps, allowed) = (floods.map(|flood| flood.rps).sum(), throttle_rps(function));
        rps < allowed || rng.usize(0..=rps) < allowed
    }

    /// Whether an execution of a function can start, with these under way. Where a flood wants more than there is, each
    /// execution that ends is fought for, and chance decides.
    pub(crate) fn has_room<'a>(
        &self,
        function: &str,
        under_way: impl Iterator<Item = &'a str>,
        now_ms: i64,
        rng: &mut Rng,
    ) -> bool {
        let floods = self.floods.iter().filter(|flood| now_ms < flood.until_ms);
        let is_rival = |other: &str| if self.keeps(function) { other == function } else { !self.keeps(other) };
        let taken = under_way.filter(|other| is_rival(other)).count();
        let all = if self.keeps(function) { self.reserved } else { self.shared };
        let left = all.saturating_sub(taken);
        let wanted = 1 + floods.filter(|flood| is_rival(flood.function)).map(Flood::wants).sum::<usize>();
        wanted <= left || rng.usize(0..wanted) < left
    }

    /// How often SQS calls a function at once; 0 where it has no bound.
    pub(crate) fn calls_max(&self, row: &Row) -> usize {
        if self.keeps(row.function) { self.reserved } else { row.queue().map_or(0, |queue| queue.concurrency.into()) }
    }

    /// Whether a function has executions to itself.
    fn keeps(&self, function: &str) -> bool {
        self.reserved > 0 && grants::row(function).is_some_and(|row| row.reserved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 20 sign-ins a second, and a second and a half each: 30 executions.
    const FLOOD: Flood = Flood { function: "auth-login", rps: 1_000, ms: 1_500, until_ms: 10 };

    fn got(account: usize, reserved: usize, function: &str, now_ms: i64) -> usize {
        let (mut capacity, mut rng) = (Capacity::new(account, reserved), Rng::with_seed(1));
        capacity.begin(FLOOD);
        (0..1_000).filter(|_| capacity.has_room(function, [].into_iter(), now_ms, &mut rng)).count()
    }

    #[test]
    fn a_flood_leaves_a_small_account_little_and_a_large_one_enough() {
        assert!((250..400).contains(&got(10, 0, "orders-expire", 0)));
        assert_eq!(got(10, 0, "orders-expire", 10), 1_000);
        assert_eq!(got(31, 0, "orders-expire", 0), 1_000);
    }

    #[test]
    fn a_flood_leaves_alone_what_a_function_keeps() {
        let kept = contracts::rows().iter().filter(|row| row.reserved).count();
        let account = UNRESERVED_MIN + kept;
        assert_eq!(got(account, 1, "orders-place", 0), 1_000);
        let (capacity, mut rng) = (Capacity::new(account, 1), Rng::with_seed(1));
        let mut has_room =
            |function, under_way: &[&'static str]| capacity.has_room(function, under_way.iter().copied(), 0, &mut rng);
        assert!(!has_room("orders-place", &["orders-place"]));
        assert!(has_room("orders-place", &["orders-list"; 200]));
        assert!(!has_room("orders-list", &["products-list"; UNRESERVED_MIN]));
        assert!(has_room("orders-list", &["orders-place"; 200]));
    }

    #[test]
    fn no_more_run_than_an_account_has() {
        let (capacity, mut rng) = (Capacity::new(3, 0), Rng::with_seed(1));
        let mut has_room =
            |under_way: &[&'static str]| capacity.has_room("orders-list", under_way.iter().copied(), 0, &mut rng);
        assert!(has_room(&["orders-place"; 2]));
        assert!(!has_room(&["orders-place"; 3]));
    }

    /// Each endpoint has its own bound.
    #[test]
    fn a_flood_of_one_endpoint_is_held_back_from_no_other() {
        let (mut capacity, mut rng) = (Capacity::new(10, 0), Rng::with_seed(1));
        capacity.begin(FLOOD);
        let mut let_in = |function| (0..1_000).filter(|_| capacity.lets_in(function, 0, &mut rng)).count();
        assert!((5..50).contains(&let_in("auth-login")));
        assert_eq!(let_in("auth-register"), 1_000);
    }
}
