//! Carts.

use contracts::table::Table;
use domain::{AccountId, OrderId, StoreId, TenantId, Timestamp, cart::Cart};

use crate::{
    entity::{Entity, number, text},
    keys::{self, Key},
    tx::{Op, Part, Tx},
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

impl Tx {
    /// Restores the lines that a cancelled order had taken from a cart; refused if the buyer has started a new cart.
    pub fn give_back_cart(
        &mut self,
        tenant: TenantId,
        store: StoreId,
        buyer: AccountId,
        order: OrderId,
        now: Timestamp,
    ) -> Op {
        self.push(Part::Update {
            key: keys::cart(tenant, store, buyer),
            expression: "SET version = version + :one, #data.updated_at = :now REMOVE #data.order_id".to_owned(),
            condition: "#data.order_id = :order".to_owned(),
            values: vec![(":one", number(1)), (":now", text(now.to_string())), (":order", text(order.to_string()))],
        })
    }
}
