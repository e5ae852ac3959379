//! Finds the stock of a variant in a store.

use domain::{VariantId, stock::Stock};
use runtime::{Deps, Problem, claims::StoreRef};
use store::{Versioned, keys};

/// The stock of a variant of this store. A variant of another store is not found.
pub(crate) async fn stock(deps: &Deps, at: StoreRef, variant: VariantId) -> Result<Versioned<Stock>, Problem> {
    let stock = deps.db.get::<Stock>(&keys::stock(at.tenant_id, variant)).await?;
    stock.filter(|stock| stock.value.store_id == at.store_id).ok_or_else(Problem::not_found)
}
