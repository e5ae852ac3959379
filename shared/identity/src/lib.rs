//! Identity: sessions and their tokens, passwords, one-time codes, and e-mail addresses with what is counted for them.
//! Shared by the services that sign people in.

pub mod addresses;
pub mod attempts;
pub mod codes;
pub mod password;
pub mod sessions;
