//! Timers: calls of functions at a later time, written in the transaction of the state that needs them. An aggregate
//! has at most one timer for each function, so setting it again moves it, and cancelling a missing one does nothing.
//! Timer writes need no condition: the aggregate's own version, in the same transaction, decides between competing
//! writers.
//!
//! Waiting timers are in an index by due time. It is spread over shards by aggregate, so that no single partition takes
//! all writes. The sweep does not record how far it got: due timers are first in the index until they are removed.

use contracts::{Timer, table::Table, timers::Due};
use domain::{TenantId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    entity::Entity,
    keys::{self, IndexKey, Key},
    tx::{Op, Tx},
};

/// Partitions of the index. Each takes about 1,000 writes a second, and a timer needs two (to set and to remove it).
pub const SHARDS: u8 = 8;

/// A waiting timer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimerRecord {
    /// The function to be called.
    pub function: String,
    /// The message that the function receives.
    pub due: Due<String>,
}

impl TimerRecord {
    /// The version of the record: its due time, in milliseconds since 1970. So the sweep cannot remove a timer that was
    /// moved after it was read.
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

/// The shard of an aggregate's timers: a hash (FNV-1a) of its id.
fn shard(subject: &str) -> u8 {
    let hash = subject.bytes().fold(0x811C_9DC5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    u8::try_from(hash % u32::from(SHARDS)).unwrap_or(0)
}

impl Tx {
    /// Sets the timer of a function for an aggregate, or moves it if it exists.
    pub fn set_timer<T: Timer>(&mut self, due: Due<T::Subject>) -> Op {
        let subject = due.subject.to_string();
        let record = TimerRecord { function: T::ROW.function.to_owned(), due: due.about(subject) };
        let version = record.version();
        self.replace(record.due.tenant_id, &record, version)
    }

    /// Cancels the timer of a function for an aggregate, if it exists.
    pub fn cancel_timer<T: Timer>(&mut self, tenant: TenantId, subject: T::Subject) -> Op {
        self.remove_if_any(keys::timer(tenant, &subject.to_string(), T::ROW.function))
    }

    /// Removes a timer that was sent to its function's queue; refused if it was moved or cancelled in the meantime.
    pub fn remove_swept(&mut self, record: &TimerRecord) -> Op {
        self.delete(record.key(record.due.tenant_id), record.version())
    }
}

/// Whether a timer is due.
pub fn is_due(record: &TimerRecord, now: Timestamp) -> bool {
    record.due.due_at <= now
}
