//! Logs and metrics. Logs are JSON lines on stderr, without secrets or personal data. Metrics are lines in
//! CloudWatch's embedded metric format on stdout, so that counting needs no call.

use std::{io::Write, time::Duration};

use aws_smithy_types::timeout::{TimeoutConfig, TimeoutConfigBuilder};
use domain::Timestamp;
use serde_json::json;
use tracing_subscriber::EnvFilter;

use crate::config::Config;

/// An AWS call that takes longer is retried. DynamoDB answers in milliseconds, but the limit must also allow for
/// connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);

pub(crate) fn timeouts(builder: TimeoutConfigBuilder) -> TimeoutConfig {
    builder.connect_timeout(CONNECT_TIMEOUT).operation_attempt_timeout(ATTEMPT_TIMEOUT).build()
}

/// Starts logging, once per process.
pub fn init() {
    let filter = EnvFilter::try_from_env("LOG_LEVEL").unwrap_or_else(|_| EnvFilter::new("info"));
    // Fails only if a subscriber is already set, as in tests that host several functions.
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

/// Counts an event that a person should look at, for CloudWatch's alarms. All functions of an environment share one
/// metric, because CloudWatch charges for each; the log line also names the function. Does nothing outside Lambda,
/// where a function has no name.
pub fn count(config: &Config, metric: &str, count: u32, now: Timestamp) {
    if config.function_name.is_empty() {
        return;
    }
    let line = json!({
        "_aws": {
            "Timestamp": now.as_millisecond(),
            "CloudWatchMetrics": [{
                "Namespace": "SellEasi",
                "Dimensions": [["environment"]],
                "Metrics": [{ "Name": metric, "Unit": "Count" }],
            }],
        },
        "environment": config.environment,
        "function": config.function_name,
        metric: count,
    });
    // A metric that cannot be written must not fail the request it counts.
    let _ = writeln!(std::io::stdout(), "{line}");
}
