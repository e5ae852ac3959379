//! The database of the one process: DynamoDB's wire interface and queues over one SQLite file.
//!
//! All of it is one database, so that a state, its events and the messages that follow from them are never on disk one
//! without the other. A call is answered when everything that it wrote, and everything that it saw, is on disk
//! ([`Durability::Full`]).

pub mod dynamo;
pub mod queues;
mod sync;

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use rusqlite::{Connection, OpenFlags, config::DbConfig};
use serde::Deserialize;

use crate::{
    dynamo::{Answer, Atomic, StreamRecord, Tables},
    queues::{Depth, NewMessage, Received, Terms},
    sync::Disk,
};

/// Connections that read while another writes.
const READERS: usize = 2;
/// More than there are statements: preparing one takes longer than running it.
const STATEMENTS: usize = 64;
/// Kilobytes of pages that each connection keeps.
const CACHE_KB: i32 = 16 * 1024;
/// Pages of the log (4 KB each) after which SQLite moves them into the file.
const CHECKPOINT_PAGES: i32 = 4_000;
/// How long another process (a backup) may hold the database, in milliseconds.
const BUSY_MS: i32 = 5_000;

/// When a call is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// When what it wrote and saw is on disk.
    Full,
    /// At once. What was answered in the last moments before a power cut may be gone; what is kept is consistent, and
    /// the end of the process alone loses nothing. For tests.
    Relaxed,
}

/// The database cannot be opened or used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// SQLite's error.
    #[error("{0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The disk's error.
    #[error("{0}")]
    Disk(#[from] io::Error),
}

/// The result of what only this crate does.
pub type Result<T> = std::result::Result<T, Error>;

/// An open database. Clones share it.
#[derive(Debug, Clone)]
pub struct Database(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    writer: Mutex<Connection>,
    /// None for a database in memory, which only one connection sees.
    readers: Vec<Mutex<Connection>>,
    turn: AtomicUsize,
    tables: Tables,
    /// None if nobody waits for the disk.
    disk: Option<Disk>,
}

impl Database {
    /// Opens or creates the file at `path`. `prefix` is the first part of all table names: `selleasi-<env>-`.
    ///
    /// # Errors
    /// The file cannot be opened, or is no such database.
    pub fn open(path: &Path, prefix: &str, durability: Durability) -> Result<Self> {
        let writer = Connection::open(path)?;
        prepare(&writer)?;
        writer.pragma_update(None, "journal_mode", "WAL")?;
        writer.pragma_update(None, "synchronous", "NORMAL")?;
        writer.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        create(&writer)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let reader = || {
            let reader = Connection::open_with_flags(path, flags)?;
            prepare(&reader)?;
            Ok(Mutex::new(reader))
        };
        let readers = (0..READERS).map(|_| reader()).collect::<rusqlite::Result<_>>()?;
        let disk = match durability {
            Durability::Full => Some(Disk::of(&log_of(path))?),
            Durability::Relaxed => None,
        };
        Ok(Self::over(writer, readers, prefix, disk))
    }

    /// An empty database in memory.
    ///
    /// # Errors
    /// SQLite's.
    pub fn memory(prefix: &str) -> Result<Self> {
        let writer = Connection::open_in_memory()?;
        prepare(&writer)?;
        create(&writer)?;
        Ok(Self::over(writer, vec![], prefix, None))
    }

    fn over(writer: Connection, readers: Vec<Mutex<Connection>>, prefix: &str, disk: Option<Disk>) -> Self {
        let (writer, turn, tables) = (Mutex::new(writer), AtomicUsize::new(0), Tables::new(prefix));
        Self(Arc::new(Inner { writer, readers, turn, tables, disk }))
    }

    /// Answers a call of DynamoDB's HTTP interface: the operation's name and the JSON of its body.
    pub async fn call(&self, operation: &str, body: &[u8]) -> Answer {
        let answer = self.execute(operation, body);
        self.synced().await;
        answer
    }

    /// As [`Database::call`], without waiting for the disk.
    pub fn execute(&self, operation: &str, body: &[u8]) -> Answer {
        let tables = &self.0.tables;
        if operation != "TransactWriteItems" {
            // The connection that writes keeps its pages; the others forget theirs at each write of it.
            let free = self.0.writer.try_lock().ok();
            return dynamo::execute(&free.unwrap_or_else(|| self.reader()), tables, operation, body);
        }
        let writer = self.writer();
        let _under_way = self.0.disk.as_ref().map(Disk::begin);
        dynamo::execute(&writer, tables, operation, body)
    }

    /// Waits until everything that was written so far is on disk.
    pub async fn synced(&self) {
        if let Some(disk) = &self.0.disk {
            disk.synced().await;
        }
    }

    /// The oldest records of the outbox's stream, at most `limit`. They stay until [`Database::trim_stream`].
    ///
    /// # Errors
    /// SQLite's.
    pub fn stream(&self, limit: usize) -> Result<Vec<StreamRecord>> {
        Ok(dynamo::stream(&self.reader(), 0, limit)?)
    }

    /// Forgets the records of the outbox's stream up to this sequence number.
    ///
    /// # Errors
    /// SQLite's.
    pub fn trim_stream(&self, up_to: i64) -> Result<()> {
        self.write(|connection| dynamo::trim_stream(connection, up_to))
    }

    /// Deletes up to `limit` items whose time to live is over. Returns how many.
    ///
    /// # Errors
    /// SQLite's.
    pub fn sweep_expired(&self, now_epoch_s: i64, limit: usize) -> Result<usize> {
        self.write(|connection| dynamo::sweep_expired(connection, now_epoch_s, limit))
    }

    /// How many items with this sort key have which text at a path into their JSON, in a table by its full name. Reads all
    /// of the table.
    ///
    /// # Errors
    /// SQLite's; one for a table that does not exist.
    pub fn counts(&self, table: &str, sort_key: &str, path: &str) -> Result<BTreeMap<String, u64>> {
        Ok(dynamo::counts(&self.reader(), &self.0.tables, table, sort_key, path)?)
    }

    /// Puts messages into queues, all or none. Returns their numbers.
    ///
    /// # Errors
    /// SQLite's.
    pub fn send(&self, messages: &[(String, NewMessage)], now_ms: i64) -> Result<Vec<i64>> {
        self.write(|connection| {
            messages.iter().map(|(queue, message)| queues::send(connection, queue, message, now_ms)).collect()
        })
    }

    /// Takes up to `at_most` messages out of sight of others, until they are deleted or their time is over.
    ///
    /// # Errors
    /// SQLite's.
    pub fn receive(&self, queue: &str, at_most: usize, terms: Terms, now_ms: i64) -> Result<Received> {
        self.write(|connection| queues::receive(connection, queue, at_most, terms, now_ms))
    }

    /// Deletes received messages. Returns for each receipt whether there was such a message.
    ///
    /// # Errors
    /// SQLite's.
    pub fn delete(&self, queue: &str, receipts: &[String]) -> Result<Vec<bool>> {
        self.write(|connection| receipts.iter().map(|receipt| queues::delete(connection, queue, receipt)).collect())
    }

    /// Lets a received message come again after `wait_ms`. False if there is no such message.
    ///
    /// # Errors
    /// SQLite's.
    pub fn hold_back(&self, queue: &str, receipt: &str, wait_ms: i64, now_ms: i64) -> Result<bool> {
        self.write(|connection| queues::hold_back(connection, queue, receipt, wait_ms, now_ms))
    }

    /// Lets all messages come again at once that were in flight when the process before this one ended.
    ///
    /// # Errors
    /// SQLite's.
    pub fn return_in_flight(&self, now_ms: i64) -> Result<usize> {
        self.write(|connection| queues::return_in_flight(connection, now_ms))
    }

    /// When the next message of a queue can be received, in milliseconds since 1970; `None` if it is empty.
    ///
    /// # Errors
    /// SQLite's.
    pub fn next_visible_ms(&self, queue: &str) -> Result<Option<i64>> {
        Ok(queues::next_visible_ms(&self.reader(), queue)?)
    }

    /// What is in each queue that is not empty.
    ///
    /// # Errors
    /// SQLite's.
    pub fn depths(&self, now_ms: i64) -> Result<BTreeMap<String, Depth>> {
        Ok(queues::depths(&self.reader(), now_ms)?)
    }

    /// Forgets messages that were sent before `sent_ms`. Returns how many.
    ///
    /// # Errors
    /// SQLite's.
    pub fn forget_messages(&self, sent_ms: i64) -> Result<usize> {
        self.write(|connection| queues::forget(connection, sent_ms))
    }

    /// Whether something can be written now: not if the disk is full, for one.
    ///
    /// # Errors
    /// SQLite's.
    pub fn check_writable(&self) -> Result<()> {
        self.write(|connection| connection.pragma_update(None, "user_version", 1))
    }

    /// Writes a consistent copy to a file that does not exist yet, while others read and write.
    ///
    /// # Errors
    /// SQLite's, or the file exists.
    pub fn copy_to(&self, path: &Path) -> Result<()> {
        let text = path.to_string_lossy();
        self.reader().execute("VACUUM INTO ?1", [&*text])?;
        Ok(())
    }

    fn write<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        let writer = self.writer();
        let _under_way = self.0.disk.as_ref().map(Disk::begin);
        let transaction = Atomic::begin(&writer)?;
        let done = work(&writer)?;
        transaction.keep()?;
        Ok(done)
    }

    fn writer(&self) -> MutexGuard<'_, Connection> {
        lock(&self.0.writer)
    }

    /// A connection to read with: a free one if there is one.
    fn reader(&self) -> MutexGuard<'_, Connection> {
        let readers = &self.0.readers;
        if readers.is_empty() {
            return self.writer();
        }
        let first = self.0.turn.fetch_add(1, Ordering::Relaxed);
        let free = (0..readers.len()).find_map(|step| readers[(first + step) % readers.len()].try_lock().ok());
        free.unwrap_or_else(|| lock(&readers[first % readers.len()]))
    }
}

fn lock(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

/// SQLite's write-ahead log of a database.
fn log_of(path: &Path) -> PathBuf {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Statements are prepared once, and not again for other values.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "busy_timeout", BUSY_MS)?;
    connection.pragma_update(None, "cache_size", -CACHE_KB)?;
    connection.pragma_update(None, "temp_store", "MEMORY")
}

fn create(connection: &Connection) -> rusqlite::Result<()> {
    dynamo::create(connection)?;
    queues::create(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms() -> Terms {
        Terms { visibility_ms: 1_000, receives_max: Some(3) }
    }

    #[tokio::test]
    async fn what_was_synced_is_there_after_the_process_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("db");
        let database = Database::open(&path, "t-", Durability::Full).unwrap();
        database.send(&[("a".to_owned(), NewMessage::now("one"))], 0).unwrap();
        database.synced().await;
        // As a crash leaves it: the file and its log, without the database's own clean end.
        let crashed = directory.path().join("crashed");
        std::fs::copy(&path, &crashed).unwrap();
        std::fs::copy(log_of(&path), log_of(&crashed)).unwrap();
        let after = Database::open(&crashed, "t-", Durability::Full).unwrap();
        assert_eq!(after.receive("a", 9, terms(), 0).unwrap().messages[0].body, "one");
    }

    #[tokio::test]
    async fn waiting_for_the_disk_ends_for_everybody() {
        let directory = tempfile::tempdir().unwrap();
        let database = Database::open(&directory.path().join("db"), "t-", Durability::Full).unwrap();
        let writers = (0..50).map(|number: i64| {
            let database = database.clone();
            tokio::spawn(async move {
                database.send(&[("a".to_owned(), NewMessage::now(number.to_string()))], number).unwrap();
                database.synced().await;
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        assert_eq!(database.receive("a", 99, terms(), 50).unwrap().messages.len(), 50);
        // Nothing new: nobody waits.
        database.synced().await;
    }

    #[test]
    fn items_are_counted_by_a_text_in_them() {
        let database = Database::memory("t-").unwrap();
        for (key, status) in [("1", "paid"), ("2", "paid"), ("3", "refunded")] {
            let item = format!(r#"{{"pk":{{"S":"{key}"}},"sk":{{"S":"ORDER"}},"status":{{"S":"{status}"}}}}"#);
            let put = format!(r#"{{"TransactItems":[{{"Put":{{"TableName":"t-orders","Item":{item}}}}}]}}"#);
            assert_eq!(database.execute("TransactWriteItems", put.as_bytes()).status, 200);
        }
        let counts = database.counts("t-orders", "ORDER", "$.status.S").unwrap();
        assert_eq!(counts, BTreeMap::from([("paid".to_owned(), 2), ("refunded".to_owned(), 1)]));
        assert_eq!(database.counts("t-orders", "RETURN", "$.status.S").unwrap(), BTreeMap::new());
        database.counts("t-others", "ORDER", "$.status.S").unwrap_err();
        database.check_writable().unwrap();
    }

    #[test]
    fn a_copy_has_everything_and_replaces_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let database = Database::open(&directory.path().join("db"), "t-", Durability::Relaxed).unwrap();
        database.send(&[("a".to_owned(), NewMessage::now("one"))], 0).unwrap();
        let copy = directory.path().join("copy");
        database.copy_to(&copy).unwrap();
        assert!(database.copy_to(&copy).is_err(), "there is one already");
        let copied = Database::open(&copy, "t-", Durability::Relaxed).unwrap();
        assert_eq!(copied.depths(0).unwrap(), database.depths(0).unwrap());
    }
}
