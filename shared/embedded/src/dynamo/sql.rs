//! The tables in SQLite, and every statement that changes them.

use rusqlite::{Connection, OptionalExtension, params};

use super::{
    failure::Failure,
    key::{Key, index_keys},
    tables::TableRow,
    value::{Item, Value},
};

/// Text is compared by its bytes. Why items have row ids: infra/decisions/0022. The temporary table is part of
/// transactions like the others, so that a token is forgotten with the transaction that used it; it ends with the
/// connection.
pub(super) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS items (
        id INTEGER PRIMARY KEY,
        tbl INTEGER NOT NULL, pk TEXT NOT NULL, sk TEXT NOT NULL,
        version INTEGER, expires INTEGER,
        gsi1pk TEXT, gsi1sk TEXT, gsi2pk TEXT, gsi2sk TEXT,
        item TEXT NOT NULL,
        UNIQUE (tbl, pk, sk)
    );
    CREATE INDEX IF NOT EXISTS items_gsi1 ON items (tbl, gsi1pk, gsi1sk, pk, sk) WHERE gsi1pk IS NOT NULL;
    CREATE INDEX IF NOT EXISTS items_gsi2 ON items (tbl, gsi2pk, gsi2sk, pk, sk) WHERE gsi2pk IS NOT NULL;
    CREATE INDEX IF NOT EXISTS items_expires ON items (expires) WHERE expires IS NOT NULL;
    CREATE TABLE IF NOT EXISTS stream (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        is_new INTEGER NOT NULL, pk TEXT NOT NULL, sk TEXT NOT NULL, item TEXT NOT NULL
    );
    PRAGMA temp_store = MEMORY;
    CREATE TEMP TABLE IF NOT EXISTS tokens (
        token INTEGER PRIMARY KEY, request INTEGER NOT NULL, at INTEGER NOT NULL
    );
";

/// What is stored of an item.
#[derive(Debug)]
pub(super) struct Stored {
    /// Its attribute `version`, if that is an integer in the form of [`super::number::normal`].
    pub(super) version: Option<i64>,
    pub(super) json: String,
}

pub(super) fn read(connection: &Connection, table: TableRow, key: &Key<'_>) -> rusqlite::Result<Option<Stored>> {
    connection
        .prepare_cached("SELECT version, item FROM items WHERE tbl = ?1 AND pk = ?2 AND sk = ?3")?
        .query_row(params![table.id, key.pk, key.sk], |row| Ok(Stored { version: row.get(0)?, json: row.get(1)? }))
        .optional()
}

/// Writes an item in place of any other with its key.
pub(super) fn write(
    connection: &Connection,
    table: TableRow,
    key: &Key<'_>,
    item: &Item<'_>,
    json: &str,
) -> Result<(), Failure> {
    let integer = |name: &str| match item.get(name) {
        Some(Value::N(number)) => number.parse::<i64>().ok(),
        _ => None,
    };
    let [first, second] = index_keys(item, table.indexes)?;
    let ([gsi1pk, gsi1sk], [gsi2pk, gsi2sk]) = (first.map_or([None; 2], each), second.map_or([None; 2], each));
    connection
        .prepare_cached(
            "INSERT INTO items (tbl, pk, sk, version, expires, gsi1pk, gsi1sk, gsi2pk, gsi2sk, item) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) \
             ON CONFLICT (tbl, pk, sk) DO UPDATE SET version = excluded.version, expires = excluded.expires, \
             gsi1pk = excluded.gsi1pk, gsi1sk = excluded.gsi1sk, gsi2pk = excluded.gsi2pk, \
             gsi2sk = excluded.gsi2sk, item = excluded.item",
        )?
        .execute(params![
            table.id,
            key.pk,
            key.sk,
            integer("version"),
            integer("expires_at_epoch_s"),
            gsi1pk,
            gsi1sk,
            gsi2pk,
            gsi2sk,
            json
        ])?;
    Ok(())
}

fn each([pk, sk]: [&str; 2]) -> [Option<&str>; 2] {
    [Some(pk), Some(sk)]
}

pub(super) fn delete(connection: &Connection, table: TableRow, key: &Key<'_>) -> rusqlite::Result<usize> {
    connection
        .prepare_cached("DELETE FROM items WHERE tbl = ?1 AND pk = ?2 AND sk = ?3")?
        .execute(params![table.id, key.pk, key.sk])
}

pub(super) fn add_to_stream(
    connection: &Connection,
    is_new: bool,
    key: &Key<'_>,
    json: &str,
) -> rusqlite::Result<usize> {
    connection
        .prepare_cached("INSERT INTO stream (is_new, pk, sk, item) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![is_new, key.pk, key.sk, json])
}

/// How long a token counts, in seconds.
const TOKEN_TTL_S: i64 = 600;

/// What is known of a token.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// Nothing. Now it is known with this request.
    New,
    /// It was used for the same request.
    Repeated,
    /// It was used for another request.
    Taken,
}

/// Records a token with its request, unless it is known. Both are given by their hashes.
pub(super) fn take_token(connection: &Connection, token: i64, request: i64) -> rusqlite::Result<Token> {
    let taken = connection
        .prepare_cached(
            "INSERT INTO temp.tokens (token, request, at) VALUES (?1, ?2, unixepoch()) \
             ON CONFLICT (token) DO UPDATE SET request = excluded.request, at = excluded.at \
             WHERE at <= excluded.at - ?3",
        )?
        .execute(params![token, request, TOKEN_TTL_S])?;
    if taken == 1 {
        return Ok(Token::New);
    }
    let known: i64 = connection
        .prepare_cached("SELECT request FROM temp.tokens WHERE token = ?1")?
        .query_row([token], |row| row.get(0))?;
    Ok(if known == request { Token::Repeated } else { Token::Taken })
}

/// Removes the tokens that no longer count.
pub(super) fn forget_tokens(connection: &Connection) -> rusqlite::Result<usize> {
    connection.prepare_cached("DELETE FROM temp.tokens WHERE at <= unixepoch() - ?1")?.execute([TOKEN_TTL_S])
}

pub(super) fn sweep(connection: &Connection, now_epoch_s: i64, limit: usize) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "DELETE FROM items WHERE id IN (SELECT id FROM items \
             WHERE expires IS NOT NULL AND expires <= ?1 ORDER BY expires LIMIT ?2)",
        )?
        .execute(params![now_epoch_s, i64::try_from(limit).unwrap_or(i64::MAX)])
}

/// A transaction of its own, or a part of the caller's that can be undone. Undone unless it is kept.
#[derive(Debug)]
pub(crate) struct Atomic<'c> {
    connection: &'c Connection,
    is_own: bool,
    is_kept: bool,
}

impl<'c> Atomic<'c> {
    pub(crate) fn begin(connection: &'c Connection) -> rusqlite::Result<Self> {
        let is_own = connection.is_autocommit();
        connection.prepare_cached(if is_own { "BEGIN IMMEDIATE" } else { "SAVEPOINT part" })?.execute([])?;
        Ok(Self { connection, is_own, is_kept: false })
    }

    pub(crate) fn keep(mut self) -> rusqlite::Result<()> {
        let sql = if self.is_own { "COMMIT" } else { "RELEASE part" };
        self.connection.prepare_cached(sql)?.execute([])?;
        self.is_kept = true;
        Ok(())
    }
}

impl Drop for Atomic<'_> {
    fn drop(&mut self) {
        // After some errors, a full disk for one, SQLite has rolled back the whole transaction already.
        if !self.is_kept && !self.connection.is_autocommit() {
            let sql = if self.is_own { "ROLLBACK" } else { "ROLLBACK TO part; RELEASE part" };
            // Fails only if SQLite rolls back by itself.
            let _ = self.connection.execute_batch(sql);
        }
    }
}
