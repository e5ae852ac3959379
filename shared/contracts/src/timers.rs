//! What a timer's function is called with.

use domain::{EventId, TenantId, Timestamp};
use serde::{Deserialize, Serialize};

/// A timer that is due: something that the state of an aggregate needs to have done at a time. There is at most one
/// for each function and aggregate. It may come more than once, and after the aggregate has moved on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due<S> {
    pub tenant_id: TenantId,
    /// Id of the aggregate.
    pub subject: S,
    pub due_at: Timestamp,
    /// How often it has been set again since it was first set: 0 for the first time.
    #[serde(default)]
    pub attempt: u32,
    /// When it was first set.
    pub since: Timestamp,
    /// Of what set it first; what its function does belongs to the same story.
    pub correlation_id: String,
    pub causation_id: Option<EventId>,
    /// W3C trace context.
    pub traceparent: Option<String>,
}

impl<S> Due<S> {
    /// The same with another subject.
    pub fn about<T>(self, subject: T) -> Due<T> {
        Due {
            tenant_id: self.tenant_id,
            subject,
            due_at: self.due_at,
            attempt: self.attempt,
            since: self.since,
            correlation_id: self.correlation_id,
            causation_id: self.causation_id,
            traceparent: self.traceparent,
        }
    }
}
