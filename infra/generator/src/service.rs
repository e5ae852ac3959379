//! The stack of a service: for each function its role and log group, and what calls it.

use contracts::{
    Row,
    row::{Grant, Trigger},
};
use serde_json::{Map, Value, json};

use crate::{
    Result,
    alarm::{DETAILED, Metric, above, detailed},
    cfn::{LOG_RETENTION_DAYS, logical_id, named, reference, resource, sub},
    endpoint,
    model::{self, minds_clocks, summary},
    role, schedule, step, stream,
};

/// What the root stack can hand down: name, type.
const PARAMETERS: [(&str, &str); 18] = [
    ("Env", "String"),
    ("Architecture", "String"),
    ("BaseDomain", "String"),
    ("PublicBaseUrl", "String"),
    ("PaystackBaseUrl", "String"),
    ("MailFrom", "String"),
    ("LogLevel", "String"),
    ("ReconcileScheduleS", "String"),
    ("ClientRateFactor", "Number"),
    ("ClockSkewMaxS", "Number"),
    ("RetryLongestS", "Number"),
    ("ReservedConcurrency", "Number"),
    ("DetailedAlarms", "String"),
    ("AlarmTopicArn", "String"),
    ("ApiId", "String"),
    ("AuthorizerId", "String"),
    ("EventBus", "String"),
    ("OutboxStreamArn", "String"),
];

/// The condition under which functions that have it in their row keep concurrency for themselves.
const RESERVES: &str = "ReservesConcurrency";

#[derive(Debug)]
pub(crate) struct Stack {
    pub(crate) service: &'static str,
    pub(crate) template: Value,
    /// The parameters it takes, which are those it uses.
    pub(crate) parameters: Vec<&'static str>,
    pub(crate) has_routes: bool,
}

/// `functions` are the service's, `rows` all that there are.
pub(crate) fn stack(service: &'static str, functions: &[&Row], rows: &[&Row]) -> Result<Stack> {
    let mut resources = Map::new();
    for row in functions {
        resources.extend(function_resources(row, rows)?);
    }
    let mut conditions = json!({ DETAILED: { "Fn::Equals": [reference("DetailedAlarms"), "true"] } });
    if functions.iter().any(|row| row.reserved) {
        conditions[RESERVES] = json!({ "Fn::Not": [{ "Fn::Equals": [reference("ReservedConcurrency"), "0"] }] });
    }
    let mut template = json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": format!("SellEasi: {service}"),
        // W3002 warns that `Code` is a folder until `sam deploy` has uploaded it, which is how it is meant.
        "Metadata": { "cfn-lint": { "config": { "ignore_checks": ["W3002"] } } },
        "Conditions": conditions,
        "Resources": resources,
    });
    let used: Vec<_> = PARAMETERS.into_iter().filter(|(name, _)| uses(&template, name)).collect();
    template["Parameters"] = used.iter().map(|(name, kind)| ((*name).to_owned(), json!({ "Type": kind }))).collect();
    Ok(Stack {
        service,
        template,
        parameters: used.into_iter().map(|(name, _)| name).collect(),
        has_routes: functions.iter().any(|row| row.route().is_some()),
    })
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

fn function_resources(row: &Row, rows: &[&Row]) -> Result<Map<String, Value>> {
    let id = logical_id(row.function);
    let mut resources = Map::from_iter([
        (format!("{id}Function"), definition(row, &id)),
        (format!("{id}Role"), role::role(row, rows)),
        (format!("{id}Logs"), logs(row)),
        (format!("{id}ErrorAlarm"), error_alarm(row, &id)),
    ]);
    resources.extend(match row.trigger {
        Trigger::Request(route) => endpoint::resources(row, route),
        Trigger::Events { types, queue } => step::resources(row, queue, Some(types))?,
        Trigger::Timer { queue } => step::resources(row, queue, None)?,
        Trigger::MailReports { queue } => step::mail_reports(row, queue)?,
        Trigger::Outbox { batch } => stream::resources(row, batch),
        Trigger::Schedule { every_minutes } => schedule::resources(row, every_minutes),
        Trigger::Authorizer => Map::from_iter([endpoint::authorizer_permission(&id)]),
        Trigger::Operator => Map::new(),
    });
    Ok(resources)
}

/// A property that only functions with concurrency of their own have.
pub(crate) fn where_reserved(value: Value) -> Value {
    json!({ "Fn::If": [RESERVES, value, reference("AWS::NoValue")] })
}

fn definition(row: &Row, id: &str) -> Value {
    let mut properties = json!({
        "FunctionName": named(row.function),
        "Description": summary(row),
        "Runtime": "provided.al2023",
        "Handler": "bootstrap",
        "Architectures": [reference("Architecture")],
        // Below infra/services: `sam deploy` uploads it.
        "Code": format!("../../target/lambda/{}/", row.function),
        "Role": { "Fn::GetAtt": [format!("{id}Role"), "Arn"] },
        "MemorySize": row.memory_mb,
        "Timeout": row.timeout_s,
        "Environment": { "Variables": environment(row, id) },
    });
    if row.reserved {
        properties["ReservedConcurrentExecutions"] = where_reserved(reference("ReservedConcurrency"));
    }
    resource("AWS::Lambda::Function", &properties)
}

/// What `runtime`'s configuration reads; where a value is only of use with a grant or a trigger, only with it.
fn environment(row: &Row, id: &str) -> Map<String, Value> {
    let secret = |name: &str| sub(format!("selleasi/${{Env}}/{name}"));
    let mut variables = Map::from_iter([
        ("ENVIRONMENT".to_owned(), reference("Env")),
        ("LOG_LEVEL".to_owned(), reference("LogLevel")),
        ("BASE_DOMAIN".to_owned(), reference("BaseDomain")),
        ("PUBLIC_BASE_URL".to_owned(), reference("PublicBaseUrl")),
    ]);
    for grant in model::grants(row) {
        let (name, value) = match grant {
            Grant::TokenKeys => ("TOKEN_KEYS_SECRET", secret("token-keys")),
            Grant::SigningKey => ("SIGNING_KEY_SECRET", secret("signing-key")),
            Grant::CursorKey => ("CURSOR_KEY_SECRET", secret("cursor-key")),
            Grant::Paystack => ("PAYSTACK_SECRET", secret("paystack")),
            Grant::SendEmail => ("MAIL_FROM", reference("MailFrom")),
            Grant::PutEvents => ("EVENT_BUS", reference("EventBus")),
            Grant::SendTimers | Grant::ReadDeadLetters | Grant::Redrive => ("QUEUE_URL_PREFIX", sub(QUEUE_URL_PREFIX)),
        };
        variables.insert(name.to_owned(), value);
    }
    if row.has(Grant::Paystack) {
        variables.insert("PAYSTACK_BASE_URL".to_owned(), reference("PaystackBaseUrl"));
        variables.insert("RECONCILE_SCHEDULE_S".to_owned(), reference("ReconcileScheduleS"));
    }
    if row.queue().is_some() {
        variables.insert("QUEUE_URL".to_owned(), reference(&format!("{id}Queue")));
        variables.insert("DEAD_LETTERS_URL".to_owned(), reference(&format!("{id}DeadLetters")));
        variables.insert("RETRY_LONGEST_S".to_owned(), reference("RetryLongestS"));
    }
    if row.route().is_some_and(|route| route.rate.is_limited()) {
        variables.insert("CLIENT_RATE_FACTOR".to_owned(), reference("ClientRateFactor"));
    }
    if minds_clocks(row) {
        variables.insert("CLOCK_SKEW_MAX_S".to_owned(), reference("ClockSkewMaxS"));
    }
    variables
}

/// As SQS writes the addresses of queues. MiniStack finds a queue by the last two parts.
const QUEUE_URL_PREFIX: &str = "https://sqs.${AWS::Region}.${AWS::URLSuffix}/${AWS::AccountId}/selleasi-${Env}-";

fn logs(row: &Row) -> Value {
    resource(
        "AWS::Logs::LogGroup",
        &json!({
            "LogGroupName": sub(format!("/aws/lambda/selleasi-${{Env}}-{}", row.function)),
            "RetentionInDays": LOG_RETENTION_DAYS,
        }),
    )
}

fn error_alarm(row: &Row, id: &str) -> Value {
    let errors = Metric::of(("AWS/Lambda", "Errors", "Sum"), "FunctionName", reference(&format!("{id}Function")));
    let name = format!("{}-errors", row.function);
    detailed(above(0, &errors, &name, "Calls of the function fail. First: read the end of its log."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{LIST_BOOKS, ON_LENT, RELAY, REMIND, SWEEP, UPDATE_BOOK, properties};

    fn generated(functions: &[&Row]) -> Stack {
        stack("books", functions, functions).unwrap()
    }

    fn parameters(functions: &[&Row]) -> Vec<&'static str> {
        generated(functions).parameters
    }

    #[test]
    fn a_stack_takes_the_parameters_that_it_uses() {
        let always = ["Env", "Architecture", "BaseDomain", "PublicBaseUrl", "LogLevel"];
        let alarms = ["DetailedAlarms", "AlarmTopicArn"];
        let with = |own: &[&'static str], more: &[&'static str]| [&always, own, &alarms, more].concat();
        let reserved = &["ClientRateFactor", "ReservedConcurrency"];
        assert_eq!(parameters(&[&UPDATE_BOOK]), with(reserved, &["ApiId", "AuthorizerId"]));
        assert_eq!(parameters(&[&ON_LENT]), with(&["RetryLongestS"], &["EventBus"]));
        assert_eq!(parameters(&[&RELAY]), with(&[], &["OutboxStreamArn"]));
        assert_eq!(
            parameters(&[&UPDATE_BOOK, &ON_LENT, &RELAY]),
            with(
                &["ClientRateFactor", "RetryLongestS", "ReservedConcurrency"],
                &["ApiId", "AuthorizerId", "EventBus", "OutboxStreamArn"]
            )
        );
    }

    #[test]
    fn a_template_declares_what_it_takes() {
        let stack = generated(&[&UPDATE_BOOK]);
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

    const ALWAYS: [&str; 4] = ["BASE_DOMAIN", "ENVIRONMENT", "LOG_LEVEL", "PUBLIC_BASE_URL"];

    fn variables(row: &Row) -> Vec<String> {
        environment(row, "Books").keys().cloned().collect()
    }

    fn always_and(more: &[&str]) -> Vec<String> {
        let mut expected = [&ALWAYS, more].concat();
        expected.sort_unstable();
        expected.into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn a_grant_brings_the_environment_that_it_needs_and_nothing_else_does() {
        assert_eq!(variables(&LIST_BOOKS), always_and(&["CLIENT_RATE_FACTOR"]));
        for (grant, names) in [
            (&[Grant::TokenKeys], &["TOKEN_KEYS_SECRET"][..]),
            (&[Grant::SigningKey], &["SIGNING_KEY_SECRET"]),
            (&[Grant::CursorKey], &["CURSOR_KEY_SECRET"]),
            (&[Grant::Paystack], &["PAYSTACK_SECRET", "PAYSTACK_BASE_URL", "RECONCILE_SCHEDULE_S"]),
            (&[Grant::SendEmail], &["MAIL_FROM"]),
            (&[Grant::PutEvents], &["EVENT_BUS"]),
            (&[Grant::SendTimers], &["QUEUE_URL_PREFIX"]),
            (&[Grant::ReadDeadLetters], &["QUEUE_URL_PREFIX"]),
            (&[Grant::Redrive], &["QUEUE_URL_PREFIX"]),
        ] {
            let names = [names, &["CLIENT_RATE_FACTOR"]].concat();
            assert_eq!(variables(&Row { grants: grant, ..LIST_BOOKS }), always_and(&names), "{grant:?}");
        }
    }

    #[test]
    fn a_step_knows_its_queue_and_one_that_tells_others_how_far_clocks_may_be_apart() {
        let queues = ["QUEUE_URL", "DEAD_LETTERS_URL", "RETRY_LONGEST_S"];
        assert_eq!(variables(&ON_LENT), always_and(&queues));
        assert_eq!(variables(&REMIND), always_and(&queues));
        let tells = Row { grants: &[Grant::SendEmail], ..ON_LENT };
        assert_eq!(variables(&tells), always_and(&[&queues[..], &["MAIL_FROM", "CLOCK_SKEW_MAX_S"]].concat()));
    }

    #[test]
    fn a_function_has_its_own_role_and_logs_and_an_alarm_where_that_is_asked_for() {
        let template = generated(&[&UPDATE_BOOK]).template;
        let resources = &template["Resources"];
        let function = properties(resources, "books-update", "Function");
        assert_eq!(function["Role"], json!({ "Fn::GetAtt": ["BooksUpdateRole", "Arn"] }));
        assert_eq!(function["Description"], "Changes a book.");
        assert_eq!(function["Code"], "../../target/lambda/books-update/");
        assert_eq!(properties(resources, "books-update", "Logs")["RetentionInDays"], 30);
        let watched = &properties(resources, "books-update", "ErrorAlarm")["Dimensions"][0]["Value"];
        assert_eq!(*watched, reference("BooksUpdateFunction"));
        assert_eq!(resources["BooksUpdateErrorAlarm"]["Condition"], DETAILED);
    }

    #[test]
    fn concurrency_is_kept_for_those_whose_row_says_so_and_only_where_any_is() {
        let template = generated(&[&UPDATE_BOOK, &LIST_BOOKS]).template;
        let kept = |function| &properties(&template["Resources"], function, "Function")["ReservedConcurrentExecutions"];
        let expected = json!({ "Fn::If": [RESERVES, reference("ReservedConcurrency"), reference("AWS::NoValue")] });
        assert_eq!(*kept("books-update"), expected);
        assert!(kept("books-list").is_null());
        assert!(generated(&[&LIST_BOOKS]).template["Conditions"].get(RESERVES).is_none());
    }

    #[test]
    fn an_operators_function_is_called_by_nothing() {
        let resources = function_resources(&Row { trigger: Trigger::Operator, ..SWEEP }, &[]).unwrap();
        let kinds: Vec<&String> = resources.keys().collect();
        assert_eq!(kinds, ["BooksSweepErrorAlarm", "BooksSweepFunction", "BooksSweepLogs", "BooksSweepRole"]);
    }
}
