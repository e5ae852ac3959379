//! What the authorizer said of callers' tokens, kept as long as API Gateway keeps it.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use domain::{Timestamp, limits::AUTHORIZER_CACHE_S, time::after};
use runtime::Principal;
use sha2::{Digest, Sha256};

/// Everything is forgotten when this many are kept, so that a flood of tokens cannot fill the memory.
const KEPT_MAX: usize = 10_000;

/// Callers by the hash of `Authorization`. Only those whose token was good.
#[derive(Debug, Default)]
pub(crate) struct Decisions(Mutex<HashMap<[u8; 32], (Timestamp, Principal)>>);

fn hashed(authorization: &str) -> [u8; 32] {
    Sha256::digest(authorization).into()
}

impl Decisions {
    pub(crate) fn get(&self, authorization: &str, now: Timestamp) -> Option<Principal> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, principal) = kept.get(&hashed(authorization))?;
        (after(*at, AUTHORIZER_CACHE_S) > now).then(|| principal.clone())
    }

    pub(crate) fn put(&self, authorization: &str, now: Timestamp, principal: Principal) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(hashed(authorization), (now, principal));
    }
}

#[cfg(test)]
mod tests {
    use testing::World;

    use super::*;

    #[tokio::test]
    async fn a_decision_counts_for_its_token_and_for_a_while() {
        let world = World::new().await;
        let (decisions, now) = (Decisions::default(), world.deps.now());
        decisions.put("Bearer one", now, world.owner.clone());
        assert_eq!(decisions.get("Bearer one", after(now, AUTHORIZER_CACHE_S - 1)), Some(world.owner.clone()));
        assert_eq!(decisions.get("Bearer one", after(now, AUTHORIZER_CACHE_S)), None);
        assert_eq!(decisions.get("Bearer two", now), None);
    }
}
