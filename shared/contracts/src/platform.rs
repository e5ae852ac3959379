//! The platform's own endpoints and functions.

use serde::{Deserialize, Serialize};

use crate::{
    endpoints,
    http::Nothing,
    table::{Access, Consumer, Grant, MEMORY_MB, Source},
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

pub const OUTBOX_RELAY: Consumer = Consumer {
    function: "platform-outbox-relay",
    doc: "Publishes committed events to the bus.",
    source: Source::Outbox,
    batch: 100,
    concurrency: 0,
    timeout_s: 30,
    tables: &[],
    emits: &[],
    grants: &[Grant::PutEvents],
    memory_mb: MEMORY_MB,
};

/// This service's consumers.
pub const CONSUMERS: &[&Consumer] = &[&OUTBOX_RELAY];

/// The Lambda authorizer: neither endpoint nor consumer, called by API Gateway before them.
pub const AUTHORIZER: &str = "platform-authorizer";
