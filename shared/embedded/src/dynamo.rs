//! DynamoDB's wire interface (JSON 1.0) over SQLite, as far as the product uses it: `GetItem`, `BatchGetItem`, `Query`
//! and `TransactWriteItems`, and `Scan` for tools and tests. The SDK's client stays in front of it.
//!
//! It answers as DynamoDB does, with less: no sets and binaries, no filters and projections, no reserved words. What it
//! does not know is a `ValidationException`. Nothing is throttled, no index is behind, and transactions run one after the
//! other, so there are no conflicts.

mod evaluate;
mod expression;
mod failure;
mod key;
mod number;
mod query;
mod read;
mod sql;
mod tables;
#[cfg(test)]
mod tests;
mod transact;
mod value;

use std::collections::BTreeMap;

use rusqlite::Connection;
use serde::Deserialize;
use serde_json::{Value, json};

use failure::Failure;
pub(crate) use sql::Atomic;
pub use tables::Tables;

/// The answer to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status: 200; 400 if the request is refused; 500 if the database failed.
    pub status: u16,
    /// The body, as DynamoDB writes it.
    pub body: String,
    /// Whether the call changed what is stored.
    pub has_written: bool,
    /// How many records it added to the outbox's stream.
    pub outbox_records: usize,
}

impl Answer {
    fn ok(body: String) -> Self {
        Self { status: 200, body, has_written: false, outbox_records: 0 }
    }
}

/// Makes what is missing: the tables in the database, and a temporary one of the connection. Call it on each connection
/// that writes, outside of a transaction. Some twenty statements are prepared and kept
/// ([`Connection::set_prepared_statement_cache_capacity`]).
///
/// # Errors
/// Those of SQLite.
pub fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(sql::SCHEMA)
}

/// Answers one call. A transaction is one of SQLite's, or, if the caller has begun one, takes part in that: refused, it
/// is undone and the caller's goes on. On an error of the disk SQLite may roll back the caller's, too
/// ([`Connection::is_autocommit`] tells).
pub fn execute(connection: &Connection, tables: &Tables, operation: &str, body: &[u8]) -> Answer {
    let result = match operation {
        "GetItem" => parse(body).and_then(|request| read::get(connection, tables, &request)),
        "BatchGetItem" => parse(body).and_then(|request| read::batch_get(connection, tables, &request)),
        "Query" => parse(body).and_then(|request| query::query(connection, tables, &request)),
        "Scan" => parse(body).and_then(|request| query::scan(connection, tables, &request)),
        "TransactWriteItems" => parse(body).and_then(|request| transact::execute(connection, tables, &request)),
        other => Err(Failure::invalid(format!("the product does not call {other}"))),
    };
    result.unwrap_or_else(|failure| {
        let (status, body) = failure.answer();
        Answer { status, ..Answer::ok(body) }
    })
}

fn parse<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T, Failure> {
    // As text, so that it is checked for UTF-8 once and not at each string.
    let text = std::str::from_utf8(body).map_err(|error| Failure::invalid(error.to_string()))?;
    serde_json::from_str(text).map_err(|error| Failure::invalid(error.to_string()))
}

/// A record of the outbox's stream.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamRecord {
    /// Its place in the stream: greater than that of every earlier record, trimmed ones included.
    pub sequence: i64,
    /// The record as Lambda receives it: `eventName` and, under `dynamodb`, `Keys` and `NewImage`.
    pub record: Value,
}

/// The oldest records of the outbox's stream after a sequence number, at most `limit`. There is one for each item that a
/// committed transaction wrote to the outbox.
///
/// # Errors
/// Those of SQLite.
pub fn stream(connection: &Connection, after: i64, limit: usize) -> rusqlite::Result<Vec<StreamRecord>> {
    let mut statement = connection.prepare_cached(
        "SELECT sequence, is_new, pk, sk, item FROM stream WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let records = statement.query_map([after, limit], |row| {
        let (pk, sk, item): (String, String, String) = (row.get(2)?, row.get(3)?, row.get(4)?);
        let image: Value = serde_json::from_str(&item)
            .map_err(|error| rusqlite::Error::FromSqlConversionFailure(4, rusqlite::types::Type::Text, error.into()))?;
        let name = if row.get(1)? { "INSERT" } else { "MODIFY" };
        let keys = json!({ "pk": { "S": pk }, "sk": { "S": sk } });
        let record = json!({ "eventName": name, "dynamodb": { "Keys": keys, "NewImage": image } });
        Ok(StreamRecord { sequence: row.get(0)?, record })
    })?;
    records.collect()
}

/// Removes the stream's records up to a sequence number.
///
/// # Errors
/// Those of SQLite.
pub fn trim_stream(connection: &Connection, up_to: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM stream WHERE sequence <= ?1")?.execute([up_to])?;
    Ok(())
}

/// How many items with this sort key have which text at a path into their JSON, in a table by its full name. Reads all of
/// the table.
///
/// # Errors
/// Those of SQLite; one for a table that does not exist.
pub fn counts(
    connection: &Connection,
    tables: &Tables,
    table: &str,
    sort_key: &str,
    path: &str,
) -> rusqlite::Result<BTreeMap<String, u64>> {
    let id = tables.find(table).map_err(|_| rusqlite::Error::InvalidParameterName(table.to_owned()))?.id;
    let sql =
        "SELECT item ->> ?3, COUNT(*) FROM items WHERE tbl = ?1 AND sk = ?2 GROUP BY 1 HAVING item ->> ?3 IS NOT NULL";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(rusqlite::params![id, sort_key, path], |row| {
        Ok((row.get(0)?, u64::try_from(row.get::<_, i64>(1)?).unwrap_or_default()))
    })?;
    rows.collect()
}

/// Deletes items whose `expires_at_epoch_s` is at or before `now_epoch_s`, as DynamoDB's TTL does: at most `limit`, those
/// that expired first. Returns how many.
///
/// # Errors
/// Those of SQLite.
pub fn sweep_expired(connection: &Connection, now_epoch_s: i64, limit: usize) -> rusqlite::Result<usize> {
    sql::sweep(connection, now_epoch_s, limit)
}
