//! A cache, in the process, of the store that each name (slug or id) belongs to. It saves a read for most requests
//! about a store.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use domain::{StoreId, TenantId, Timestamp, store::StoreStatus};

/// The store a request is about: its ids and its status when it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreRef {
    pub tenant_id: TenantId,
    pub store_id: StoreId,
    /// At most 30 seconds old when it comes from the cache.
    pub status: StoreStatus,
}

/// How long an entry is used. A suspended store may be served this much longer; a slug never moves to another store.
const KEPT_S: i64 = 30;
/// The cache is emptied when it holds this many names, so that a flood of names cannot fill the memory.
const KEPT_MAX: usize = 1_000;

/// The cache of stores by name. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct ClaimCache(Arc<Mutex<HashMap<String, (Timestamp, StoreRef)>>>);

impl ClaimCache {
    pub(crate) fn get(&self, name: &str, now: Timestamp) -> Option<StoreRef> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(name).filter(|(at, _)| domain::time::after(*at, KEPT_S) > now).map(|(_, store)| *store)
    }

    pub(crate) fn put(&self, name: String, now: Timestamp, store: StoreRef) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(name, (now, store));
    }
}
