//! The stack of alarms: few, each on something that hurts, each with what to do first. Those of single functions, queues
//! and tables are in their stacks, and only where they are asked for.

use contracts::{Row, row::Trigger};
use serde_json::{Map, Value, json};

use crate::{
    Result,
    alarm::{Metric, above, expression_above, lasting, missing, query_above},
    cfn::{named, reference},
};

/// Where our own metrics are. They have the environment as their only dimension: by function they are in the logs.
const OURS: &str = "SellEasi";
/// Clients try single ones again; a fault of the code's own is `faults`.
const API_ERRORS_MAX: u32 = 5;
/// Messages and events that wait longer are late.
const QUEUE_LATE_S: u32 = 600;
const OUTBOX_LATE_MS: u32 = 60_000;
/// CloudWatch: metrics in one alarm's expression.
const METRICS_MAX: usize = 10;
/// Periods of five minutes without a sweep.
const SWEEPS_MISSING: u8 = 2;

pub(crate) fn template(rows: &[&Row]) -> Result<Value> {
    let alarms = [
        ("ApiErrors", api_errors()),
        ("FunctionErrors", function_errors()),
        ("FunctionThrottles", function_throttles()),
        ("Faults", faults()),
        ("DeadLetters", dead_letters()),
        ("QueueAge", queue_age(rows)?),
        ("OutboxAge", outbox_age(rows)?),
        ("TimersLate", timers_late(rows)?),
        ("ReconciliationGaveUp", reconciliation_gave_up()),
        ("TableThrottles", table_throttles()),
    ];
    Ok(json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "SellEasi: alarms",
        "Parameters": {
            "Env": { "Type": "String" },
            "ApiId": { "Type": "String" },
            "AlarmTopicArn": { "Type": "String" },
        },
        "Resources": alarms.into_iter().map(|(id, alarm)| (format!("{id}Alarm"), alarm)).collect::<Map<_, _>>(),
    }))
}

fn api_errors() -> Value {
    above(
        API_ERRORS_MAX,
        &Metric::of(("AWS/ApiGateway", "5xx", "Sum"), "ApiId", reference("ApiId")),
        "api-errors",
        "Requests fail on our side. First: in the API's access log, find the routes with status 5xx; 500 has a fault in that function's log under the request id, 503 names what is away.",
    )
}

/// Over all functions of the account and region: Lambda has no narrower sum. One crash happens. A message that makes a
/// step crash comes again and again, until SQS itself puts it aside, which the step cannot count as a dead letter.
fn function_errors() -> Value {
    lasting(above(
        0,
        &Metric { namespace: "AWS/Lambda", name: "Errors", statistic: "Sum", dimensions: vec![] },
        "function-errors",
        "Functions crash, time out or give up. First: in Lambda's console, sort functions by errors, and read the last lines of the log of the first.",
    ))
}

fn function_throttles() -> Value {
    above(
        0,
        &Metric { namespace: "AWS/Lambda", name: "Throttles", statistic: "Sum", dimensions: vec![] },
        "function-throttles",
        "Functions are not run for want of concurrency. First: compare ConcurrentExecutions with the account's quota; ask for more, or lower the limits of the API's routes (parameters ...Rate).",
    )
}

fn ours(name: &'static str) -> Metric {
    Metric::of((OURS, name, "Sum"), "environment", reference("Env"))
}

fn faults() -> Value {
    above(
        0,
        &ours("faults"),
        "faults",
        "Something happened that the code holds impossible, or a role lacks a permission. First: find level ERROR with message fault in the functions' logs; it names the reason.",
    )
}

/// Counted by the steps, which put them aside: CloudWatch sums no more than ten queues in an alarm, and its queries
/// cannot choose queues by how their names end.
fn dead_letters() -> Value {
    above(
        0,
        &ours("dead_letters"),
        "dead-letters",
        "Messages could not be dealt with and were put aside: orders or refunds may stand still. First: find the queues ending in -dlq that hold messages, and read their attribute reason. When its cause is gone, put them back.",
    )
}

/// Of the queues between a payment and a confirmed order, of timers, and of the audit trail: those of functions that
/// keep concurrency for themselves, those that the clock fills, and those that get every event.
fn queue_age(rows: &[&Row]) -> Result<Value> {
    let watched = rows.iter().filter(|row| match row.trigger {
        Trigger::Events { types, .. } => row.reserved || types.is_empty(),
        Trigger::Timer { .. } => true,
        _ => false,
    });
    let age = ("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum");
    let metrics: Vec<Metric> = watched.map(|row| Metric::of(age, "QueueName", named(row.function))).collect();
    if metrics.is_empty() || metrics.len() > METRICS_MAX {
        return Err(format!("{} queues to watch, CloudWatch takes 1 to {METRICS_MAX} in one alarm", metrics.len()));
    }
    let names: Vec<String> = (0..metrics.len()).map(|index| format!("FILL(m{index}, 0)")).collect();
    Ok(expression_above(
        QUEUE_LATE_S,
        &metrics,
        &format!("MAX([{}])", names.join(", ")),
        "queue-age",
        "Messages that were not yet tried three times wait for more than ten minutes: orders, timers or the audit trail are late. First: find the queue with the oldest message, then see whether its function is throttled, fails, or has its trigger disabled.",
    ))
}

fn outbox_age(rows: &[&Row]) -> Result<Value> {
    let relay = the_one(rows, "reads the outbox", |row| matches!(row.trigger, Trigger::Outbox { .. }))?;
    Ok(above(
        OUTBOX_LATE_MS,
        &Metric::of(("AWS/Lambda", "IteratorAge", "Maximum"), "FunctionName", named(relay.function)),
        "outbox-age",
        "Committed events wait for more than a minute before they are published, and nothing that follows from them happens. First: read the log of the function that reads the outbox; it names what the event bus said. Nothing is lost for a day.",
    ))
}

fn timers_late(rows: &[&Row]) -> Result<Value> {
    let sweep = the_one(rows, "is called by the clock", |row| matches!(row.trigger, Trigger::Schedule { .. }))?;
    Ok(missing(
        SWEEPS_MISSING,
        &Metric::of(("AWS/Lambda", "Invocations", "Sum"), "FunctionName", named(sweep.function)),
        "timers-late",
        "Timers that are due are not looked for: unpaid orders do not expire, open payments are not asked about. First: see whether the schedule's rule is enabled and its function may run. What was missed is caught up by the next run.",
    ))
}

fn reconciliation_gave_up() -> Value {
    above(
        0,
        &ours("reconciliation_gave_up"),
        "reconciliation-gave-up",
        "A payment or refund could not be settled with the provider, and asking has ended. First: find reconciliation gave up in the log of the function that reconciles, with the order's id; compare the payment with the provider's dashboard, and settle it there.",
    )
}

/// Over all tables of the account and region. That DynamoDB itself fails is seen as `api-errors` and `queue-age`.
fn table_throttles() -> Value {
    query_above(
        0,
        r#"SELECT SUM(ThrottledRequests) FROM SCHEMA("AWS/DynamoDB", TableName, Operation)"#,
        "table-throttles",
        "DynamoDB throttles reads or writes. First: find the table by its metric ThrottledRequests, then the key that is written most: one store's stock or one tenant's audit trail may be too hot.",
    )
}

/// The first such function.
fn the_one<'a>(rows: &[&'a Row], what: &str, is: impl Fn(&Row) -> bool) -> Result<&'a Row> {
    rows.iter().find(|row| is(row)).copied().ok_or_else(|| format!("no function {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{ON_LENT, RELAY, REMIND, SWEEP, UPDATE_BOOK};

    const SAGA: Row = Row { reserved: true, ..ON_LENT };

    #[test]
    fn there_are_few_alarms_and_each_tells_somebody_what_to_do_first() {
        let template = template(&[&UPDATE_BOOK, &SAGA, &RELAY, &SWEEP]).unwrap();
        let alarms = template["Resources"].as_object().unwrap();
        assert!(alarms.len() <= 10, "{} alarms", alarms.len());
        for (name, alarm) in alarms {
            assert_eq!(alarm["Properties"]["AlarmActions"], json!([reference("AlarmTopicArn")]), "{name}");
            assert!(alarm["Properties"]["AlarmDescription"].as_str().unwrap().contains("First: "), "{name}");
            assert!(alarm.get("Condition").is_none(), "{name} is always there");
        }
    }

    #[test]
    fn queues_that_keep_concurrency_or_get_every_event_are_watched_and_timers() {
        const AUDIT: Row = Row {
            function: "books-audit",
            trigger: Trigger::Events { types: &[], queue: crate::fixtures::QUEUE },
            ..ON_LENT
        };
        let alarm =
            queue_age(&[&UPDATE_BOOK, &SAGA, &Row { function: "books-other", ..ON_LENT }, &AUDIT, &REMIND]).unwrap();
        let queries = alarm["Properties"]["Metrics"].as_array().unwrap();
        let watched: Vec<_> =
            queries.iter().filter_map(|query| query.pointer("/MetricStat/Metric/Dimensions/0/Value")).collect();
        assert_eq!(watched, [&named("books-on-lent"), &named("books-audit"), &named("books-remind")]);
        assert_eq!(queries[3]["Expression"], "MAX([FILL(m0, 0), FILL(m1, 0), FILL(m2, 0)])");
    }

    #[test]
    fn an_alarm_on_nothing_or_on_too_much_is_refused() {
        assert!(queue_age(&[&ON_LENT]).is_err());
        assert!(queue_age(&[&SAGA; 10]).is_ok());
        assert_eq!(queue_age(&[&SAGA; 11]).unwrap_err(), "11 queues to watch, CloudWatch takes 1 to 10 in one alarm");
        assert_eq!(outbox_age(&[&SAGA]).unwrap_err(), "no function reads the outbox");
    }

    #[test]
    fn a_message_that_crashes_its_step_is_noticed_before_sqs_ends_it() {
        let alarm = &function_errors()["Properties"];
        let (periods, needed) = (&alarm["EvaluationPeriods"], &alarm["DatapointsToAlarm"]);
        assert_eq!((&alarm["Threshold"], periods, needed), (&json!(0), &json!(3), &json!(2)));
        // It comes again after six timeouts: in two of any three periods, if that is at most half of their time.
        for row in contracts::steps() {
            assert!(2 * 6 * row.timeout_s <= 3 * crate::alarm::PERIOD_S, "{}", row.function);
        }
    }

    #[test]
    fn a_sweep_that_does_not_run_raises_an_alarm() {
        let alarm = timers_late(&[&SWEEP]).unwrap();
        assert_eq!(alarm["Properties"]["TreatMissingData"], "breaching");
        assert_eq!(alarm["Properties"]["ComparisonOperator"], "LessThanThreshold");
        assert_eq!(alarm["Properties"]["Threshold"], 1);
    }
}
