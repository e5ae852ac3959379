//! Carts: their endpoints, one file each. All endpoints answer with the whole cart at today's prices.

#![expect(clippy::missing_errors_doc, reason = "a handler's errors are its row's problem codes")]

pub mod add;
pub mod apply_coupon;
pub mod change;
pub mod clear;
pub mod get;
pub mod merge;
pub mod remove;
pub mod remove_coupon;

mod cart_access;
mod pricing_snapshot;
mod view;

runtime::functions! {
    http: add, apply_coupon, change, clear, get, merge, remove, remove_coupon;
}

#[cfg(test)]
mod fixtures;
