//! Logs and metrics. Logs are JSON lines without secrets or personal data; metrics are CloudWatch's embedded format
//! in the same stream, so that counting costs no call.

use std::{io::Write, time::Duration};

use aws_smithy_types::timeout::{TimeoutConfig, TimeoutConfigBuilder};
use domain::Timestamp;
use serde_json::json;
use tracing_subscriber::EnvFilter;

/// An AWS call that takes longer is tried again. DynamoDB answers in milliseconds; connecting has to fit too.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);

pub(crate) fn timeouts(builder: TimeoutConfigBuilder) -> TimeoutConfig {
    builder.connect_timeout(CONNECT_TIMEOUT).operation_attempt_timeout(ATTEMPT_TIMEOUT).build()
}

pub(crate) fn init() {
    let filter = EnvFilter::try_from_env("LOG_LEVEL").unwrap_or_else(|_| EnvFilter::new("info"));
    // Fails only when a subscriber is set already, as in tests that host several functions.
    let _ = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false)
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .try_init();
}

/// Writes one metric, with the function as its dimension. Outside Lambda the function has no name, and no metric is
/// written.
pub fn count(function: &str, metric: &str, value: f64, unit: &str, now: Timestamp) {
    if function.is_empty() {
        return;
    }
    let line = json!({
        "_aws": {
            "Timestamp": now.as_millisecond(),
            "CloudWatchMetrics": [{
                "Namespace": "SellEasi",
                "Dimensions": [["function"]],
                "Metrics": [{ "Name": metric, "Unit": unit }],
            }],
        },
        "function": function,
        metric: value,
    });
    // A metric that cannot be written must not fail the request it counts.
    let _ = writeln!(std::io::stdout(), "{line}");
}
