//! The functions: rows of the table brought to one form, with what each gets by rule added to what its row says.

use std::collections::{BTreeMap, BTreeSet};

use contracts::{
    Consumer, Spec,
    platform::AUTHORIZER,
    table::{Action, Grant, Grants, Idempotency, MEMORY_MB, Source, StoreScope, Table},
};

use crate::Result;

/// An API's caller waits; what takes longer than this belongs behind a queue.
const ENDPOINT_TIMEOUT_S: u16 = 10;
/// It only checks a signature, with a key that it keeps.
const AUTHORIZER_TIMEOUT_S: u16 = 5;

/// Lambda's bound on a function's name.
const NAME_MAX: usize = 64;
/// `selleasi-<env>-`, with the longest environment name that template.yaml takes.
const PREFIX_LENGTH: usize = "selleasi-".len() + 20 + "-".len();
/// SQS: above this an event source mapping needs a batching window.
pub(crate) const SQS_BATCH_MAX: u16 = 10;

#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Endpoint(&'static Spec),
    Consumer(&'static Consumer),
    Authorizer,
}

#[derive(Debug, Clone)]
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(crate) service: &'static str,
    pub(crate) kind: Kind,
    pub(crate) memory_mb: u16,
    pub(crate) timeout_s: u16,
    pub(crate) tables: BTreeMap<Table, BTreeSet<Action>>,
    pub(crate) grants: &'static [Grant],
}

impl Function {
    pub(crate) fn has(&self, grant: Grant) -> bool {
        self.grants.contains(&grant)
    }

    /// The file in the service's `src`: `orders-on-payment-completed` is in `on_payment_completed.rs`.
    pub(crate) fn module(&self) -> String {
        self.name.strip_prefix(self.service).unwrap_or(self.name).trim_start_matches('-').replace('-', "_")
    }
}

/// Every function, in the table's order.
pub(crate) fn all() -> Result<Vec<Function>> {
    let endpoints = contracts::endpoints().into_iter().map(endpoint);
    let consumers = contracts::consumers().into_iter().map(consumer);
    let functions: Vec<Function> = endpoints.chain(consumers).chain([authorizer()]).collect();
    check_names(&functions)?;
    Ok(functions)
}

fn check_names(functions: &[Function]) -> Result<()> {
    let mut seen = BTreeSet::new();
    for function in functions {
        if !seen.insert(function.name) {
            return Err(format!("{} is in the table twice", function.name));
        }
        if function.module().is_empty() {
            return Err(format!("{}: expected <service>-<verb>", function.name));
        }
        if PREFIX_LENGTH + function.name.len() > NAME_MAX {
            return Err(format!("{}: longer than {} characters", function.name, NAME_MAX - PREFIX_LENGTH));
        }
    }
    Ok(())
}

/// Functions of each service, services by name.
pub(crate) fn by_service(functions: &[Function]) -> BTreeMap<&'static str, Vec<&Function>> {
    let mut services: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for function in functions {
        services.entry(function.service).or_default().push(function);
    }
    services
}

pub(crate) fn endpoint(spec: &'static Spec) -> Function {
    let mut tables = granted(spec.tables);
    if spec.idempotency != Idempotency::None {
        add(&mut tables, Table::Requests, &[Action::Get, Action::Put]);
    }
    if spec.store == StoreScope::Required {
        // By slug or id; and by the list of a tenant's stores, where it has but one.
        add(&mut tables, Table::Tenants, &[Action::Get, Action::Query]);
    }
    emits(&mut tables, spec.emits);
    Function {
        name: spec.function,
        service: spec.service(),
        kind: Kind::Endpoint(spec),
        memory_mb: spec.memory_mb,
        timeout_s: ENDPOINT_TIMEOUT_S,
        tables,
        grants: spec.grants,
    }
}

pub(crate) fn consumer(row: &'static Consumer) -> Function {
    let mut tables = granted(row.tables);
    if row.source != Source::Outbox {
        // The inbox record, in the transaction of its effect.
        add(&mut tables, Table::Requests, &[Action::Put]);
    }
    emits(&mut tables, row.emits);
    Function {
        name: row.function,
        service: row.service(),
        kind: Kind::Consumer(row),
        memory_mb: row.memory_mb,
        timeout_s: row.timeout_s,
        tables,
        grants: row.grants,
    }
}

pub(crate) fn authorizer() -> Function {
    Function {
        name: AUTHORIZER,
        service: AUTHORIZER.split('-').next().unwrap_or(AUTHORIZER),
        kind: Kind::Authorizer,
        memory_mb: MEMORY_MB,
        timeout_s: AUTHORIZER_TIMEOUT_S,
        tables: BTreeMap::new(),
        grants: &[Grant::TokenKeys],
    }
}

fn granted(grants: Grants) -> BTreeMap<Table, BTreeSet<Action>> {
    let mut tables = BTreeMap::new();
    for (table, actions) in grants {
        add(&mut tables, *table, actions);
    }
    tables
}

fn emits(tables: &mut BTreeMap<Table, BTreeSet<Action>>, types: &[&str]) {
    if !types.is_empty() {
        add(tables, Table::Outbox, &[Action::Put]);
    }
}

fn add(tables: &mut BTreeMap<Table, BTreeSet<Action>>, table: Table, actions: &[Action]) {
    tables.entry(table).or_default().extend(actions);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{ON_LENT, UPDATE_BOOK};

    fn refused(name: &'static str) -> String {
        check_names(&[Function { name, ..authorizer() }]).unwrap_err()
    }

    #[test]
    fn a_name_is_one_functions_and_fits_lambda() {
        let update = endpoint(&UPDATE_BOOK);
        assert_eq!(check_names(&[update.clone(), consumer(&ON_LENT)]), Ok(()));
        let twice = check_names(&[update.clone(), update]).unwrap_err();
        assert_eq!(twice, "books-update is in the table twice");
        assert_eq!(refused("platform"), "platform: expected <service>-<verb>");
        // `selleasi-`, 20 of the environment and a hyphen leave 34 of Lambda's 64.
        assert_eq!(
            check_names(&[Function { name: "platform-abcdefghijklmnopqrstuvwxyz", ..authorizer() }]).unwrap_err(),
            "platform-abcdefghijklmnopqrstuvwxyz: longer than 34 characters"
        );
        assert_eq!(check_names(&[Function { name: "platform-abcdefghijklmnopqrstuvwxy", ..authorizer() }]), Ok(()));
    }

    #[test]
    fn a_function_is_in_the_file_of_its_verb() {
        assert_eq!(consumer(&ON_LENT).module(), "on_lent");
        assert_eq!(consumer(&ON_LENT).service, "books");
    }
}
