//! Who may see an order: its buyer, and the tenant's team. For everybody else the order does not exist (404).

use contracts::Endpoint;
use domain::{AccountId, OrderId, order::Order};
use runtime::{Call, Deps, Principal, Problem};
use store::{Versioned, keys};

/// Reads an order for the caller. Not found if the caller may not see it.
pub(crate) async fn read<E: Endpoint>(deps: &Deps, call: &Call<E>, id: OrderId) -> Result<Versioned<Order>, Problem> {
    let principal = call.principal()?;
    let order = deps.db.get::<Order>(&keys::order(call.tenant()?, id)).await?;
    order.filter(|order| may_see(principal, order.value.buyer_id)).ok_or_else(Problem::not_found)
}

/// Whether the principal may see an order of this buyer. The order must be of the principal's own tenant.
pub(crate) fn may_see(principal: &Principal, buyer: AccountId) -> bool {
    principal.role.is_staff() || principal.account_id == buyer
}
