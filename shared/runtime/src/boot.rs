//! What happens once, before the first request: configuration, tracing, the AWS clients' shared parts.

use std::{pin::Pin, process::ExitCode, sync::Arc};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::{SdkConfig, region::Region};

use contracts::{Row, gate::Gate};

use crate::{
    claims::ClaimCache,
    config::Config,
    deps::{Clock, Entropy, SystemClock, SystemEntropy},
    outbound::Outbound,
    secrets::Secrets,
    telemetry,
};

/// The result of a bin's `main`.
pub type Exit = ExitCode;

/// What dependencies are made from. Everything of the outside world that a function can meet is in here, so whoever
/// makes another one (the simulator) hosts functions in another world.
#[derive(Clone)]
pub struct Boot {
    pub config: Config,
    pub sdk: SdkConfig,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    /// The way to other people's APIs, made at the first use unless it is given.
    pub outbound: Option<Outbound>,
    /// What the function may do.
    pub gate: Gate,
    /// Secrets that were read lately.
    pub secrets: Secrets,
    /// Stores that were asked for lately.
    pub claims: ClaimCache,
}

impl Boot {
    /// In Lambda.
    fn new(row: &'static Row) -> Self {
        let sdk = sdk_config();
        let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
        Self { gate: Gate::of(row), ..Self::over(Config::from_env(), sdk, clock, entropy) }
    }

    /// With nothing kept yet, and every use let pass.
    pub fn over(config: Config, sdk: SdkConfig, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        let secrets = Secrets::new(&sdk);
        Self { config, sdk, clock, entropy, outbound: None, gate: Gate::open(), secrets, claims: ClaimCache::default() }
    }

    /// The same for a function with another row.
    pub fn of(&self, row: &'static Row) -> Self {
        Self { gate: self.gate.before(row), ..self.clone() }
    }
}

/// A function with its own types gone. What runs it is then compiled once, here, and not again in every bin.
pub type Erased<I, O> = Box<dyn Fn(I) -> Pin<Box<dyn Future<Output = O> + Send>> + Send + Sync>;

/// How serving ended.
pub(crate) type Served = Result<(), lambda_runtime::Error>;

/// Serving stays on its one thread.
pub(crate) type Serving = Pin<Box<dyn Future<Output = Served>>>;

/// Runs a function until Lambda stops it. One thread: a function works on one request at a time, and a second thread
/// only costs start-up.
pub(crate) fn run(row: &'static Row, serve: Box<dyn FnOnce(&Boot) -> Serving>) -> Exit {
    telemetry::init();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    match runtime.block_on(async { serve(&Boot::new(row)).await }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn failed(error: &dyn std::fmt::Display) -> Exit {
    tracing::error!(%error, "the function stopped");
    ExitCode::FAILURE
}

/// Built by hand from what Lambda sets: the default chain would look for profiles and metadata that are not there.
/// One HTTP client, with ring, is shared by all clients, and built here, before the first request.
fn sdk_config() -> SdkConfig {
    #[expect(
        clippy::disallowed_methods,
        reason = "credentials and region are Lambda's own, not the function's configuration"
    )]
    let env = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let credentials = Credentials::new(
        env("AWS_ACCESS_KEY_ID").unwrap_or_default(),
        env("AWS_SECRET_ACCESS_KEY").unwrap_or_default(),
        env("AWS_SESSION_TOKEN"),
        None,
        "lambda",
    );
    let mut builder = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(env("AWS_REGION").unwrap_or_else(|| "us-east-1".to_owned())))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https())
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .retry_config(RetryConfig::standard().with_max_attempts(4))
        .timeout_config(telemetry::timeouts(TimeoutConfig::builder()));
    if let Some(endpoint) = env("AWS_ENDPOINT_URL") {
        builder = builder.endpoint_url(endpoint);
    }
    builder.build()
}
