//! The record of everything that happened.

use crate::steps;

steps! {
    /// Records every event in its tenant's hash chain.
    OnEvent = "audit-on-event" on serde_json::Value {
        retry: STEP,
        tables: [Audit: Get Put, Requests: Put], emits: [],
    }
}
