//! Counters and latencies by function, and what they, the queues and the orders look like to Prometheus.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use contracts::table::Table;
use embedded::{Database, queues::Depth};

use crate::settings::prefix;

const ORDERS_EVERY: Duration = Duration::from_mins(1);

/// Upper bounds of the latencies' buckets, in seconds.
const BOUNDS_S: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 10.0];

/// What was counted. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics(Arc<Mutex<Counted>>);

#[derive(Debug, Default)]
struct Counted {
    /// By function and outcome.
    calls: BTreeMap<(&'static str, String), Series>,
    /// Steps of sagas: events by their type.
    events: BTreeMap<String, u64>,
    orders: Option<(Instant, BTreeMap<String, u64>)>,
}

#[derive(Debug, Default)]
struct Series {
    /// Calls by bucket; the last one is for those that took longer than all bounds.
    buckets: [u64; BOUNDS_S.len() + 1],
    sum_s: f64,
}

impl Metrics {
    /// The beginning of a call, for [`Metrics::called`].
    #[expect(clippy::disallowed_methods, reason = "measures")]
    pub(crate) fn started() -> Instant {
        Instant::now()
    }

    /// Counts a call of a function. `outcome` is an HTTP status, or what became of a batch.
    pub(crate) fn called(&self, function: &'static str, outcome: &str, started: Instant) {
        let took_s = started.elapsed().as_secs_f64();
        let bucket = BOUNDS_S.iter().position(|bound| took_s <= *bound).unwrap_or(BOUNDS_S.len());
        let mut counted = self.counted();
        let series = counted.calls.entry((function, outcome.to_owned())).or_default();
        series.buckets[bucket] += 1;
        series.sum_s += took_s;
    }

    /// Counts an event that was published.
    pub(crate) fn published(&self, event_type: &str) {
        *self.counted().events.entry(event_type.to_owned()).or_default() += 1;
    }

    /// Orders by their status, at most a minute old: counting them reads all of them.
    fn orders(&self, database: &Database) -> embedded::Result<BTreeMap<String, u64>> {
        let known = self.counted().orders.clone();
        if let Some((_, orders)) = known.filter(|(at, _)| at.elapsed() < ORDERS_EVERY) {
            return Ok(orders);
        }
        let table = format!("{}{}", prefix(), Table::Orders.name());
        let orders = database.counts(&table, "ORDER", "$.data.M.state.M.status.S")?;
        self.counted().orders = Some((Self::started(), orders.clone()));
        Ok(orders)
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// In Prometheus's text format.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn text(&self, database: &Database, now_ms: i64) -> embedded::Result<String> {
        Ok(self.told(&database.depths(now_ms)?, &self.orders(database)?, now_ms))
    }

    fn told(&self, queues: &BTreeMap<String, Depth>, orders: &BTreeMap<String, u64>, now_ms: i64) -> String {
        let mut text = String::from(
            "# HELP selleasi_calls_seconds Calls of functions: requests by status, batches by what became of them.\n\
             # TYPE selleasi_calls_seconds histogram\n",
        );
        let counted = self.counted();
        for ((function, outcome), series) in &counted.calls {
            let labels = format!("function=\"{function}\",outcome=\"{outcome}\"");
            let mut calls = 0;
            for (count, bound) in series
                .buckets
                .iter()
                .zip(BOUNDS_S.map(|bound| bound.to_string()).into_iter().chain(["+Inf".to_owned()]))
            {
                calls += count;
                let _ = writeln!(text, "selleasi_calls_seconds_bucket{{{labels},le=\"{bound}\"}} {calls}");
            }
            let _ = writeln!(text, "selleasi_calls_seconds_sum{{{labels}}} {}", series.sum_s);
            let _ = writeln!(text, "selleasi_calls_seconds_count{{{labels}}} {calls}");
        }
        text.push_str(
            "# HELP selleasi_events_total Events that were published.\n# TYPE selleasi_events_total counter\n",
        );
        for (event_type, count) in &counted.events {
            let _ = writeln!(text, "selleasi_events_total{{type=\"{event_type}\"}} {count}");
        }
        text.push_str("# HELP selleasi_orders Orders by status.\n# TYPE selleasi_orders gauge\n");
        for (status, count) in orders {
            let _ = writeln!(text, "selleasi_orders{{status=\"{status}\"}} {count}");
        }
        text.push_str("# HELP selleasi_queue_messages Messages in a queue.\n# TYPE selleasi_queue_messages gauge\n");
        for (queue, depth) in queues {
            for (state, count) in
                [("visible", depth.visible), ("in_flight", depth.in_flight), ("delayed", depth.delayed)]
            {
                let _ = writeln!(text, "selleasi_queue_messages{{queue=\"{queue}\",state=\"{state}\"}} {count}");
            }
        }
        text.push_str(
            "# HELP selleasi_queue_oldest_seconds Age of a queue's oldest message.\n\
             # TYPE selleasi_queue_oldest_seconds gauge\n",
        );
        for (queue, depth) in queues {
            let age_s = (now_ms - depth.oldest_sent_ms.unwrap_or(now_ms)) / 1_000;
            let _ = writeln!(text, "selleasi_queue_oldest_seconds{{queue=\"{queue}\"}} {age_s}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_and_queues_are_told_in_prometheus_words() {
        let metrics = Metrics::default();
        let started = Metrics::started();
        metrics.called("products-get", "200", started);
        metrics.called("products-get", "200", started);
        let depth = Depth { visible: 2, in_flight: 1, delayed: 0, oldest_sent_ms: Some(1_000) };
        metrics.published("ORDER_CREATED");
        let orders = BTreeMap::from([("confirmed".to_owned(), 3)]);
        let text = metrics.told(&BTreeMap::from([("a".to_owned(), depth)]), &orders, 61_000);
        for line in [
            "selleasi_events_total{type=\"ORDER_CREATED\"} 1",
            "selleasi_orders{status=\"confirmed\"} 3",
            "selleasi_calls_seconds_bucket{function=\"products-get\",outcome=\"200\",le=\"+Inf\"} 2",
            "selleasi_calls_seconds_count{function=\"products-get\",outcome=\"200\"} 2",
            "selleasi_queue_messages{queue=\"a\",state=\"visible\"} 2",
            "selleasi_queue_oldest_seconds{queue=\"a\"} 60",
        ] {
            assert!(text.lines().any(|told| told == line), "{line}\n{text}");
        }
    }
}
