//! Stock of a variant: how much is there, how much of it is promised.
//!
//! `on_hand = initial + adjustments - sold + returned` and `0 <= reserved <= on_hand`, always.

use serde::{Deserialize, Serialize};

use crate::{AccountId, MovementId, StoreId, Timestamp, VariantId, limits::STOCK_MAX};

/// What there is of one variant. `available` is stored beside the two numbers it follows from, because a DynamoDB
/// condition cannot subtract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock {
    pub variant_id: VariantId,
    pub store_id: StoreId,
    pub on_hand: i64,
    pub reserved: i64,
    pub available: i64,
    /// At or below this many available units the seller is warned.
    pub reorder_point: i64,
    pub reorder_quantity: i64,
    pub updated_at: Timestamp,
}

pub const REORDER_POINT_DEFAULT: i64 = 10;
pub const REORDER_QUANTITY_DEFAULT: i64 = 50;

/// Why an adjustment was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AdjustError {
    /// More would be taken away than is free: the rest is promised to orders.
    #[error("only {available} units are not reserved")]
    BelowReserved { available: i64 },
    #[error("stock cannot exceed {STOCK_MAX}")]
    TooMuch,
}

impl Stock {
    pub fn empty(variant_id: VariantId, store_id: StoreId, now: Timestamp) -> Self {
        Self {
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

    /// Adds (or, negative, takes away) units that came or went by other ways than an order.
    pub fn adjust(self, delta: i64, now: Timestamp) -> Result<Self, AdjustError> {
        let on_hand = self.on_hand.checked_add(delta).filter(|sum| *sum <= STOCK_MAX).ok_or(AdjustError::TooMuch)?;
        let available = on_hand - self.reserved;
        if available < 0 {
            return Err(AdjustError::BelowReserved { available: self.available });
        }
        Ok(Self { on_hand, available, updated_at: now, ..self })
    }

    pub const fn is_low(&self) -> bool {
        self.available <= self.reorder_point
    }

    pub const fn is_sound(&self) -> bool {
        0 <= self.reserved && self.reserved <= self.on_hand && self.available == self.on_hand - self.reserved
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum MovementReason {
    Initial,
    Restock,
    Correction,
    Damage,
    Sale,
    Return,
}

impl MovementReason {
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

/// One change of `on_hand`, kept for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    pub id: MovementId,
    pub variant_id: VariantId,
    pub delta: i64,
    pub reason: MovementReason,
    /// What caused it: an order id, or the seller's own words.
    pub reference: Option<String>,
    /// Who did it; `None` when an order did.
    pub actor: Option<AccountId>,
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
            let empty = Stock::empty(VariantId::from_ulid(Ulid(1)), StoreId::from_ulid(Ulid(2)), Timestamp::UNIX_EPOCH);
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
