//! Rows of a library, which no service has: what the tests of this crate generate from.

use contracts::{
    Consumer, Spec,
    http::{ListQuery, Nothing},
    table::{Access, Action, Idempotency, MEMORY_MB, Method, Schemas, Source, StoreScope, Table},
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
pub(crate) static UPDATE_BOOK: Spec = Spec {
    function: "books-update",
    method: Method::Patch,
    path: "/books/{book_id}",
    doc: " Changes a book.\n\n What is not given\n stays.\n",
    access: Access::Needs(Permission::ProductsWrite),
    store: StoreScope::Required,
    idempotency: Idempotency::Accepted,
    status: 200,
    tables: &[(Table::Catalog, &[Action::Get, Action::Update])],
    emits: &["BOOK_CHANGED"],
    grants: &[],
    memory_mb: MEMORY_MB,
    schemas: |generator| Schemas {
        path: generator.subschema_for::<BookPath>(),
        query: generator.subschema_for::<Nothing>(),
        body: generator.subschema_for::<BookChange>(),
        reply: generator.subschema_for::<Book>(),
    },
};

/// `GET /books`, for anyone.
pub(crate) static LIST_BOOKS: Spec = Spec {
    function: "books-list",
    method: Method::Get,
    path: "/books",
    doc: " Books.\n",
    access: Access::Public,
    store: StoreScope::None,
    idempotency: Idempotency::None,
    status: 200,
    tables: &[(Table::Catalog, &[Action::Query])],
    emits: &[],
    grants: &[],
    memory_mb: MEMORY_MB,
    schemas: |generator| Schemas {
        path: generator.subschema_for::<Nothing>(),
        query: generator.subschema_for::<ListQuery>(),
        body: generator.subschema_for::<Nothing>(),
        reply: generator.subschema_for::<Book>(),
    },
};

/// Counts loans, in bounded batches that each wait half a minute.
pub(crate) static ON_LENT: Consumer = Consumer {
    function: "books-on-lent",
    doc: "Counts loans.",
    source: Source::Events { types: &["BOOK_LENT", "BOOK_RETURNED"], delay_s: 30 },
    batch: 10,
    concurrency: 5,
    timeout_s: 20,
    tables: &[(Table::Inventory, &[Action::Update])],
    emits: &[],
    grants: &[],
    memory_mb: MEMORY_MB,
};

/// Reads the outbox.
pub(crate) static RELAY: Consumer =
    Consumer { function: "books-relay", source: Source::Outbox, concurrency: 0, tables: &[], ..ON_LENT };

/// The properties of one of a function's resources: `properties(&stack, "books-update", "Role")`.
pub(crate) fn properties<'a>(resources: &'a Value, function: &str, of: &str) -> &'a Value {
    let name = format!("{}{of}", logical_id(function));
    let resource = &resources[&name];
    assert!(resource.is_object(), "there is no {name}");
    &resource["Properties"]
}
