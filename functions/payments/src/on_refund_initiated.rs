//! `REFUND_INITIATED`: asks the provider for the refund that was recorded. What becomes of it, reconciliation follows.

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
