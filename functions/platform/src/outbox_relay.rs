//! Publishes committed events from the outbox's stream to the bus. Events that the bus refuses are sent again. If some
//! are still refused after that, the batch fails and the stream delivers all of it again, so no event is lost.

use std::time::Duration;

use contracts::platform::OutboxRelay;
use runtime::{Granted, StepError, With};
use store::OutboxRecord;

use crate::bus::Bus;

/// EventBridge's limits for one call.
const ENTRIES_MAX: usize = 10;
const BYTES_MAX: usize = 256 * 1024;
/// The size that EventBridge counts for an entry's time.
const TIME_BYTES: usize = 14;

/// With [`backoff`] the waits add up to at most 1.5 seconds. Longer outages are left to the stream, which retries for
/// hours.
const TRIES: u32 = 5;

pub async fn handle(deps: &Granted<OutboxRelay, Bus>, events: Vec<OutboxRecord>) -> Result<(), StepError> {
    publish(deps, events).await
}

pub(crate) async fn publish(deps: &With<Bus>, events: Vec<OutboxRecord>) -> Result<(), StepError> {
    let mut left = events;
    for attempt in 0..TRIES {
        if attempt > 0 {
            deps.db.sleep(backoff(attempt)).await;
        }
        let mut refused = vec![];
        for call in calls(left) {
            match deps.extra.put(&call).await {
                Ok(codes) => refused.extend(failed(call, &codes)),
                // The other calls are still made, so that only this call's events have to be sent again.
                Err(error) => {
                    tracing::warn!(%error, "the bus does not answer");
                    refused.extend(call);
                }
            }
        }
        if refused.is_empty() {
            return Ok(());
        }
        left = refused;
    }
    Err(StepError::retry(format!("the bus does not take {} events", left.len())))
}

/// 100, 200, 400, 800 milliseconds.
fn backoff(attempt: u32) -> Duration {
    Duration::from_millis(50 << attempt)
}

/// Splits events into calls within the limits, in order.
fn calls(events: Vec<OutboxRecord>) -> Vec<Vec<OutboxRecord>> {
    let mut calls: Vec<Vec<OutboxRecord>> = vec![];
    let mut bytes = 0;
    for event in events {
        let size = size(&event);
        match calls.last_mut() {
            Some(call) if call.len() < ENTRIES_MAX && bytes + size <= BYTES_MAX => {
                bytes += size;
                call.push(event);
            }
            _ => {
                bytes = size;
                calls.push(vec![event]);
            }
        }
    }
    calls
}

/// The size of an entry as EventBridge counts it.
fn size(event: &OutboxRecord) -> usize {
    TIME_BYTES + event.source.len() + event.event_type.len() + event.detail.len()
}

/// Returns the entries to retry: rejected ones, and any the response omits.
fn failed(call: Vec<OutboxRecord>, codes: &[Option<String>]) -> Vec<OutboxRecord> {
    let is_taken = |position: usize| matches!(codes.get(position), Some(None));
    let mut failed = vec![];
    for (position, event) in call.into_iter().enumerate() {
        if !is_taken(position) {
            let code = codes.get(position).and_then(Option::as_deref);
            tracing::warn!(event_id = %event.id, event = event.event_type, code, "the bus refused an event");
            failed.push(event);
        }
    }
    failed
}

#[cfg(test)]
mod tests {
    use contracts::{events::StoreCreated, table::Table};
    use domain::EventId;
    use runtime::{Running, host};
    use serde_json::{Value, json};
    use testing::World;

    use super::*;

    /// Events whose details have `detail_bytes` bytes, or more if the id needs more.
    fn events(world: &World, count: usize, detail_bytes: usize) -> Vec<OutboxRecord> {
        let event = |_| {
            let id = world.deps.id(EventId::from_ulid);
            let mut detail = json!({ "id": id }).to_string();
            detail.push_str(&" ".repeat(detail_bytes.saturating_sub(detail.len())));
            OutboxRecord {
                id,
                event_type: "ORDER_CREATED".into(),
                source: "selleasi.orders".into(),
                time: world.deps.now(),
                detail,
            }
        };
        (0..count).map(event).collect()
    }

    fn ids(events: &[OutboxRecord]) -> Vec<EventId> {
        events.iter().map(|event| event.id).collect()
    }

    /// The ids of the events that each call published.
    fn published(world: &World) -> Vec<Vec<EventId>> {
        let id = |entry: &Value| {
            serde_json::from_str::<Value>(entry["Detail"].as_str().unwrap()).unwrap()["id"]
                .as_str()
                .unwrap()
                .parse()
                .unwrap()
        };
        world.aws.published().iter().map(|call| call.iter().map(id).collect()).collect()
    }

    fn lengths(calls: &[Vec<OutboxRecord>]) -> Vec<usize> {
        calls.iter().map(Vec::len).collect()
    }

    #[tokio::test]
    async fn calls_hold_ten_events_or_as_many_as_fit() {
        let world = World::new().await;
        assert_eq!(lengths(&calls(vec![])), [0_usize; 0]);
        assert_eq!(lengths(&calls(events(&world, 10, 10))), [10]);
        assert_eq!(lengths(&calls(events(&world, 23, 10))), [10, 10, 3]);
        assert_eq!(lengths(&calls(events(&world, 7, 64 * 1024))), [3, 3, 1]);
        let smallest = &events(&world, 1, 0)[0];
        let exact = BYTES_MAX / 4 - (size(smallest) - smallest.detail.len());
        assert_eq!(lengths(&calls(events(&world, 5, exact))), [4, 1]);
        let all = events(&world, 23, 10);
        assert_eq!(ids(&calls(all.clone()).concat()), ids(&all));
    }

    #[tokio::test]
    async fn what_is_not_known_to_be_taken_has_failed() {
        let world = World::new().await;
        let all = events(&world, 4, 1);
        let left = failed(all.clone(), &[None, Some("ThrottlingException".into()), None]);
        assert_eq!(ids(&left), ids(&[all[1].clone(), all[3].clone()]));
    }

    #[tokio::test]
    async fn only_what_was_refused_is_sent_again() {
        let world = World::new().await;
        let all = events(&world, 12, 1);
        world.aws.refuse([vec![0, 9], vec![1], vec![2], vec![]]);
        handle(&world.deps.granted(), all.clone()).await.unwrap();
        let calls = published(&world);
        // The first round publishes 8 of 10 and 1 of 2 events, the second 2 of the remaining 3, the third the last one.
        assert_eq!(calls.iter().map(Vec::len).collect::<Vec<_>>(), [8, 1, 2, 1]);
        let mut published = calls.concat();
        published.sort_unstable();
        let mut wanted = ids(&all);
        wanted.sort_unstable();
        assert_eq!(published, wanted);
    }

    #[tokio::test]
    async fn what_stays_refused_lets_the_batch_fail_after_the_rest_went_out() {
        let world = World::new().await;
        world.aws.refuse(vec![vec![0]; 5]);
        let error = handle(&world.deps.granted(), events(&world, 3, 1)).await.unwrap_err();
        assert!(matches!(error, StepError::Retry(_)));
        assert_eq!(published(&world).iter().map(Vec::len).collect::<Vec<_>>(), [2, 0, 0, 0, 0]);
    }

    /// A committed event as a stream record, made from the item that the store really wrote.
    async fn stream_record(world: &World) -> (EventId, Value) {
        let data = StoreCreated {
            store_id: world.store.id,
            name: "Ada's Books".into(),
            slug: "adas-books".into(),
            actor: world.owner.account_id,
        };
        let event = world.event(world.store.id, 1, data);
        let mut tx = world.deps.tx();
        tx.emit(&event);
        world.deps.db.commit(tx).await.unwrap();
        let items = world.dynamo.items(Table::Outbox);
        let item = items.iter().find(|item| item["data"]["M"]["id"]["S"] == event.id.to_string()).unwrap();
        let keys = json!({ "pk": item["pk"], "sk": item["sk"] });
        (event.id, json!({ "eventName": "INSERT", "dynamodb": { "Keys": keys, "NewImage": item } }))
    }

    #[tokio::test]
    async fn committed_events_reach_the_bus_and_what_cannot_be_read_holds_up_nothing() {
        let world = World::new().await;
        let (first, first_record) = stream_record(&world).await;
        let (second, second_record) = stream_record(&world).await;
        let mut removed = first_record.clone();
        removed["eventName"] = "REMOVE".into();
        removed["dynamodb"].as_object_mut().unwrap().remove("NewImage");
        let mut spoilt = first_record.clone();
        spoilt["dynamodb"]["NewImage"]["data"]["M"]["time"]["S"] = "yesterday".into();
        let records = [first_record, json!({ "eventName": "INSERT" }), spoilt, removed, Value::Null, second_record];
        let Running::Stream(relay) = host::stream(handle).start(world.deps.boot()) else { panic!("not a stream") };
        relay(records.to_vec()).await.unwrap();
        assert_eq!(published(&world), [[first, second]]);
        let entry = &world.aws.published()[0][0];
        assert_eq!((&entry["DetailType"], &entry["Source"]), (&json!("STORE_CREATED"), &json!("selleasi.stores")));
    }
}
