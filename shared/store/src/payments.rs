//! Payments, and webhooks of providers.

use contracts::table::Table;
use domain::{OrderId, TenantId, Timestamp, payment::Payment};
use serde::{Deserialize, Serialize};

use crate::{
    entity::Entity,
    keys::{self, Key},
};

impl Entity for Payment {
    type Owner = TenantId;
    const TABLE: Table = Table::Payments;
    const KIND: &'static str = "payment";

    fn key(&self, tenant: TenantId) -> Key {
        keys::payment(tenant, self.order_id)
    }
}

/// A webhook as it was received. Stored for 90 days, to investigate what a provider reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookDelivery {
    /// The order.
    pub order_id: OrderId,
    /// The payment provider.
    pub provider: String,
    /// The same for repeated deliveries of one webhook.
    pub dedupe: String,
    /// The provider's name of the event.
    pub event: String,
    /// Reference of the attempt.
    pub reference: String,
    /// The raw body.
    pub body: String,
    /// When the webhook was received.
    pub received_at: Timestamp,
}

const KEPT_S: i64 = 90 * 24 * 3_600;

impl Entity for WebhookDelivery {
    type Owner = TenantId;
    const TABLE: Table = Table::Payments;
    const KIND: &'static str = "webhook_delivery";

    fn key(&self, tenant: TenantId) -> Key {
        keys::webhook_delivery(tenant, self.order_id, &self.provider, &self.dedupe)
    }

    fn ends_at(&self) -> Option<Timestamp> {
        Some(domain::time::after(self.received_at, KEPT_S))
    }
}
