//! A function's role: the least it can work with.

use std::collections::BTreeSet;

use contracts::table::{Action, Grant, Source, Table};
use serde_json::{Value, json};

use crate::{
    cfn::{arn, get_att, logical_id, reference, resource, sub},
    model::{Function, Kind},
};

pub(crate) fn role(function: &Function) -> Value {
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
                "PolicyDocument": { "Version": "2012-10-17", "Statement": statements(function) },
            }],
        }),
    )
}

fn statements(function: &Function) -> Vec<Value> {
    let id = logical_id(function.name);
    let mut statements = vec![allow(
        &["logs:CreateLogStream", "logs:PutLogEvents"],
        // A log group's ARN ends in `:*`, which is its streams.
        &[get_att(&format!("{id}Logs"), "Arn")],
    )];
    statements.extend(function.tables.iter().map(|(table, actions)| on_table(*table, actions)));
    statements.extend(function.grants.iter().map(|grant| granted(*grant, &id)));
    if let Kind::Consumer(row) = function.kind {
        statements.extend(source(row.source, &id));
    }
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

fn granted(grant: Grant, id: &str) -> Value {
    match grant {
        Grant::TokenKeys | Grant::SignTokens => secret("token-keys"),
        Grant::CursorKey => secret("cursor-key"),
        Grant::Paystack => secret("paystack"),
        Grant::SendEmail => allow(&["ses:SendEmail"], &identities()),
        Grant::Requeue => allow(&["sqs:SendMessage"], &[get_att(&format!("{id}Queue"), "Arn")]),
        Grant::PutEvents => allow(&["events:PutEvents"], &[arn("events", "event-bus/${EventBus}")]),
    }
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

fn source(source: Source, id: &str) -> Vec<Value> {
    match source {
        Source::Events { .. } | Source::AllEvents => vec![allow(
            &["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
            &[get_att(&format!("{id}Queue"), "Arn")],
        )],
        Source::Outbox => vec![
            allow(
                &["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"],
                &[reference("OutboxStreamArn")],
            ),
            // It names no stream: IAM knows it on all streams of a table.
            allow(&["dynamodb:ListStreams"], &[sub(outbox_streams())]),
            allow(&["sqs:SendMessage"], &[get_att(&format!("{id}DeadLetters"), "Arn")]),
        ],
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
        fixtures::{LIST_BOOKS, ON_LENT, RELAY, UPDATE_BOOK},
        model::{self, consumer, endpoint},
    };

    fn document(function: &Function) -> Vec<Value> {
        role(function)["Properties"]["Policies"][0]["PolicyDocument"]["Statement"].as_array().unwrap().clone()
    }

    /// The statement whose first resource is the table itself.
    fn statement_on<'a>(document: &'a [Value], table: &str) -> &'a Value {
        let arn = arn("dynamodb", &format!("table/selleasi-${{Env}}-{table}"));
        document
            .iter()
            .find(|statement| statement["Resource"][0] == arn)
            .unwrap_or_else(|| panic!("nothing on {table}"))
    }

    #[test]
    fn only_lambda_can_assume_it() {
        let role = role(&endpoint(&UPDATE_BOOK));
        let trust = &role["Properties"]["AssumeRolePolicyDocument"]["Statement"];
        assert_eq!(trust.as_array().unwrap().len(), 1);
        assert_eq!(trust[0]["Principal"], json!({ "Service": "lambda.amazonaws.com" }));
    }

    #[test]
    fn a_table_has_exactly_the_actions_of_the_row() {
        let document = document(&endpoint(&UPDATE_BOOK));
        let catalog = statement_on(&document, "catalog");
        assert_eq!(catalog["Action"], json!(["dynamodb:GetItem", "dynamodb:UpdateItem"]));
        assert_eq!(catalog["Resource"].as_array().unwrap().len(), 1, "no index without a query");
    }

    #[test]
    fn what_every_such_row_does_is_granted_without_being_said() {
        let document = document(&endpoint(&UPDATE_BOOK));
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
        assert_eq!(statement_on(&document(&endpoint(&LIST_BOOKS)), "catalog")["Resource"][1], index);
        let on_table = |table| on_table(table, &BTreeSet::from([Action::Query]));
        assert_eq!(on_table(Table::Carts)["Resource"].as_array().unwrap().len(), 1, "carts have no index");
    }

    #[test]
    fn each_grant_gives_one_action_on_its_own_thing() {
        for (grant, action, resource) in [
            (Grant::TokenKeys, "secretsmanager:GetSecretValue", "secret:selleasi/${Env}/token-keys-??????"),
            (Grant::SignTokens, "secretsmanager:GetSecretValue", "secret:selleasi/${Env}/token-keys-??????"),
            (Grant::CursorKey, "secretsmanager:GetSecretValue", "secret:selleasi/${Env}/cursor-key-??????"),
            (Grant::Paystack, "secretsmanager:GetSecretValue", "secret:selleasi/${Env}/paystack-??????"),
            (Grant::SendEmail, "ses:SendEmail", ":identity/"),
            (Grant::Requeue, "sqs:SendMessage", "BooksOnLentQueue"),
            (Grant::PutEvents, "events:PutEvents", "event-bus/${EventBus}"),
        ] {
            let statement = granted(grant, "BooksOnLent");
            assert_eq!(statement["Action"], json!([action]), "{grant:?}");
            assert!(statement["Resource"].to_string().contains(resource), "{statement}");
        }
    }

    #[test]
    fn a_consumer_reads_its_own_queue_and_keeps_an_inbox() {
        let document = document(&consumer(&ON_LENT));
        let queue = document.iter().find(|statement| statement["Resource"][0] == get_att("BooksOnLentQueue", "Arn"));
        let actions = json!(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]);
        assert_eq!(queue.unwrap()["Action"], actions);
        assert_eq!(statement_on(&document, "requests")["Action"], json!(["dynamodb:PutItem"]));
    }

    #[test]
    fn the_relay_reads_the_stream_and_no_table() {
        let document = document(&consumer(&RELAY));
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
        for function in model::all().unwrap() {
            for statement in document(&function) {
                assert_eq!(statement["Effect"], "Allow");
                assert!(!statement["Action"].to_string().contains('*'), "{}: {statement}", function.name);
                let resources = statement["Resource"].as_array().unwrap();
                assert!(!resources.is_empty(), "{}: {statement}", function.name);
                for resource in resources {
                    let mut text = resource.to_string();
                    for needed in open_by_need {
                        text = text.replace(needed, "");
                    }
                    assert!(!text.contains('*'), "{}: {resource}", function.name);
                }
            }
        }
    }
}
