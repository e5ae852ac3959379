//! Orders: their endpoints, and the saga steps that change an order's state. One file each.

#![expect(clippy::missing_errors_doc, reason = "a handler's errors are its row's problem codes")]

pub mod cancel;
pub mod decide_return;
pub mod expire;
pub mod fulfil;
pub mod get;
pub mod list;
pub mod list_all;
pub mod on_payment_completed;
pub mod on_payment_failed;
pub mod on_refund_completed;
pub mod on_stock_rejected;
pub mod on_stock_updated;
pub mod place;
pub mod request_return;
pub mod timeline;

mod access;
mod transition;

runtime::functions! {
    http: cancel, decide_return, fulfil, get, list_all, list, place, request_return, timeline;
    consumer: on_payment_completed, on_payment_failed, on_refund_completed, on_stock_rejected, on_stock_updated;
    timer: expire;
}

#[cfg(test)]
mod answers;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod holding;
#[cfg(test)]
mod placing_with_coupons;
