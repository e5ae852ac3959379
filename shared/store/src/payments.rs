//! Payments and the deliveries of providers.

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

/// A webhook as it came, kept for 90 days for whoever has to find out what a provider said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookDelivery {
    pub order_id: OrderId,
    pub provider: String,
    /// What makes two deliveries the same.
    pub dedupe: String,
    pub event: String,
    pub reference: String,
    pub body: String,
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
