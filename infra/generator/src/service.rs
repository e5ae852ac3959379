//! The stack of a service: for each function its role, log group and alarm, and what calls it.

use contracts::table::Grant;
use serde_json::{Map, Value, json};

use crate::{
    Result,
    cfn::{LOG_RETENTION_DAYS, alarm, logical_id, named, reference, resource, sub},
    consumer, endpoint,
    model::{Function, Kind},
    role,
};

/// What the root stack can hand down: name, type.
const PARAMETERS: [(&str, &str); 13] = [
    ("Env", "String"),
    ("Architecture", "String"),
    ("BaseDomain", "String"),
    ("PublicBaseUrl", "String"),
    ("PaystackBaseUrl", "String"),
    ("MailFrom", "String"),
    ("LogLevel", "String"),
    ("ReconcileScheduleS", "String"),
    ("ClockSkewMaxS", "Number"),
    ("ApiId", "String"),
    ("AuthorizerId", "String"),
    ("EventBus", "String"),
    ("OutboxStreamArn", "String"),
];

#[derive(Debug)]
pub(crate) struct Stack {
    pub(crate) service: &'static str,
    pub(crate) template: Value,
    /// The parameters it takes, which are those it uses.
    pub(crate) parameters: Vec<&'static str>,
}

pub(crate) fn stack(service: &'static str, functions: &[&Function]) -> Result<Stack> {
    let mut resources = Map::new();
    for function in functions {
        resources.extend(function_resources(function)?);
    }
    let resources = Value::Object(resources);
    let used: Vec<_> = PARAMETERS.into_iter().filter(|(name, _)| uses(&resources, name)).collect();
    let parameters: Map<String, Value> =
        used.iter().map(|(name, kind)| ((*name).to_owned(), json!({ "Type": kind }))).collect();
    let template = json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": format!("SellEasi: {service}"),
        // W3002 warns that `Code` is a folder until `sam deploy` has uploaded it, which is how it is meant.
        "Metadata": { "cfn-lint": { "config": { "ignore_checks": ["W3002"] } } },
        "Parameters": parameters,
        "Resources": resources,
    });
    Ok(Stack { service, template, parameters: used.into_iter().map(|(name, _)| name).collect() })
}

/// Whether a `Ref` or a `${…}` names it.
fn uses(value: &Value, parameter: &str) -> bool {
    match value {
        Value::String(text) => text.contains(&format!("${{{parameter}}}")),
        Value::Array(items) => items.iter().any(|item| uses(item, parameter)),
        Value::Object(map) => {
            map.iter().any(|(key, value)| (key == "Ref" && value.as_str() == Some(parameter)) || uses(value, parameter))
        }
        _ => false,
    }
}

fn function_resources(function: &Function) -> Result<Map<String, Value>> {
    let id = logical_id(function.name);
    let mut resources = Map::from_iter([
        (format!("{id}Function"), definition(function, &id)),
        (format!("{id}Role"), role::role(function)),
        (format!("{id}Logs"), logs(function)),
        (
            format!("{id}ErrorAlarm"),
            alarm(
                &format!("{}-errors", function.name),
                "Calls of the function fail.",
                ("AWS/Lambda", "Errors", "Sum"),
                ("FunctionName", reference(&format!("{id}Function"))),
            ),
        ),
    ]);
    match function.kind {
        Kind::Endpoint(spec) => resources.extend(endpoint::resources(spec)),
        Kind::Consumer(row) => resources.extend(consumer::resources(row)?),
        Kind::Authorizer => resources.extend([endpoint::authorizer_permission(&id)]),
    }
    Ok(resources)
}

fn definition(function: &Function, id: &str) -> Value {
    let description = match function.kind {
        Kind::Endpoint(spec) => spec.doc.lines().next().unwrap_or_default().trim(),
        Kind::Consumer(row) => row.doc,
        Kind::Authorizer => "Checks access tokens for the API.",
    };
    resource(
        "AWS::Lambda::Function",
        &json!({
            "FunctionName": named(function.name),
            "Description": description,
            "Runtime": "provided.al2023",
            "Handler": "bootstrap",
            "Architectures": [reference("Architecture")],
            // Below infra/services: `sam deploy` uploads it.
            "Code": format!("../../target/lambda/{}/", function.name),
            "Role": { "Fn::GetAtt": [format!("{id}Role"), "Arn"] },
            "MemorySize": function.memory_mb,
            "Timeout": function.timeout_s,
            "Environment": { "Variables": environment(function, id) },
        }),
    )
}

/// What `runtime`'s configuration reads; where a value is only of use with a grant, only with it.
fn environment(function: &Function, id: &str) -> Map<String, Value> {
    let secret = |name: &str| sub(format!("selleasi/${{Env}}/{name}"));
    let mut variables = Map::from_iter([
        ("ENVIRONMENT".to_owned(), reference("Env")),
        ("LOG_LEVEL".to_owned(), reference("LogLevel")),
        ("BASE_DOMAIN".to_owned(), reference("BaseDomain")),
        ("PUBLIC_BASE_URL".to_owned(), reference("PublicBaseUrl")),
    ]);
    for grant in function.grants {
        let (name, value) = match grant {
            Grant::TokenKeys | Grant::SignTokens => ("TOKEN_KEYS_SECRET", secret("token-keys")),
            Grant::CursorKey => ("CURSOR_KEY_SECRET", secret("cursor-key")),
            Grant::Paystack => ("PAYSTACK_SECRET", secret("paystack")),
            Grant::SendEmail => ("MAIL_FROM", reference("MailFrom")),
            Grant::Requeue => ("QUEUE_URL", reference(&format!("{id}Queue"))),
            Grant::PutEvents => ("EVENT_BUS", reference("EventBus")),
        };
        variables.insert(name.to_owned(), value);
    }
    if function.has(Grant::Paystack) {
        variables.insert("PAYSTACK_BASE_URL".to_owned(), reference("PaystackBaseUrl"));
        if function.has(Grant::Requeue) {
            variables.insert("RECONCILE_SCHEDULE_S".to_owned(), reference("ReconcileScheduleS"));
        }
    }
    // Those that leave alone what another may be doing: asking for a refund, sending a mail.
    let reconciles = function.has(Grant::Paystack) && function.has(Grant::Requeue);
    let tells = function.has(Grant::SendEmail) && matches!(function.kind, Kind::Consumer(_));
    if reconciles || tells {
        variables.insert("CLOCK_SKEW_MAX_S".to_owned(), reference("ClockSkewMaxS"));
    }
    variables
}

fn logs(function: &Function) -> Value {
    resource(
        "AWS::Logs::LogGroup",
        &json!({
            "LogGroupName": sub(format!("/aws/lambda/selleasi-${{Env}}-{}", function.name)),
            "RetentionInDays": LOG_RETENTION_DAYS,
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixtures::{ON_LENT, RELAY, UPDATE_BOOK, properties},
        model,
    };

    fn parameters(functions: &[&Function]) -> Vec<&'static str> {
        stack("books", functions).unwrap().parameters
    }

    #[test]
    fn a_stack_takes_the_parameters_that_it_uses() {
        let all = ["Env", "Architecture", "BaseDomain", "PublicBaseUrl", "LogLevel"];
        let endpoint = model::endpoint(&UPDATE_BOOK);
        assert_eq!(parameters(&[&endpoint]), [&all[..], &["ApiId", "AuthorizerId"]].concat());
        let consumer = model::consumer(&ON_LENT);
        assert_eq!(parameters(&[&consumer]), [&all[..], &["EventBus"]].concat());
        let relay = model::consumer(&RELAY);
        assert_eq!(parameters(&[&relay]), [&all[..], &["OutboxStreamArn"]].concat());
        assert_eq!(
            parameters(&[&endpoint, &consumer, &relay]),
            [&all[..], &["ApiId", "AuthorizerId", "EventBus", "OutboxStreamArn"]].concat()
        );
    }

    #[test]
    fn a_template_declares_what_it_takes() {
        let stack = stack("books", &[&model::endpoint(&UPDATE_BOOK)]).unwrap();
        let declared: Vec<&String> = stack.template["Parameters"].as_object().unwrap().keys().collect();
        let mut taken = stack.parameters;
        taken.sort_unstable();
        assert_eq!(declared, taken);
    }

    #[test]
    fn a_ref_and_a_substitution_use_a_parameter_and_a_longer_name_does_not() {
        assert!(uses(&json!({ "A": [{ "Ref": "Env" }] }), "Env"));
        assert!(uses(&json!({ "Fn::Sub": "x-${Env}-y" }), "Env"));
        assert!(!uses(&json!([{ "Ref": "Environment" }, "${EnvX}", "Env"]), "Env"));
    }

    #[test]
    fn a_grant_brings_the_environment_that_it_needs_and_nothing_else_does() {
        let without = model::consumer(&ON_LENT);
        let variables = |function: &Function| {
            let names: Vec<String> = environment(function, "BooksOnLent").keys().cloned().collect();
            names
        };
        let always = ["BASE_DOMAIN", "ENVIRONMENT", "LOG_LEVEL", "PUBLIC_BASE_URL"];
        assert_eq!(variables(&without), always);
        for (grant, name) in [
            (&[Grant::TokenKeys], "TOKEN_KEYS_SECRET"),
            (&[Grant::SignTokens], "TOKEN_KEYS_SECRET"),
            (&[Grant::CursorKey], "CURSOR_KEY_SECRET"),
            (&[Grant::Requeue], "QUEUE_URL"),
            (&[Grant::PutEvents], "EVENT_BUS"),
        ] {
            let mut expected = [&always[..], &[name]].concat();
            expected.sort_unstable();
            assert_eq!(variables(&Function { grants: grant, ..without.clone() }), expected, "{grant:?}");
        }
    }

    #[test]
    fn a_function_has_its_own_role_logs_and_alarm() {
        let template = stack("books", &[&model::endpoint(&UPDATE_BOOK)]).unwrap().template;
        let resources = &template["Resources"];
        let function = properties(resources, "books-update", "Function");
        assert_eq!(function["Role"], json!({ "Fn::GetAtt": ["BooksUpdateRole", "Arn"] }));
        assert_eq!(function["Description"], "Changes a book.");
        assert_eq!(function["Code"], "../../target/lambda/books-update/");
        assert_eq!(properties(resources, "books-update", "Logs")["RetentionInDays"], 30);
        let watched = &properties(resources, "books-update", "ErrorAlarm")["Dimensions"][0]["Value"];
        assert_eq!(*watched, reference("BooksUpdateFunction"));
    }
}
