//! Coupons: the endpoints of a store's team, and the saga step that gives uses back. One file each.

#![expect(clippy::missing_errors_doc, reason = "a handler's errors are its row's problem codes")]

pub mod create;
pub mod delete;
pub mod get;
pub mod list;
pub mod on_order_cancelled;
pub mod update;

mod coupon;

runtime::functions! {
    http: create, delete, get, list, update;
    consumer: on_order_cancelled;
}

#[cfg(test)]
mod fixtures;
