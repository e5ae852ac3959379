//! Timers: what is to be done at a time, written in the transaction of the state that needs it. A timer is known by its
//! aggregate and its function, so setting one again moves it, and cancelling one that is not there does nothing: the
//! aggregate's own version, in the same transaction, decides between rivals.
//!
//! Those that are waiting stand in an index by when they are due, spread over shards by aggregate, so that no partition
//! takes all writes. An index sorted by time needs no memory of how far it was swept: what is due stands first until
//! it is removed.

use contracts::{Timer, table::Table, timers::Due};
use domain::{TenantId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    entity::Entity,
    keys::{self, IndexKey, Key},
    tx::{Op, Tx},
};

/// Partitions of the index. DynamoDB takes about 1,000 writes a second of each, and a timer costs two.
pub const SHARDS: u8 = 8;

/// A timer that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimerRecord {
    /// The function to be called.
    pub function: String,
    pub due: Due<String>,
}

impl TimerRecord {
    /// The version it is written at. Its time is its version, so whoever sweeps a timer cannot remove one that was
    /// moved meanwhile.
    pub fn version(&self) -> u64 {
        u64::try_from(self.due.due_at.as_millisecond()).unwrap_or(0)
    }
}

impl Entity for TimerRecord {
    type Owner = TenantId;
    const TABLE: Table = Table::Timers;
    const KIND: &'static str = "timer";

    fn key(&self, tenant: TenantId) -> Key {
        keys::timer(tenant, &self.due.subject, &self.function)
    }

    fn index_keys(&self, tenant: TenantId) -> Vec<IndexKey> {
        let Due { due_at, subject, .. } = &self.due;
        vec![keys::due_timers(shard(subject)).at(keys::due_at(*due_at, tenant, subject, &self.function))]
    }
}

/// The shard of an aggregate's timers (FNV-1a of its id).
fn shard(subject: &str) -> u8 {
    let hash = subject.bytes().fold(0x811C_9DC5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    u8::try_from(hash % u32::from(SHARDS)).unwrap_or(0)
}

impl Tx {
    /// Sets the timer of a function for an aggregate, or moves it.
    pub fn set_timer<T: Timer>(&mut self, due: Due<T::Subject>) -> Op {
        let subject = due.subject.to_string();
        let record = TimerRecord { function: T::ROW.function.to_owned(), due: due.about(subject) };
        let version = record.version();
        self.replace(record.due.tenant_id, &record, version)
    }

    /// Cancels the timer of a function for an aggregate, if there is one.
    pub fn cancel_timer<T: Timer>(&mut self, tenant: TenantId, subject: T::Subject) -> Op {
        self.remove_if_any(keys::timer(tenant, &subject.to_string(), T::ROW.function))
    }

    /// Removes a timer that was swept; refused if it was moved or cancelled meanwhile.
    pub fn remove_swept(&mut self, record: &TimerRecord) -> Op {
        self.delete(record.key(record.due.tenant_id), record.version())
    }
}

/// Whether a timer is due.
pub fn is_due(record: &TimerRecord, now: Timestamp) -> bool {
    record.due.due_at <= now
}
