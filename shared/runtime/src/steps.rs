//! Steps: functions that process batches of messages, which are events or due timers. Each message succeeds or fails
//! separately.
//! A handler's effect, its inbox record and its events are one transaction ([`StepTx`]), so a message that is
//! delivered twice has one effect. A message that fails for now is delivered again, with growing pauses, as the row's
//! retry policy says; when the policy gives up, it becomes a dead letter. A message that can never succeed becomes a
//! dead letter at once. A dead letter carries its reason.

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsMessage};
use contracts::{
    Consumer, Function, Reported, Row, Timer,
    events::{Envelope, Unreadable},
    row::Retry,
    timers::Due,
};
use domain::{EventId, TenantId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{CommitError, Op, Refused, StoreError, Tx};

use crate::{
    boot::{Boot, Erased, erase},
    deps::Deps,
    events::Cause,
    granted::{Extra, Granted},
    handler::Handler,
    queue::OwnQueue,
    retry::Try,
    telemetry,
};

/// A message in a consumer's queue: an event as EventBridge delivers it. Only `detail` is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message<D> {
    /// The event.
    pub detail: Envelope<D>,
}

/// Why a message was not processed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// It may succeed later: a dependency is unavailable, or something has not happened yet.
    #[error("retry: {0}")]
    Retry(String),
    /// It can never succeed.
    #[error("poison: {0}")]
    Poison(String),
    /// An error in our code or a deployment: the message is delivered again, and the fault is counted for an alarm.
    #[error("fault: {0}")]
    Fault(String),
}

impl StepError {
    /// [`StepError::Retry`] with this reason.
    pub fn retry(reason: impl ToString) -> Self {
        Self::Retry(reason.to_string())
    }

    /// [`StepError::Poison`] with this reason.
    pub fn poison(reason: impl ToString) -> Self {
        Self::Poison(reason.to_string())
    }
}

impl From<StoreError> for StepError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::retry(error),
            StoreError::Corrupt { .. } => Self::poison(error),
            StoreError::Fault(_) | StoreError::NotGranted(_) => Self::Fault(error.to_string()),
        }
    }
}

impl From<Unreadable> for StepError {
    fn from(error: Unreadable) -> Self {
        Self::poison(error)
    }
}

/// The message that a step processes: the parts that its transaction needs.
#[derive(Debug, Clone)]
pub struct Received {
    row: &'static Row,
    /// The tenant that the message belongs to.
    pub tenant_id: TenantId,
    event_id: Option<EventId>,
    /// The cause that the step's own events carry.
    pub cause: Cause,
}

impl Received {
    pub(crate) const fn new(row: &'static Row, tenant_id: TenantId, event_id: Option<EventId>, cause: Cause) -> Self {
        Self { row, tenant_id, event_id, cause }
    }

    /// A transaction that also writes the message's inbox record, if it has one.
    pub fn tx<'a>(&self, deps: &'a Deps) -> StepTx<'a> {
        let mut tx = deps.tx();
        let inbox = self.note(&mut tx, deps.now());
        StepTx { deps, tx, inbox }
    }

    /// Adds the message's inbox record to a transaction. `None` for timers, which have none.
    pub fn note(&self, tx: &mut Tx, now: Timestamp) -> Option<Op> {
        self.event_id.map(|event_id| tx.inbox(self.tenant_id, self.row.function, event_id, now))
    }
}

/// A step's transaction: its effect, together with its message's inbox record.
pub struct StepTx<'a> {
    deps: &'a Deps,
    tx: Tx,
    inbox: Option<Op>,
}

impl std::ops::Deref for StepTx<'_> {
    type Target = Tx;

    fn deref(&self) -> &Tx {
        &self.tx
    }
}

impl std::ops::DerefMut for StepTx<'_> {
    fn deref_mut(&mut self) -> &mut Tx {
        &mut self.tx
    }
}

/// How a step's transaction ended.
#[derive(Debug)]
pub enum StepCommit {
    /// The transaction was committed, now or at an earlier delivery of this message.
    Done,
    /// One of the step's own conditions did not hold. Nothing was written.
    Refused(Refused),
}

impl From<StepCommit> for Try<()> {
    /// For a transaction that is retried when its conditions did not hold.
    fn from(committed: StepCommit) -> Self {
        match committed {
            StepCommit::Done => Self::Done(()),
            StepCommit::Refused(_) => Self::Lost,
        }
    }
}

impl StepTx<'_> {
    /// Commits the step. An inbox record that already exists counts as done: the message was processed before.
    ///
    /// # Errors
    /// [`StepError`]: the database is unavailable or too contended, or rejects the transaction because of an error in
    /// our code.
    pub async fn commit(self) -> Result<StepCommit, StepError> {
        match self.deps.db.commit(self.tx).await {
            Ok(()) => Ok(StepCommit::Done),
            Err(CommitError::Refused(refused)) if self.inbox.is_some_and(|inbox| refused.contains(inbox)) => {
                Ok(StepCommit::Done)
            }
            Err(CommitError::Refused(refused)) => Ok(StepCommit::Refused(refused)),
            Err(CommitError::Busy) => Err(StepError::retry("too much contention")),
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }
}

/// A step's function with its types erased: takes a batch, returns the messages to deliver again.
pub(crate) type Batches = Erased<Vec<SqsMessage>, SqsBatchResponse>;

pub(crate) fn start_consumer<C, X, H>(boot: &Boot, handler: H) -> Batches
where
    C: Consumer,
    X: Extra,
    H: for<'a> Handler<'a, Granted<C, X>, Envelope<C::Event>, Result<(), StepError>> + 'static,
{
    start(boot, handler, read_event::<C>)
}

pub(crate) fn start_timer<T, X, H>(boot: &Boot, handler: H) -> Batches
where
    T: Timer,
    X: Extra,
    H: for<'a> Handler<'a, Granted<T, X>, Due<T::Subject>, Result<(), StepError>> + 'static,
{
    start(boot, handler, read_due::<T>)
}

pub(crate) fn start_reports<R, X, H>(boot: &Boot, handler: H) -> Batches
where
    R: Reported,
    X: Extra,
    H: for<'a> Handler<'a, Granted<R, X>, R::Report, Result<(), StepError>> + 'static,
{
    start(boot, handler, read_report::<R>)
}

fn start<F, X, I, H>(boot: &Boot, handler: H, read: fn(&str, Timestamp) -> Result<I, StepError>) -> Batches
where
    F: Function,
    X: Extra,
    I: Send + 'static,
    H: for<'a> Handler<'a, Granted<F, X>, I, Result<(), StepError>> + 'static,
{
    let state = (Granted::<F, X>::from_boot(boot), OwnQueue::new(boot), handler);
    erase(state, move |state, records: Vec<SqsMessage>| async move {
        let (deps, queue, handler) = &*state;
        let mut batch = Batch::new(F::ROW, deps, queue);
        for record in records {
            let result = match read(record.body.as_deref().unwrap_or_default(), deps.now()) {
                Ok(input) => {
                    tracing::info!(message_id = record.message_id, "step");
                    handler.call(deps, input).await
                }
                Err(error) => Err(error),
            };
            batch.settle(record, result).await;
        }
        batch.response
    })
}

/// For consumers that process a whole batch at once. The handler returns one result for each event, in their order.
pub(crate) fn start_batch<C, X, H>(boot: &Boot, handler: H) -> Batches
where
    C: Consumer,
    X: Extra,
    H: for<'a> Handler<'a, Granted<C, X>, Vec<Envelope<C::Event>>, Vec<Result<(), StepError>>> + 'static,
{
    let state = (Granted::<C, X>::from_boot(boot), OwnQueue::new(boot), handler);
    erase(state, move |state, records: Vec<SqsMessage>| async move {
        let (deps, queue, handler) = &*state;
        let mut batch = Batch::new(C::ROW, deps, queue);
        let (mut events, mut readable) = (vec![], vec![]);
        for record in records {
            match read_event::<C>(record.body.as_deref().unwrap_or_default(), deps.now()) {
                Ok(event) => {
                    events.push(event);
                    readable.push(record);
                }
                Err(error) => batch.settle(record, Err(error)).await,
            }
        }
        for (record, result) in readable.into_iter().zip(handler.call(deps, events).await) {
            batch.settle(record, result).await;
        }
        batch.response
    })
}

fn read_event<C: Consumer>(body: &str, _: Timestamp) -> Result<Envelope<C::Event>, StepError> {
    let message: Message<Value> = serde_json::from_str(body).map_err(|error| unreadable(&error))?;
    let event = message.detail;
    tracing::info!(
        event_id = %event.id,
        event = event.r#type,
        tenant = %event.tenant_id,
        subject = event.subject,
        correlation_id = event.correlation_id,
        "event"
    );
    Ok(event.read()?)
}

/// A report as EventBridge delivers it. Only `detail` is read.
#[derive(Deserialize)]
struct Report<D> {
    detail: D,
}

fn read_report<R: Reported>(body: &str, _: Timestamp) -> Result<R::Report, StepError> {
    serde_json::from_str::<Report<R::Report>>(body).map(|report| report.detail).map_err(|error| unreadable(&error))
}

fn read_due<T: Timer>(body: &str, now: Timestamp) -> Result<Due<T::Subject>, StepError> {
    let due: Due<String> = serde_json::from_str(body).map_err(|error| unreadable(&error))?;
    let subject = due.subject.parse().map_err(|_| StepError::poison("the subject is no id of its kind"))?;
    tracing::info!(
        tenant = %due.tenant_id,
        subject = due.subject,
        correlation_id = due.correlation_id,
        attempt = due.attempt,
        "timer"
    );
    // The sweep's clock was ahead of ours. The sweep has removed the timer, so this message is its only copy and must
    // be delivered again.
    if now < due.due_at {
        return Err(StepError::retry("not due yet by this clock"));
    }
    Ok(due.about(subject))
}

/// serde's message is not used: it may quote the input, which may hold personal data.
fn unreadable(error: &serde_json::Error) -> StepError {
    StepError::poison(format!("not a message: {:?} error at column {}", error.classify(), error.column()))
}

/// A batch in progress: failed messages are delayed or moved to the dead letters, and the response lists those to
/// deliver again.
struct Batch<'a> {
    row: &'static Row,
    deps: &'a Deps,
    queue: &'a OwnQueue,
    response: SqsBatchResponse,
}

impl<'a> Batch<'a> {
    fn new(row: &'static Row, deps: &'a Deps, queue: &'a OwnQueue) -> Self {
        Self { row, deps, queue, response: SqsBatchResponse::default() }
    }

    async fn settle(&mut self, record: SqsMessage, result: Result<(), StepError>) {
        let Err(error) = result else { return };
        let id = record.message_id.clone().unwrap_or_default();
        let receives = attribute(&record, "ApproximateReceiveCount").unwrap_or(1);
        let is_dead = match &error {
            StepError::Poison(reason) => {
                tracing::error!(message_id = id, reason, "poison");
                true
            }
            StepError::Retry(reason) => {
                tracing::warn!(message_id = id, reason, receives, "will come again");
                self.is_too_old(&record)
            }
            StepError::Fault(reason) => {
                tracing::error!(message_id = id, reason, receives, "fault");
                self.count("faults");
                self.is_too_old(&record)
            }
        };
        if is_dead {
            match self.queue.bury(&record, &error.to_string()).await {
                Ok(()) => return self.count("dead_letters"),
                Err(error) => tracing::error!(message_id = id, error, "a dead letter could not be put aside"),
            }
        }
        let wait_s = self.retry().wait_s(u32::try_from(receives).unwrap_or(u32::MAX));
        let wait_s = wait_s.min(self.deps.config.retry_longest_s.unwrap_or(u32::MAX));
        if let Err(error) = self.queue.hold_back(&record, wait_s).await {
            // The queue's visibility timeout then decides when the message is delivered again.
            tracing::warn!(message_id = id, error, "could not be held back");
        }
        let mut failure = BatchItemFailure::default();
        failure.item_identifier = id;
        self.response.batch_item_failures.push(failure);
    }

    fn retry(&self) -> Retry {
        self.row.queue().map_or(Retry::STEP, |queue| queue.retry)
    }

    fn is_too_old(&self, record: &SqsMessage) -> bool {
        let Some(sent_at_ms) = attribute(record, "SentTimestamp") else { return false };
        let age_ms = self.deps.now().as_millisecond() - sent_at_ms;
        age_ms >= i64::from(self.retry().give_up_after_s) * 1_000
    }

    fn count(&self, metric: &str) {
        telemetry::count(&self.deps.config, metric, 1, self.deps.now());
    }
}

/// A numeric SQS attribute of a message.
fn attribute(record: &SqsMessage, name: &str) -> Option<i64> {
    record.attributes.get(name)?.parse().ok()
}
