//! Stores: creating, configuring and resolving a tenant's stores. One file for each function.

#![expect(clippy::missing_errors_doc, reason = "a handler's errors are its row's problem codes")]

pub mod create;
pub mod get;
pub mod list;
pub mod resolve;
pub mod status;
pub mod update;

mod settings;

runtime::functions! {
    http: create, get, list, resolve, status, update;
}

#[cfg(test)]
mod fixtures;
