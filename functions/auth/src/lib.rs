//! Auth: signing in and staying signed in. One file for each function.

#![expect(clippy::missing_errors_doc, reason = "a handler's errors are its row's problem codes")]

pub mod guest;
pub mod jwks;
pub mod login;
pub mod logout;
pub mod me;
pub mod refresh;
pub mod register;
pub mod switch_tenant;
pub mod update_me;
pub mod verify_email;

mod people;

runtime::functions! {
    http: guest, jwks, login, logout, me, refresh, register, switch_tenant, update_me, verify_email;
}

#[cfg(test)]
mod fixtures;
