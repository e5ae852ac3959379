//! Identity: sessions and their tokens, passwords, one-time codes. What the services share that sign people in.

pub mod codes;
pub mod password;
pub mod sessions;
