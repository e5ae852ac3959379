//! What makes a function a step: its queue with a dead-letter queue, the mapping that empties it, and, for events, the
//! rule that fills it. A timer's queue is filled by the sweep, by its role.

use contracts::{
    Row,
    row::{MESSAGE_RETENTION_S, Queue},
};
use serde_json::{Map, Value, json};

use crate::{
    Result,
    alarm::{Metric, above, detailed},
    cfn::{get_att, logical_id, named, reference, resource, sub},
    model::summary,
    service::where_reserved,
};

/// SQS: above this an event source mapping needs a batching window.
const SQS_BATCH_MAX: u16 = 10;
/// Only our own services' events: what others put on the bus moves nothing here.
const SOURCE_PREFIX: &str = "selleasi.";

/// `types` of the events it takes, all where none is listed; `None` for a timer's.
pub(crate) fn resources(row: &Row, queue: Queue, types: Option<&[&str]>) -> Result<Map<String, Value>> {
    let mut resources = queues(row, queue)?;
    if let Some(types) = types {
        resources.extend(filled_by(row, event_rule(row, types)));
    }
    Ok(resources)
}

/// For the function that hears what becomes of mails. SES reports to the account's own bus, and only of mails that are
/// sent with this configuration set. That suppresses nothing by itself: whoever has lost a mailbox and has it back
/// proves it with a code, and SES must not keep that back.
pub(crate) fn mail_reports(row: &Row, queue: Queue) -> Result<Map<String, Value>> {
    let bus = sub("arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/default");
    let mut resources = queues(row, queue)?;
    resources.extend(filled_by(row, mail_rule(row)));
    resources.insert(
        "MailReports".into(),
        resource(
            "AWS::SES::ConfigurationSetEventDestination",
            &json!({
                "ConfigurationSetName": sub("selleasi-${Env}"),
                "EventDestination": {
                    "Name": "event-bus",
                    "Enabled": true,
                    "MatchingEventTypes": ["bounce", "complaint"],
                    "EventBridgeDestination": { "EventBusArn": bus },
                },
            }),
        ),
    );
    Ok(resources)
}

fn queues(row: &Row, queue: Queue) -> Result<Map<String, Value>> {
    if queue.concurrency == 1 {
        return Err(format!("{}: SQS takes a concurrency of 2 or more", row.function));
    }
    if queue.concurrency > 0 && row.reserved {
        return Err(format!("{}: how much concurrency it keeps is its bound; it has no other", row.function));
    }
    let id = logical_id(row.function);
    let (name, dead_letters) = (format!("{id}Queue"), format!("{id}DeadLetters"));
    let properties = json!({
        "QueueName": named(row.function),
        "VisibilityTimeout": row.visibility_s(),
        "MessageRetentionPeriod": MESSAGE_RETENTION_S,
        "SqsManagedSseEnabled": true,
        "RedrivePolicy": {
            "deadLetterTargetArn": get_att(&dead_letters, "Arn"),
            "maxReceiveCount": queue.retry.receives_max(),
        },
    });
    let mut resources = dead_letter_queue(row);
    resources.insert(name.clone(), resource("AWS::SQS::Queue", &properties));
    resources.insert(format!("{id}Mapping"), mapping(row, queue, &id));
    Ok(resources)
}

/// The rule that fills the function's queue, and the leave to do so.
fn filled_by(row: &Row, rule: Value) -> [(String, Value); 3] {
    let id = logical_id(row.function);
    let (name, queue, dead_letters) = (format!("{id}Rule"), format!("{id}Queue"), format!("{id}DeadLetters"));
    [
        (format!("{queue}Policy"), queue_policy(&queue, &name)),
        (format!("{dead_letters}Policy"), queue_policy(&dead_letters, &name)),
        (name, rule),
    ]
}

/// The queue of what the function could not deal with.
pub(crate) fn dead_letter_queue(row: &Row) -> Map<String, Value> {
    let id = format!("{}DeadLetters", logical_id(row.function));
    let properties = json!({
        "QueueName": named(&format!("{}-dlq", row.function)),
        "MessageRetentionPeriod": MESSAGE_RETENTION_S,
        "SqsManagedSseEnabled": true,
    });
    let alarm = above(
        0,
        &Metric::of(
            ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum"),
            "QueueName",
            get_att(&id, "QueueName"),
        ),
        &format!("{}-dlq", row.function),
        "Messages of this function were put aside. First: read their attribute reason.",
    );
    Map::from_iter([(format!("{id}Alarm"), detailed(alarm)), (id, resource("AWS::SQS::Queue", &properties))])
}

fn event_rule(row: &Row, types: &[&str]) -> Value {
    let mut pattern = json!({ "source": [{ "prefix": SOURCE_PREFIX }] });
    if !types.is_empty() {
        pattern["detail-type"] = types.into();
    }
    let mut properties = rule(row, &pattern);
    properties["EventBusName"] = reference("EventBus");
    resource("AWS::Events::Rule", &properties)
}

/// On the account's own bus, where other environments' mails are reported too: SES names the set that a mail was sent
/// with.
fn mail_rule(row: &Row) -> Value {
    let set = json!({ "mail": { "tags": { "ses:configuration-set": [sub("selleasi-${Env}")] } } });
    let types = ["Email Bounced", "Email Complaint Received"];
    let pattern = json!({ "source": ["aws.ses"], "detail-type": types, "detail": set });
    resource("AWS::Events::Rule", &rule(row, &pattern))
}

fn rule(row: &Row, pattern: &Value) -> Value {
    let id = logical_id(row.function);
    json!({
        "Description": summary(row),
        "EventPattern": pattern,
        "Targets": [{
            "Id": "queue",
            "Arn": get_att(&format!("{id}Queue"), "Arn"),
            // What EventBridge cannot put into the queue, it puts here.
            "DeadLetterConfig": { "Arn": get_att(&format!("{id}DeadLetters"), "Arn") },
        }],
    })
}

/// The rule, and nobody else without a role of their own, may send.
fn queue_policy(queue: &str, rule: &str) -> Value {
    resource(
        "AWS::SQS::QueuePolicy",
        &json!({
            "Queues": [reference(queue)],
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [{
                    "Effect": "Allow",
                    "Principal": { "Service": "events.amazonaws.com" },
                    "Action": "sqs:SendMessage",
                    "Resource": get_att(queue, "Arn"),
                    "Condition": { "ArnEquals": { "aws:SourceArn": get_att(rule, "Arn") } },
                }],
            },
        }),
    )
}

fn mapping(row: &Row, queue: Queue, id: &str) -> Value {
    let mut properties = json!({
        "FunctionName": reference(&format!("{id}Function")),
        "EventSourceArn": get_att(&format!("{id}Queue"), "Arn"),
        "BatchSize": queue.batch,
        // Nobody is kept waiting to fill a batch, but for a second where SQS asks for it.
        "MaximumBatchingWindowInSeconds": u8::from(queue.batch > SQS_BATCH_MAX),
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
    });
    if queue.concurrency > 0 {
        properties["ScalingConfig"] = json!({ "MaximumConcurrency": queue.concurrency });
    } else if row.reserved {
        // Calls beyond what the function keeps would be throttled, and each would spend a receive of its messages.
        let bound = json!({ "MaximumConcurrency": reference("ReservedConcurrency") });
        properties["ScalingConfig"] = where_reserved(bound);
    }
    resource("AWS::Lambda::EventSourceMapping", &properties)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{ON_LENT, QUEUE, REMIND, properties};
    use contracts::row::Retry;

    const TYPES: Option<&[&str]> = Some(&["BOOK_LENT", "BOOK_RETURNED"]);

    fn generated(queue: Queue, types: Option<&[&str]>) -> Value {
        Value::Object(resources(&ON_LENT, queue, types).unwrap())
    }

    #[test]
    fn a_message_waits_for_its_function_and_dies_into_the_dead_letter_queue() {
        let resources = generated(QUEUE, TYPES);
        let queue = properties(&resources, "books-on-lent", "Queue");
        assert_eq!(queue["VisibilityTimeout"], 6 * ON_LENT.timeout_s, "AWS advises six times the timeout");
        assert_eq!(queue["RedrivePolicy"]["deadLetterTargetArn"], get_att("BooksOnLentDeadLetters", "Arn"));
        let dead_letters = properties(&resources, "books-on-lent", "DeadLetters");
        for queue in [queue, dead_letters] {
            assert_eq!(queue["MessageRetentionPeriod"], 1_209_600, "14 days, the most that SQS keeps");
        }
    }

    #[test]
    fn sqs_does_not_end_what_the_function_still_retries() {
        for (retry, makes) in [(Retry::STEP, 294), (Retry::DEPENDENCY, 101)] {
            assert_eq!(retry.receives_max(), 2 * makes);
            // The receives that end before the last one wait all the time that there is.
            let waited_s = |receives: u32| (1..receives).map(|nth| retry.wait_s(nth)).sum::<u32>();
            assert!(waited_s(makes) >= retry.give_up_after_s && waited_s(makes - 1) < retry.give_up_after_s);
        }
        let impatient = Retry { first_s: 1, longest_s: 1, give_up_after_s: 86_400 };
        assert_eq!(impatient.receives_max(), 1_000, "SQS takes no more");
    }

    #[test]
    fn the_rule_takes_our_events_of_these_types_into_the_queue() {
        let resources = generated(QUEUE, TYPES);
        let rule = properties(&resources, "books-on-lent", "Rule");
        assert_eq!(
            rule["EventPattern"],
            json!({ "source": [{ "prefix": "selleasi." }], "detail-type": ["BOOK_LENT", "BOOK_RETURNED"] })
        );
        assert_eq!(rule["Targets"].as_array().unwrap().len(), 1);
        assert_eq!(rule["Targets"][0]["Arn"], get_att("BooksOnLentQueue", "Arn"));
        assert_eq!(rule["Targets"][0]["DeadLetterConfig"]["Arn"], get_att("BooksOnLentDeadLetters", "Arn"));
    }

    #[test]
    fn all_events_means_no_type_but_still_ours_only() {
        let resources = generated(QUEUE, Some(&[]));
        let pattern = &properties(&resources, "books-on-lent", "Rule")["EventPattern"];
        assert_eq!(*pattern, json!({ "source": [{ "prefix": "selleasi." }] }));
    }

    #[test]
    fn only_the_rule_may_send_to_either_queue() {
        let resources = generated(QUEUE, TYPES);
        for queue in ["Queue", "DeadLetters"] {
            let policy = properties(&resources, "books-on-lent", &format!("{queue}Policy"));
            let name = format!("BooksOnLent{queue}");
            assert_eq!(policy["Queues"], json!([reference(&name)]));
            let statements = policy["PolicyDocument"]["Statement"].as_array().unwrap();
            assert_eq!(statements.len(), 1);
            assert_eq!(statements[0]["Resource"], get_att(&name, "Arn"));
            let from_the_rule = json!({ "ArnEquals": { "aws:SourceArn": get_att("BooksOnLentRule", "Arn") } });
            assert_eq!(statements[0]["Condition"], from_the_rule);
        }
    }

    #[test]
    fn a_timers_queue_is_open_to_no_service_and_fed_by_no_rule() {
        let resources = Value::Object(resources(&REMIND, QUEUE, None).unwrap());
        let kinds: Vec<_> = resources.as_object().unwrap().keys().collect();
        assert_eq!(
            kinds,
            ["BooksRemindDeadLetters", "BooksRemindDeadLettersAlarm", "BooksRemindMapping", "BooksRemindQueue"]
        );
    }

    #[test]
    fn mails_that_bounce_or_are_complained_of_are_reported_to_the_queue() {
        let resources = Value::Object(mail_reports(&ON_LENT, QUEUE).unwrap());
        let of = |name: &str| &resources[name]["Properties"];
        let destination = &of("MailReports")["EventDestination"];
        assert_eq!(of("MailReports")["ConfigurationSetName"], sub("selleasi-${Env}"));
        assert_eq!(destination["MatchingEventTypes"], json!(["bounce", "complaint"]));
        let rule = properties(&resources, "books-on-lent", "Rule");
        assert_eq!(rule.get("EventBusName"), None, "SES reports to the account's own bus only");
        assert_eq!(rule["EventPattern"]["source"], json!(["aws.ses"]));
        let set = &rule["EventPattern"]["detail"]["mail"]["tags"]["ses:configuration-set"];
        assert_eq!(*set, json!([sub("selleasi-${Env}")]));
        assert_eq!(rule["Targets"][0]["Arn"], get_att("BooksOnLentQueue", "Arn"));
        let policy = properties(&resources, "books-on-lent", "QueuePolicy");
        let from_the_rule = json!({ "ArnEquals": { "aws:SourceArn": get_att("BooksOnLentRule", "Arn") } });
        assert_eq!(policy["PolicyDocument"]["Statement"][0]["Condition"], from_the_rule);
    }

    #[test]
    fn the_mapping_reports_each_failed_message_and_keeps_the_rows_bounds() {
        let resources = generated(QUEUE, TYPES);
        let mapping = properties(&resources, "books-on-lent", "Mapping");
        assert_eq!(mapping["EventSourceArn"], get_att("BooksOnLentQueue", "Arn"));
        assert_eq!(mapping["FunctionName"], reference("BooksOnLentFunction"));
        assert_eq!(mapping["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]));
        assert_eq!(mapping["BatchSize"], 10);
        assert_eq!(mapping["MaximumBatchingWindowInSeconds"], 0);
        assert_eq!(mapping["ScalingConfig"], json!({ "MaximumConcurrency": 5 }));
    }

    #[test]
    fn a_large_batch_needs_a_window_and_no_bound_is_left_out() {
        let resources = generated(Queue { batch: 11, concurrency: 0, ..QUEUE }, TYPES);
        let mapping = properties(&resources, "books-on-lent", "Mapping");
        assert_eq!(mapping["MaximumBatchingWindowInSeconds"], 1);
        assert!(mapping.get("ScalingConfig").is_none());
    }

    #[test]
    fn a_function_that_keeps_concurrency_is_called_no_more_often_at_once() {
        let (unbounded, row) = (Queue { concurrency: 0, ..QUEUE }, Row { reserved: true, ..ON_LENT });
        let resources = json!(resources(&row, unbounded, TYPES).unwrap());
        let mapping = properties(&resources, "books-on-lent", "Mapping");
        let bound = json!({ "MaximumConcurrency": reference("ReservedConcurrency") });
        let none = reference("AWS::NoValue");
        assert_eq!(mapping["ScalingConfig"], json!({ "Fn::If": ["ReservesConcurrency", bound, none] }));
    }

    #[test]
    fn a_function_that_keeps_concurrency_has_no_other_bound() {
        let refused = resources(&Row { reserved: true, ..ON_LENT }, QUEUE, TYPES).unwrap_err();
        assert_eq!(refused, "books-on-lent: how much concurrency it keeps is its bound; it has no other");
    }

    #[test]
    fn sqs_has_no_concurrency_of_one() {
        let refused = resources(&ON_LENT, Queue { concurrency: 1, ..QUEUE }, TYPES).unwrap_err();
        assert_eq!(refused, "books-on-lent: SQS takes a concurrency of 2 or more");
    }
}
