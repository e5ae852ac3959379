//! Every function there is, made as its Lambda makes it: from its row, a [`Boot`] and its handler. Only what `Boot` holds
//! is another one: AWS, the provider, the clock, randomness, and somebody who watches the gate.

use std::{
    cell::OnceCell,
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, OnceLock},
    time::Duration,
};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsMessage};
use aws_smithy_async::time::SharedTimeSource;
use aws_smithy_types::retry::RetryConfig;
use aws_types::{SdkConfig, region::Region};
use contracts::{Row, gate::Gate};
use runtime::{
    Boot, Config, Hosted, Running, StepError,
    boot::in_process,
    http::{RawReply, RawRequest},
    outbound::Outbound,
};
use serde_json::Value;

use crate::{
    cloud::Cloud,
    wire::{To, Wire},
};

pub(crate) type Doing<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The functions of a run. Each is started when it is first called.
pub(crate) struct Functions {
    cloud: Cloud,
    sdk: SdkConfig,
    config: Config,
    running: BTreeMap<&'static str, OnceCell<Running>>,
}

/// By name.
fn hosted() -> &'static BTreeMap<&'static str, Hosted> {
    static HOSTED: OnceLock<BTreeMap<&'static str, Hosted>> = OnceLock::new();
    HOSTED.get_or_init(|| registry::functions().into_iter().map(|hosted| (hosted.row.function, hosted)).collect())
}

impl Functions {
    pub(crate) fn new(cloud: &Cloud, config: &Config, run: u64) -> Self {
        let running = hosted().keys().map(|function| (*function, OnceCell::new())).collect();
        Self { cloud: cloud.clone(), sdk: sdk_config(cloud, run), config: config.clone(), running }
    }

    pub(crate) fn answer(&self, row: &'static Row, request: RawRequest) -> Doing<RawReply> {
        match self.start(row) {
            Running::Http(function) => function(request),
            _ => panic!("{} is no endpoint", row.function),
        }
    }

    pub(crate) fn take(&self, row: &'static Row, messages: Vec<SqsMessage>) -> Doing<SqsBatchResponse> {
        match self.start(row) {
            Running::Queue(function) => function(messages),
            _ => panic!("{} has no queue", row.function),
        }
    }

    pub(crate) fn stream(&self, row: &'static Row, records: Vec<Value>) -> Doing<Result<(), StepError>> {
        match self.start(row) {
            Running::Stream(function) => function(records),
            _ => panic!("{} has no stream", row.function),
        }
    }

    pub(crate) fn tick(&self, row: &'static Row) -> Doing<Result<Value, StepError>> {
        match self.start(row) {
            Running::Invoked(function) => function(Value::Null),
            _ => panic!("{} has no schedule", row.function),
        }
    }

    fn start(&self, row: &'static Row) -> &Running {
        self.running[row.function].get_or_init(|| hosted()[row.function].start(&self.boot(row)))
    }

    fn boot(&self, row: &'static Row) -> Boot {
        let prefix = &self.config.queue_url_prefix;
        let config = Config {
            queue_url: format!("{prefix}{}", row.function),
            dead_letters_url: format!("{prefix}{}-dlq", row.function),
            ..self.config.clone()
        };
        let (clock, entropy, cloud) = (self.cloud.clone(), self.cloud.clone(), self.cloud.clone());
        let witness = Arc::new(move |row: &'static Row, what, is_granted| cloud.state().passes(row, what, is_granted));
        Boot {
            gate: Gate::of(row).witnessed(witness),
            outbound: Some(Outbound::over(Wire { cloud: self.cloud.clone(), to: To::Provider })),
            ..Boot::over(config, self.sdk.clone(), Arc::new(clock), Arc::new(entropy))
        }
    }
}

/// As many tries as in `runtime::boot`, without the pauses, whose jitter would come from outside the seed.
fn retries() -> RetryConfig {
    const NO_TIME: Duration = Duration::from_nanos(1);
    RetryConfig::standard().with_max_attempts(4).with_initial_backoff(NO_TIME).with_max_backoff(NO_TIME)
}

/// As `runtime::boot` makes it, with another connector, time and pause. Without time limits of its own: what is slow
/// here is slow in the world's time, and a lost answer is told.
fn sdk_config(cloud: &Cloud, run: u64) -> SdkConfig {
    in_process(Wire { cloud: cloud.clone(), to: To::Aws }, cloud.clone())
        // The SDK keeps one budget of retries for each region in the process; each run has its own.
        .region(Region::new(format!("simulated-{run}")))
        .time_source(SharedTimeSource::new(cloud.clone()))
        .retry_config(retries())
        .build()
}
