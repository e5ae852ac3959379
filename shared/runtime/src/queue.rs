//! Queues: a function's own queue, whose messages it delays or moves to the dead letters, and the queues of functions
//! that timers call.

use std::sync::{Arc, OnceLock};

use aws_lambda_events::sqs::SqsMessage;
use aws_sdk_sqs::{
    error::DisplayErrorContext,
    types::{MessageAttributeValue, SendMessageBatchRequestEntry},
};
use aws_types::SdkConfig;
use contracts::row::Grant;
use domain::text::is_xml_char;

use crate::{boot::Boot, granted::Extra, steps::StepError};

/// The largest number of messages in one call to SQS.
pub const SEND_MAX: usize = 10;
/// The message attribute with the reason of a dead letter.
pub const REASON: &str = "reason";
/// A longer reason is cut.
const REASON_CHARS_MAX: usize = 500;

/// A function's own queue, and its dead-letter queue.
#[derive(Debug)]
pub(crate) struct OwnQueue {
    sdk: SdkConfig,
    /// Made when the first message fails: most processes never need it.
    client: OnceLock<aws_sdk_sqs::Client>,
    url: Arc<str>,
    dead_letters_url: Arc<str>,
}

impl OwnQueue {
    pub(crate) fn new(boot: &Boot) -> Self {
        Self {
            sdk: boot.sdk.clone(),
            client: OnceLock::new(),
            url: boot.config.queue_url.as_str().into(),
            dead_letters_url: boot.config.dead_letters_url.as_str().into(),
        }
    }

    fn client(&self) -> &aws_sdk_sqs::Client {
        self.client.get_or_init(|| aws_sdk_sqs::Client::new(&self.sdk))
    }

    /// Delays the next delivery of a failed message by `wait_s` seconds.
    pub(crate) async fn hold_back(&self, record: &SqsMessage, wait_s: u32) -> Result<(), String> {
        let receipt = record.receipt_handle.clone().unwrap_or_default();
        let wait_s = i32::try_from(wait_s).unwrap_or(i32::MAX);
        let call = self.client().change_message_visibility().queue_url(&*self.url);
        let call = call.receipt_handle(receipt).visibility_timeout(wait_s);
        call.send().await.map(drop).map_err(|error| DisplayErrorContext(error).to_string())
    }

    /// Sends a copy of a message to the dead-letter queue, with the reason.
    pub(crate) async fn bury(&self, record: &SqsMessage, reason: &str) -> Result<(), String> {
        let reason = MessageAttributeValue::builder().data_type("String").string_value(printable(reason)).build();
        let reason = reason.map_err(|error| error.to_string())?;
        let call = self.client().send_message().queue_url(&*self.dead_letters_url);
        let call = call.message_body(record.body.clone().unwrap_or_default()).message_attributes(REASON, reason);
        call.send().await.map(drop).map_err(|error| DisplayErrorContext(error).to_string())
    }
}

/// A reason may quote unchecked input, and SQS rejects characters that XML does not allow.
fn printable(text: &str) -> String {
    text.chars().map(|c| if is_xml_char(c) { c } else { '\u{FFFD}' }).take(REASON_CHARS_MAX).collect()
}

/// The queues of the functions that timers call.
#[derive(Debug, Clone)]
pub struct TimerQueues {
    client: aws_sdk_sqs::Client,
    /// The common start of all queue URLs; a function's name completes it.
    url_prefix: Arc<str>,
}

impl Extra for TimerQueues {
    const GRANTS: &'static [Grant] = &[Grant::SendTimers];

    fn from_boot(boot: &Boot) -> Self {
        Self { client: aws_sdk_sqs::Client::new(&boot.sdk), url_prefix: boot.config.queue_url_prefix.as_str().into() }
    }
}

impl TimerQueues {
    /// Sends up to [`SEND_MAX`] messages to a function's queue, in one call. Returns for each whether SQS accepted it.
    ///
    /// # Errors
    /// [`StepError::Retry`]: the call failed; SQS may have accepted some messages.
    pub async fn send(&self, function: &str, bodies: &[String]) -> Result<Vec<bool>, StepError> {
        let mut call = self.client.send_message_batch().queue_url(format!("{}{function}", self.url_prefix));
        for (position, body) in bodies.iter().enumerate() {
            let entry = SendMessageBatchRequestEntry::builder().id(position.to_string()).message_body(body).build();
            call = call.entries(entry.map_err(StepError::poison)?);
        }
        let answer = call.send().await.map_err(|error| StepError::retry(DisplayErrorContext(error)))?;
        let is_taken = |position: usize| answer.successful.iter().any(|entry| entry.id == position.to_string());
        Ok((0..bodies.len()).map(is_taken).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn a_reason_is_what_sqs_takes() {
        assert_eq!(printable("a\u{0}b\u{8}\u{FFFF}\tç\n"), "a\u{FFFD}b\u{FFFD}\u{FFFD}\tç\n");
        assert_eq!(printable(&"x".repeat(1_000)).len(), 500);
    }
}
