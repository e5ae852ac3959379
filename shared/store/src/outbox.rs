//! Events on their way to the bus.

use contracts::table::Table;
use domain::{EventId, TenantId, Timestamp, limits::OUTBOX_TTL_S, store::after};
use serde::{Deserialize, Serialize};

use crate::{
    entity::Entity,
    keys::{self, Key},
};

/// An event as `PutEvents` takes it. The relay reads these four from the stream's new images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxRecord {
    pub id: EventId,
    pub event_type: String,
    pub source: String,
    pub time: Timestamp,
    /// The envelope, as JSON text.
    pub detail: String,
}

impl Entity for OutboxRecord {
    type Owner = TenantId;
    const TABLE: Table = Table::Outbox;
    const KIND: &'static str = "outbox";

    fn key(&self, tenant: TenantId) -> Key {
        keys::outbox(tenant, self.id)
    }

    fn ends_at(&self) -> Option<Timestamp> {
        Some(after(self.time, OUTBOX_TTL_S))
    }
}
