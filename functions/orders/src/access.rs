//! Whose order it is: a buyer's own, or any of the tenant for its team. Everybody else learns nothing, not even that
//! it exists.

use contracts::Endpoint;
use domain::{AccountId, OrderId, order::Order};
use runtime::{Call, Deps, Principal, Problem};
use store::{Versioned, keys};

/// Reads the order that the path names.
pub(crate) async fn read<E: Endpoint>(deps: &Deps, call: &Call<E>, id: OrderId) -> Result<Versioned<Order>, Problem> {
    let principal = call.principal()?;
    let order = deps.db.get::<Order>(&keys::order(call.tenant()?, id)).await?;
    order.filter(|order| may_see(principal, order.value.buyer_id)).ok_or_else(Problem::not_found)
}

/// Of an order of the principal's own tenant.
pub(crate) fn may_see(principal: &Principal, buyer: AccountId) -> bool {
    principal.role.is_staff() || principal.account_id == buyer
}
