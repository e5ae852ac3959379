//! `POST /orders/{id}/payment`: returns the checkout where the buyer pays. Usually it is open already; if the provider
//! was unavailable before, this endpoint opens it.

use contracts::{
    payments::{Payment as PaymentView, Start},
    problems,
};
use domain::order::{Order, OrderStatus};
use runtime::{Call, Granted, Outcome, Problem, Reply, http::Committed};
use store::keys;

use crate::{
    opening::{COME_BACK_S, ENDPOINT_TRIES, OpenError, Payable, open},
    paystack::Paystack,
};

pub async fn handle(deps: &Granted<Start, Paystack>, call: Call<Start>) -> Outcome<Start> {
    let (tenant, buyer) = (call.tenant()?, call.principal()?.account_id);
    let order = deps.db.get::<Order>(&keys::order(tenant, call.path.id)).await?;
    let order =
        order.map(|order| order.value).filter(|order| order.buyer_id == buyer).ok_or_else(Problem::not_found)?;
    let status = order.state.status();
    if status != OrderStatus::Pending {
        let detail = format!("the order is {} and cannot be paid", status.name());
        return Err(Problem::new(&problems::ORDER_NOT_PAYABLE, detail));
    }
    let payable = Payable {
        tenant,
        order_id: order.id,
        store_id: order.store_id,
        number: order.number,
        email: order.customer.email,
        provider: order.payment_provider,
        amount: order.totals.total,
        expires_at: order.expires_at,
        window_s: order.payment_window_s,
    };
    let payment = open(deps, &call.cause, &payable, ENDPOINT_TRIES, |_| {}).await.map_err(problem)?;
    if !payment.value.status.is_open() || payment.value.has_lapsed(deps.now()) {
        return Err(Problem::new(&problems::ORDER_NOT_PAYABLE, "the payment has ended, or its window is over"));
    }
    let version = payment.version;
    let reply = Reply::new(&PaymentView::new(payment.value, version)).etag(version);
    match call.commit(deps, deps.tx(), reply).await? {
        Committed::Done(reply) => Ok(reply),
        Committed::Refused(_) => Err(Problem::busy()),
    }
}

fn problem(error: OpenError) -> Problem {
    match error {
        OpenError::UnderWay => {
            Problem::new(&problems::PAYMENT_STARTING, "the payment is just being started; try again")
        }
        OpenError::Contended => Problem::busy(),
        OpenError::Provider(error) => {
            tracing::warn!(%error, "no checkout");
            let detail = "the payment provider does not answer; the order waits, come back later";
            Problem::new(&problems::PROVIDER_UNAVAILABLE, detail).retry_after_s(COME_BACK_S)
        }
        OpenError::Store(error) => error.into(),
    }
}
