//! An operator publishes events of a tenant again from the outbox: events that the bus, a rule or a queue lost, or that
//! a new consumer needs. Consumers that have processed an event do nothing when it is delivered again.

use contracts::platform::{OPERATOR_WORK_S, Republish, RepublishInput, Republished};
use domain::{EventId, Timestamp, time::after};
use runtime::{Granted, StepError};
use store::{OutboxPage, OutboxRecord};
use ulid::Ulid;

use crate::{bus::Bus, outbox_relay::publish};

/// The maximum number of events in one read of each outbox shard. An event can have 64 KiB, and a whole page is held in
/// memory.
const PER_SHARD: i32 = 25;

pub async fn handle(deps: &Granted<Republish, Bus>, input: RepublishInput) -> Result<Republished, StepError> {
    if input.from >= input.to {
        return Err(StepError::poison("to: expected a time after from"));
    }
    let (start, stop) = (last_id_before(input.from), last_id_before(input.to));
    let mut position = input.after.map_or(start, |after| after.max(start));
    let end = after(deps.now(), OPERATOR_WORK_S);
    let mut published = 0;
    while deps.now() < end {
        let page = OutboxPage::read(&deps.db, input.tenant_id, position, PER_SHARD).await?;
        let read = page.events.len();
        let wanted: Vec<OutboxRecord> = page.events.into_iter().take_while(|event| event.id <= stop).collect();
        let is_last = page.is_last || wanted.len() < read;
        published += u32::try_from(wanted.len()).unwrap_or(0);
        position = wanted.last().map_or(position, |event| event.id);
        publish(deps, wanted).await?;
        if is_last {
            tracing::info!(tenant = %input.tenant_id, published, "republished");
            return Ok(Republished { published, next: None });
        }
    }
    tracing::info!(tenant = %input.tenant_id, published, next = %position, "republished in part");
    Ok(Republished { published, next: Some(position) })
}

/// The largest id before `time`: ids start with their time in milliseconds.
fn last_id_before(time: Timestamp) -> EventId {
    let since_1970_ms = u64::try_from(time.as_millisecond()).unwrap_or(0);
    EventId::from_ulid(Ulid::from_parts(since_1970_ms.saturating_sub(1), u128::MAX))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use contracts::events::StoreCreated;
    use runtime::{Clock, Running, host};
    use serde_json::{Value, json};
    use testing::{World, world::events};

    use super::*;

    /// Commits `count` events, one second apart, and returns their ids.
    async fn commit(world: &World, count: u32) -> Vec<String> {
        let mut ids = vec![];
        for version in 1..=count {
            let (name, slug) = (world.store.name.clone(), world.store.slug.clone());
            let data = StoreCreated { store_id: world.store.id, name, slug, actor: world.owner.account_id };
            let event = world.event(world.store.id, version.into(), data);
            let mut tx = world.deps.tx();
            tx.emit(&event);
            world.deps.db.commit(tx).await.unwrap();
            ids.push(event.id.to_string());
            world.clock.advance_s(1);
        }
        ids
    }

    async fn republish(world: &World, input: Value) -> Result<Value, StepError> {
        let Running::Invoked(invoke) = host::invoked(handle).start(world.deps.boot()) else { panic!("not invoked") };
        invoke(input).await
    }

    fn published(world: &World) -> Vec<String> {
        let id = |entry: &Value| {
            let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
            detail["id"].as_str().unwrap().to_owned()
        };
        world.aws.published().iter().flatten().map(id).collect()
    }

    #[tokio::test]
    async fn a_tenants_events_of_a_time_in_their_order_over_many_pages() {
        let world = World::new().await;
        let neighbour = world.neighbour().await;
        let start = world.deps.now();
        let ids = commit(&world, 300).await;
        commit(&neighbour, 3).await;
        let input = json!({ "tenant_id": world.tenant, "from": start, "to": after(start, 3_600) });
        let answer = republish(&world, input).await.unwrap();
        assert_eq!(answer, json!({ "published": 300, "next": null }));
        assert!(published(&world) == ids);
        assert_eq!(events(&world, "STORE_CREATED").len(), 303);
    }

    #[tokio::test]
    async fn from_counts_and_to_does_not_and_after_goes_on() {
        let world = World::new().await;
        let start = world.deps.now();
        let ids = commit(&world, 10).await;
        let mut input = json!({ "tenant_id": world.tenant, "from": after(start, 2), "to": after(start, 7) });
        assert_eq!(republish(&world, input.clone()).await.unwrap(), json!({ "published": 5, "next": null }));
        assert_eq!(published(&world), ids[2..7]);
        input["after"] = ids[4].as_str().into();
        assert_eq!(republish(&world, input.clone()).await.unwrap()["published"], 2);
        assert_eq!(published(&world)[5..], ids[5..7]);
        // Events before `from` are never published, even if `after` is earlier.
        input["after"] = ids[0].as_str().into();
        assert_eq!(republish(&world, input).await.unwrap()["published"], 5);
    }

    /// A clock that advances 15 seconds each time it is read.
    #[derive(Debug)]
    struct Hurried(Arc<testing::world::TestClock>);

    impl Clock for Hurried {
        fn now(&self) -> Timestamp {
            self.0.advance_s(15);
            self.0.now()
        }
    }

    #[tokio::test]
    async fn a_call_ends_in_time_and_tells_where_to_go_on() {
        let mut world = World::new().await;
        let start = world.deps.now();
        let ids = commit(&world, 600).await;
        let mut input = json!({ "tenant_id": world.tenant, "from": start, "to": after(start, 3_600) });
        world.deps = world.deps.clocked(Arc::new(Hurried(Arc::clone(&world.clock))));
        let mut calls = 0;
        loop {
            let answer = republish(&world, input.clone()).await.unwrap();
            calls += 1;
            input["after"] = answer["next"].clone();
            if answer["next"].is_null() {
                break;
            }
        }
        assert!(calls > 1 && published(&world) == ids, "{calls}");
    }

    #[tokio::test]
    async fn what_the_bus_does_not_take_fails_the_call() {
        let world = World::new().await;
        let start = world.deps.now();
        commit(&world, 3).await;
        world.aws.refuse(vec![vec![0]; 5]);
        let input = json!({ "tenant_id": world.tenant, "from": start, "to": after(start, 60) });
        assert!(matches!(republish(&world, input.clone()).await, Err(StepError::Retry(_))));
        assert_eq!(republish(&world, input).await.unwrap()["published"], 3);
        let backwards = json!({ "tenant_id": world.tenant, "from": start, "to": start });
        let error = republish(&world, backwards).await.unwrap_err();
        assert!(error.to_string().contains("to: "), "{error}");
    }
}
