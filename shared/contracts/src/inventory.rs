//! Inventory over HTTP, and the steps of the saga that move stock.

use domain::{
    AccountId, MovementId, Permission, StoreId, Timestamp, VariantId,
    limits::{SHORT_TEXT_MAX, STOCK_MAX},
    stock::MovementReason,
};
use serde::{Deserialize, Serialize};

use crate::{
    check, endpoints, events,
    http::{ListQuery, Nothing, Page},
    row::Access,
    steps,
};

/// How much there is of a variant, for the store's team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Stock {
    pub variant_id: VariantId,
    pub store_id: StoreId,
    pub on_hand: i64,
    /// Promised to orders that are being paid.
    pub reserved: i64,
    /// What can be sold: on hand and not reserved.
    pub available: i64,
    /// At or below this many available units the stock is low.
    pub reorder_point: i64,
    pub reorder_quantity: i64,
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub updated_at: Timestamp,
    pub version: u64,
}

impl Stock {
    pub fn new(stock: domain::stock::Stock, version: u64) -> Self {
        Self {
            variant_id: stock.variant_id,
            store_id: stock.store_id,
            on_hand: stock.on_hand,
            reserved: stock.reserved,
            available: stock.available,
            reorder_point: stock.reorder_point,
            reorder_quantity: stock.reorder_quantity,
            updated_at: stock.updated_at,
            version,
        }
    }
}

/// A change of the units on hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Movement {
    pub id: MovementId,
    pub variant_id: VariantId,
    /// Units that came or, negative, went.
    pub delta: i64,
    pub reason: MovementReason,
    /// The order it was for, or the team's own words.
    pub reference: Option<String>,
    /// Who did it; absent when an order did.
    pub actor: Option<AccountId>,
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub at: Timestamp,
}

impl From<domain::stock::Movement> for Movement {
    fn from(movement: domain::stock::Movement) -> Self {
        Self {
            id: movement.id,
            variant_id: movement.variant_id,
            delta: movement.delta,
            reason: movement.reason,
            reference: movement.reference,
            actor: movement.actor,
            at: movement.at,
        }
    }
}

/// Whether a variant can be bought now, for everybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Availability {
    pub variant_id: VariantId,
    pub available: i64,
    pub in_stock: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AdjustStock {
    /// Units that came or, negative, went; not 0.
    #[garde(range(min = -STOCK_MAX, max = STOCK_MAX), custom(not_zero))]
    pub delta: i64,
    #[garde(skip)]
    #[eserde(compat)]
    pub reason: AdjustReason,
    /// A delivery note, a count sheet, a few words.
    #[garde(length(chars, min = 1, max = SHORT_TEXT_MAX), inner(custom(check::clean)))]
    #[serde(default)]
    pub reference: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde passes the value and its context so")]
fn not_zero(delta: &i64, (): &()) -> garde::Result {
    if *delta == 0 { Err(garde::Error::new("expected a number other than 0")) } else { Ok(()) }
}

/// Why a person changes the units on hand. Sales and returns are the orders' own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AdjustReason {
    Initial,
    Restock,
    Correction,
    Damage,
}

impl From<AdjustReason> for MovementReason {
    fn from(reason: AdjustReason) -> Self {
        match reason {
            AdjustReason::Initial => Self::Initial,
            AdjustReason::Restock => Self::Restock,
            AdjustReason::Correction => Self::Correction,
            AdjustReason::Damage => Self::Damage,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StockPath {
    pub variant_id: VariantId,
}

endpoints! {
    /// Lists a store's stock, newest variants first.
    List = Get "/inventory" => "inventory-list" {
        access: Access::Needs(Permission::InventoryRead), store: Required, idempotency: None,
        path: Nothing, query: ListQuery, body: Nothing, reply: 200 Page<Stock>,
        tables: [Inventory: Query], emits: [],
        grants: [CursorKey],
    }
    /// Shows a variant's stock.
    Get = Get "/inventory/{variant_id}" => "inventory-get" {
        access: Access::Needs(Permission::InventoryRead), store: Required, idempotency: None,
        path: StockPath, query: Nothing, body: Nothing, reply: 200 Stock,
        tables: [Inventory: Get], emits: [],
    }
    /// Adds or takes away units.
    ///
    /// Units that are reserved for orders cannot be taken away: 409 `below_reserved` says how many are free.
    Adjust = Post "/inventory/{variant_id}/adjust" => "inventory-adjust" {
        access: Access::Needs(Permission::InventoryWrite), store: Required, idempotency: Required,
        path: StockPath, query: Nothing, body: AdjustStock, reply: 200 Stock,
        tables: [Inventory: Get Put], emits: [StockAdjusted],
        problems: [BELOW_RESERVED, STOCK_TOO_LARGE],
    }
    /// Lists what changed a variant's units on hand, newest first.
    Movements = Get "/inventory/{variant_id}/movements" => "inventory-movements" {
        access: Access::Needs(Permission::InventoryRead), store: Required, idempotency: None,
        path: StockPath, query: ListQuery, body: Nothing, reply: 200 Page<Movement>,
        tables: [Inventory: Get Query], emits: [],
        grants: [CursorKey],
    }
    /// Tells whether a variant can be bought now.
    ShowAvailability = Get "/inventory/{variant_id}/availability" => "inventory-availability" {
        access: Access::Public, store: Required, idempotency: None,
        path: StockPath, query: Nothing, body: Nothing, reply: 200 Availability,
        tables: [Inventory: Get], emits: [],
    }
}

steps! {
    /// The order is paid: its reserved stock is sold. If the reservation had lapsed, what is free is sold, or the order
    /// is told that it is gone.
    OnOrderPaid = "inventory-on-order-paid" on events::OrderPaymentCompleted {
        retry: STEP,
        tables: [Inventory: Get Put Update, Requests: Put], emits: [StockCountUpdated, StockRejected],
        reserved: true,
    }
    /// The order is off: what it reserved is free again, and what it had bought is back on hand.
    OnOrderCancelled = "inventory-on-order-cancelled" on events::OrderCancelled {
        retry: STEP,
        tables: [Inventory: Get Put Update, Requests: Put], emits: [StockReleased],
    }
    /// Delivered goods came back and were accepted: they are on hand again, if they can be sold again.
    OnOrderReturned = "inventory-on-order-returned" on events::OrderReturned {
        retry: STEP,
        tables: [Inventory: Put Update, Requests: Put], emits: [StockReleased],
    }
}
