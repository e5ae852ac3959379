//! The logical tables, and the expressions over them that were parsed before.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use contracts::table::Table;

use super::{
    expression::{Condition, Parse, Parsed, Update, parse},
    failure::Failure,
};

/// Expressions that are remembered of each kind. The product has some forty.
const EXPRESSIONS_MAX: usize = 500;

/// The logical tables of an environment, by their full names. All are kept in the same tables of SQLite.
pub struct Tables {
    prefix: String,
    conditions: Cache<Condition>,
    updates: Cache<Update>,
    transactions: AtomicU32,
}

impl fmt::Debug for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tables({}*)", self.prefix)
    }
}

/// A logical table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct TableRow {
    /// What stands for it in SQLite.
    pub(super) id: i64,
    /// Its indexes are `gsi1` to `gsi<indexes>`.
    pub(super) indexes: u8,
    /// Whether what is put into it is added to the stream.
    pub(super) has_stream: bool,
}

impl Tables {
    /// All tables of the product. `prefix` is the first part of their names: `selleasi-<env>-`.
    pub fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
            conditions: Cache::default(),
            updates: Cache::default(),
            transactions: AtomicU32::default(),
        }
    }

    pub(super) fn find(&self, name: &str) -> Result<TableRow, Failure> {
        let table = name
            .strip_prefix(&self.prefix)
            .and_then(|name| Table::ALL.into_iter().find(|table| table.name() == name))
            .ok_or_else(|| Failure::NoTable(name.to_owned()))?;
        Ok(TableRow { id: id(table), indexes: table.indexes(), has_stream: table == Table::Outbox })
    }

    pub(super) fn condition(&self, text: &str) -> Result<Arc<Parsed<Condition>>, Failure> {
        self.conditions.get(text)
    }

    pub(super) fn update(&self, text: &str) -> Result<Arc<Parsed<Update>>, Failure> {
        self.updates.get(text)
    }

    /// Whether it is time for what is done once in many transactions.
    pub(super) fn is_time_to_clean(&self) -> bool {
        self.transactions.fetch_add(1, Ordering::Relaxed).is_multiple_of(1_024)
    }
}

/// What is stored for a table: never another, whatever becomes of the order of tables.
const fn id(table: Table) -> i64 {
    match table {
        Table::Accounts => 1,
        Table::Tenants => 2,
        Table::Catalog => 3,
        Table::Carts => 4,
        Table::Coupons => 5,
        Table::Inventory => 6,
        Table::Orders => 7,
        Table::Payments => 8,
        Table::Notifications => 9,
        Table::Audit => 10,
        Table::Requests => 11,
        Table::Outbox => 12,
        Table::Timers => 13,
    }
}

/// Parsed expressions by their texts.
struct Cache<T>(Mutex<HashMap<String, Arc<Parsed<T>>>>);

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Parse> Cache<T> {
    fn get(&self, text: &str) -> Result<Arc<Parsed<T>>, Failure> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(parsed) = known.get(text) {
            return Ok(parsed.clone());
        }
        let parsed = parse(text)?;
        if known.len() >= EXPRESSIONS_MAX {
            known.clear();
        }
        known.insert(text.to_owned(), parsed.clone());
        Ok(parsed)
    }
}
