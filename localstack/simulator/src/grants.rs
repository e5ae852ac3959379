//! What a function's role lets it do: what its row says, with what the generator adds by rule (`gen/model.rs`,
//! `gen/role.rs`).

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::OnceLock,
};

use contracts::table::{Action, Grant, Grants, Idempotency, Source, StoreScope, Table};
use serde_json::Value;
use testing::dynamo::PREFIX;

/// Something that a role may allow.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Use {
    Table(Table, Action),
    /// The part of its name behind the environment's.
    Secret(String),
    /// Sending to the queue of this function, or to that of its dead letters.
    Send {
        function: &'static str,
        dead: bool,
    },
    ChangeVisibility {
        function: &'static str,
    },
    PutEvents,
    SendEmail,
    /// A call that no row can grant.
    Unknown(String),
}

struct Rights {
    tables: BTreeMap<Table, BTreeSet<Action>>,
    grants: &'static [Grant],
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table(table, action) => write!(f, "{} on the table {}", action.iam(), table.name()),
            Self::Secret(name) => write!(f, "secretsmanager:GetSecretValue on {name}"),
            Self::Send { function, dead } => {
                write!(f, "sqs:SendMessage to the queue {function}{}", if *dead { "-dlq" } else { "" })
            }
            Self::ChangeVisibility { function } => write!(f, "sqs:ChangeMessageVisibility on the queue {function}"),
            Self::PutEvents => f.write_str("events:PutEvents"),
            Self::SendEmail => f.write_str("ses:SendEmail"),
            Self::Unknown(what) => f.write_str(what),
        }
    }
}

/// Whether a function may.
pub(crate) fn may(function: &'static str, wanted: &Use) -> bool {
    let Some(rights) = all().get(function) else { return false };
    let has = |grant| rights.grants.contains(&grant);
    match wanted {
        Use::Table(table, action) => rights.tables.get(table).is_some_and(|actions| actions.contains(action)),
        Use::Secret(name) => match name.as_str() {
            "token-keys" => has(Grant::TokenKeys) || has(Grant::SignTokens),
            "cursor-key" => has(Grant::CursorKey),
            "paystack" => has(Grant::Paystack),
            _ => false,
        },
        Use::Send { function: other, dead } => has(Grant::Requeue) && *other == function && !dead,
        Use::PutEvents => has(Grant::PutEvents),
        Use::SendEmail => has(Grant::SendEmail),
        // Of its own queue, the generator grants receiving, deleting and looking.
        Use::ChangeVisibility { .. } | Use::Unknown(_) => false,
    }
}

/// Everything that the rows of these functions grant, in words: to be held against what was used.
pub fn granted_to(functions: &BTreeSet<&'static str>) -> BTreeSet<(&'static str, String)> {
    let mut found = BTreeSet::new();
    for (function, rights) in all().iter().filter(|(function, _)| functions.contains(**function)) {
        let on_tables =
            rights.tables.iter().flat_map(|(table, actions)| actions.iter().map(|action| Use::Table(*table, *action)));
        let others = rights.grants.iter().map(|grant| match grant {
            Grant::TokenKeys | Grant::SignTokens => Use::Secret("token-keys".to_owned()),
            Grant::CursorKey => Use::Secret("cursor-key".to_owned()),
            Grant::Paystack => Use::Secret("paystack".to_owned()),
            Grant::SendEmail => Use::SendEmail,
            Grant::Requeue => Use::Send { function, dead: false },
            Grant::PutEvents => Use::PutEvents,
        });
        found.extend(on_tables.chain(others).map(|wanted| (*function, wanted.to_string())));
    }
    found
}

/// By function.
fn all() -> &'static BTreeMap<&'static str, Rights> {
    static ALL: OnceLock<BTreeMap<&'static str, Rights>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all = BTreeMap::new();
        for row in contracts::endpoints() {
            let mut tables = granted(row.tables, row.emits);
            if row.idempotency != Idempotency::None {
                tables.entry(Table::Requests).or_default().extend([Action::Get, Action::Put]);
            }
            if row.store == StoreScope::Required {
                tables.entry(Table::Tenants).or_default().extend([Action::Get, Action::Query]);
            }
            all.insert(row.function, Rights { tables, grants: row.grants });
        }
        for row in contracts::consumers() {
            let mut tables = granted(row.tables, row.emits);
            if row.source != Source::Outbox {
                // The inbox.
                tables.entry(Table::Requests).or_default().insert(Action::Put);
            }
            all.insert(row.function, Rights { tables, grants: row.grants });
        }
        all
    })
}

fn granted(grants: Grants, emits: &[&str]) -> BTreeMap<Table, BTreeSet<Action>> {
    let mut tables: BTreeMap<Table, BTreeSet<Action>> = BTreeMap::new();
    for (table, actions) in grants {
        tables.entry(*table).or_default().extend(*actions);
    }
    if !emits.is_empty() {
        tables.entry(Table::Outbox).or_default().insert(Action::Put);
    }
    tables
}

/// What a call to DynamoDB uses. IAM wants the action of each part of a transaction.
pub(crate) fn of_dynamo(operation: &str, request: &Value) -> BTreeSet<Use> {
    let on = |part: &Value, action| of_table(part["TableName"].as_str().unwrap_or_default(), action);
    let parts = request["TransactItems"].as_array().into_iter().flatten();
    match operation {
        "GetItem" => [on(request, Action::Get)].into(),
        "Query" => [on(request, Action::Query)].into(),
        "PutItem" => [on(request, Action::Put)].into(),
        "UpdateItem" => [on(request, Action::Update)].into(),
        "DeleteItem" => [on(request, Action::Delete)].into(),
        "BatchGetItem" => {
            let tables = request["RequestItems"].as_object().into_iter().flatten();
            tables.map(|(name, _)| of_table(name, Action::BatchGet)).collect()
        }
        "TransactGetItems" | "TransactWriteItems" => {
            let parts = parts.flat_map(|part| part.as_object().into_iter().flatten());
            let used = parts.map(|(verb, part)| match verb.as_str() {
                "Get" => on(part, Action::Get),
                "Put" => on(part, Action::Put),
                "Update" => on(part, Action::Update),
                "Delete" => on(part, Action::Delete),
                "ConditionCheck" => on(part, Action::Check),
                _ => Use::Unknown(verb.clone()),
            });
            used.collect()
        }
        _ => [Use::Unknown(format!("dynamodb:{operation}"))].into(),
    }
}

fn of_table(name: &str, action: Action) -> Use {
    let table = Table::ALL.into_iter().find(|table| name.strip_prefix(PREFIX) == Some(table.name()));
    table.map_or_else(|| Use::Unknown(format!("table {name}")), |table| Use::Table(table, action))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_grants_what_it_says_and_what_the_generator_adds() {
        let put = |table| Use::Table(table, Action::Put);
        assert!(may("orders-expire", &put(Table::Requests)), "the inbox");
        assert!(may("orders-expire", &put(Table::Outbox)), "its events");
        assert!(!may("orders-expire", &put(Table::Payments)));
        assert!(!may("products-list", &put(Table::Catalog)));
        let own = |dead| Use::Send { function: "orders-expire", dead };
        assert!(may("orders-expire", &own(false)) && !may("orders-expire", &own(true)));
        assert!(!may("payments-reconcile", &own(false)));
        assert!(may("payments-reconcile", &Use::Secret("paystack".into())));
        assert!(!may("orders-expire", &Use::Secret("paystack".into())));
        assert!(!may("no-such-function", &Use::PutEvents));
    }

    #[test]
    fn a_transaction_uses_what_each_of_its_parts_does() {
        let on = |table: Table| json!({ "TableName": format!("{PREFIX}{}", table.name()) });
        let request = json!({ "TransactItems": [
            { "Put": on(Table::Outbox) },
            { "Update": on(Table::Orders) },
            { "ConditionCheck": on(Table::Orders) },
        ] });
        let wanted = [(Table::Outbox, Action::Put), (Table::Orders, Action::Update), (Table::Orders, Action::Check)];
        let wanted = wanted.map(|(table, action)| Use::Table(table, action));
        assert_eq!(of_dynamo("TransactWriteItems", &request), wanted.into());
        assert_eq!(of_dynamo("Scan", &on(Table::Orders)), [Use::Unknown("dynamodb:Scan".into())].into());
    }
}
