//! What an endpoint or a consumer is: the row types of the table, and the macro that writes an endpoint's row and its
//! types together, so that the handler, the route, the role and the documentation cannot drift apart.

use domain::Permission;
use serde::{Serialize, de::DeserializeOwned};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// Who may call an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anyone, without a token.
    Public,
    /// A token whose role holds the permission.
    Needs(Permission),
}

/// Whether an endpoint speaks of one store, and how the store is found (`X-Store`, or the host name).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreScope {
    /// Not about a store.
    None,
    /// The request names it; staff whose tenant has one store may leave it out.
    Required,
    /// The request may name one.
    Optional,
}

/// Whether `Idempotency-Key` is asked for. Where there is an effect to protect it is always accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idempotency {
    /// Reads, and writes that are the same twice by nature.
    None,
    Accepted,
    /// Moves money, stock or orders.
    Required,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    Accounts,
    Tenants,
    Catalog,
    Carts,
    Coupons,
    Inventory,
    Orders,
    Payments,
    Notifications,
    Audit,
    /// Idempotency records and inboxes; rows that end by themselves.
    Requests,
    /// Events on their way to the bus, written in the transaction that caused them.
    Outbox,
}

impl Table {
    pub const ALL: [Self; 12] = [
        Self::Accounts,
        Self::Tenants,
        Self::Catalog,
        Self::Carts,
        Self::Coupons,
        Self::Inventory,
        Self::Orders,
        Self::Payments,
        Self::Notifications,
        Self::Audit,
        Self::Requests,
        Self::Outbox,
    ];

    /// As in the table's name `selleasi-<env>-<name>`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Tenants => "tenants",
            Self::Catalog => "catalog",
            Self::Carts => "carts",
            Self::Coupons => "coupons",
            Self::Inventory => "inventory",
            Self::Orders => "orders",
            Self::Payments => "payments",
            Self::Notifications => "notifications",
            Self::Audit => "audit",
            Self::Requests => "requests",
            Self::Outbox => "outbox",
        }
    }
}

impl Table {
    /// Global secondary indexes: `gsi1`, … over `gsi1pk` and `gsi1sk`.
    pub const fn indexes(self) -> u8 {
        match self {
            Self::Catalog | Self::Orders => 2,
            Self::Tenants | Self::Inventory => 1,
            _ => 0,
        }
    }
}

/// DynamoDB actions, as IAM names them. Writes in a transaction need the action of each of their parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    BatchGet,
    Check,
    Delete,
    Get,
    Put,
    Query,
    Update,
}

impl Action {
    pub const fn iam(self) -> &'static str {
        match self {
            Self::BatchGet => "dynamodb:BatchGetItem",
            Self::Check => "dynamodb:ConditionCheckItem",
            Self::Delete => "dynamodb:DeleteItem",
            Self::Get => "dynamodb:GetItem",
            Self::Put => "dynamodb:PutItem",
            Self::Query => "dynamodb:Query",
            Self::Update => "dynamodb:UpdateItem",
        }
    }
}

/// What else a function may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// Reads the keys that sign access tokens. A public endpoint that has it reads a token if one is given: the store's
    /// team sees more there than buyers do.
    TokenKeys,
    /// Reads the same keys to sign tokens or to publish them. A token that comes along is not looked at: whoever
    /// signs in may still hold an old one.
    SignTokens,
    /// Reads the key that authenticates cursors.
    CursorKey,
    /// Reads the Paystack secret, which also signs its webhooks.
    Paystack,
    SendEmail,
    /// Sends to its own queue, to be called again later.
    Requeue,
    PutEvents,
}

pub type Grants = &'static [(Table, &'static [Action])];

/// One row: an endpoint.
#[derive(Debug)]
pub struct Spec {
    /// Function, bin, operationId and file name: `orders-place`.
    pub function: &'static str,
    pub method: Method,
    pub path: &'static str,
    /// The first line is the summary.
    pub doc: &'static str,
    pub access: Access,
    pub store: StoreScope,
    pub idempotency: Idempotency,
    /// Status of the good answer.
    pub status: u16,
    pub tables: Grants,
    /// Types of the events it commits.
    pub emits: &'static [&'static str],
    pub grants: &'static [Grant],
    pub memory_mb: u16,
    #[cfg(feature = "schema")]
    pub schemas: fn(&mut schemars::SchemaGenerator) -> Schemas,
}

/// The JSON Schemas of an endpoint's parts.
#[cfg(feature = "schema")]
#[derive(Debug)]
pub struct Schemas {
    pub path: schemars::Schema,
    pub query: schemars::Schema,
    pub body: schemars::Schema,
    pub reply: schemars::Schema,
}

impl Spec {
    /// The service: what stands before the first hyphen.
    pub fn service(&self) -> &'static str {
        service(self.function)
    }
}

/// An endpoint's types. The handler takes a `Call<Self>` and gives back a `Self::Reply`.
pub trait Endpoint: 'static {
    type Path: DeserializeOwned + Send;
    type Query: DeserializeOwned + Send;
    type Body: for<'de> eserde::EDeserialize<'de> + garde::Validate<Context = ()> + Serialize + Send;
    type Reply: Serialize + Send;
    const SPEC: &'static Spec;
}

/// Where a consumer's messages come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Events of these types, by a rule into the consumer's own queue. `delay_s` holds each back.
    Events { types: &'static [&'static str], delay_s: u32 },
    /// Every event on the bus, by a rule into the consumer's own queue.
    AllEvents,
    /// The stream of the outbox table.
    Outbox,
}

/// One row: a function that is called with batches of messages.
#[derive(Debug)]
pub struct Consumer {
    pub function: &'static str,
    pub doc: &'static str,
    pub source: Source,
    /// Messages a call; each succeeds or fails by itself.
    pub batch: u16,
    /// Calls at once at the most; 0 for no bound of its own. SQS takes 2 to 1000.
    pub concurrency: u16,
    pub timeout_s: u16,
    pub tables: Grants,
    pub emits: &'static [&'static str],
    pub grants: &'static [Grant],
    pub memory_mb: u16,
}

impl Consumer {
    pub fn service(&self) -> &'static str {
        service(self.function)
    }
}

fn service(function: &'static str) -> &'static str {
    function.split('-').next().unwrap_or(function)
}

/// Enough for a handler that waits on DynamoDB: CPU grows with memory, and init is a millisecond.
pub const MEMORY_MB: u16 = 256;

/// Writes endpoints' rows and types.
#[macro_export]
macro_rules! endpoints {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident = $method:ident $path_text:literal => $function:literal {
            access: $access:expr,
            store: $store:ident,
            idempotency: $idempotency:ident,
            path: $path:ty,
            query: $query:ty,
            body: $body:ty,
            reply: $status:literal $reply:ty,
            tables: [$($table:ident: $($action:ident)+),* $(,)?],
            emits: [$($event:expr),* $(,)?],
            $(grants: [$($grant:ident),* $(,)?],)?
            $(memory_mb: $memory:expr,)?
        }
    )*) => {
        $(
            $(#[doc = $doc])+
            #[derive(Debug)]
            pub struct $name;

            impl $crate::Endpoint for $name {
                type Path = $path;
                type Query = $query;
                type Body = $body;
                type Reply = $reply;
                const SPEC: &'static $crate::Spec = &$crate::Spec {
                    function: $function,
                    method: $crate::table::Method::$method,
                    path: $path_text,
                    doc: concat!($($doc, "\n"),+),
                    access: $access,
                    store: $crate::table::StoreScope::$store,
                    idempotency: $crate::table::Idempotency::$idempotency,
                    status: $status,
                    tables: &[$(($crate::table::Table::$table, &[$($crate::table::Action::$action),+])),*],
                    emits: &[$($event),*],
                    grants: &[$($($crate::table::Grant::$grant),*)?],
                    memory_mb: { let _memory = $crate::table::MEMORY_MB; $(let _memory = $memory;)? _memory },
                    #[cfg(feature = "schema")]
                    schemas: |generator| $crate::table::Schemas {
                        path: generator.subschema_for::<$path>(),
                        query: generator.subschema_for::<$query>(),
                        body: generator.subschema_for::<$body>(),
                        reply: generator.subschema_for::<$reply>(),
                    },
                };
            }
        )*

        /// This service's rows.
        pub const ENDPOINTS: &[&$crate::Spec] = &[$(<$name as $crate::Endpoint>::SPEC),*];
    };
}
