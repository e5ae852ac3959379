//! `POST /orders/{id}/payment/refunds`: the seller refunds all or part of the payment.

use contracts::{
    payments::{CreateRefund, Refund as RefundView},
    problems,
};
use domain::{
    RefundId,
    limits::REFUNDS_MAX,
    order::{Order, OrderStatus},
    payment::{Payment, RefundStatus},
};
use runtime::{Call, Granted, Outcome, Problem, Reply, Tries, retry};
use store::keys;

use crate::{reconcile, refunds::request};

pub async fn handle(deps: &Granted<CreateRefund>, call: Call<CreateRefund>) -> Outcome<CreateRefund> {
    let (tenant, id) = (call.tenant()?, call.path.id);
    let (order_key, payment_key) = (keys::order(tenant, id), keys::payment(tenant, id));
    // Another caller may change the payment between the read and the commit.
    retry!(Tries::FEW_RIVALS, {
        let mut found = deps.db.batch_get(&[order_key.clone(), payment_key.clone()]).await?;
        let order = found.take::<Order>(&order_key)?.ok_or_else(Problem::not_found)?.value;
        let status = order.state.status();
        let payment = found.take::<Payment>(&payment_key)?.filter(|_| order.payment_id().is_some());
        let payment = payment.ok_or_else(|| {
            Problem::new(
                &problems::ORDER_NOT_PAID,
                format!("the order is {} and has no money to give back", status.name()),
            )
        })?;
        let (held, version) = (payment.value, payment.version);
        let (reference, left) = held
            .kept()
            .ok_or_else(|| Problem::new(&problems::NOTHING_TO_REFUND, "all of the money is going back already"))?;
        let amount = call.body.amount.unwrap_or(left);
        if amount.currency != left.currency {
            let detail = format!("the order was paid in {}", left.currency);
            return Err(Problem::invalid_field("/amount/currency", "wrong_currency", detail));
        }
        if amount.amount_minor > left.amount_minor {
            let detail = format!("{left} is left of what was paid");
            return Err(Problem::invalid_field("/amount/amount_minor", "too_much", detail));
        }
        let goods_are_here = matches!(status, OrderStatus::Paid | OrderStatus::Confirmed);
        if amount == left && goods_are_here {
            let detail = "the goods have not left: cancel the order, which gives all the money and the stock back";
            return Err(Problem::new(&problems::CANCEL_INSTEAD, detail));
        }
        if held.refunds.len() >= REFUNDS_MAX {
            return Err(Problem::new(
                &problems::TOO_MANY_REFUNDS,
                format!("a payment has at most {REFUNDS_MAX} refunds"),
            ));
        }
        let (next, initiated) = request(deps, &held, deps.id(RefundId::from_ulid), &reference, amount)
            .map_err(|error| Problem::internal(&error))?;
        let refund = RefundView {
            id: initiated.refund_id,
            amount,
            status: RefundStatus::Requested,
            requested_at: next.updated_at,
        };
        let mut tx = deps.tx();
        tx.update(tenant, &next, version);
        reconcile::begin(deps, &mut tx, &call.cause, tenant, id);
        tx.emit(&deps.event(&call.cause, tenant, next.id, version + 1, initiated));
        call.commit(deps, tx, Reply::new(&refund)).await?.into()
    })
}
