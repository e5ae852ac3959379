//! Audit: the record of everything that happened to a tenant.

pub mod on_event;

runtime::functions! {
    batch: on_event;
}
