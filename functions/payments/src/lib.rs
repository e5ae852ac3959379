//! Payments: checkouts, webhooks, reconciliation, refunds, and the books. Money moves only on what the provider's API
//! says when asked; a webhook is a hint to ask.

#![expect(clippy::missing_errors_doc, reason = "a handler's errors are its row's problem codes")]

pub mod get;
pub mod on_order_cancelled;
pub mod on_order_created;
pub mod on_order_returned;
pub mod on_refund_initiated;
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
    http: get, refund, start, webhook_paystack;
    consumer: on_order_cancelled, on_order_created, on_order_returned, on_refund_initiated, on_stock_rejected, process_webhook;
    timer: reconcile;
}

#[cfg(test)]
mod tests;
