//! The functions, started as their Lambdas start them: each from its row, a [`Boot`] and its handler.

use std::{
    collections::HashMap,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::Poll,
};

use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_types::retry::{ReconnectMode, RetryConfig};
use aws_types::SdkConfig;
use contracts::{Row, row::Trigger};
use runtime::{Boot, Clock, Running, boot::in_process, deps::SystemEntropy, outbound::Outbound};
use store::Db;

use crate::{
    cloud::Cloud,
    settings::{Settings, prefix},
};

/// A started function.
pub(crate) struct Function {
    pub(crate) row: &'static Row,
    pub(crate) running: Running,
}

/// A call of a function, begun.
type Call<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// All functions. Clones share them.
#[derive(Clone)]
pub(crate) struct Functions(Arc<HashMap<&'static str, Arc<Function>>>);

impl Functions {
    pub(crate) fn start(settings: &Settings, cloud: &Cloud, clock: &Arc<dyn Clock>) -> Self {
        let sdk = sdk_config(cloud);
        // Its clock, for pauses; it is called without it.
        let client = aws_sdk_dynamodb::Client::new(&sdk);
        let db = Db::new(client, prefix()).within(Arc::new(cloud.clone()));
        let boot = Boot {
            outbound: Some(Outbound::default()),
            db: Some(db),
            ..Boot::over(settings.config(""), sdk, Arc::clone(clock), Arc::new(SystemEntropy))
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
    // There are no connections that a failure could have broken.
    let retry = RetryConfig::standard().with_max_attempts(2).with_reconnect_mode(ReconnectMode::ReuseAllConnections);
    in_process(cloud.clone(), TokioSleep::new()).retry_config(retry).build()
}

/// Runs one call of a function to its end, even if the caller goes away; `None` if it panicked, which ends a Lambda's
/// process and here nothing else.
pub(crate) async fn guarded<T: Send + 'static>(call: Call<T>) -> Option<T> {
    tokio::spawn(guarded_here(call)).await.ok().flatten()
}

/// As [`guarded`], for callers that stay: without a task of its own.
pub(crate) async fn guarded_here<T>(mut call: Call<T>) -> Option<T> {
    poll_fn(move |context| {
        let Ok(polled) = catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context))) else {
            // It is not polled again: what it held is dropped with it.
            tracing::error!("a function panicked");
            return Poll::Ready(None);
        };
        polled.map(Some)
    })
    .await
}
