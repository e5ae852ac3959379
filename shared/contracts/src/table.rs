//! The DynamoDB tables, and the actions that functions perform on them.

/// A DynamoDB table of the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Accounts, their e-mail addresses, sessions, codes and memberships, and addresses that get no notifications.
    Accounts,
    /// Tenants, their rate limits, stores, customers and onboardings.
    Tenants,
    /// Products, and the claims of their slugs and SKUs.
    Catalog,
    /// Carts.
    Carts,
    /// Coupons and their uses.
    Coupons,
    /// Stock, movements and reservations.
    Inventory,
    /// Orders and their timelines.
    Orders,
    /// Payments, ledger entries and webhooks.
    Payments,
    /// Messages to people.
    Notifications,
    /// Audit trails.
    Audit,
    /// Stored responses for idempotency keys, inbox records of consumers, and buckets of rate limits. All items have a
    /// TTL.
    Requests,
    /// Events to be published to the bus, written in the transaction that caused them.
    Outbox,
    /// Timers, written in the transaction of the state that needs them.
    Timers,
}

impl Table {
    /// Every table.
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

    /// The last part of the table's full name, `selleasi-<env>-<name>`.
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

    /// Number of global secondary indexes: `gsi1` over `gsi1pk` and `gsi1sk`, and so on.
    pub const fn indexes(self) -> u8 {
        match self {
            Self::Catalog | Self::Orders => 2,
            Self::Inventory | Self::Timers => 1,
            _ => 0,
        }
    }
}

/// A DynamoDB action that IAM can grant. A transaction needs the action of each of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Read several items.
    BatchGet,
    /// Check a condition in a transaction.
    Check,
    /// Delete an item.
    Delete,
    /// Read one item.
    Get,
    /// Write an item.
    Put,
    /// Read a list of items.
    Query,
    /// Change attributes of an item.
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
