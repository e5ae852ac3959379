//! The audit trail.

use crate::steps;

steps! {
    /// Records every event in the audit trail of its tenant.
    OnEvent = "audit-on-event" on serde_json::Value {
        retry: STEP,
        tables: [Audit: Get Put, Requests: Put], emits: [],
    }
}
