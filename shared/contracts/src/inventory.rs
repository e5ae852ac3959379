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

/// The stock of a variant, for the store's team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Stock {
    /// The variant.
    pub variant_id: VariantId,
    /// The store.
    pub store_id: StoreId,
    /// Units in the warehouse.
    pub on_hand: i64,
    /// Units reserved for orders that wait for their payment.
    pub reserved: i64,
    /// Units that can be sold: `on_hand` less `reserved`.
    pub available: i64,
    /// At or below this many available units the stock is low.
    pub reorder_point: i64,
    /// How many units the seller usually reorders.
    pub reorder_quantity: i64,
    /// When the stock last changed.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub updated_at: Timestamp,
    /// Version of the stock, for `If-Match`; one more with each change.
    pub version: u64,
}

impl Stock {
    /// The stock as the API returns it.
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
    /// Id of the movement.
    pub id: MovementId,
    /// The variant.
    pub variant_id: VariantId,
    /// Units added; negative for units removed.
    pub delta: i64,
    /// Why the units changed.
    pub reason: MovementReason,
    /// The order's id, or a note of the team.
    pub reference: Option<String>,
    /// The account that made the change; null for sales and returns.
    pub actor: Option<AccountId>,
    /// When the units changed.
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

/// Whether a variant can be bought now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Availability {
    /// The variant.
    pub variant_id: VariantId,
    /// Units that can be bought.
    pub available: i64,
    /// Whether at least one unit can be bought.
    pub in_stock: bool,
}

/// An adjustment of stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AdjustStock {
    /// Units to add; negative to remove units; not 0.
    #[garde(range(min = -STOCK_MAX, max = STOCK_MAX), custom(not_zero))]
    pub delta: i64,
    /// Why the units change.
    #[garde(skip)]
    #[eserde(compat)]
    pub reason: AdjustReason,
    /// A note: the number of a delivery note, for example.
    #[garde(length(chars, min = 1, max = SHORT_TEXT_MAX), inner(custom(check::line)))]
    #[serde(default)]
    pub reference: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde passes the value and its context so")]
fn not_zero(delta: &i64, (): &()) -> garde::Result {
    if *delta == 0 { Err(garde::Error::new("expected a number other than 0")) } else { Ok(()) }
}

/// Why a person changes the units on hand. Sales and returns are recorded by the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AdjustReason {
    /// First count.
    Initial,
    /// New goods arrived.
    Restock,
    /// A count showed another number.
    Correction,
    /// Units were damaged or lost.
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

/// The path of the stock of a variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StockPath {
    /// The variant.
    pub variant_id: VariantId,
}

endpoints! {
    /// List stock
    ///
    /// The stock of a store's variants, newest variants first.
    List = Get "/inventory" => "inventory-list" {
        access: Access::Needs(Permission::InventoryRead), store: Required, idempotency: None,
        path: Nothing, query: ListQuery, body: Nothing, reply: 200 Page<Stock>,
        tables: [Inventory: Query], emits: [],
        grants: [CursorKey],
    }
    /// Get the stock of a variant
    Get = Get "/inventory/{variant_id}" => "inventory-get" {
        access: Access::Needs(Permission::InventoryRead), store: Required, idempotency: None,
        path: StockPath, query: Nothing, body: Nothing, reply: 200 Stock,
        tables: [Inventory: Get], emits: [],
    }
    /// Adjust stock
    ///
    /// Adds or removes units. Units that are reserved for orders cannot be removed: 409 `below_reserved` says how many
    /// are not reserved.
    Adjust = Post "/inventory/{variant_id}/adjust" => "inventory-adjust" {
        access: Access::Needs(Permission::InventoryWrite), store: Required, idempotency: Required,
        path: StockPath, query: Nothing, body: AdjustStock, reply: 200 Stock,
        tables: [Inventory: Get Put], emits: [StockAdjusted],
        problems: [BELOW_RESERVED, STOCK_TOO_LARGE],
    }
    /// List stock movements
    ///
    /// Changes of a variant's units on hand, newest first.
    Movements = Get "/inventory/{variant_id}/movements" => "inventory-movements" {
        access: Access::Needs(Permission::InventoryRead), store: Required, idempotency: None,
        path: StockPath, query: ListQuery, body: Nothing, reply: 200 Page<Movement>,
        tables: [Inventory: Get Query], emits: [],
        grants: [CursorKey],
    }
    /// Get the availability of a variant
    ///
    /// Whether the variant can be bought now. A variant of a product that is not on sale is not found.
    ShowAvailability = Get "/inventory/{variant_id}/availability" => "inventory-availability" {
        access: Access::Public, store: Required, idempotency: None,
        path: StockPath, query: Nothing, body: Nothing, reply: 200 Availability,
        tables: [Inventory: Get, Catalog: Get], emits: [],
    }
}

steps! {
    /// An order was paid: sells its reserved stock. If the reservation was released before, sells available units, or
    /// rejects the order if there are too few.
    OnOrderPaid = "inventory-on-order-paid" on events::OrderPaymentCompleted {
        retry: STEP,
        tables: [Inventory: Get Put Update, Requests: Put], emits: [StockCountUpdated, StockRejected],
        reserved: true,
    }
    /// An order was cancelled: releases its reserved stock, or puts sold units back into stock.
    OnOrderCancelled = "inventory-on-order-cancelled" on events::OrderCancelled {
        retry: STEP,
        tables: [Inventory: Get Put Update, Requests: Put], emits: [StockReleased],
    }
    /// A return was accepted: puts its units back into stock, if the seller decided so.
    OnOrderReturned = "inventory-on-order-returned" on events::OrderReturned {
        retry: STEP,
        tables: [Inventory: Put Update, Requests: Put], emits: [StockReleased],
    }
}
