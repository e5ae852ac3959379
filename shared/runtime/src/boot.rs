//! Start-up, once per process, before the first request: configuration, tracing, and the parts that AWS clients share.

use std::{pin::Pin, process::ExitCode, sync::Arc};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_dynamodb::config::IdentityCache;
use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep, TokioSleep};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    behavior_version::BehaviorVersion, http::HttpClient, stalled_stream_protection::StalledStreamProtectionConfig,
};
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::{SdkConfig, region::Region};

use contracts::{Row, gate::Gate};
use store::Db;

use crate::{
    claims::ClaimCache,
    config::Config,
    deps::{Clock, Entropy, SystemClock, SystemEntropy},
    http::RateLimits,
    outbound::Outbound,
    secrets::Secrets,
    telemetry,
};

/// The result of a bin's `main`.
pub type Exit = ExitCode;

/// Everything dependencies are made from. It holds all access to the outside world, so tests and the simulator run
/// functions in another world by making another `Boot`.
#[derive(Clone)]
pub struct Boot {
    /// Configuration from the environment.
    pub config: Config,
    /// The configuration that all AWS clients are made from.
    pub sdk: SdkConfig,
    /// The tables, if they are in the same process. With `None`, each function makes a client of `sdk`.
    pub db: Option<Db>,
    /// The source of the current time.
    pub clock: Arc<dyn Clock>,
    /// The source of random bytes.
    pub entropy: Arc<dyn Entropy>,
    /// The HTTP client for providers' APIs. With `None`, a client over TLS is made for each function that needs one.
    pub outbound: Option<Outbound>,
    /// Checks that the function uses only what its row grants.
    pub gate: Gate,
    /// The cache of secrets.
    pub secrets: Secrets,
    /// The cache of store names.
    pub claims: ClaimCache,
    /// What the process has counted of its callers' requests.
    pub rate_limits: RateLimits,
}

impl Boot {
    /// From Lambda's environment, for the function of this row.
    fn new(row: &'static Row) -> Self {
        let sdk = sdk_config();
        let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
        Self { gate: Gate::of(row), ..Self::over(Config::from_env(), sdk, clock, entropy) }
    }

    /// With empty caches, and a gate that permits every use.
    pub fn over(config: Config, sdk: SdkConfig, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        let secrets = Secrets::new(&sdk);
        Self {
            config,
            sdk,
            db: None,
            clock,
            entropy,
            outbound: None,
            gate: Gate::open(),
            secrets,
            claims: ClaimCache::default(),
            rate_limits: RateLimits::default(),
        }
    }

    /// A copy for the function of this row, whose grants are then enforced. Caches are shared.
    pub fn of(&self, row: &'static Row) -> Self {
        Self { gate: self.gate.before(row), ..self.clone() }
    }
}

/// A function with its types erased. The code that runs it is then compiled once, in this crate, and not again in
/// every bin.
pub type Erased<I, O> = Box<dyn Fn(I) -> Pin<Box<dyn Future<Output = O> + Send>> + Send + Sync>;

/// Erases the types of a function that works on shared state: its dependencies and its handler.
pub(crate) fn erase<S, I, O, F>(state: S, call: impl Fn(Arc<S>, I) -> F + Send + Sync + 'static) -> Erased<I, O>
where
    S: Send + Sync + 'static,
    F: Future<Output = O> + Send + 'static,
{
    let state = Arc::new(state);
    Box::new(move |input| Box::pin(call(Arc::clone(&state), input)))
}

/// The result of serving.
pub(crate) type Served = Result<(), lambda_runtime::Error>;

/// The future that serves requests. It is not `Send`: it stays on one thread.
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

/// The beginning of a configuration over AWS in the same process. There is nobody to show credentials to, and no network
/// whose slowness would need time limits; a cache of credentials would set a timer for each look into it.
pub fn in_process(http: impl HttpClient + 'static, sleep: impl AsyncSleep + 'static) -> aws_types::sdk_config::Builder {
    let credentials = Credentials::new("local", "local", None, None, "local");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("local"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http)
        .sleep_impl(SharedAsyncSleep::new(sleep))
        .identity_cache(IdentityCache::no_cache())
        .timeout_config(TimeoutConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
}

/// Built from the environment variables that Lambda sets; the SDK's default chain would look for profiles and instance
/// metadata that do not exist. All clients share one HTTP client (TLS by ring), built before the first request.
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
