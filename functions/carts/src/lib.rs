//! Carts: their endpoints, one file each. All of them answer with the whole cart at today's prices.

pub mod add;
pub mod change;
pub mod clear;
pub mod get;
pub mod merge;
pub mod remove;

mod desk;
mod shelf;
mod view;

runtime::functions! {
    serve_http: add, change, clear, get, merge, remove;
}

#[cfg(test)]
mod buyer_for_tests;
