//! A function's role: the least it can work with.

use std::collections::BTreeSet;

use contracts::{
    Row,
    row::{Grant, Trigger},
    table::{Action, Table},
};
use serde_json::{Value, json};

use crate::{
    cfn::{arn, get_att, logical_id, reference, resource, sub},
    model::grants,
};

/// `rows` are all that there are: some functions reach others' queues.
pub(crate) fn role(row: &Row, rows: &[&Row]) -> Value {
    resource(
        "AWS::IAM::Role",
        &json!({
            "AssumeRolePolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [{
                    "Effect": "Allow",
                    "Principal": { "Service": "lambda.amazonaws.com" },
                    "Action": "sts:AssumeRole",
                }],
            },
            "Policies": [{
                "PolicyName": "function",
                "PolicyDocument": { "Version": "2012-10-17", "Statement": statements(row, rows) },
            }],
        }),
    )
}

fn statements(row: &Row, rows: &[&Row]) -> Vec<Value> {
    let id = logical_id(row.function);
    let mut statements = vec![allow(
        &["logs:CreateLogStream", "logs:PutLogEvents"],
        // A log group's ARN ends in `:*`, which is its streams.
        &[get_att(&format!("{id}Logs"), "Arn")],
    )];
    statements.extend(row.granted_tables().iter().map(|(table, actions)| on_table(*table, actions)));
    statements.extend(grants(row).flat_map(|grant| granted(grant, rows)));
    statements.extend(trigger(&row.trigger, &id));
    statements
}

fn allow(actions: &[&str], resources: &[Value]) -> Value {
    json!({ "Effect": "Allow", "Action": actions, "Resource": resources })
}

fn on_table(table: Table, actions: &BTreeSet<Action>) -> Value {
    let name = format!("table/selleasi-${{Env}}-{}", table.name());
    let mut resources = vec![arn("dynamodb", &name)];
    if actions.contains(&Action::Query) && table.indexes() > 0 {
        resources.push(arn("dynamodb", &format!("{name}/index/*")));
    }
    let actions: Vec<&str> = actions.iter().map(|action| action.iam()).collect();
    allow(&actions, &resources)
}

fn granted(grant: Grant, rows: &[&Row]) -> Vec<Value> {
    match grant {
        Grant::TokenKeys => vec![secret("token-keys")],
        Grant::SigningKey => vec![secret("signing-key")],
        Grant::CursorKey => vec![secret("cursor-key")],
        Grant::Paystack => vec![secret("paystack")],
        Grant::SendEmail => {
            let [domain, addresses] = identities();
            vec![allow(&["ses:SendEmail"], &[domain, addresses, arn("ses", "configuration-set/selleasi-${Env}")])]
        }
        Grant::PutEvents => vec![allow(&["events:PutEvents"], &[arn("events", "event-bus/${EventBus}")])],
        Grant::SendTimers => {
            let timers = queues(rows, "", |row| matches!(row.trigger, Trigger::Timer { .. }));
            vec![allow(&["sqs:SendMessage"], &timers)]
        }
        Grant::ReadDeadLetters => {
            vec![allow(&["sqs:ReceiveMessage", "sqs:GetQueueAttributes"], &queues(rows, "-dlq", Row::has_dead_letters))]
        }
        Grant::Redrive => {
            let is_step = |row: &Row| row.queue().is_some();
            vec![
                allow(
                    &["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
                    &queues(rows, "-dlq", is_step),
                ),
                allow(&["sqs:SendMessage"], &queues(rows, "", is_step)),
            ]
        }
    }
}

/// Each by its name: they are in other stacks, and there is no wildcard.
fn queues(rows: &[&Row], ending: &str, is: impl Fn(&Row) -> bool) -> Vec<Value> {
    let named = |row: &&&Row| is(row);
    rows.iter().filter(named).map(|row| arn("sqs", &format!("selleasi-${{Env}}-{}{ending}", row.function))).collect()
}

/// Secrets Manager ends a secret's ARN with six characters of its own.
fn secret(name: &str) -> Value {
    let resource = arn("secretsmanager", &format!("secret:selleasi/${{Env}}/{name}-??????"));
    allow(&["secretsmanager:GetSecretValue"], &[resource])
}

/// The sender's domain, or its address where only that is verified. `MailFrom` is `a@b.c` or `Name <a@b.c>`.
fn identities() -> [Value; 2] {
    let after_at = json!({ "Fn::Select": [1, { "Fn::Split": ["@", reference("MailFrom")] }] });
    let domain = json!({ "Fn::Select": [0, { "Fn::Split": [">", after_at] }] });
    let identity = "arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:identity/";
    [
        json!({ "Fn::Sub": [format!("{identity}${{Domain}}"), { "Domain": domain }] }),
        json!({ "Fn::Sub": [format!("{identity}*@${{Domain}}"), { "Domain": domain }] }),
    ]
}

/// What Lambda does in the function's name, and what the function does with its own queue: it holds messages back, and
/// puts copies of those it gives up among the dead letters. It cannot send to the queue that calls it.
fn trigger(trigger: &Trigger, id: &str) -> Vec<Value> {
    match trigger {
        Trigger::Events { .. } | Trigger::Timer { .. } | Trigger::MailReports { .. } => vec![
            allow(
                &["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"],
                &[get_att(&format!("{id}Queue"), "Arn")],
            ),
            allow(&["sqs:SendMessage"], &[get_att(&format!("{id}DeadLetters"), "Arn")]),
        ],
        Trigger::Outbox { .. } => vec![
            allow(
                &["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"],
                &[reference("OutboxStreamArn")],
            ),
            // It names no stream: IAM knows it on all streams of a table.
            allow(&["dynamodb:ListStreams"], &[sub(outbox_streams())]),
            allow(&["sqs:SendMessage"], &[get_att(&format!("{id}DeadLetters"), "Arn")]),
        ],
        Trigger::Request(_) | Trigger::Schedule { .. } | Trigger::Authorizer | Trigger::Operator => vec![],
    }
}

fn outbox_streams() -> String {
    let table = Table::Outbox.name();
    format!(
        "arn:${{AWS::Partition}}:dynamodb:${{AWS::Region}}:${{AWS::AccountId}}:table/selleasi-${{Env}}-{table}/stream/*"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixtures::{LIST_BOOKS, ON_LENT, RELAY, REMIND, SWEEP, UPDATE_BOOK},
        model,
    };

    const ALL: [&Row; 6] = [&UPDATE_BOOK, &LIST_BOOKS, &ON_LENT, &REMIND, &RELAY, &SWEEP];

    fn document(row: &Row) -> Vec<Value> {
        role(row, &ALL)["Properties"]["Policies"][0]["PolicyDocument"]["Statement"].as_array().unwrap().clone()
    }

    /// The statement whose first resource is the table itself.
    fn statement_on<'a>(document: &'a [Value], table: &str) -> &'a Value {
        let arn = arn("dynamodb", &format!("table/selleasi-${{Env}}-{table}"));
        document
            .iter()
            .find(|statement| statement["Resource"][0] == arn)
            .unwrap_or_else(|| panic!("nothing on {table}"))
    }

    /// What all statements with this action are on.
    fn resources_of(document: &[Value], action: &str) -> Vec<Value> {
        let with_action = document
            .iter()
            .filter(|statement| statement["Action"].as_array().unwrap().iter().any(|granted| granted == action));
        with_action.flat_map(|statement| statement["Resource"].as_array().unwrap().clone()).collect()
    }

    fn queue(name: &str) -> Value {
        arn("sqs", &format!("selleasi-${{Env}}-{name}"))
    }

    #[test]
    fn only_lambda_can_assume_it() {
        let role = role(&UPDATE_BOOK, &ALL);
        let trust = &role["Properties"]["AssumeRolePolicyDocument"]["Statement"];
        assert_eq!(trust.as_array().unwrap().len(), 1);
        assert_eq!(trust[0]["Principal"], json!({ "Service": "lambda.amazonaws.com" }));
    }

    #[test]
    fn a_table_has_exactly_the_actions_of_the_row() {
        let document = document(&UPDATE_BOOK);
        let catalog = statement_on(&document, "catalog");
        assert_eq!(catalog["Action"], json!(["dynamodb:GetItem", "dynamodb:UpdateItem"]));
        assert_eq!(catalog["Resource"].as_array().unwrap().len(), 1, "no index without a query");
    }

    #[test]
    fn what_every_such_row_does_is_granted_without_being_said() {
        let document = document(&UPDATE_BOOK);
        // The idempotency record, the store by its name, the event.
        for (table, actions) in [
            ("requests", json!(["dynamodb:GetItem", "dynamodb:PutItem"])),
            ("tenants", json!(["dynamodb:GetItem", "dynamodb:Query"])),
            ("outbox", json!(["dynamodb:PutItem"])),
        ] {
            assert_eq!(statement_on(&document, table)["Action"], actions, "{table}");
        }
        assert_eq!(document.len(), 5, "logs, the row's table and those three: {document:#?}");
    }

    #[test]
    fn indexes_come_with_query_where_the_table_has_some() {
        let index = arn("dynamodb", "table/selleasi-${Env}-catalog/index/*");
        assert_eq!(statement_on(&document(&LIST_BOOKS), "catalog")["Resource"][1], index);
        let on_table = |table| on_table(table, &BTreeSet::from([Action::Query]));
        assert_eq!(on_table(Table::Carts)["Resource"].as_array().unwrap().len(), 1, "carts have no index");
    }

    #[test]
    fn each_grant_gives_one_action_on_its_own_thing() {
        for (grant, action, resource) in [
            (Grant::TokenKeys, "secretsmanager:GetSecretValue", "secret:selleasi/${Env}/token-keys-??????"),
            (Grant::SigningKey, "secretsmanager:GetSecretValue", "secret:selleasi/${Env}/signing-key-??????"),
            (Grant::CursorKey, "secretsmanager:GetSecretValue", "secret:selleasi/${Env}/cursor-key-??????"),
            (Grant::Paystack, "secretsmanager:GetSecretValue", "secret:selleasi/${Env}/paystack-??????"),
            (Grant::SendEmail, "ses:SendEmail", ":identity/"),
            (Grant::PutEvents, "events:PutEvents", "event-bus/${EventBus}"),
        ] {
            let statements = granted(grant, &ALL);
            assert_eq!(statements.len(), 1, "{grant:?}");
            assert_eq!(statements[0]["Action"], json!([action]), "{grant:?}");
            assert!(statements[0]["Resource"].to_string().contains(resource), "{statements:?}");
        }
    }

    #[test]
    fn a_step_reads_its_own_queue_and_sends_to_its_own_dead_letters_only() {
        for (row, id) in [(&ON_LENT, "BooksOnLent"), (&REMIND, "BooksRemind")] {
            let document = document(row);
            let own = get_att(&format!("{id}Queue"), "Arn");
            let queue = document.iter().find(|statement| statement["Resource"][0] == own);
            let actions = json!([
                "sqs:ReceiveMessage",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "sqs:ChangeMessageVisibility"
            ]);
            assert_eq!(queue.unwrap()["Action"], actions);
            assert_eq!(resources_of(&document, "sqs:SendMessage"), [get_att(&format!("{id}DeadLetters"), "Arn")]);
        }
    }

    #[test]
    fn the_sweep_sends_to_timers_queues_only() {
        assert_eq!(resources_of(&document(&SWEEP), "sqs:SendMessage"), [queue("books-remind")]);
    }

    #[test]
    fn redriving_reads_dead_letters_and_sends_to_the_queues_they_came_from() {
        let document = document(&Row { trigger: Trigger::Operator, grants: &[Grant::Redrive], ..SWEEP });
        assert_eq!(resources_of(&document, "sqs:SendMessage"), [queue("books-on-lent"), queue("books-remind")]);
        // What the relay puts aside are places in a stream, which no queue of its own takes.
        let dead_letters = [queue("books-on-lent-dlq"), queue("books-remind-dlq")];
        assert_eq!(resources_of(&document, "sqs:DeleteMessage"), dead_letters);
    }

    #[test]
    fn who_reads_dead_letters_reads_all_and_removes_none() {
        let document = document(&Row { trigger: Trigger::Operator, grants: &[Grant::ReadDeadLetters], ..SWEEP });
        let dead_letters = [queue("books-on-lent-dlq"), queue("books-remind-dlq"), queue("books-relay-dlq")];
        assert_eq!(resources_of(&document, "sqs:ReceiveMessage"), dead_letters);
        assert!(!document.iter().any(|statement| statement["Action"].to_string().contains("Delete")), "{document:#?}");
    }

    #[test]
    fn the_relay_reads_the_stream_and_no_table() {
        let document = document(&RELAY);
        let stream =
            document.iter().find(|statement| statement["Resource"][0] == reference("OutboxStreamArn")).unwrap();
        let actions = json!(["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]);
        assert_eq!(stream["Action"], actions);
        assert!(!document.iter().any(|statement| statement["Action"].to_string().contains("Item")), "{document:#?}");
    }

    /// Of all functions that there are: an action is named in full, and a resource is open only where it has to be.
    #[test]
    fn no_role_has_a_wildcard() {
        let open_by_need = ["/index/*", "/stream/*", ":identity/*@${Domain}"];
        let rows = model::rows().unwrap();
        for row in &rows {
            for statement in statements(row, &rows) {
                assert_eq!(statement["Effect"], "Allow");
                assert!(!statement["Action"].to_string().contains('*'), "{}: {statement}", row.function);
                let resources = statement["Resource"].as_array().unwrap();
                assert!(!resources.is_empty(), "{}: {statement}", row.function);
                for resource in resources {
                    let mut text = resource.to_string();
                    for needed in open_by_need {
                        text = text.replace(needed, "");
                    }
                    assert!(!text.contains('*'), "{}: {resource}", row.function);
                }
            }
        }
    }
}
