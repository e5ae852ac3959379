//! Rows of a library, which no service has: what the tests of this crate generate from.

use contracts::{
    Row,
    http::{ListQuery, Nothing},
    problems,
    row::{
        Access, Grant, Idempotency, MEMORY_MB, Method, Queue, RateClass, Retry, Route, Schemas, StoreScope, Trigger,
    },
    table::{Action, Table},
};
use domain::Permission;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cfn::logical_id;

#[derive(JsonSchema, Deserialize)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct BookPath {
    book_id: String,
}

#[derive(JsonSchema, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct BookChange {
    title: String,
    /// Left as it is where it is absent.
    #[serde(default)]
    shelf: Option<Shelf>,
}

#[derive(JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Shelf {
    Fiction,
    Travel,
}

#[derive(JsonSchema, Serialize)]
pub(crate) struct Book {
    id: String,
    title: String,
    shelf: Option<Shelf>,
    version: u64,
    created_at: String,
}

/// `PATCH /books/{book_id}` with everything that an endpoint can have.
pub(crate) const UPDATE_BOOK: Row = Row {
    function: "books-update",
    doc: " Changes a book.\n\n What is not given\n stays.\n",
    trigger: Trigger::Request(&UPDATE_ROUTE),
    tables: &[(Table::Catalog, &[Action::Get, Action::Update])],
    emits: &["BOOK_CHANGED"],
    grants: &[],
    memory_mb: MEMORY_MB,
    timeout_s: 10,
    reserved: true,
};

pub(crate) const UPDATE_ROUTE: Route = Route {
    method: Method::Patch,
    path: "/books/{book_id}",
    access: Access::Needs(Permission::ProductsWrite),
    store: StoreScope::Required,
    idempotency: Idempotency::Accepted,
    status: 200,
    rate: RateClass::Write,
    problems: &[&problems::INVALID_STATE],
    schemas: |generator| Schemas {
        path: generator.subschema_for::<BookPath>(),
        query: generator.subschema_for::<Nothing>(),
        body: generator.subschema_for::<BookChange>(),
        reply: generator.subschema_for::<Book>(),
    },
};

/// `GET /books`, for anyone.
pub(crate) const LIST_BOOKS: Row = Row {
    function: "books-list",
    doc: " Books.\n",
    trigger: Trigger::Request(&LIST_ROUTE),
    tables: &[(Table::Catalog, &[Action::Query])],
    emits: &[],
    grants: &[],
    memory_mb: MEMORY_MB,
    timeout_s: 10,
    reserved: false,
};

pub(crate) const LIST_ROUTE: Route = Route {
    method: Method::Get,
    path: "/books",
    access: Access::Public,
    store: StoreScope::None,
    idempotency: Idempotency::None,
    status: 200,
    rate: RateClass::Read,
    problems: &[],
    schemas: |generator| Schemas {
        path: generator.subschema_for::<Nothing>(),
        query: generator.subschema_for::<ListQuery>(),
        body: generator.subschema_for::<Nothing>(),
        reply: generator.subschema_for::<Book>(),
    },
};

pub(crate) const QUEUE: Queue = Queue { batch: 10, concurrency: 5, retry: Retry::STEP };

/// Counts loans, in bounded batches.
pub(crate) const ON_LENT: Row = Row {
    function: "books-on-lent",
    doc: " Counts loans.\n",
    trigger: Trigger::Events { types: &["BOOK_LENT", "BOOK_RETURNED"], queue: QUEUE },
    tables: &[(Table::Inventory, &[Action::Update]), (Table::Requests, &[Action::Put])],
    emits: &[],
    grants: &[],
    memory_mb: MEMORY_MB,
    timeout_s: 20,
    reserved: false,
};

/// A timer's.
pub(crate) const REMIND: Row = Row {
    function: "books-remind",
    doc: " Reminds of a book\n that should be back.\n\n Once.\n",
    trigger: Trigger::Timer { queue: QUEUE },
    tables: &[(Table::Timers, &[Action::Delete])],
    ..ON_LENT
};

/// Reads the outbox.
pub(crate) const RELAY: Row = Row {
    function: "books-relay",
    doc: "Reads the outbox.",
    trigger: Trigger::Outbox { batch: 100 },
    tables: &[],
    ..ON_LENT
};

/// Called by the clock.
pub(crate) const SWEEP: Row = Row {
    function: "books-sweep",
    doc: "Dusts the shelves.",
    trigger: Trigger::Schedule { every_minutes: 1 },
    tables: &[],
    grants: &[Grant::SendTimers],
    ..ON_LENT
};

/// The same endpoint at another route.
pub(crate) fn routed(row: Row, route: Route) -> Row {
    Row { trigger: Trigger::Request(Box::leak(Box::new(route))), ..row }
}

/// The properties of one of a function's resources: `properties(&stack, "books-update", "Role")`.
pub(crate) fn properties<'a>(resources: &'a Value, function: &str, of: &str) -> &'a Value {
    let name = format!("{}{of}", logical_id(function));
    let resource = &resources[&name];
    assert!(resource.is_object(), "there is no {name}");
    &resource["Properties"]
}
