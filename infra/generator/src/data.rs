//! The stack of tables.

use contracts::table::Table;
use serde_json::{Map, Value, json};

use crate::{
    alarm::{DETAILED, Metric, detailed, expression_above},
    cfn::{get_att, logical_id, named, reference},
};

/// What the store writes into every item that ends by itself.
const TTL_ATTRIBUTE: &str = "expires_at_epoch_s";

/// CloudWatch counts system errors for each operation apart, and an alarm costs by the metric: what nearly every request
/// does is enough to notice.
const OPERATIONS: [&str; 3] = ["GetItem", "Query", "TransactWriteItems"];

pub(crate) fn template() -> Value {
    let mut resources = Map::new();
    for table in Table::ALL {
        let id = logical_id(table.name());
        resources.insert(format!("{id}Table"), definition(table));
        resources.insert(format!("{id}ThrottleAlarm"), throttle_alarm(table));
        resources.insert(format!("{id}ErrorAlarm"), error_alarm(table));
    }
    json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "SellEasi: tables",
        "Parameters": {
            "Env": { "Type": "String" },
            "Protect": { "Type": "String", "AllowedValues": ["true", "false"] },
            "DetailedAlarms": { "Type": "String", "AllowedValues": ["true", "false"] },
            "AlarmTopicArn": { "Type": "String" },
        },
        "Conditions": {
            "IsProtected": { "Fn::Equals": [reference("Protect"), "true"] },
            DETAILED: { "Fn::Equals": [reference("DetailedAlarms"), "true"] },
        },
        "Resources": resources,
        "Outputs": { "OutboxStreamArn": { "Value": get_att("OutboxTable", "StreamArn") } },
    })
}

/// Without an `SSESpecification`: AWS's own key encrypts it, which costs nothing.
fn definition(table: Table) -> Value {
    let indexes: Vec<Value> = (1..=table.indexes())
        .map(|n| {
            json!({
                "IndexName": format!("gsi{n}"),
                "KeySchema": keys(&format!("gsi{n}pk"), &format!("gsi{n}sk")),
                "Projection": { "ProjectionType": "ALL" },
            })
        })
        .collect();
    let mut attributes = vec!["pk".to_owned(), "sk".to_owned()];
    attributes.extend((1..=table.indexes()).flat_map(|n| [format!("gsi{n}pk"), format!("gsi{n}sk")]));
    let attributes: Vec<Value> =
        attributes.iter().map(|name| json!({ "AttributeName": name, "AttributeType": "S" })).collect();
    let mut properties = json!({
        "TableName": named(table.name()),
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": attributes,
        "KeySchema": keys("pk", "sk"),
        "DeletionProtectionEnabled": { "Fn::If": ["IsProtected", true, false] },
    });
    // All that is in this table ends by itself, and events that are published again after a restore must have effect.
    if table != Table::Requests {
        properties["PointInTimeRecoverySpecification"] = json!({ "PointInTimeRecoveryEnabled": true });
    }
    // A timer is over when its function has done what it was set for, however late that is.
    if table != Table::Timers {
        properties["TimeToLiveSpecification"] = json!({ "AttributeName": TTL_ATTRIBUTE, "Enabled": true });
    }
    if !indexes.is_empty() {
        properties["GlobalSecondaryIndexes"] = indexes.into();
    }
    if table == Table::Outbox {
        properties["StreamSpecification"] = json!({ "StreamViewType": "NEW_IMAGE" });
    }
    json!({
        "Type": "AWS::DynamoDB::Table",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": properties,
    })
}

fn keys(partition: &str, sort: &str) -> Value {
    json!([
        { "AttributeName": partition, "KeyType": "HASH" },
        { "AttributeName": sort, "KeyType": "RANGE" },
    ])
}

fn throttle_alarm(table: Table) -> Value {
    let metrics = ["ReadThrottleEvents", "WriteThrottleEvents"].map(|name| summed(name, vec![by_table(table)]));
    sum_alarm(&format!("{}-throttles", table.name()), "Reads or writes of the table are throttled.", &metrics)
}

fn error_alarm(table: Table) -> Value {
    let metrics =
        OPERATIONS.map(|operation| summed("SystemErrors", vec![by_table(table), ("Operation", operation.into())]));
    sum_alarm(&format!("{}-errors", table.name()), "DynamoDB fails on the table.", &metrics)
}

fn summed(name: &'static str, dimensions: Vec<(&'static str, Value)>) -> Metric {
    Metric { namespace: "AWS/DynamoDB", name, statistic: "Sum", dimensions }
}

fn by_table(table: Table) -> (&'static str, Value) {
    ("TableName", reference(&format!("{}Table", logical_id(table.name()))))
}

/// Raised when the metrics are together above zero.
fn sum_alarm(name: &str, says: &str, metrics: &[Metric]) -> Value {
    let parts: Vec<String> = (0..metrics.len()).map(|index| format!("FILL(m{index}, 0)")).collect();
    detailed(expression_above(0, metrics, &parts.join("+"), name, says))
}
