//! The root stack: parameters, the API, the bus, secrets, whom alarms tell, and the nested stacks.

use contracts::{Row, row::Retry};
use serde_json::{Map, Value, json};

use crate::{
    Result,
    cfn::{get_att, logical_id, named, reference, resource, sub},
    gateway,
    service::Stack,
};

/// Values are put by scripts/deploy: no template holds one.
const SECRETS: [(&str, &str); 4] = [
    ("token-keys", "Public halves of the keys that sign access tokens"),
    ("signing-key", "Private half of the key that signs access tokens"),
    ("paystack", "The platform's Paystack key"),
    ("cursor-key", "Key that authenticates the cursors of lists"),
];

/// Nested stacks that are no service's.
const OURS: [&str; 2] = ["data", "alarms"];

pub(crate) fn template(stacks: &[Stack], rows: &[&Row]) -> Result<Value> {
    let with_routes: Vec<String> =
        stacks.iter().filter(|stack| stack.has_routes).map(|stack| logical_id(stack.service)).collect();
    let mut resources = gateway::resources(rows, &with_routes)?;
    resources.insert("EventBus".into(), resource("AWS::Events::EventBus", &json!({ "Name": sub("selleasi-${Env}") })));
    for (name, says) in SECRETS {
        let properties = json!({ "Name": sub(format!("selleasi/${{Env}}/{name}")), "Description": says });
        let secret = resource("AWS::SecretsManager::Secret", &properties);
        resources.insert(format!("{}Secret", logical_id(name)), secret);
    }
    // SES keeps no list of its own: who proves an address again gets mails again.
    let own_list = json!({ "Name": sub("selleasi-${Env}"), "SuppressionOptions": { "SuppressedReasons": [] } });
    resources.insert("MailConfigurationSet".into(), resource("AWS::SES::ConfigurationSet", &own_list));
    resources.extend(alarm_topic());
    resources.insert("Data".into(), nested("data", &["Env", "Protect", "DetailedAlarms", "AlarmTopicArn"]));
    resources.insert("Alarms".into(), nested("alarms", &["Env", "ApiId", "AlarmTopicArn"]));
    for stack in stacks {
        if OURS.contains(&stack.service) {
            return Err(format!("a service cannot be called {}: that stack is no service's", stack.service));
        }
        let mut nested = nested(stack.service, &stack.parameters);
        // Nothing is called before its tables are there, and what it names when it sends a mail; the stream's ARN says so
        // of tables by itself.
        let mut after = vec![];
        if !stack.parameters.contains(&"OutboxStreamArn") {
            after.push("Data");
        }
        if stack.parameters.contains(&"MailFrom") {
            after.push("MailConfigurationSet");
        }
        if !after.is_empty() {
            nested["DependsOn"] = after.into();
        }
        resources.insert(logical_id(stack.service), nested);
    }
    Ok(json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Transform": "AWS::Serverless-2016-10-31",
        "Description": "SellEasi",
        "Parameters": parameters(rows),
        "Rules": { "ReservedConcurrency": { "Assertions": [{
            "Assert": { "Fn::Not": [{ "Fn::Equals": [reference("ReservedConcurrency"), "1"] }] },
            "AssertDescription": "ReservedConcurrency is 0, or 2 or more: SQS calls a function at least twice at once",
        }] } },
        "Conditions": { "HasAlarmEmail": { "Fn::Not": [{ "Fn::Equals": [reference("AlarmEmail"), ""] }] } },
        "Resources": resources,
        "Outputs": {
            "ApiId": { "Value": reference("Api") },
            "ApiUrl": { "Value": sub("https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}") },
            "EventBusName": { "Value": reference("EventBus") },
            "AlarmTopicArn": { "Value": reference("AlarmTopic") },
        },
    }))
}

/// Whom alarms tell: whoever subscribes to the topic, and an address that is given when deploying.
fn alarm_topic() -> [(String, Value); 2] {
    let subscription =
        json!({ "TopicArn": reference("AlarmTopic"), "Protocol": "email", "Endpoint": reference("AlarmEmail") });
    let mut subscription = resource("AWS::SNS::Subscription", &subscription);
    subscription["Condition"] = "HasAlarmEmail".into();
    [
        ("AlarmTopic".to_owned(), resource("AWS::SNS::Topic", &json!({ "TopicName": named("alarms") }))),
        ("AlarmEmailSubscription".to_owned(), subscription),
    ]
}

fn parameters(rows: &[&Row]) -> Value {
    let reserved = rows.iter().filter(|row| row.reserved).count();
    let mut parameters = json!({
        "Env": {
            "Type": "String",
            "Default": "dev",
            "AllowedPattern": "[a-z][a-z0-9-]{0,19}",
            "Description": "Name of the environment, in the name of every resource",
        },
        "Architecture": {
            "Type": "String",
            "Default": "arm64",
            "AllowedValues": ["arm64", "x86_64"],
            "Description": "What the functions were built for",
        },
        "BaseDomain": { "Type": "String", "Description": "Stores answer at <slug>.<BaseDomain>" },
        "PublicBaseUrl": { "Type": "String", "Description": "Where this API is reached, for links and callbacks" },
        "PaystackBaseUrl": { "Type": "String", "Default": "https://api.paystack.co" },
        "MailFrom": { "Type": "String", "Description": "Sender of e-mail: a@b.c or Name <a@b.c>, verified in SES" },
        "CorsOrigins": {
            "Type": "CommaDelimitedList",
            "Default": "http://localhost:3000",
            "Description": "Origins whose pages may call this API",
        },
        "LogLevel": { "Type": "String", "Default": "info", "AllowedValues": ["error", "warn", "info", "debug", "trace"] },
        "ReconcileScheduleS": {
            "Type": "String",
            "Default": "60,300,900,3600",
            "Description": "Seconds after which an open payment is asked about again; the last one repeats",
        },
        "ClientRateFactor": {
            "Type": "Number",
            "Default": 1,
            "MinValue": 0,
            "Description": "How many times the usual rate limits a client has; 0 for none at all",
        },
        "ClockSkewMaxS": {
            "Type": "Number",
            "Default": domain::limits::CLOCK_SKEW_MAX_S,
            "MinValue": 0,
            "Description": "How far the clocks of two machines may be apart, in seconds; less only where they are known to agree",
        },
        "RetryLongestS": {
            "Type": "Number",
            "Default": Retry::DEPENDENCY.longest_s,
            "MinValue": 1,
            "Description": "Seconds between two tries of a message at the most; less than the functions' own bounds only where nothing is far away",
        },
        "ReservedConcurrency": {
            "Type": "Number",
            "Default": 0,
            "MinValue": 0,
            "Description": format!("Calls at once that each of {reserved} functions which others must not starve keeps for itself, and is held to: 2 or more, or 0 for no such share. Of the account's quota AWS wants 100 to stay free, and a new account has 10 in all"),
        },
        "AlarmEmail": {
            "Type": "String",
            "Default": "",
            "Description": "Address that alarms are sent to, which has to confirm it; empty for none",
        },
        "DetailedAlarms": {
            "Type": "String",
            "Default": "false",
            "AllowedValues": ["true", "false"],
            "Description": "Whether each function, dead-letter queue and table has alarms of its own, beside those over all",
        },
        "Protect": {
            "Type": "String",
            "Default": "true",
            "AllowedValues": ["true", "false"],
            "Description": "Whether tables are protected from deletion; false for test environments only",
        },
    });
    for (name, parameter) in gateway::parameters() {
        parameters[name] = parameter;
    }
    parameters
}

fn nested(name: &str, parameters: &[&str]) -> Value {
    let parameters: Map<String, Value> =
        parameters.iter().map(|name| ((*name).to_owned(), handed_down(name))).collect();
    resource(
        "AWS::CloudFormation::Stack",
        &json!({ "TemplateURL": format!("infra/services/{name}.yaml"), "Parameters": parameters }),
    )
}

fn handed_down(parameter: &str) -> Value {
    match parameter {
        "ApiId" => reference("Api"),
        "AuthorizerId" => reference("Authorizer"),
        "AlarmTopicArn" => reference("AlarmTopic"),
        "OutboxStreamArn" => get_att("Data", "Outputs.OutboxStreamArn"),
        other => reference(other),
    }
}
