//! Access to the dead-letter queues of all functions, for the functions that operators call.

use std::{ops::Deref, sync::Arc};

use aws_sdk_sqs::{
    error::DisplayErrorContext,
    types::{Message, MessageSystemAttributeName, QueueAttributeName},
};
use contracts::row::Grant;
use domain::Timestamp;

use crate::{
    boot::Boot,
    granted::Extra,
    queue::{REASON, SEND_MAX},
    steps::StepError,
};

/// The attribute in which EventBridge gives the reason why it could not deliver an event to a queue.
const EVENT_BRIDGE_REASON: &str = "ERROR_MESSAGE";
/// With long polling SQS queries all of its servers, so an empty answer means an empty queue.
const LONG_POLL_S: i32 = 1;

/// A message in a dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    receipt: String,
    /// The message as its function received it.
    pub body: String,
    /// Why it is a dead letter, if the function or EventBridge moved it there. `None` if SQS did.
    pub reason: Option<String>,
    /// SQS's `SentTimestamp` of the message.
    pub sent_at: Option<Timestamp>,
}

/// Reads the dead-letter queues of all functions.
#[derive(Debug, Clone)]
pub struct DeadLetterQueues {
    client: aws_sdk_sqs::Client,
    /// The common start of all queue URLs; a function's name completes it.
    url_prefix: Arc<str>,
}

impl DeadLetterQueues {
    fn new(boot: &Boot) -> Self {
        Self { client: aws_sdk_sqs::Client::new(&boot.sdk), url_prefix: boot.config.queue_url_prefix.as_str().into() }
    }

    fn url(&self, function: &str) -> String {
        format!("{}{function}-dlq", self.url_prefix)
    }

    /// How many dead letters a function has, as SQS counts them: an approximation.
    ///
    /// # Errors
    /// [`StepError::Retry`]: the call failed.
    pub async fn count(&self, function: &str) -> Result<u64, StepError> {
        let visible = QueueAttributeName::ApproximateNumberOfMessages;
        let hidden = QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
        let call = self.client.get_queue_attributes().queue_url(self.url(function));
        let answer = call.attribute_names(visible).attribute_names(hidden).send().await.map_err(failed)?;
        let counts = answer.attributes.unwrap_or_default();
        Ok(counts.values().filter_map(|count| count.parse::<u64>().ok()).sum())
    }

    /// Receives up to ten dead letters of a function, and at most `max`. They stay in the queue, hidden from other
    /// receivers for `hidden_s` seconds.
    ///
    /// # Errors
    /// [`StepError::Retry`]: the call failed.
    pub async fn receive(&self, function: &str, max: u32, hidden_s: i32) -> Result<Vec<DeadLetter>, StepError> {
        let at_once = i32::try_from(SEND_MAX).unwrap_or(1).min(i32::try_from(max).unwrap_or(i32::MAX));
        let call = self.client.receive_message().queue_url(self.url(function)).max_number_of_messages(at_once);
        let call = call.visibility_timeout(hidden_s).wait_time_seconds(LONG_POLL_S);
        let call = call.message_system_attribute_names(MessageSystemAttributeName::SentTimestamp);
        let answer = call.message_attribute_names("All").send().await.map_err(failed)?;
        Ok(answer.messages.unwrap_or_default().into_iter().map(letter).collect())
    }
}

fn failed(error: impl std::error::Error) -> StepError {
    StepError::retry(DisplayErrorContext(error))
}

fn letter(message: Message) -> DeadLetter {
    let attribute = |name: &str| message.message_attributes.as_ref()?.get(name)?.string_value.clone();
    let reason = attribute(REASON).or_else(|| attribute(EVENT_BRIDGE_REASON));
    let sent_at = message.attributes.as_ref().and_then(|all| all.get(&MessageSystemAttributeName::SentTimestamp));
    let sent_at = sent_at.and_then(|ms| Timestamp::from_millisecond(ms.parse().ok()?).ok());
    let (receipt, body) = (message.receipt_handle.unwrap_or_default(), message.body.unwrap_or_default());
    DeadLetter { receipt, body, reason, sent_at }
}

/// Read access to dead letters.
#[derive(Debug, Clone)]
pub struct DeadLetterReader(DeadLetterQueues);

impl Extra for DeadLetterReader {
    const GRANTS: &'static [Grant] = &[Grant::ReadDeadLetters];

    fn from_boot(boot: &Boot) -> Self {
        Self(DeadLetterQueues::new(boot))
    }
}

impl Deref for DeadLetterReader {
    type Target = DeadLetterQueues;

    fn deref(&self) -> &DeadLetterQueues {
        &self.0
    }
}

/// Read access to dead letters, and moving them back to the queues they came from.
#[derive(Debug, Clone)]
pub struct Redriver(DeadLetterQueues);

impl Extra for Redriver {
    const GRANTS: &'static [Grant] = &[Grant::Redrive];

    fn from_boot(boot: &Boot) -> Self {
        Self(DeadLetterQueues::new(boot))
    }
}

impl Deref for Redriver {
    type Target = DeadLetterQueues;

    fn deref(&self) -> &DeadLetterQueues {
        &self.0
    }
}

impl Redriver {
    /// Sends a dead letter to its function's queue, without the reason, and then deletes it from the dead-letter
    /// queue. If the process stops between the two calls, the message is in both queues, but never lost.
    ///
    /// # Errors
    /// [`StepError::Retry`]: a call failed.
    pub async fn put_back(&self, function: &str, letter: &DeadLetter) -> Result<(), StepError> {
        let client = &self.0.client;
        let call = client.send_message().queue_url(format!("{}{function}", self.0.url_prefix));
        call.message_body(&letter.body).send().await.map_err(failed)?;
        let call = client.delete_message().queue_url(self.url(function)).receipt_handle(&letter.receipt);
        call.send().await.map(drop).map_err(failed)
    }
}
