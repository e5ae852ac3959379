//! Making events: an envelope around what happened, linked to what caused it.

use contracts::{
    events::{Envelope, Event},
    timers::Due,
};
use domain::{EventId, TenantId, Timestamp};

use crate::deps::Deps;

/// What an event follows from: a request, or another event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    pub correlation_id: String,
    pub causation_id: Option<EventId>,
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
    /// A timer to be set for the first time, for an aggregate.
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

    /// Wraps what happened to a subject, which is at `version` after it.
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
