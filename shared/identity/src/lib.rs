//! Identity: sessions and their tokens, passwords, one-time codes. Shared by the services that sign people in.

pub mod codes;
pub mod password;
pub mod sessions;
