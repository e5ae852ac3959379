//! The event bus, for publishing.

use std::sync::Arc;

use aws_sdk_eventbridge::{
    Client, error::DisplayErrorContext, operation::put_events::builders::PutEventsFluentBuilder, primitives::DateTime,
    types::PutEventsRequestEntry,
};
use contracts::row::Grant;
use runtime::{Boot, Extra, StepError};
use store::OutboxRecord;

/// The platform's bus in EventBridge.
#[derive(Debug, Clone)]
pub struct Bus {
    client: Client,
    name: Arc<str>,
}

impl Extra for Bus {
    const GRANTS: &'static [Grant] = &[Grant::PutEvents];

    fn from_boot(boot: &Boot) -> Self {
        Self { client: Client::new(&boot.sdk), name: boot.config.event_bus.as_str().into() }
    }
}

impl Bus {
    /// Publishes events in one call. Returns each event's result by position: the error code if the bus refused the
    /// event.
    pub(crate) async fn put(&self, events: &[OutboxRecord]) -> Result<Vec<Option<String>>, StepError> {
        let request = events.iter().fold(self.client.put_events(), |request, event| with(request, &self.name, event));
        let answer = request.send().await.map_err(|error| StepError::retry(DisplayErrorContext(error)))?;
        Ok(answer.entries.unwrap_or_default().into_iter().map(|entry| entry.error_code).collect())
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
