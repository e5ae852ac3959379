//! Messages to people, recorded once per thing, kind and audience.

use contracts::table::Table;
use domain::{EventId, NotificationId, TenantId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    entity::Entity,
    keys::{self, Key},
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    pub id: NotificationId,
    /// The event that it tells of.
    pub event_id: EventId,
    /// `ORDER_CONFIRMATION`, …
    pub kind: String,
    /// `buyer` or `seller`.
    pub audience: String,
    /// What it is about: an order's id, mostly.
    pub reference: String,
    pub recipient: String,
    pub subject: String,
    /// When somebody last set out to send it.
    pub claimed_at: Timestamp,
    /// `None` while it is being sent.
    pub sent_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

impl Entity for Notification {
    type Owner = TenantId;
    const TABLE: Table = Table::Notifications;
    const KIND: &'static str = "notification";

    fn key(&self, tenant: TenantId) -> Key {
        keys::notification(tenant, &self.reference, &self.kind, &self.audience)
    }
}
