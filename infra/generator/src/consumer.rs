//! What makes a function a consumer: its queue with a dead-letter queue, the rule that fills it, and the mapping that
//! empties it. The outbox's relay reads a stream instead.

use contracts::{Consumer, table::Source};
use serde_json::{Map, Value, json};

use crate::{
    Result,
    cfn::{alarm, alarm_above, get_att, logical_id, named, reference, resource},
    model::SQS_BATCH_MAX,
};

/// After so many failures a message goes to the dead-letter queue.
const RECEIVES_MAX: u8 = 5;
/// SQS's maximum: time to notice.
const DEAD_LETTER_RETENTION_S: u32 = 14 * 24 * 3_600;
/// Of the function's timeout, as AWS advises: a batch that is being retried must not be given to another.
const VISIBILITY_FACTOR: u16 = 6;
/// Only our own services' events: what others put on the bus moves nothing here.
const SOURCE_PREFIX: &str = "selleasi.";

/// Order does not matter to consumers, so that a shard is read as widely as Lambda can.
const STREAM_PARALLEL: u8 = 10;
/// An outage of the bus this long loses nothing. What is older goes to the dead-letter queue, and is still in the
/// outbox for days; without an end, a record that can never be sent would hold up its shard for a day.
const STREAM_RECORD_AGE_S: u32 = 6 * 3_600;
/// Events that wait this long before they are published are late.
const STREAM_LATE_MS: u32 = 60_000;

pub(crate) fn resources(row: &Consumer) -> Result<Map<String, Value>> {
    if row.concurrency == 1 {
        return Err(format!("{}: SQS takes a concurrency of 2 or more", row.function));
    }
    let mut resources = match row.source {
        Source::Events { types, delay_s } => queued(row, Some(types), delay_s),
        Source::AllEvents => queued(row, None, 0),
        Source::Outbox => streamed(row),
    };
    let id = logical_id(row.function);
    let dead_letters = format!("{id}DeadLetters");
    resources.insert(format!("{dead_letters}Alarm"), dead_letter_alarm(row, &dead_letters));
    resources.insert(
        dead_letters,
        resource(
            "AWS::SQS::Queue",
            &json!({
                "QueueName": named(&format!("{}-dlq", row.function)),
                "MessageRetentionPeriod": DEAD_LETTER_RETENTION_S,
                "SqsManagedSseEnabled": true,
            }),
        ),
    );
    Ok(resources)
}

fn queued(row: &Consumer, types: Option<&[&str]>, delay_s: u32) -> Map<String, Value> {
    let id = logical_id(row.function);
    let (queue, rule, dead_letters) = (format!("{id}Queue"), format!("{id}Rule"), format!("{id}DeadLetters"));
    let mut queue_properties = json!({
        "QueueName": named(row.function),
        "VisibilityTimeout": row.timeout_s * VISIBILITY_FACTOR,
        "SqsManagedSseEnabled": true,
        "RedrivePolicy": { "deadLetterTargetArn": get_att(&dead_letters, "Arn"), "maxReceiveCount": RECEIVES_MAX },
    });
    if delay_s > 0 {
        queue_properties["DelaySeconds"] = delay_s.into();
    }
    let mut pattern = json!({ "source": [{ "prefix": SOURCE_PREFIX }] });
    if let Some(types) = types {
        pattern["detail-type"] = types.into();
    }
    let rule_properties = json!({
        "Description": row.doc,
        "EventBusName": reference("EventBus"),
        "EventPattern": pattern,
        "Targets": [{
            "Id": "queue",
            "Arn": get_att(&queue, "Arn"),
            // What EventBridge cannot put into the queue, it puts here.
            "DeadLetterConfig": { "Arn": get_att(&dead_letters, "Arn") },
        }],
    });
    Map::from_iter([
        (format!("{id}QueuePolicy"), queue_policy(&queue, &rule)),
        (format!("{id}DeadLettersPolicy"), queue_policy(&dead_letters, &rule)),
        (format!("{id}Mapping"), queue_mapping(row, &id)),
        (queue, resource("AWS::SQS::Queue", &queue_properties)),
        (rule, resource("AWS::Events::Rule", &rule_properties)),
    ])
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

fn queue_mapping(row: &Consumer, id: &str) -> Value {
    let mut properties = json!({
        "FunctionName": reference(&format!("{id}Function")),
        "EventSourceArn": get_att(&format!("{id}Queue"), "Arn"),
        "BatchSize": row.batch,
        // Nobody is kept waiting to fill a batch, but for a second where SQS asks for it.
        "MaximumBatchingWindowInSeconds": u8::from(row.batch > SQS_BATCH_MAX),
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
    });
    if row.concurrency >= 2 {
        properties["ScalingConfig"] = json!({ "MaximumConcurrency": row.concurrency });
    }
    resource("AWS::Lambda::EventSourceMapping", &properties)
}

fn streamed(row: &Consumer) -> Map<String, Value> {
    let id = logical_id(row.function);
    let function = format!("{id}Function");
    let mapping = json!({
        "FunctionName": reference(&function),
        "EventSourceArn": reference("OutboxStreamArn"),
        "StartingPosition": "TRIM_HORIZON",
        "BatchSize": row.batch,
        "MaximumBatchingWindowInSeconds": 0,
        "ParallelizationFactor": STREAM_PARALLEL,
        "BisectBatchOnFunctionError": true,
        // Without end: the record's age decides.
        "MaximumRetryAttempts": -1,
        "MaximumRecordAgeInSeconds": STREAM_RECORD_AGE_S,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "DestinationConfig": { "OnFailure": { "Destination": get_att(&format!("{id}DeadLetters"), "Arn") } },
    });
    let late = alarm_above(
        &format!("{}-late", row.function),
        "Records of the stream wait too long.",
        ("AWS/Lambda", "IteratorAge", "Maximum"),
        ("FunctionName", reference(&function)),
        STREAM_LATE_MS,
    );
    Map::from_iter([
        (format!("{id}Mapping"), resource("AWS::Lambda::EventSourceMapping", &mapping)),
        (format!("{id}LateAlarm"), late),
    ])
}

fn dead_letter_alarm(row: &Consumer, dead_letters: &str) -> Value {
    alarm(
        &format!("{}-dlq", row.function),
        "Messages could not be dealt with: a person should look.",
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum"),
        ("QueueName", get_att(dead_letters, "QueueName")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{ON_LENT, RELAY, properties};

    fn generated(row: &Consumer) -> Value {
        Value::Object(resources(row).unwrap())
    }

    #[test]
    fn a_message_waits_for_its_function_and_dies_into_the_dead_letter_queue() {
        let resources = generated(&ON_LENT);
        let queue = properties(&resources, "books-on-lent", "Queue");
        assert_eq!(queue["VisibilityTimeout"], 6 * ON_LENT.timeout_s, "AWS advises six times the timeout");
        assert_eq!(queue["DelaySeconds"], 30);
        let redrive = &queue["RedrivePolicy"];
        assert_eq!(redrive["deadLetterTargetArn"], get_att("BooksOnLentDeadLetters", "Arn"));
        assert_eq!(redrive["maxReceiveCount"], RECEIVES_MAX);
        let dead_letters = properties(&resources, "books-on-lent", "DeadLetters");
        assert_eq!(dead_letters["MessageRetentionPeriod"], 1_209_600, "14 days, the most that SQS keeps");
        let watched = &properties(&resources, "books-on-lent", "DeadLettersAlarm")["Dimensions"][0]["Value"];
        assert_eq!(*watched, get_att("BooksOnLentDeadLetters", "QueueName"));
    }

    #[test]
    fn the_rule_takes_our_events_of_these_types_into_the_queue() {
        let resources = generated(&ON_LENT);
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
        let resources = generated(&Consumer { source: Source::AllEvents, ..ON_LENT });
        let pattern = &properties(&resources, "books-on-lent", "Rule")["EventPattern"];
        assert_eq!(*pattern, json!({ "source": [{ "prefix": "selleasi." }] }));
        assert!(properties(&resources, "books-on-lent", "Queue").get("DelaySeconds").is_none());
    }

    #[test]
    fn only_the_rule_may_send_to_either_queue() {
        let resources = generated(&ON_LENT);
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
    fn the_mapping_reports_each_failed_message_and_keeps_the_rows_bounds() {
        let resources = generated(&ON_LENT);
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
        let resources = generated(&Consumer { batch: 11, concurrency: 0, ..ON_LENT });
        let mapping = properties(&resources, "books-on-lent", "Mapping");
        assert_eq!(mapping["MaximumBatchingWindowInSeconds"], 1);
        assert!(mapping.get("ScalingConfig").is_none());
    }

    #[test]
    fn sqs_has_no_concurrency_of_one() {
        let refused = resources(&Consumer { concurrency: 1, ..ON_LENT }).unwrap_err();
        assert_eq!(refused, "books-on-lent: SQS takes a concurrency of 2 or more");
    }

    #[test]
    fn the_relay_reads_the_stream_until_a_record_is_too_old() {
        let resources = generated(&RELAY);
        let mapping = properties(&resources, "books-relay", "Mapping");
        assert_eq!(mapping["EventSourceArn"], reference("OutboxStreamArn"));
        assert_eq!(mapping["StartingPosition"], "TRIM_HORIZON");
        assert_eq!(
            (&mapping["MaximumRetryAttempts"], &mapping["MaximumRecordAgeInSeconds"]),
            (&json!(-1), &json!(21_600))
        );
        let destination = &mapping["DestinationConfig"]["OnFailure"]["Destination"];
        assert_eq!(*destination, get_att("BooksRelayDeadLetters", "Arn"));
        assert!(resources.get("BooksRelayQueue").is_none());
        assert_eq!(properties(&resources, "books-relay", "LateAlarm")["Threshold"], 60_000);
    }
}
