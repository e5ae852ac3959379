//! Records that make a second time harmless: answers to keep, and events already dealt with.

use contracts::table::Table;
use domain::{
    EventId, TenantId, Timestamp,
    limits::{IDEMPOTENCY_TTL_S, INBOX_TTL_S},
    time::after,
};
use serde::{Deserialize, Serialize};

use crate::{
    entity::Entity,
    keys::{self, Key},
};

/// The answer to a request that carried an idempotency key, to be given again byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredAnswer {
    pub tenant_id: Option<TenantId>,
    /// Who asked: an account, or an address for those without a token.
    pub principal: String,
    pub function: String,
    pub key: String,
    /// Of path and body: the same key with another request is a mistake.
    pub fingerprint: String,
    pub status: u16,
    pub etag: Option<String>,
    pub body: String,
    pub at: Timestamp,
}

impl Entity for StoredAnswer {
    type Owner = ();
    const TABLE: Table = Table::Requests;
    const KIND: &'static str = "stored_answer";

    fn key(&self, (): ()) -> Key {
        keys::idempotency(self.tenant_id, &self.principal, &self.function, &self.key)
    }

    fn ends_at(&self) -> Option<Timestamp> {
        Some(after(self.at, IDEMPOTENCY_TTL_S))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InboxRecord {
    pub(crate) consumer: String,
    pub(crate) event_id: EventId,
    pub(crate) at: Timestamp,
}

impl Entity for InboxRecord {
    type Owner = TenantId;
    const TABLE: Table = Table::Requests;
    const KIND: &'static str = "inbox";

    fn key(&self, tenant: TenantId) -> Key {
        keys::inbox(tenant, &self.consumer, self.event_id)
    }

    fn ends_at(&self) -> Option<Timestamp> {
        Some(after(self.at, INBOX_TTL_S))
    }
}
