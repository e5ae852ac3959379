#![allow(clippy::unwrap_used, reason = "what goes wrong here is a broken test, and should stop it")]
//! For tests only: a DynamoDB in the process, a clock that tests move, repeatable randomness, and a shop to test with.

pub mod aws;
pub mod deps;
pub mod dynamo;
pub mod http;
pub mod provider;
pub mod world;

#[cfg(test)]
mod contract;
#[cfg(test)]
mod gate;
#[cfg(test)]
mod rate_limit;
#[cfg(test)]
mod steps;

pub use aws::Aws;
pub use deps::TestDeps;
pub use dynamo::Embedded;
pub use http::{TestRequest, hidden_from_others};
// Here, so that the tests of every service are built with it or without it alike.
pub use insta;
pub use provider::{FakePaystack, Fault};
pub use world::{World, events, everything, timers};
