//! Carts.

use contracts::table::Table;
use domain::{TenantId, Timestamp, cart::Cart};

use crate::{
    entity::Entity,
    keys::{self, Key},
};

impl Entity for Cart {
    type Owner = TenantId;
    const TABLE: Table = Table::Carts;
    const KIND: &'static str = "cart";

    fn key(&self, tenant: TenantId) -> Key {
        keys::cart(tenant, self.store_id, self.buyer_id)
    }

    fn ends_at(&self) -> Option<Timestamp> {
        Some(self.expires_at)
    }
}
