//! Inventory: its endpoints, and the saga steps that change stock. One file each.

#![expect(clippy::missing_errors_doc, reason = "a handler's errors are its row's problem codes")]

pub mod adjust;
pub mod availability;
pub mod get;
pub mod list;
pub mod movements;
pub mod on_order_cancelled;
pub mod on_order_paid;
pub mod on_order_returned;

mod find;
mod moves;

runtime::functions! {
    http: adjust, availability, get, list, movements;
    consumer: on_order_cancelled, on_order_paid, on_order_returned;
}

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod soundness;
