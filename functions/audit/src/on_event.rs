//! Appends every event to its tenant's hash chain. A chain grows at one end only, so a batch is recorded tenant by
//! tenant, with one transaction for each tenant.

use std::collections::BTreeMap;

use contracts::{
    audit::OnEvent,
    events::{Envelope, Event, OrderCancelled, PaymentFailed, PaymentFlagged, RefundFailed, StockRejected},
};
use domain::{
    TenantId,
    audit::{Fact, Head, Severity},
};
use runtime::{Granted, StepError, Tries, Try, retry};
use serde_json::Value;
use store::{CommitError, keys};

pub async fn handle(deps: &Granted<OnEvent>, events: Vec<Envelope<Value>>) -> Vec<Result<(), StepError>> {
    let mut of_tenants: BTreeMap<TenantId, Vec<&Envelope<Value>>> = BTreeMap::new();
    for event in &events {
        let of_tenant = of_tenants.entry(event.tenant_id).or_default();
        // The bus may deliver one event in two messages, and one transaction cannot note it twice.
        if of_tenant.iter().all(|held| held.id != event.id) {
            of_tenant.push(event);
        }
    }
    let mut failures = BTreeMap::new();
    for (tenant, events) in of_tenants {
        if let Err(error) = record(deps, tenant, events).await {
            failures.insert(tenant, error);
        }
    }
    let result = |event: &Envelope<Value>| failures.get(&event.tenant_id).map_or(Ok(()), |error| Err(error.clone()));
    events.iter().map(result).collect()
}

/// Appends the events of one tenant, except those already recorded.
async fn record(deps: &Granted<OnEvent>, tenant: TenantId, events: Vec<&Envelope<Value>>) -> Result<(), StepError> {
    let mut left = events;
    // Another batch with events of this tenant may be recorded at the same moment.
    retry!(Tries::MANY_RIVALS, {
        if left.is_empty() {
            return Ok(());
        }
        let head = deps.db.get::<Head>(&keys::audit_head(tenant)).await?;
        let (mut end, read_at) = head.map_or_else(Default::default, |head| (head.value, Some(head.version)));
        let mut tx = deps.tx();
        let mut notes = vec![];
        for event in &left {
            let (entry, next) = end.append(fact(event));
            tx.create(tenant, &entry);
            notes.push(deps.received(event).note(&mut tx, deps.now()));
            end = next;
        }
        tx.save(tenant, &end, read_at);
        match deps.db.commit(tx).await {
            Ok(()) => Try::Done(()),
            Err(CommitError::Refused(refused)) => {
                let mut notes = notes.into_iter();
                left.retain(|_| !notes.next().flatten().is_some_and(|note| refused.contains(note)));
                Try::Lost
            }
            Err(CommitError::Busy) => Try::Lost,
            Err(CommitError::Store(error)) => return Err(error.into()),
        }
    })
}

fn fact(event: &Envelope<Value>) -> Fact {
    Fact {
        event_id: event.id,
        action: action(&event.r#type),
        severity: severity(&event.r#type),
        resource: event.subject.clone(),
        correlation_id: event.correlation_id.clone(),
        // serde_json keeps an object's names sorted: the same data is always the same text.
        after: event.data.to_string(),
        at: event.time,
    }
}

/// Turns `STORE_STATUS_CHANGED` into `store.status.changed`.
fn action(event_type: &str) -> String {
    event_type.to_lowercase().replace('_', ".")
}

fn severity(event_type: &str) -> Severity {
    match event_type {
        PaymentFlagged::TYPE | RefundFailed::TYPE => Severity::Critical,
        PaymentFailed::TYPE | StockRejected::TYPE | OrderCancelled::TYPE => Severity::Warning,
        _ => Severity::Info,
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use contracts::table::Table;
    use domain::{
        EventId, OrderId,
        audit::{AuditEntry, first_break},
    };
    use runtime::Deps;
    use serde_json::json;
    use store::SortOrder;
    use testing::{TestDeps, World};

    use super::*;

    fn event(deps: &Deps, tenant: TenantId, event_type: &str, data: Value) -> Envelope<Value> {
        Envelope {
            id: deps.id(EventId::from_ulid),
            r#type: event_type.into(),
            source: "selleasi.orders".into(),
            time: deps.now(),
            tenant_id: tenant,
            subject: deps.id(OrderId::from_ulid).to_string(),
            version: 1,
            correlation_id: "req-1".into(),
            causation_id: None,
            traceparent: None,
            schema: 1,
            data,
        }
    }

    fn placed(deps: &Deps, tenant: TenantId) -> Envelope<Value> {
        event(deps, tenant, "ORDER_CREATED", json!({}))
    }

    /// Whether each event was recorded.
    async fn record(deps: &TestDeps, events: &[&Envelope<Value>]) -> Vec<bool> {
        let results = handle(&deps.granted(), events.iter().map(|event| (*event).clone()).collect()).await;
        results.iter().map(Result::is_ok).collect()
    }

    async fn entries(deps: &Deps, tenant: TenantId) -> Vec<AuditEntry> {
        let list = keys::audit_entries(tenant);
        let (found, _) = deps.db.list(&list, SortOrder::Ascending, 1_000, None).await.unwrap();
        found.into_iter().map(|entry| entry.value).collect()
    }

    async fn recorded(deps: &Deps, tenant: TenantId) -> Vec<EventId> {
        let entries = entries(deps, tenant).await;
        assert_eq!(first_break(&entries), None);
        entries.iter().map(|entry| entry.event_id).collect()
    }

    fn ids(events: &[&Envelope<Value>]) -> Vec<EventId> {
        events.iter().map(|event| event.id).collect()
    }

    async fn head(deps: &Deps, tenant: TenantId) -> Head {
        deps.db.get::<Head>(&keys::audit_head(tenant)).await.unwrap().unwrap().value
    }

    #[tokio::test]
    async fn an_event_is_recorded_as_it_was() {
        let world = World::new().await;
        let event = event(&world.deps, world.tenant, "ORDER_CREATED", json!({ "total": 5, "number": "7KQ2-M9XD" }));
        assert_eq!(record(&world.deps, &[&event]).await, [true]);
        let entries = entries(&world.deps, world.tenant).await;
        let [entry] = entries.as_slice() else { panic!("{entries:?}") };
        assert_eq!((entry.sequence, entry.event_id), (1, event.id));
        assert_eq!((entry.action.as_str(), entry.severity), ("order.created", Severity::Info));
        assert_eq!((&entry.resource, &entry.correlation_id), (&event.subject, &event.correlation_id));
        assert_eq!(entry.after, r#"{"number":"7KQ2-M9XD","total":5}"#);
        assert_eq!(entry.at, event.time);
        assert_eq!(first_break(&entries), None);
    }

    #[tokio::test]
    async fn a_batch_costs_each_of_its_tenants_a_read_and_a_transaction() {
        let world = World::new().await;
        let neighbour = world.neighbour().await;
        let ten: Vec<_> = (0..10).map(|_| placed(&world.deps, world.tenant)).collect();
        world.dynamo.take_calls();
        assert_eq!(record(&world.deps, &ten.iter().collect::<Vec<_>>()).await, [true; 10]);
        assert_eq!(world.dynamo.take_calls(), [("GetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)].into());
        assert_eq!(recorded(&world.deps, world.tenant).await, ids(&ten.iter().collect::<Vec<_>>()));

        let tenants = [world.tenant, neighbour.tenant, world.tenant, neighbour.tenant, neighbour.tenant];
        let mixed = tenants.map(|tenant| placed(&world.deps, tenant));
        world.dynamo.take_calls();
        assert_eq!(record(&world.deps, &mixed.iter().collect::<Vec<_>>()).await, [true; 5]);
        assert_eq!(world.dynamo.take_calls(), [("GetItem".to_owned(), 2), ("TransactWriteItems".to_owned(), 2)].into());
        assert_eq!(recorded(&world.deps, world.tenant).await.len(), 12);
        assert_eq!(recorded(&world.deps, neighbour.tenant).await, ids(&[&mixed[1], &mixed[3], &mixed[4]]));
    }

    #[tokio::test]
    async fn an_event_that_comes_twice_is_recorded_once() {
        let world = World::new().await;
        let [first, second] = [(); 2].map(|()| placed(&world.deps, world.tenant));
        for event in [&first, &first, &second, &first, &second] {
            assert_eq!(record(&world.deps, &[event]).await, [true]);
        }
        assert_eq!(recorded(&world.deps, world.tenant).await, ids(&[&first, &second]));
        assert_eq!(head(&world.deps, world.tenant).await.sequence, 2);
    }

    #[tokio::test]
    async fn what_was_recorded_before_does_not_keep_the_rest_of_its_batch_out() {
        let world = World::new().await;
        let [a, b, c, d] = [(); 4].map(|()| placed(&world.deps, world.tenant));
        assert_eq!(record(&world.deps, &[&b, &d]).await, [true; 2]);
        assert_eq!(record(&world.deps, &[&a, &b, &c, &d]).await, [true; 4]);
        assert_eq!(recorded(&world.deps, world.tenant).await, ids(&[&b, &d, &a, &c]));
        let before = testing::everything(&world);
        assert_eq!(record(&world.deps, &[&d, &c, &b, &a]).await, [true; 4]);
        assert_eq!(testing::everything(&world), before);
    }

    /// SQS may deliver one message twice at once, and the bus one event in two messages.
    #[tokio::test]
    async fn an_event_that_is_in_a_batch_twice_is_recorded_once() {
        let world = World::new().await;
        let [a, b] = [(); 2].map(|()| placed(&world.deps, world.tenant));
        assert_eq!(record(&world.deps, &[&a, &b, &a]).await, [true; 3]);
        assert_eq!(recorded(&world.deps, world.tenant).await, ids(&[&a, &b]));
    }

    #[tokio::test]
    async fn a_tenant_whose_chain_is_stuck_fails_alone() {
        let world = World::new().await;
        let neighbour = world.neighbour().await;
        // An entry already occupies the next place in the chain, but the head does not include it.
        let (stray, _) = Head::default().append(fact(&placed(&world.deps, neighbour.tenant)));
        let mut tx = world.deps.tx();
        tx.create(neighbour.tenant, &stray);
        world.deps.db.commit(tx).await.unwrap();

        let tenants = [neighbour.tenant, world.tenant, neighbour.tenant, world.tenant];
        let mixed = tenants.map(|tenant| placed(&world.deps, tenant));
        let results = handle(&world.deps.granted(), mixed.to_vec()).await;
        assert!(matches!(results[..], [Err(StepError::Retry(_)), Ok(()), Err(StepError::Retry(_)), Ok(())]));
        assert_eq!(recorded(&world.deps, world.tenant).await, ids(&[&mixed[1], &mixed[3]]));
        assert_eq!(entries(&world.deps, neighbour.tenant).await.len(), 1);
        let noted = world.dynamo.items(Table::Requests);
        assert_eq!(noted.len(), 2, "what was not recorded is not dealt with");
    }

    #[tokio::test]
    async fn many_at_once_make_one_chain_without_gaps() {
        const BATCHES: usize = 25;
        const EVENTS: usize = 4;
        let world = World::new().await;
        thread::scope(|scope| {
            for _ in 0..BATCHES {
                let mut left: Vec<_> = (0..EVENTS).map(|_| placed(&world.deps, world.tenant)).collect();
                let deps = world.deps.clone();
                scope.spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
                    // Events that lose the race too often are delivered again, as by the queue.
                    while !left.is_empty() {
                        let mut results = runtime.block_on(handle(&deps.granted(), left.clone())).into_iter();
                        left.retain(|_| match results.next().unwrap() {
                            Ok(()) => false,
                            Err(error) => {
                                assert!(matches!(error, StepError::Retry(_)), "{error}");
                                true
                            }
                        });
                    }
                });
            }
        });
        let entries = entries(&world.deps, world.tenant).await;
        assert_eq!(entries.len(), BATCHES * EVENTS);
        assert_eq!(first_break(&entries), None);
        let end = head(&world.deps, world.tenant).await;
        let last = &entries[BATCHES * EVENTS - 1];
        assert_eq!((end.sequence, &end.hash), ((BATCHES * EVENTS) as u64, &last.hash));
    }

    #[test]
    fn names_and_severities() {
        for (event_type, name, level) in [
            ("PAYMENT_COMPLETED", "payment.completed", Severity::Info),
            ("STORE_STATUS_CHANGED", "store.status.changed", Severity::Info),
            ("PAYMENT_FLAGGED", "payment.flagged", Severity::Critical),
            ("REFUND_FAILED", "refund.failed", Severity::Critical),
            ("PAYMENT_FAILED", "payment.failed", Severity::Warning),
            ("STOCK_REJECTED", "stock.rejected", Severity::Warning),
            ("ORDER_CANCELLED", "order.cancelled", Severity::Warning),
        ] {
            assert_eq!((action(event_type).as_str(), severity(event_type)), (name, level));
        }
    }

    #[test]
    fn the_same_data_is_the_same_text() {
        let text = |json: &str| serde_json::from_str::<Value>(json).unwrap().to_string();
        assert_eq!(text(r#"{"b": {"d": 1, "c": 2}, "a": []}"#), r#"{"a":[],"b":{"c":2,"d":1}}"#);
    }
}
