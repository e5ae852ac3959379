//! Shared by the saga steps that follow an order: reading its reservation, and changing the stock of its lines.

use contracts::events::StockLine;
use domain::{
    MovementId, OrderId, TenantId, Timestamp, VariantId,
    reservation::{Reservation, ReservedLine, StockEffect},
    stock::{Movement, MovementReason, Stock},
};
use runtime::{Deps, StepError};
use store::{Op, Refused, Tx, Versioned, keys};

pub(crate) async fn reservation(
    deps: &Deps,
    tenant: TenantId,
    order: OrderId,
) -> Result<Versioned<Reservation>, StepError> {
    let found = deps.db.get::<Reservation>(&keys::reservation(tenant, order)).await?;
    found.ok_or_else(|| StepError::retry("there is no such reservation (yet)"))
}

/// The operations of a transaction that change the stock of lines and record movements.
pub(crate) struct Moves {
    stock: Vec<(VariantId, Op)>,
    movements: Vec<Op>,
}

/// Adds the stock changes of an effect on the lines of an order to a transaction. A change of the units on hand also
/// records a movement for each line, under an id from `id`. A movement id must be unique within its variant.
pub(crate) fn move_lines(
    tx: &mut Tx,
    tenant: TenantId,
    order: OrderId,
    lines: &[ReservedLine],
    effect: StockEffect,
    now: Timestamp,
    id: impl Fn() -> MovementId,
) -> Moves {
    let reason = match effect {
        StockEffect::SellHeld | StockEffect::SellFree => Some(MovementReason::Sale),
        StockEffect::Return => Some(MovementReason::Return),
        StockEffect::GiveBack => None,
    };
    let mut moves = Moves { stock: vec![], movements: vec![] };
    for line in lines {
        let op = tx.apply_stock(tenant, line.variant_id, line.quantity, effect, now);
        moves.stock.push((line.variant_id, op));
        if let Some(reason) = reason {
            let movement = Movement {
                id: id(),
                variant_id: line.variant_id,
                delta: delta(line, effect),
                reason,
                reference: Some(order.to_string()),
                actor: None,
                at: now,
            };
            moves.movements.push(tx.create(tenant, &movement));
        }
    }
    moves
}

/// The stock changes of an effect as events report them: sold units are negative, released or returned units positive.
pub(crate) fn stock_lines(lines: &[ReservedLine], effect: StockEffect) -> Vec<StockLine> {
    let told = |line: &ReservedLine| StockLine { variant_id: line.variant_id, delta: delta(line, effect) };
    lines.iter().map(told).collect()
}

fn delta(line: &ReservedLine, effect: StockEffect) -> i64 {
    let quantity = i64::from(line.quantity);
    match effect {
        StockEffect::SellHeld | StockEffect::SellFree => -quantity,
        StockEffect::GiveBack | StockEffect::Return => quantity,
    }
}

impl Moves {
    /// The variants whose stock change was refused.
    pub(crate) fn refused(&self, refused: &Refused) -> Vec<VariantId> {
        self.stock.iter().filter(|(_, op)| refused.contains(*op)).map(|(variant, _)| *variant).collect()
    }

    /// Whether a movement with one of these ids was already stored, so the event was handled before.
    pub(crate) fn made_before(&self, refused: &Refused) -> bool {
        self.movements.iter().any(|op| refused.contains(*op))
    }

    /// The variants whose stock could not be given back because the seller has removed it since. Existing stock refuses
    /// units only if its counts are wrong, and retrying cannot fix that.
    pub(crate) fn removed(&self, refused: &Refused) -> Result<Vec<VariantId>, StepError> {
        for (variant, op) in self.stock.iter().filter(|(_, op)| refused.contains(*op)) {
            if refused.found::<Stock>(*op)?.is_some() {
                return Err(StepError::poison(format!("the stock of {variant} does not hold what was promised")));
            }
        }
        Ok(self.refused(refused))
    }
}
