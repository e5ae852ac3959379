//! Notifications: one record for each reference, kind and audience.

use contracts::table::Table;
use domain::{EventId, NotificationId, TenantId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    entity::Entity,
    keys::{self, Key},
};

/// A message to a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// Id of the notification.
    pub id: NotificationId,
    /// The event that caused it.
    pub event_id: EventId,
    /// `ORDER_CONFIRMATION`, …
    pub kind: String,
    /// `buyer` or `seller`.
    pub audience: String,
    /// What the message is about: mostly the id of an order.
    pub reference: String,
    /// The e-mail address.
    pub recipient: String,
    /// The subject of the mail.
    pub subject: String,
    /// When a function last began to send it.
    pub claimed_at: Timestamp,
    /// When it was sent; `None` until then.
    pub sent_at: Option<Timestamp>,
    /// When the notification was created.
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
