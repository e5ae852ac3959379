//! Consumers: a batch of queue messages in, and back the ones that must come again.
//!
//! A message that cannot be read, or that a handler calls poison, comes again until SQS moves it to the dead-letter
//! queue; its reason is in the log under its message id. A handler's effect, its inbox record and its events are one
//! transaction ([`commit`]), so a message that comes twice has one effect.

use std::sync::Arc;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use contracts::events::Envelope;
use domain::Timestamp;
use lambda_runtime::{LambdaEvent, service_fn};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use store::{CommitError, Op, Refused, StoreError, Tx};

use crate::{
    boot::{self, Erased, Exit, FromBoot, Served},
    deps::Deps,
    handler::Handler,
    telemetry,
};

/// What a consumer's queue holds: an event as EventBridge delivers it (of which only `detail` is read), or the same
/// again as the consumer sent it on to itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message<D> {
    pub detail: Envelope<D>,
    /// How often the consumer has sent it on.
    #[serde(default)]
    pub attempt: u32,
    /// Not before this.
    #[serde(default)]
    pub due_at: Option<Timestamp>,
}

/// Why a message was not dealt with.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// Later it may work: something is away, or has not happened yet.
    #[error("retry: {0}")]
    Retry(String),
    /// It will never work.
    #[error("poison: {0}")]
    Poison(String),
}

impl StepError {
    pub fn retry(reason: impl ToString) -> Self {
        Self::Retry(reason.to_string())
    }

    pub fn poison(reason: impl ToString) -> Self {
        Self::Poison(reason.to_string())
    }
}

impl From<StoreError> for StepError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::retry(error),
            StoreError::Corrupt { .. } => Self::poison(error),
        }
    }
}

/// How a step's transaction ended.
#[derive(Debug)]
pub enum Committed {
    /// It happened, now or the last time this event came.
    Done,
    /// Conditions of the step's own did not hold; nothing was written.
    Refused(Refused),
}

/// Commits a step's transaction, which holds its inbox record as `inbox`.
pub async fn commit(deps: &Deps, tx: Tx, inbox: Op) -> Result<Committed, StepError> {
    match deps.db.commit(tx).await {
        Ok(()) => Ok(Committed::Done),
        Err(CommitError::Refused(refused)) if refused.contains(inbox) => Ok(Committed::Done),
        Err(CommitError::Refused(refused)) => Ok(Committed::Refused(refused)),
        Err(CommitError::Busy) => Err(StepError::retry("too much contention")),
        Err(CommitError::Store(error)) => Err(error.into()),
    }
}

/// Runs a consumer until Lambda stops it.
pub fn serve_consumer<E, D, H>(handler: H) -> Exit
where
    E: DeserializeOwned + Send + 'static,
    D: FromBoot + AsRef<Deps>,
    H: for<'a> Handler<'a, D, Message<E>, Result<(), StepError>> + 'static,
{
    boot::run(|deps: D| {
        let shared = Arc::new((deps, handler));
        let erased: Erased<Vec<SqsMessage>, SqsBatchResponse> = Box::new(move |records| {
            let shared = Arc::clone(&shared);
            Box::pin(async move { handle_batch(&shared.0, &shared.1, records).await })
        });
        Box::pin(run(erased))
    })
}

async fn run(consumer: Erased<Vec<SqsMessage>, SqsBatchResponse>) -> Served {
    let consumer = &consumer;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<SqsEvent>| {
        Ok::<_, lambda_runtime::Error>(consumer(event.payload.records).await)
    }))
    .await
}

/// Deals with each message of a batch by itself; the answer names those that must come again.
pub async fn handle_batch<E, D, H>(deps: &D, handler: &H, records: Vec<SqsMessage>) -> SqsBatchResponse
where
    E: DeserializeOwned,
    D: AsRef<Deps>,
    H: for<'a> Handler<'a, D, Message<E>, Result<(), StepError>>,
{
    let mut response = SqsBatchResponse::default();
    let core = deps.as_ref();
    let function = &core.config.function_name;
    let total = records.len();
    for record in records {
        let id = record.message_id.unwrap_or_default();
        let body = record.body.unwrap_or_default();
        let result = match serde_json::from_str::<Message<E>>(&body) {
            // serde's own words may quote the message, which may hold personal data.
            Err(error) => Err(StepError::poison(format!("{:?} error at column {}", error.classify(), error.column()))),
            Ok(message) => {
                tracing::info!(
                    message_id = id,
                    event_id = %message.detail.id,
                    event = message.detail.r#type,
                    tenant = %message.detail.tenant_id,
                    subject = message.detail.subject,
                    correlation_id = message.detail.correlation_id,
                    attempt = message.attempt,
                    "step"
                );
                handler.call(deps, message).await
            }
        };
        if let Err(error) = result {
            match &error {
                StepError::Retry(reason) => tracing::warn!(message_id = id, reason, "will come again"),
                StepError::Poison(reason) => tracing::error!(message_id = id, reason, "poison"),
            }
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = id;
            response.batch_item_failures.push(failure);
        }
    }
    let failed = response.batch_item_failures.len();
    #[expect(clippy::cast_precision_loss, reason = "batches are small")]
    telemetry::count(function, "steps", (total - failed) as f64, "Count", core.now());
    response
}
