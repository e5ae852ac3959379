//! Changes of stock. They are conditional arithmetic inside a transaction, not writes at a version, because buyers of
//! the same variant would otherwise constantly refuse each other. The transaction's token, and the reservation that is
//! written with it, make sure that the arithmetic happens once.

use domain::{TenantId, Timestamp, VariantId, reservation::StockEffect};

use crate::{
    entity::{number, text},
    keys,
    tx::{Op, Part, Tx},
};

const SET: &str = "SET version = version + :one, #data.updated_at = :now, ";

impl Tx {
    /// Reserves units of a variant; refused if fewer are available.
    pub fn reserve_stock(&mut self, tenant: TenantId, variant: VariantId, quantity: u32, now: Timestamp) -> Op {
        self.move_stock(
            tenant,
            variant,
            quantity,
            now,
            "#data.reserved = #data.reserved + :quantity, #data.available = #data.available - :quantity",
            "#data.available >= :quantity",
        )
    }

    /// Applies the effect of a reservation's transition to one of its lines; refused if there are too few units.
    pub fn apply_stock(
        &mut self,
        tenant: TenantId,
        variant: VariantId,
        quantity: u32,
        effect: StockEffect,
        now: Timestamp,
    ) -> Op {
        let (change, condition) = match effect {
            StockEffect::SellHeld => (
                "#data.on_hand = #data.on_hand - :quantity, #data.reserved = #data.reserved - :quantity",
                "#data.reserved >= :quantity AND #data.on_hand >= :quantity",
            ),
            StockEffect::SellFree => (
                "#data.on_hand = #data.on_hand - :quantity, #data.available = #data.available - :quantity",
                "#data.available >= :quantity",
            ),
            StockEffect::GiveBack => (
                "#data.reserved = #data.reserved - :quantity, #data.available = #data.available + :quantity",
                "#data.reserved >= :quantity",
            ),
            StockEffect::Return => (
                "#data.on_hand = #data.on_hand + :quantity, #data.available = #data.available + :quantity",
                "attribute_exists(pk) AND #data.on_hand >= :zero",
            ),
        };
        self.move_stock(tenant, variant, quantity, now, change, condition)
    }

    fn move_stock(
        &mut self,
        tenant: TenantId,
        variant: VariantId,
        quantity: u32,
        now: Timestamp,
        change: &str,
        condition: &str,
    ) -> Op {
        let mut values = vec![(":quantity", number(quantity)), (":one", number(1)), (":now", text(now.to_string()))];
        if condition.contains(":zero") {
            values.push((":zero", number(0)));
        }
        self.push(Part::Update {
            key: keys::stock(tenant, variant),
            expression: format!("{SET}{change}"),
            condition: condition.to_owned(),
            values,
        })
    }
}
