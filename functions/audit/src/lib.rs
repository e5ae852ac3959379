//! Audit: the record of everything that happened to a tenant.

#![expect(clippy::missing_errors_doc, reason = "a handler's errors are its row's problem codes")]

pub mod on_event;

runtime::functions! {
    batch: on_event;
}
