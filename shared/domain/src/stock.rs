//! Stock of a variant: units on hand, and units reserved for orders.
//!
//! `on_hand = initial + adjustments - sold + returned` and `0 <= reserved <= on_hand`, always.

use serde::{Deserialize, Serialize};

use crate::{AccountId, MovementId, ProductId, StoreId, Timestamp, VariantId, limits::STOCK_MAX};

/// The stock of one variant. `available` could be calculated from `on_hand` and `reserved`, but is stored too, because
/// a DynamoDB condition cannot subtract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock {
    /// The product.
    pub product_id: ProductId,
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
    /// At or below this many available units the seller is warned.
    pub reorder_point: i64,
    /// How many units the seller usually reorders.
    pub reorder_quantity: i64,
    /// When the stock last changed.
    pub updated_at: Timestamp,
}

/// Default of [`Stock::reorder_point`], in units.
pub const REORDER_POINT_DEFAULT: i64 = 10;
/// Default of [`Stock::reorder_quantity`], in units.
pub const REORDER_QUANTITY_DEFAULT: i64 = 50;

/// Why an adjustment was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AdjustError {
    /// The adjustment would remove units that are reserved for orders.
    #[error("only {available} units are not reserved")]
    BelowReserved {
        /// Units that can be removed.
        available: i64,
    },
    /// The adjustment would exceed [`STOCK_MAX`].
    #[error("stock cannot exceed {STOCK_MAX}")]
    TooMuch,
}

impl Stock {
    /// The stock of a new variant: no units.
    pub fn empty(product_id: ProductId, variant_id: VariantId, store_id: StoreId, now: Timestamp) -> Self {
        Self {
            product_id,
            variant_id,
            store_id,
            on_hand: 0,
            reserved: 0,
            available: 0,
            reorder_point: REORDER_POINT_DEFAULT,
            reorder_quantity: REORDER_QUANTITY_DEFAULT,
            updated_at: now,
        }
    }

    /// Adds units to the stock (removes them if `delta` is negative) for a reason other than an order.
    ///
    /// # Errors
    /// [`AdjustError::BelowReserved`] if reserved units would be removed, [`AdjustError::TooMuch`].
    pub fn adjust(self, delta: i64, now: Timestamp) -> Result<Self, AdjustError> {
        let on_hand = self.on_hand.checked_add(delta).filter(|sum| *sum <= STOCK_MAX).ok_or(AdjustError::TooMuch)?;
        let available = on_hand - self.reserved;
        if available < 0 {
            return Err(AdjustError::BelowReserved { available: self.available });
        }
        Ok(Self { on_hand, available, updated_at: now, ..self })
    }

    /// Whether the seller should reorder.
    pub const fn is_low(&self) -> bool {
        self.available <= self.reorder_point
    }

    /// Whether the invariant of this module holds.
    pub const fn is_sound(&self) -> bool {
        0 <= self.reserved && self.reserved <= self.on_hand && self.available == self.on_hand - self.reserved
    }
}

/// Why the units on hand changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum MovementReason {
    /// First count.
    Initial,
    /// New goods arrived.
    Restock,
    /// A count showed another number.
    Correction,
    /// Units were damaged or lost.
    Damage,
    /// An order was paid.
    Sale,
    /// Sold units were put back into stock.
    Return,
}

impl MovementReason {
    /// The name in the API and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Initial => "initial",
            Self::Restock => "restock",
            Self::Correction => "correction",
            Self::Damage => "damage",
            Self::Sale => "sale",
            Self::Return => "return",
        }
    }
}

/// A record of one change of `on_hand`. Never deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    /// Id of the movement.
    pub id: MovementId,
    /// The variant.
    pub variant_id: VariantId,
    /// Units added; negative for units removed.
    pub delta: i64,
    /// Why the units changed.
    pub reason: MovementReason,
    /// The order's id, or a note of the seller.
    pub reference: Option<String>,
    /// The account that made the change; `None` for sales and returns.
    pub actor: Option<AccountId>,
    /// When the units changed.
    pub at: Timestamp,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ulid::Ulid;

    use super::*;

    proptest! {
        #[test]
        fn no_adjustment_breaks_the_books(on_hand in 0..1_000_i64, share in 0..=100_i64, delta in -2_000..2_000_i64) {
            let reserved = on_hand * share / 100;
            let (product, variant) = (ProductId::from_ulid(Ulid(3)), VariantId::from_ulid(Ulid(1)));
            let empty = Stock::empty(product, variant, StoreId::from_ulid(Ulid(2)), Timestamp::UNIX_EPOCH);
            let stock = Stock { on_hand, reserved, available: on_hand - reserved, ..empty };
            match stock.clone().adjust(delta, Timestamp::UNIX_EPOCH) {
                Ok(after) => {
                    prop_assert!(after.is_sound());
                    prop_assert_eq!(after.on_hand, on_hand + delta);
                }
                Err(error) => {
                    prop_assert!(delta < -(on_hand - reserved));
                    prop_assert_eq!(error, AdjustError::BelowReserved { available: stock.available });
                }
            }
        }
    }
}
