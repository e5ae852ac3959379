//! The platform's own endpoints and functions.

use serde::{Deserialize, Serialize};

use crate::{
    Function, Row, endpoints,
    http::Nothing,
    row::{Access, Grant, MEMORY_MB, Trigger},
    table::{Action, Table},
};

/// The health of the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Health {
    /// Always `ok`; if the API cannot reach its data, the response is an error instead.
    pub status: String,
}

endpoints! {
    /// Get the health of the API
    ///
    /// Whether the API can reach its data.
    ShowHealth = Get "/health" => "platform-health" {
        access: Access::Public, store: None, idempotency: None,
        path: Nothing, query: Nothing, body: Nothing, reply: 200 Health,
        tables: [Tenants: Get], emits: [],
    }
    /// Get the description of this API
    ///
    /// An OpenAPI 3.0 document.
    OpenApi = Get "/openapi.json" => "platform-openapi" {
        access: Access::Public, store: None, idempotency: None,
        path: Nothing, query: Nothing, body: Nothing, reply: 200 serde_json::Value,
        tables: [], emits: [],
    }
    /// Get the documentation of this API
    ///
    /// An HTML page.
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

/// Sends due timers to the queues of their functions.
#[derive(Debug)]
pub struct SweepTimers;

impl Function for SweepTimers {
    const ROW: &'static Row = &Row {
        function: "platform-sweep-timers",
        doc: "Sends due timers to the queues of their functions.",
        trigger: Trigger::Schedule { every_minutes: 1 },
        tables: &[(Table::Timers, &[Action::Query, Action::Delete])],
        emits: &[],
        grants: &[Grant::SendTimers],
        memory_mb: MEMORY_MB,
        // Shorter than the minute between two sweeps, so that they do not overlap and do the same work twice.
        timeout_s: 55,
        reserved: true,
    };
}

/// Verifies access tokens for API Gateway.
#[derive(Debug)]
pub struct Authorizer;

impl Function for Authorizer {
    const ROW: &'static Row = &Row {
        function: "platform-authorizer",
        doc: "Verifies access tokens for API Gateway.",
        trigger: Trigger::Authorizer,
        tables: &[],
        emits: &[],
        grants: &[Grant::TokenKeys],
        memory_mb: MEMORY_MB,
        // It only checks a signature, with a cached key.
        timeout_s: 5,
        reserved: true,
    };
}

/// The rows of the platform's functions that neither requests nor messages call.
pub const OPERATIONS: &[&Row] = &[OutboxRelay::ROW, SweepTimers::ROW, Authorizer::ROW];
