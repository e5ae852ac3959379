//! The platform's own endpoints and functions.

use domain::{EventId, TenantId, Timestamp};
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

/// Moves dead letters of a function back to its queue.
#[derive(Debug)]
pub struct Redrive;

impl Function for Redrive {
    const ROW: &'static Row = &Row {
        function: "platform-redrive",
        doc: "Moves dead letters of a function back to its queue.",
        trigger: Trigger::Operator,
        tables: &[],
        emits: &[],
        grants: &[Grant::Redrive],
        memory_mb: MEMORY_MB,
        timeout_s: OPERATOR_TIMEOUT_S,
        reserved: false,
    };
}

/// Which dead letters are moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedriveInput {
    /// The function, by the name in its row: `orders-expire`.
    pub function: String,
    /// The largest number of messages to move. A call also stops before its timeout.
    #[serde(default = "redrive_max")]
    pub max: u32,
    /// Move only messages whose reason starts with this: `retry` leaves poison where it is.
    #[serde(default)]
    pub reason_prefix: Option<String>,
}

const fn redrive_max() -> u32 {
    100
}

/// What was moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redriven {
    /// Messages that were moved.
    pub moved: u32,
    /// Messages that are still in the dead-letter queue, as SQS counts them: an approximation.
    pub left: u64,
}

/// Lists dead letters.
#[derive(Debug)]
pub struct DeadLetters;

impl Function for DeadLetters {
    const ROW: &'static Row = &Row {
        function: "platform-dead-letters",
        doc: "Lists dead letters: how many each function has, why, and what they are about.",
        trigger: Trigger::Operator,
        tables: &[],
        emits: &[],
        grants: &[Grant::ReadDeadLetters],
        memory_mb: MEMORY_MB,
        timeout_s: OPERATOR_TIMEOUT_S,
        reserved: false,
    };
}

/// Whose dead letters are listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeadLettersInput {
    /// The function, by the name in its row; without it, every function with a dead-letter queue.
    #[serde(default)]
    pub function: Option<String>,
    /// The largest number of messages shown for each function.
    #[serde(default = "shown_max")]
    pub max: u32,
}

const fn shown_max() -> u32 {
    10
}

/// The functions that have dead letters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetterQueues {
    /// The functions with at least one dead letter.
    pub queues: Vec<DeadLetterQueue>,
}

/// The dead letters of one function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetterQueue {
    /// The function.
    pub function: String,
    /// Messages in the queue, as SQS counts them: an approximation.
    pub count: u64,
    /// When the oldest of the shown messages was sent. Null if none could be shown.
    pub oldest: Option<Timestamp>,
    /// Some of the messages.
    pub messages: Vec<DeadLetter>,
}

/// A dead letter without its data, which can be personal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Why the function, or EventBridge, put it aside. Null if SQS did, after too many receives.
    pub reason: Option<String>,
    /// When it was put aside or, if SQS did, first sent.
    pub sent_at: Option<Timestamp>,
    /// Type of the event; null for a timer.
    pub event_type: Option<String>,
    /// Id of the event; null for a timer.
    pub event_id: Option<String>,
    /// The tenant.
    pub tenant_id: Option<String>,
    /// Id of the aggregate.
    pub subject: Option<String>,
    /// Correlation id: what to search the logs for.
    pub correlation_id: Option<String>,
}

/// Publishes events of a tenant again.
#[derive(Debug)]
pub struct Republish;

impl Function for Republish {
    const ROW: &'static Row = &Row {
        function: "platform-republish",
        doc: "Publishes events of a tenant again, from the outbox.",
        trigger: Trigger::Operator,
        tables: &[(Table::Outbox, &[Action::Query])],
        emits: &[],
        grants: &[Grant::PutEvents],
        memory_mb: MEMORY_MB,
        timeout_s: OPERATOR_TIMEOUT_S,
        reserved: false,
    };
}

/// Which events are published again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepublishInput {
    /// The tenant whose events they are.
    pub tenant_id: TenantId,
    /// Events committed at this time or later.
    pub from: Timestamp,
    /// Events committed before this time.
    pub to: Timestamp,
    /// Events after this one: the `next` of the last call.
    #[serde(default)]
    pub after: Option<EventId>,
}

/// What was published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Republished {
    /// Events that were published.
    pub published: u32,
    /// Call again with this as `after` to publish the rest. Null if that was all.
    pub next: Option<EventId>,
}

/// Timeout of functions that an operator calls, in seconds: what they do in one call is bounded by
/// [`OPERATOR_WORK_S`], and the rest is for the next call.
const OPERATOR_TIMEOUT_S: u16 = 60;
/// How long such a function works before it returns, in seconds. The time left until its timeout is enough for what it
/// has begun.
pub const OPERATOR_WORK_S: i64 = 40;

/// The rows of the platform's functions that neither requests nor messages call.
pub const OPERATIONS: &[&Row] =
    &[OutboxRelay::ROW, SweepTimers::ROW, Authorizer::ROW, DeadLetters::ROW, Redrive::ROW, Republish::ROW];
