//! `GET /orders/{id}/payment`: the payment, to the order's buyer and the store's team.

use contracts::{
    payments::{Get, Payment as PaymentView},
    problems,
};
use domain::{Role, order::Order, payment::Payment};
use runtime::{Call, Granted, Outcome, Problem, Reply};
use store::keys;

pub async fn handle(deps: &Granted<Get>, call: Call<Get>) -> Outcome<Get> {
    let (tenant, principal) = (call.tenant()?, call.principal()?);
    let (order_key, payment_key) = (keys::order(tenant, call.path.id), keys::payment(tenant, call.path.id));
    let mut found = deps.db.batch_get(&[order_key.clone(), payment_key.clone()]).await?;
    let order = found.take::<Order>(&order_key)?.ok_or_else(Problem::not_found)?.value;
    let is_buyer = matches!(principal.role, Role::Customer | Role::Guest);
    if is_buyer && order.buyer_id != principal.account_id {
        return Err(Problem::not_found());
    }
    let payment = found.take::<Payment>(&payment_key)?;
    let payment = payment.ok_or_else(|| {
        Problem::new(&problems::PAYMENT_NOT_STARTED, "the payment is not open yet; ask again, or start it with POST")
    })?;
    Ok(Reply::new(&PaymentView::new(payment.value, payment.version)).etag(payment.version))
}
