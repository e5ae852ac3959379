//! Stock, its movements, reservations.

use contracts::table::Table;
use domain::{
    TenantId,
    reservation::Reservation,
    stock::{Movement, Stock},
};

use crate::{
    entity::Entity,
    keys::{self, IndexKey, Key},
};

impl Entity for Stock {
    type Owner = TenantId;
    const TABLE: Table = Table::Inventory;
    const KIND: &'static str = "stock";

    fn key(&self, tenant: TenantId) -> Key {
        keys::stock(tenant, self.variant_id)
    }

    fn index_keys(&self, tenant: TenantId) -> Vec<IndexKey> {
        vec![keys::stocks(tenant, self.store_id).at(self.variant_id.to_string())]
    }
}

impl Entity for Movement {
    type Owner = TenantId;
    const TABLE: Table = Table::Inventory;
    const KIND: &'static str = "movement";

    fn key(&self, tenant: TenantId) -> Key {
        keys::movement(tenant, self.variant_id, self.id)
    }
}

impl Entity for Reservation {
    type Owner = TenantId;
    const TABLE: Table = Table::Inventory;
    const KIND: &'static str = "reservation";

    fn key(&self, tenant: TenantId) -> Key {
        keys::reservation(tenant, self.order_id)
    }
}
