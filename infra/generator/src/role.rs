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
