//! Auth: signing in and staying signed in. One file for each function.

#![expect(clippy::missing_errors_doc, reason = "a handler's errors are its row's problem codes")]

pub mod change_password;
pub mod end_session;
pub mod forgot_password;
pub mod guest;
pub mod jwks;
pub mod login;
pub mod logout;
pub mod me;
pub mod refresh;
pub mod register;
pub mod reset_password;
pub mod sessions;
pub mod switch_tenant;
pub mod update_me;
pub mod verify_email;

mod notice;
mod people;
mod verification;

runtime::functions! {
    http: change_password, end_session, forgot_password, guest, jwks, login, logout, me, refresh, register, reset_password,
        sessions, switch_tenant, update_me, verify_email;
}

#[cfg(test)]
mod fixtures;
