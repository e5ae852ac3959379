//! The functions, started as their Lambdas start them: each from its row, a [`Boot`] and its handler.

use std::{collections::HashMap, pin::Pin, sync::Arc};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_dynamodb::config::IdentityCache;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_runtime_api::client::{
    behavior_version::BehaviorVersion, stalled_stream_protection::StalledStreamProtectionConfig,
};
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::{SdkConfig, region::Region};
use contracts::{Row, row::Trigger};
use runtime::{Boot, Clock, Running, deps::SystemEntropy, outbound::Outbound};

use crate::{cloud::Cloud, settings::Settings};

/// A started function.
pub(crate) struct Function {
    pub(crate) row: &'static Row,
    pub(crate) running: Running,
}

/// All functions. Clones share them.
#[derive(Clone)]
pub(crate) struct Functions(Arc<HashMap<&'static str, Arc<Function>>>);

impl Functions {
    pub(crate) fn start(settings: &Settings, cloud: &Cloud, clock: &Arc<dyn Clock>) -> Self {
        let boot = Boot {
            outbound: Some(Outbound::default()),
            ..Boot::over(settings.config(""), sdk_config(cloud), Arc::clone(clock), Arc::new(SystemEntropy))
        };
        let start = |hosted: runtime::Hosted| {
            let boot = Boot { config: settings.config(hosted.row.function), ..boot.of(hosted.row) };
            (hosted.row.function, Arc::new(Function { row: hosted.row, running: hosted.start(&boot) }))
        };
        Self(Arc::new(registry::functions().into_iter().map(start).collect()))
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Arc<Function>> {
        self.0.get(name)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Function>> {
        self.0.values()
    }

    /// The function that authorizes requests.
    pub(crate) fn authorizer(&self) -> Option<&Arc<Function>> {
        self.all().find(|function| matches!(function.row.trigger, Trigger::Authorizer))
    }
}

/// As `runtime::boot` makes it, over the services of this process: nothing is slow there, and no answer is lost.
fn sdk_config(cloud: &Cloud) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("local"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("local", "local", None, None, "local")))
        .http_client(cloud.clone())
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .identity_cache(IdentityCache::no_cache())
        .retry_config(RetryConfig::standard().with_max_attempts(2))
        .timeout_config(TimeoutConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build()
}

/// Runs one call of a function; `None` if it panicked, which ends a Lambda's process and here nothing else.
pub(crate) async fn guarded<T: Send + 'static>(call: Pin<Box<dyn Future<Output = T> + Send>>) -> Option<T> {
    // A task of its own: a panic ends it, and the caller goes on.
    let task = tokio::spawn(call);
    match task.await {
        Ok(result) => Some(result),
        Err(error) => {
            tracing::error!(%error, "a function panicked");
            None
        }
    }
}
