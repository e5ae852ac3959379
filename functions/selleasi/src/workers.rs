//! What calls the functions besides clients: their queues, the outbox's stream, and the clock. Batch sizes, concurrency,
//! visibility and what becomes of a failed message come from the rows, as in the templates.

use std::{sync::Arc, time::Duration};

use aws_lambda_events::sqs::SqsMessage;
use contracts::row::{Queue, Trigger};
use embedded::queues::{Message, Received};
use runtime::{Running, host};
use serde_json::Value;
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
};

use crate::{
    cloud::Cloud,
    host::{Function, Functions, guarded_here},
    metrics::Metrics,
};

/// Calls at once of a function whose row has no limit, as Lambda has a thousand.
const CONCURRENCY_MAX: u16 = 10;
/// An empty queue is looked at again after this long, even if its bell did not ring.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// Pause after a batch of the stream that failed.
const STREAM_PAUSE: Duration = Duration::from_secs(1);
/// Expired items that are deleted at once, and the pause until the next.
const EXPIRED_AT_ONCE: usize = 500;
const EXPIRED_EVERY: Duration = Duration::from_mins(1);

/// Turns true when the process is to end.
pub(crate) type Ending = watch::Receiver<bool>;

/// Everything that a worker needs.
#[derive(Clone)]
pub(crate) struct Workers {
    pub(crate) functions: Functions,
    pub(crate) cloud: Cloud,
    pub(crate) metrics: Metrics,
    pub(crate) ending: Ending,
    /// Between two calls of a function that the clock calls.
    pub(crate) schedule: Duration,
}

impl Workers {
    /// Works until the process is to end, and what is under way then is done.
    pub(crate) async fn run(self) {
        let mut workers = JoinSet::new();
        for function in self.functions.all() {
            let (this, function) = (self.clone(), Arc::clone(function));
            match function.row.trigger {
                Trigger::Events { queue, .. } | Trigger::Timer { queue } | Trigger::MailReports { queue } => {
                    workers.spawn(async move { this.poll(&function, queue).await });
                }
                Trigger::Outbox { batch } => {
                    workers.spawn(async move { this.relay(&function, batch.into()).await });
                }
                Trigger::Schedule { .. } => {
                    workers.spawn(async move { this.tick(&function).await });
                }
                Trigger::Request(_) | Trigger::Authorizer | Trigger::Operator => {}
            }
        }
        workers.spawn(async move { self.sweep_expired().await });
        while workers.join_next().await.is_some() {}
    }

    fn is_over(&self) -> bool {
        *self.ending.borrow()
    }

    /// Waits for the first of these: the process is to end, a bell, a time.
    async fn rest(&self, bell: impl Future<Output = ()>, at_most: Duration) {
        let mut ending = self.ending.clone();
        tokio::select! {
            () = bell => {}
            () = tokio::time::sleep(at_most) => {}
            _ = ending.wait_for(|is_over| *is_over) => {}
        }
    }

    /// Gives a function what is in its queue.
    async fn poll(&self, function: &Arc<Function>, queue: Queue) {
        let name = format!("{}{}", self.cloud.prefix(), function.row.function);
        let bell = self.cloud.bell(&name);
        let concurrency = if queue.concurrency == 0 { CONCURRENCY_MAX } else { queue.concurrency.min(CONCURRENCY_MAX) };
        let slots = Arc::new(Semaphore::new(concurrency.into()));
        let mut under_way = JoinSet::new();
        while !self.is_over() {
            while under_way.try_join_next().is_some() {}
            // The semaphore is never closed.
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
            let (messages, pause) = self.take(&name, queue.batch.into());
            if messages.is_empty() {
                drop(slot);
                self.rest(bell.notified(), pause).await;
                continue;
            }
            let (this, function, name) = (self.clone(), Arc::clone(function), name.clone());
            under_way.spawn(async move {
                this.deliver(&function, &name, messages).await;
                drop(slot);
            });
        }
        while under_way.join_next().await.is_some() {}
    }

    /// Messages that can be received now; if there are none, how long until there may be.
    fn take(&self, queue: &str, at_most: usize) -> (Vec<Message>, Duration) {
        let database = self.cloud.database();
        let now_ms = self.cloud.now_ms();
        let Some(terms) = self.cloud.terms(queue) else { return (vec![], LOOK_EVERY) };
        let next_ms = match database.next_visible_ms(queue) {
            Ok(Some(next_ms)) => next_ms,
            Ok(None) => return (vec![], LOOK_EVERY),
            Err(error) => return failed(&error),
        };
        if next_ms > now_ms {
            let until = Duration::from_millis(u64::try_from(next_ms - now_ms).unwrap_or_default());
            return (vec![], until.min(LOOK_EVERY));
        }
        match database.receive(queue, at_most, terms, now_ms) {
            Ok(Received { messages, dead }) => {
                if dead > 0 {
                    tracing::error!(queue, dead, "messages became dead letters: received too often");
                }
                (messages, Duration::ZERO)
            }
            Err(error) => failed(&error),
        }
    }

    async fn deliver(&self, function: &Function, queue: &str, messages: Vec<Message>) {
        let Running::Queue(call) = &function.running else { return };
        let row = function.row;
        let receipts: Vec<(String, String)> =
            messages.iter().map(|message| (message.id.to_string(), message.receipt())).collect();
        let started = Metrics::started();
        let call = guarded_here(call(messages.into_iter().map(record).collect()));
        let answer = tokio::time::timeout(Duration::from_secs(row.timeout_s.into()), call).await;
        // After a panic, or when its time is over, all of the batch comes again, as with Lambda.
        let Ok(Some(answer)) = answer else {
            tracing::error!(function = row.function, "a batch was not finished");
            self.metrics.called(row.function, "failed", started);
            return;
        };
        let failed: Vec<_> = answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
        let outcome = if failed.is_empty() { "done" } else { "again" };
        self.metrics.called(row.function, outcome, started);
        let done: Vec<_> =
            receipts.into_iter().filter(|(id, _)| !failed.contains(id)).map(|(_, receipt)| receipt).collect();
        if let Err(error) = self.cloud.database().delete(queue, &done) {
            // They come again, and their inbox records say that they were processed.
            tracing::error!(%error, queue, "messages that were processed could not be deleted");
        }
    }

    /// Publishes what transactions have put into the outbox, in their order.
    async fn relay(&self, function: &Function, batch: usize) {
        let Running::Stream(call) = &function.running else { return };
        let database = self.cloud.database();
        while !self.is_over() {
            let records = match database.stream(batch) {
                Ok(records) => records,
                Err(error) => {
                    tracing::error!(%error, "the outbox's stream cannot be read");
                    self.rest(std::future::pending(), STREAM_PAUSE).await;
                    continue;
                }
            };
            let Some(last) = records.last().map(|record| record.sequence) else {
                self.rest(self.cloud.outbox().notified(), LOOK_EVERY).await;
                continue;
            };
            // What follows from an event reaches others (a mail, a provider): the event has to be on disk before.
            database.synced().await;
            let started = Metrics::started();
            let records = records.into_iter().map(|record| record.record).collect();
            let done = matches!(guarded_here(call(records)).await, Some(Ok(())));
            self.metrics.called(function.row.function, if done { "done" } else { "again" }, started);
            let trimmed = if done { database.trim_stream(last) } else { Ok(()) };
            if let Err(error) = &trimmed {
                tracing::error!(%error, "the outbox's stream cannot be trimmed");
            }
            if !done || trimmed.is_err() {
                self.rest(std::future::pending(), STREAM_PAUSE).await;
            }
        }
    }

    /// Calls a function again and again.
    async fn tick(&self, function: &Function) {
        let Running::Invoked(call) = &function.running else { return };
        while !self.is_over() {
            let started = Metrics::started();
            let done = matches!(guarded_here(call(Value::Null)).await, Some(Ok(_)));
            self.metrics.called(function.row.function, if done { "done" } else { "failed" }, started);
            self.rest(std::future::pending(), self.schedule).await;
        }
    }

    /// Deletes what has expired: items by their time to live, messages by their age.
    async fn sweep_expired(&self) {
        while !self.is_over() {
            let now_ms = self.cloud.now_ms();
            let database = self.cloud.database();
            let oldest_ms = now_ms - i64::from(contracts::row::MESSAGE_RETENTION_S) * 1_000;
            if let Err(error) = database.forget_messages(oldest_ms) {
                tracing::error!(%error, "old messages cannot be deleted");
            }
            match database.sweep_expired(now_ms / 1_000, EXPIRED_AT_ONCE) {
                Ok(EXPIRED_AT_ONCE) => continue,
                Ok(_) => {}
                Err(error) => tracing::error!(%error, "expired items cannot be deleted"),
            }
            self.rest(std::future::pending(), EXPIRED_EVERY).await;
        }
    }
}

fn failed(error: &embedded::Error) -> (Vec<Message>, Duration) {
    tracing::error!(%error, "a queue cannot be read");
    (vec![], STREAM_PAUSE)
}

fn record(message: Message) -> SqsMessage {
    host::message(message.id.to_string(), message.receipt(), message.body, message.sent_ms, message.receives)
}
