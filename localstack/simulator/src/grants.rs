//! What a function's role lets it do: what its row says, with what the generator adds for what calls it
//! (`infra/generator`'s `role`).

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::OnceLock,
};

use contracts::{
    Row,
    row::{Grant, Trigger},
    table::{Action, Table},
};
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
    /// Committing an event of this type. No role knows of it; the gate does.
    Emit(&'static str),
    /// A call that no row can grant.
    Unknown(String),
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
            Self::Emit(event_type) => write!(f, "the event {event_type}"),
            Self::Unknown(what) => f.write_str(what),
        }
    }
}

/// The row of a function.
pub(crate) fn row(function: &str) -> Option<&'static Row> {
    static ROWS: OnceLock<BTreeMap<&'static str, &'static Row>> = OnceLock::new();
    let rows = ROWS.get_or_init(|| contracts::rows().into_iter().map(|row| (row.function, row)).collect());
    rows.get(function).copied()
}

/// The names of secrets, by what lets read them.
const SECRETS: [(Grant, &str); 4] = [
    (Grant::TokenKeys, "token-keys"),
    (Grant::SigningKey, "signing-key"),
    (Grant::CursorKey, "cursor-key"),
    (Grant::Paystack, "paystack"),
];

/// Whether a function may.
pub(crate) fn may(function: &str, wanted: &Use) -> bool {
    let Some(row) = row(function) else { return false };
    let is_own = |other: &str| row.queue().is_some() && other == row.function;
    match wanted {
        Use::Table(table, action) => row.may(*table, *action),
        Use::Secret(name) => SECRETS.iter().any(|(grant, secret)| secret == name && row.has(*grant)),
        Use::Send { function: other, dead: true } | Use::ChangeVisibility { function: other } => is_own(other),
        Use::Send { function: other, dead: false } => row.has(Grant::SendTimers) && is_timer(other),
        Use::PutEvents => row.has(Grant::PutEvents),
        Use::SendEmail => row.has(Grant::SendEmail),
        Use::Emit(event_type) => row.emits.contains(event_type),
        Use::Unknown(_) => false,
    }
}

fn is_timer(function: &str) -> bool {
    row(function).is_some_and(|row| matches!(row.trigger, Trigger::Timer { .. }))
}

/// Everything that the rows of these functions grant, in words: to be held against what was used.
pub fn granted_to(functions: &BTreeSet<&'static str>) -> BTreeSet<(&'static str, String)> {
    let mut found = BTreeSet::new();
    for row in functions.iter().filter_map(|function| row(function)) {
        let tables = row.granted_tables().into_iter();
        let on_tables =
            tables.flat_map(|(table, actions)| actions.into_iter().map(move |action| Use::Table(table, action)));
        let others = Grant::ALL.into_iter().filter(|grant| row.has(*grant)).flat_map(granted);
        let events = row.emits.iter().copied().map(Use::Emit);
        found.extend(on_tables.chain(others).chain(events).map(|wanted| (row.function, wanted.to_string())));
    }
    found
}

/// What a grant other than a table's lets do.
fn granted(grant: Grant) -> Vec<Use> {
    if let Some((_, secret)) = SECRETS.iter().find(|(reads, _)| *reads == grant) {
        return vec![Use::Secret((*secret).to_owned())];
    }
    match grant {
        Grant::SendEmail => vec![Use::SendEmail],
        Grant::PutEvents => vec![Use::PutEvents],
        Grant::SendTimers => {
            let timers = contracts::steps().into_iter().map(|row| row.function).filter(|function| is_timer(function));
            timers.map(|function| Use::Send { function, dead: false }).collect()
        }
        _ => vec![],
    }
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
    fn a_role_is_what_its_row_says_and_what_calls_it_needs() {
        let put = |table| Use::Table(table, Action::Put);
        assert!(may("orders-on-payment-completed", &put(Table::Requests)), "the inbox");
        assert!(may("orders-expire", &put(Table::Outbox)), "its events");
        assert!(!may("orders-expire", &put(Table::Payments)));
        assert!(!may("products-list", &put(Table::Catalog)));
        let send = |function, dead| Use::Send { function, dead };
        assert!(may("orders-expire", &send("orders-expire", true)), "its dead letters");
        assert!(!may("orders-expire", &send("payments-reconcile", true)));
        assert!(!may("orders-expire", &send("orders-expire", false)), "nobody sends to itself");
        assert!(may("platform-sweep-timers", &send("orders-expire", false)));
        assert!(!may("platform-sweep-timers", &send("audit-on-event", false)), "no timer calls it");
        let hide = |function| Use::ChangeVisibility { function };
        assert!(may("audit-on-event", &hide("audit-on-event")) && !may("audit-on-event", &hide("orders-expire")));
        assert!(may("payments-reconcile", &Use::Secret("paystack".into())));
        assert!(!may("orders-expire", &Use::Secret("paystack".into())));
        assert!(!may("no-such-function", &Use::PutEvents));
    }

    #[test]
    fn what_a_row_grants_it_may() {
        let functions: BTreeSet<&str> = contracts::rows().iter().map(|row| row.function).collect();
        let granted = granted_to(&functions);
        let sends =
            |function: &str| granted.iter().filter(|(of, what)| *of == function && what.starts_with("sqs")).count();
        assert_eq!(sends("platform-sweep-timers"), 2);
        assert!(granted.contains(&("auth-login", "secretsmanager:GetSecretValue on signing-key".to_owned())));
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
