//! What the steps that follow an order have in common: reading its reservation, and moving the stock of its lines.

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

/// The parts of a transaction that move lines' stock.
pub(crate) struct Moves {
    stock: Vec<(VariantId, Op)>,
    movements: Vec<Op>,
}

/// Adds to a transaction what an effect does to lines of an order, with a movement each where units come or go. A
/// movement's id is unique for its variant.
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

/// As events tell it: units taken or given.
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
    /// The variants whose stock could not be moved.
    pub(crate) fn refused(&self, refused: &Refused) -> Vec<VariantId> {
        self.stock.iter().filter(|(_, op)| refused.contains(*op)).map(|(variant, _)| *variant).collect()
    }

    /// Whether movements of these ids are there already.
    pub(crate) fn made_before(&self, refused: &Refused) -> bool {
        self.movements.iter().any(|op| refused.contains(*op))
    }

    /// The variants whose stock could not be given back because the seller has removed them since. Stock that is there
    /// takes what is given back, unless the books are wrong.
    pub(crate) fn removed(&self, refused: &Refused) -> Result<Vec<VariantId>, StepError> {
        for (variant, op) in self.stock.iter().filter(|(_, op)| refused.contains(*op)) {
            if refused.found::<Stock>(*op)?.is_some() {
                return Err(StepError::poison(format!("the stock of {variant} does not hold what was promised")));
            }
        }
        Ok(self.refused(refused))
    }
}
