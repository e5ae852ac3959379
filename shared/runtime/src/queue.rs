//! A consumer's own queue: to be called again later.

use std::{fmt, sync::Arc};

use aws_sdk_sqs::error::DisplayErrorContext;
use serde::Serialize;

use crate::{
    boot::{Boot, FromBoot},
    consumer::{Message, StepError},
};

/// SQS holds a message back for at most 15 minutes; what has to wait longer is sent on again.
pub const DELAY_MAX_S: i64 = 900;

/// Messages kept for a test, each with its delay in seconds.
pub type Sent = Arc<std::sync::Mutex<Vec<(String, i32)>>>;

/// Sends messages to the function's own queue.
#[derive(Clone)]
pub struct OwnQueue(Route);

#[derive(Clone)]
enum Route {
    Sqs { client: aws_sdk_sqs::Client, url: Arc<str> },
    Kept(Sent),
}

impl fmt::Debug for OwnQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnQueue")
    }
}

impl FromBoot for OwnQueue {
    fn from_boot(boot: &Boot) -> Self {
        let url = boot.config.queue_url.as_str().into();
        Self(Route::Sqs { client: aws_sdk_sqs::Client::new(&boot.sdk), url })
    }
}

impl OwnQueue {
    /// A queue for tests, and the list it puts everything into.
    pub fn kept() -> (Self, Sent) {
        let sent = Arc::default();
        (Self(Route::Kept(Arc::clone(&sent))), sent)
    }

    /// Sends a message to be seen after `delay_s` seconds, or after [`DELAY_MAX_S`] if that is sooner.
    pub async fn send<D: Serialize>(&self, message: &Message<D>, delay_s: i64) -> Result<(), StepError> {
        let body = serde_json::to_string(message).map_err(StepError::poison)?;
        let delay_s = i32::try_from(delay_s.clamp(0, DELAY_MAX_S)).unwrap_or(0);
        match &self.0 {
            Route::Kept(sent) => {
                sent.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((body, delay_s));
            }
            Route::Sqs { client, url } => {
                let send = client.send_message().queue_url(&**url).message_body(body).delay_seconds(delay_s);
                send.send().await.map_err(|error| StepError::retry(DisplayErrorContext(error)))?;
            }
        }
        Ok(())
    }
}
