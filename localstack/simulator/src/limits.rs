//! What AWS, the provider and time do that no emulator shows, and that a run holds the product to. Each can be left out.

/// A limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    /// Lambda stops a function that was invoked too often in a chain of its own messages (I17).
    Loops,
    /// What a queue has kept too long is gone (I17).
    Retention,
    /// Items, transactions, messages, events and answers have their greatest sizes, and texts their characters (I17).
    Sizes,
    /// A function may use what its row grants, and nothing else (I17).
    Access,
    /// A message that can be dealt with is not a dead letter within a day (I18).
    DeadLetters,
    /// Nothing but its people, or a provider that refuses it, ends an order inside its payment window (I19).
    Window,
    /// A receive of a message is spent only where something went wrong (I20).
    Receives,
}

impl Limit {
    pub const ALL: [Self; 7] =
        [Self::Loops, Self::Retention, Self::Sizes, Self::Access, Self::DeadLetters, Self::Window, Self::Receives];

    /// Those that every run is held to. Receives break in ordinary runs: of early events every receive but the last is one
    /// for nothing.
    pub const ALWAYS: [Self; 6] =
        [Self::Loops, Self::Retention, Self::Sizes, Self::Access, Self::DeadLetters, Self::Window];
}

/// Lambda: of one function in one chain; the next invocation is stopped. "Approximately", says its documentation.
pub(crate) const INVOCATIONS_MAX: u32 = 16;

/// SQS, of `DelaySeconds`.
pub(crate) const DELAY_MAX_S: i64 = 900;
/// SQS, of `VisibilityTimeout`.
pub(crate) const VISIBILITY_MAX_S: i64 = 12 * 3_600;
/// SQS and EventBridge, of one call.
pub(crate) const ENTRIES_MAX: usize = 10;
/// SQS, of a message with its attributes, and of a batch. It takes 1 MiB by now; EventBridge, from which most messages
/// come, and older regions do not.
pub(crate) const MESSAGE_MAX_BYTES: usize = 256 * 1024;
/// EventBridge, of one call's entries.
pub(crate) const EVENTS_MAX_BYTES: usize = 256 * 1024;

/// DynamoDB, of an item: names and values.
pub(crate) const ITEM_MAX_BYTES: usize = 400 * 1024;
/// DynamoDB, of a transaction.
pub(crate) const TRANSACTION_MAX_ITEMS: usize = 100;
pub(crate) const TRANSACTION_MAX_BYTES: usize = 4 * 1024 * 1024;

/// Lambda, of the JSON that a function answers with, in which the body is a string.
pub(crate) const ANSWER_MAX_BYTES: usize = 6 * 1024 * 1024;

/// A dead letter that is no poison is at least as old.
pub(crate) const DEAD_AFTER_MS: i64 = 24 * 3_600_000;

/// Executions at once in an account; a new one may have ten.
pub(crate) const CONCURRENCY: usize = 1_000;
/// Of those, what Lambda lets no function keep for itself.
pub(crate) const UNRESERVED_MIN: usize = 100;
