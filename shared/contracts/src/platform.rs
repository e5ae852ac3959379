//! The platform's own endpoints and functions.

use serde::{Deserialize, Serialize};

use crate::{
    Function, Row, endpoints,
    http::Nothing,
    row::{Access, Grant, MEMORY_MB, Trigger},
    table::{Action, Table},
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Health {
    /// `ok`, or this answer does not come.
    pub status: String,
}

endpoints! {
    /// Tells whether the API can reach its data.
    ShowHealth = Get "/health" => "platform-health" {
        access: Access::Public, store: None, idempotency: None,
        path: Nothing, query: Nothing, body: Nothing, reply: 200 Health,
        tables: [Tenants: Get], emits: [],
    }
    /// This API, as OpenAPI 3.0.
    OpenApi = Get "/openapi.json" => "platform-openapi" {
        access: Access::Public, store: None, idempotency: None,
        path: Nothing, query: Nothing, body: Nothing, reply: 200 serde_json::Value,
        tables: [], emits: [],
    }
    /// This API, as a page to read.
    Docs = Get "/docs" => "platform-docs" {
        access: Access::Public, store: None, idempotency: None,
        path: Nothing, query: Nothing, body: Nothing, reply: 200 String,
        tables: [], emits: [],
    }
}

/// Publishes committed events to the bus.
#[derive(Debug)]
pub struct OutboxRelay;

impl Function for OutboxRelay {
    const ROW: &'static Row = &Row {
        function: "platform-outbox-relay",
        doc: "Publishes committed events to the bus.",
        trigger: Trigger::Outbox { batch: 100 },
        tables: &[],
        emits: &[],
        grants: &[Grant::PutEvents],
        memory_mb: MEMORY_MB,
        timeout_s: 30,
        reserved: true,
    };
}

/// Puts timers that are due into the queues of their functions.
#[derive(Debug)]
pub struct SweepTimers;

impl Function for SweepTimers {
    const ROW: &'static Row = &Row {
        function: "platform-sweep-timers",
        doc: "Puts timers that are due into the queues of their functions.",
        trigger: Trigger::Schedule { every_minutes: 1 },
        tables: &[(Table::Timers, &[Action::Query, Action::Delete])],
        emits: &[],
        grants: &[Grant::SendTimers],
        memory_mb: MEMORY_MB,
        // As long as a minute's tick: two sweeps at once would only do the same work twice.
        timeout_s: 55,
        reserved: true,
    };
}

/// Tells API Gateway who is calling.
#[derive(Debug)]
pub struct Authorizer;

impl Function for Authorizer {
    const ROW: &'static Row = &Row {
        function: "platform-authorizer",
        doc: "Tells API Gateway who is calling.",
        trigger: Trigger::Authorizer,
        tables: &[],
        emits: &[],
        grants: &[Grant::TokenKeys],
        memory_mb: MEMORY_MB,
        // It only checks a signature, with a key that it keeps.
        timeout_s: 5,
        reserved: true,
    };
}

/// The platform's functions that no request and no message calls.
pub const OPERATIONS: &[&Row] = &[OutboxRelay::ROW, SweepTimers::ROW, Authorizer::ROW];
