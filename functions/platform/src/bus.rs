//! The event bus, as something to publish to.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use aws_sdk_eventbridge::{
    Client, error::DisplayErrorContext, operation::put_events::builders::PutEventsFluentBuilder, primitives::DateTime,
    types::PutEventsRequestEntry,
};
use runtime::{Boot, FromBoot, StepError};
use store::OutboxRecord;

/// For tests: what was published, and what is still to be refused.
#[derive(Debug, Default)]
pub struct Kept {
    /// Each call's events that were taken.
    pub calls: Vec<Vec<OutboxRecord>>,
    /// For each call to come, the positions of the entries that are refused.
    pub refusals: VecDeque<Vec<usize>>,
}

#[derive(Clone)]
pub struct Bus(Route);

#[derive(Clone)]
enum Route {
    EventBridge { client: Client, name: Arc<str> },
    Kept(Arc<Mutex<Kept>>),
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bus")
    }
}

impl FromBoot for Bus {
    fn from_boot(boot: &Boot) -> Self {
        Self(Route::EventBridge { client: Client::new(&boot.sdk), name: boot.config.event_bus.as_str().into() })
    }
}

impl Bus {
    /// A bus for tests, and what it holds.
    pub fn kept() -> (Self, Arc<Mutex<Kept>>) {
        let kept = Arc::default();
        (Self(Route::Kept(Arc::clone(&kept))), kept)
    }

    /// Publishes events, in one call. Gives back for each, by position, the code with which it was refused, if it was.
    pub(crate) async fn put(&self, events: &[OutboxRecord]) -> Result<Vec<Option<String>>, StepError> {
        match &self.0 {
            Route::EventBridge { client, name } => {
                let request = events.iter().fold(client.put_events(), |request, event| with(request, name, event));
                let answer = request.send().await.map_err(|error| StepError::retry(DisplayErrorContext(error)))?;
                Ok(answer.entries.unwrap_or_default().into_iter().map(|entry| entry.error_code).collect())
            }
            Route::Kept(kept) => {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                let refused = kept.refusals.pop_front().unwrap_or_default();
                let taken = events.iter().enumerate().filter(|(position, _)| !refused.contains(position));
                let taken = taken.map(|(_, event)| event.clone()).collect();
                kept.calls.push(taken);
                let code = |position| refused.contains(&position).then(|| "InternalFailure".to_owned());
                Ok((0..events.len()).map(code).collect())
            }
        }
    }
}

fn with(request: PutEventsFluentBuilder, bus: &str, event: &OutboxRecord) -> PutEventsFluentBuilder {
    let entry = PutEventsRequestEntry::builder()
        .event_bus_name(bus)
        .time(DateTime::from_millis(event.time.as_millisecond()))
        .source(&event.source)
        .detail_type(&event.event_type)
        .detail(&event.detail);
    request.entries(entry.build())
}
