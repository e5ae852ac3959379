//! The DynamoDB tables, and what a function may do with them.

/// A DynamoDB table of ours.
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
    /// Idempotency records and inboxes: items with a TTL.
    Requests,
    /// Events on their way to the bus, written in the transaction that caused them.
    Outbox,
    /// What is to be done at a time, written in the transaction of the state that needs it.
    Timers,
}

impl Table {
    pub const ALL: [Self; 13] = [
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
        Self::Timers,
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
            Self::Timers => "timers",
        }
    }

    /// Global secondary indexes: `gsi1`, … over `gsi1pk` and `gsi1sk`.
    pub const fn indexes(self) -> u8 {
        match self {
            Self::Catalog | Self::Orders => 2,
            Self::Inventory | Self::Timers => 1,
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
    /// The action's name in IAM.
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

/// Tables with the actions granted on each.
pub type Grants = &'static [(Table, &'static [Action])];
