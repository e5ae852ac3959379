//! Products: the functions of the catalogue. One file for each function.

#![expect(clippy::missing_errors_doc, reason = "a handler's errors are its row's problem codes")]

pub mod add_variant;
pub mod create;
pub mod get;
pub mod list;
pub mod remove_variant;
pub mod status;
pub mod update;
pub mod update_variant;

mod product;

runtime::functions! {
    http: add_variant, create, get, list, remove_variant, status, update_variant, update;
}

#[cfg(test)]
mod answers;
#[cfg(test)]
mod fixtures;
