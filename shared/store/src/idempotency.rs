//! Records that make repetitions harmless: responses for idempotency keys, and events that consumers have processed.

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

/// The response to a request with an idempotency key. A repeated request gets exactly the same response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredAnswer {
    /// The caller's tenant, if there is one.
    pub tenant_id: Option<TenantId>,
    /// The caller: an account, or the IP address of a caller without a token.
    pub principal: String,
    /// The function.
    pub function: String,
    /// The client's idempotency key.
    pub key: String,
    /// Hash of the request, to detect that a key is reused for another request.
    pub fingerprint: String,
    /// The HTTP status.
    pub status: u16,
    /// The header `ETag`.
    pub etag: Option<String>,
    /// The body.
    pub body: String,
    /// When the request was answered.
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
