//! The message that a timer's function receives.

use domain::{EventId, TenantId, Timestamp};
use serde::{Deserialize, Serialize};

/// A timer that is due. Each aggregate has at most one timer for each function. The message may be delivered more than
/// once, and after the aggregate has changed, so the function checks the aggregate's state first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due<S> {
    /// The tenant that owns the aggregate.
    pub tenant_id: TenantId,
    /// Id of the aggregate.
    pub subject: S,
    /// When the timer is due.
    pub due_at: Timestamp,
    /// How often the timer was set again: 0 the first time.
    #[serde(default)]
    pub attempt: u32,
    /// When the timer was first set.
    pub since: Timestamp,
    /// Correlation id of the request or event that first set the timer. Events that the function emits carry it too.
    pub correlation_id: String,
    /// The event that first set the timer, if it was one.
    pub causation_id: Option<EventId>,
    /// W3C trace context.
    pub traceparent: Option<String>,
}

impl<S> Due<S> {
    /// The same timer with another type of subject.
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
