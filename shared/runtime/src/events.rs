//! Making events and timers, each linked to its cause.

use contracts::{
    events::{Envelope, Event},
    timers::Due,
};
use domain::{EventId, TenantId, Timestamp};

use crate::deps::Deps;

/// The cause of an event: a request, another event, or a timer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The same for everything that follows from one request.
    pub correlation_id: String,
    /// The event that is the direct cause; `None` for a request.
    pub causation_id: Option<EventId>,
    /// The W3C trace context, if the request had one.
    pub traceparent: Option<String>,
}

impl<D> From<&Envelope<D>> for Cause {
    fn from(event: &Envelope<D>) -> Self {
        Self {
            correlation_id: event.correlation_id.clone(),
            causation_id: Some(event.id),
            traceparent: event.traceparent.clone(),
        }
    }
}

impl<S> From<&Due<S>> for Cause {
    fn from(due: &Due<S>) -> Self {
        Self {
            correlation_id: due.correlation_id.clone(),
            causation_id: due.causation_id,
            traceparent: due.traceparent.clone(),
        }
    }
}

impl Deps {
    /// A new timer (attempt 0) for the aggregate `subject`.
    pub fn timer<S>(&self, cause: &Cause, tenant_id: TenantId, subject: S, due_at: Timestamp) -> Due<S> {
        Due {
            tenant_id,
            subject,
            due_at,
            attempt: 0,
            since: self.now(),
            correlation_id: cause.correlation_id.clone(),
            causation_id: cause.causation_id,
            traceparent: cause.traceparent.clone(),
        }
    }

    /// An event's envelope. `version` is the subject's version after the change.
    pub fn event<E: Event>(
        &self,
        cause: &Cause,
        tenant_id: TenantId,
        subject: impl ToString,
        version: u64,
        data: E,
    ) -> Envelope<E> {
        Envelope {
            id: self.id(EventId::from_ulid),
            r#type: E::TYPE.to_owned(),
            source: E::SOURCE.to_owned(),
            time: self.now(),
            tenant_id,
            subject: subject.to_string(),
            version,
            correlation_id: cause.correlation_id.clone(),
            causation_id: cause.causation_id,
            traceparent: cause.traceparent.clone(),
            schema: E::SCHEMA,
            data,
        }
    }
}
