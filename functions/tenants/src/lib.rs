//! Tenants: what holds for a tenant with all its stores. Its functions, one file each.

#![expect(clippy::missing_errors_doc, reason = "a handler's errors are its row's problem codes")]

pub mod create_rate_rule;
pub mod delete_rate_rule;
pub mod list_rate_rules;
pub mod update_rate_rule;

mod rate_rules;

runtime::functions! {
    http: create_rate_rule, delete_rate_rule, list_rate_rules, update_rate_rule;
}

#[cfg(test)]
mod fixtures;
