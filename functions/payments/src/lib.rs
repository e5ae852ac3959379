//! Payments: checkouts, webhooks, reconciliation, refunds, and the books. Money moves only on what the provider's API
//! says when asked; a webhook is a hint to ask.

pub mod get;
pub mod on_order_cancelled;
pub mod on_order_created;
pub mod on_order_returned;
pub mod on_stock_rejected;
pub mod paystack;
pub mod process_webhook;
pub mod reconcile;
pub mod refund;
pub mod start;
pub mod webhook_paystack;

mod opening;
mod reference;
mod refunds;
mod settle;

runtime::functions! {
    serve_http: get, refund, start, webhook_paystack;
    serve_consumer: on_order_cancelled, on_order_created, on_order_returned, on_stock_rejected, process_webhook, reconcile;
}

use runtime::{Boot, Deps, FromBoot};

use crate::paystack::Paystack;

/// What functions that speak to providers need.
#[derive(Debug, Clone)]
pub struct PaymentDeps {
    pub core: Deps,
    pub paystack: Paystack,
}

impl FromBoot for PaymentDeps {
    fn from_boot(boot: &Boot) -> Self {
        Self { core: Deps::from_boot(boot), paystack: Paystack::new(boot) }
    }
}

impl AsRef<Deps> for PaymentDeps {
    fn as_ref(&self) -> &Deps {
        &self.core
    }
}

#[cfg(test)]
mod tests;
