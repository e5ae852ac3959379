//! Which store a name belongs to, kept in the process for a moment: a request about a store then costs no read for it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use domain::{StoreId, TenantId, Timestamp, store::StoreStatus};

/// The store a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreRef {
    pub tenant_id: TenantId,
    pub store_id: StoreId,
    pub status: StoreStatus,
}

/// A store that was suspended is served at most this much longer. Slugs never change hands.
const KEPT_S: i64 = 30;
/// Names kept in one process at the most; a flood of names empties it rather than filling the memory.
const KEPT_MAX: usize = 1_000;

/// Stores lately asked for.
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
