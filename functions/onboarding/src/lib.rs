//! Onboarding: how a seller opens a tenant and its first store. One file for each step.

#![expect(clippy::missing_errors_doc, reason = "a handler's errors are its row's problem codes")]

pub mod complete;
pub mod get;
pub mod password;
pub mod phone;
pub mod profile;
pub mod start;
pub mod verify_email;
pub mod verify_phone;

mod step;

runtime::functions! {
    http: complete, get, password, phone, profile, start, verify_email, verify_phone;
}

#[cfg(test)]
mod fixtures;
