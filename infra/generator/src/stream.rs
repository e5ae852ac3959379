//! What makes a function the outbox's relay: the mapping that reads the table's stream, and the queue for what can never
//! be sent on.

use contracts::Row;
use serde_json::{Map, Value, json};

use crate::{
    cfn::{get_att, logical_id, reference, resource},
    step::dead_letter_queue,
};

/// Order does not matter to consumers, so that a shard is read as widely as Lambda can.
const PARALLEL: u8 = 10;
/// As long as DynamoDB keeps a stream's records, and as long as steps retry: an outage of the bus this long loses
/// nothing. After that the dead-letter queue has the record's place in the stream, and `platform-republish` publishes
/// the event from the outbox.
const RECORD_AGE_S: u32 = 24 * 3_600;

pub(crate) fn resources(row: &Row, batch: u16) -> Map<String, Value> {
    let id = logical_id(row.function);
    let mapping = json!({
        "FunctionName": reference(&format!("{id}Function")),
        "EventSourceArn": reference("OutboxStreamArn"),
        "StartingPosition": "TRIM_HORIZON",
        "BatchSize": batch,
        "MaximumBatchingWindowInSeconds": 0,
        "ParallelizationFactor": PARALLEL,
        "BisectBatchOnFunctionError": true,
        // Without end: the record's age decides.
        "MaximumRetryAttempts": -1,
        "MaximumRecordAgeInSeconds": RECORD_AGE_S,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "DestinationConfig": { "OnFailure": { "Destination": get_att(&format!("{id}DeadLetters"), "Arn") } },
    });
    let mut resources = dead_letter_queue(row);
    resources.insert(format!("{id}Mapping"), resource("AWS::Lambda::EventSourceMapping", &mapping));
    resources
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{RELAY, properties};

    #[test]
    fn the_relay_reads_the_stream_until_a_record_is_too_old() {
        let resources = Value::Object(resources(&RELAY, 100));
        let mapping = properties(&resources, "books-relay", "Mapping");
        assert_eq!(mapping["EventSourceArn"], reference("OutboxStreamArn"));
        assert_eq!(mapping["StartingPosition"], "TRIM_HORIZON");
        assert_eq!(
            (&mapping["MaximumRetryAttempts"], &mapping["MaximumRecordAgeInSeconds"]),
            (&json!(-1), &json!(86_400))
        );
        let destination = &mapping["DestinationConfig"]["OnFailure"]["Destination"];
        assert_eq!(*destination, get_att("BooksRelayDeadLetters", "Arn"));
        assert!(resources.get("BooksRelayQueue").is_none());
    }
}
