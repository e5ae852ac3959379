//! `REFUND_INITIATED`: requests the recorded refund from the provider. Reconciliation follows it until it ends.

use contracts::{
    events::{Envelope, RefundInitiated},
    payments::OnRefundInitiated,
};
use runtime::{Granted, StepError};

use crate::{paystack::Paystack, reconcile::ask_and_settle};

pub async fn handle(
    deps: &Granted<OnRefundInitiated, Paystack>,
    event: Envelope<RefundInitiated>,
) -> Result<(), StepError> {
    ask_and_settle(deps, &deps.received(&event), event.data.order_id).await.map(drop)
}
