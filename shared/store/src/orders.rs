//! Orders and their timelines.

use contracts::table::Table;
use domain::{
    AccountId, OrderId, TenantId, Timestamp,
    order::{Order, OrderStatus},
};
use serde::{Deserialize, Serialize};

use crate::{
    entity::Entity,
    keys::{self, IndexKey, Key},
};

impl Entity for Order {
    type Owner = TenantId;
    const TABLE: Table = Table::Orders;
    const KIND: &'static str = "order";

    fn key(&self, tenant: TenantId) -> Key {
        keys::order(tenant, self.id)
    }

    fn index_keys(&self, tenant: TenantId) -> Vec<IndexKey> {
        vec![
            keys::orders_of_buyer(tenant, self.store_id, self.buyer_id).at(self.id.to_string()),
            keys::orders_of_store(tenant, self.store_id).at(self.id.to_string()),
        ]
    }
}

/// A change of an order, written in the same transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineEntry {
    /// The order.
    pub order_id: OrderId,
    /// The buyer of the order, so that access to a timeline can be checked without reading the order.
    pub buyer_id: AccountId,
    /// Version of the order after the change.
    pub order_version: u64,
    /// Status of the order after the change.
    pub status: OrderStatus,
    /// Type of the event that the change emitted.
    pub event: String,
    /// When the order changed.
    pub at: Timestamp,
}

impl Entity for TimelineEntry {
    type Owner = TenantId;
    const TABLE: Table = Table::Orders;
    const KIND: &'static str = "timeline_entry";

    fn key(&self, tenant: TenantId) -> Key {
        keys::timeline_entry(tenant, self.order_id, self.order_version)
    }
}
