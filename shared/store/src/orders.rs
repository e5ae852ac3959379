//! Orders and their timelines.

use contracts::table::Table;
use domain::{
    AccountId, OrderId, StoreId, TenantId, Timestamp,
    limits::PENDING_COUNT_TTL_S,
    order::{Holder, Order, OrderStatus},
    time::after,
};
use serde::{Deserialize, Serialize};

use crate::{
    entity::{Entity, TTL_ATTRIBUTE, number, text},
    keys::{self, IndexKey, Key},
    tx::{Op, Part, Tx},
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

/// Counts of pending orders. They are changed by conditional arithmetic, like stock, so that buyers behind one address do
/// not refuse each other. The order that is written with it makes sure that it is counted once. A count is never read as
/// a value, only asked by its condition, so it has no type; its attributes are at the top of the item, because the first
/// order has to make them.
impl Tx {
    /// Counts a new order of `units` units against a holder; refused if the holder would have more than it can.
    pub fn hold(&mut self, tenant: TenantId, store: StoreId, holder: &Holder, units: u32, now: Timestamp) -> Op {
        let room = i64::from(holder.units_max()) - i64::from(units);
        let none = if room < 0 { "attribute_exists(pk)" } else { "attribute_not_exists(pk)" };
        let within = "held_orders < :max AND held_units <= :room";
        let condition = if room < 0 { format!("{none} AND {within}") } else { format!("{none} OR ({within})") };
        let bounds = [(":max", number(holder.orders_max())), (":room", number(room))];
        self.count_pending(keys::pending_orders(tenant, store, holder), '+', units, now, condition, bounds.to_vec())
    }

    /// Counts the order no longer. Never refused: a count that was deleted in the meantime must not hold up an order.
    pub fn let_go(&mut self, tenant: TenantId, store: StoreId, holder: &Holder, units: u32, now: Timestamp) -> Op {
        self.count_pending(keys::pending_orders(tenant, store, holder), '-', units, now, String::new(), vec![])
    }

    fn count_pending(
        &mut self,
        key: Key,
        sign: char,
        units: u32,
        now: Timestamp,
        condition: String,
        mut values: Vec<(&'static str, aws_sdk_dynamodb::types::AttributeValue)>,
    ) -> Op {
        values.extend([
            (":kind", text("pending_orders")),
            (":zero", number(0)),
            (":one", number(1)),
            (":units", number(units)),
            (":ends", number(after(now, PENDING_COUNT_TTL_S).as_second())),
        ]);
        let expression = format!(
            "SET kind = :kind, #schema = :one, version = if_not_exists(version, :zero) + :one, \
             held_orders = if_not_exists(held_orders, :zero) {sign} :one, \
             held_units = if_not_exists(held_units, :zero) {sign} :units, {TTL_ATTRIBUTE} = :ends"
        );
        self.push(Part::Update { key, expression, condition, values })
    }
}
