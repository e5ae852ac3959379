//! Every event: one more entry in its tenant's hash chain. A chain grows at one end, so the events of a batch go into it
//! tenant by tenant, each tenant's in one transaction.

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
        of_tenants.entry(event.tenant_id).or_default().push(event);
    }
    let mut failures = BTreeMap::new();
    for (tenant, events) in of_tenants {
        if let Err(error) = record(deps, tenant, events).await {
            failures.insert(tenant, error.to_string());
        }
    }
    let result =
        |event: &Envelope<Value>| failures.get(&event.tenant_id).map_or(Ok(()), |reason| Err(StepError::retry(reason)));
    events.iter().map(result).collect()
}

/// Appends events of one tenant, but for those that were recorded before.
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

/// `STORE_STATUS_CHANGED` is `store.status.changed`.
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

    use domain::{
        EventId, OrderId, TenantId,
        audit::{AuditEntry, first_break},
    };
    use runtime::events::Cause;
    use serde_json::json;
    use store::SortOrder;
    use testing::World;

    use super::*;

    fn message(deps: &Deps, tenant: TenantId, event_type: &str, data: Value) -> Message<Value> {
        let cause = Cause { correlation_id: "req-1".into(), causation_id: None, traceparent: None };
        let detail = Envelope {
            id: deps.id(EventId::from_ulid),
            r#type: event_type.into(),
            source: "selleasi.orders".into(),
            time: deps.now(),
            tenant_id: tenant,
            subject: deps.id(OrderId::from_ulid).to_string(),
            version: 1,
            correlation_id: cause.correlation_id,
            causation_id: None,
            traceparent: None,
            schema: 1,
            data,
        };
        Message { detail, attempt: 0, due_at: None }
    }

    async fn entries(deps: &Deps, tenant: TenantId) -> Vec<AuditEntry> {
        let list = keys::audit_entries(tenant);
        let (found, _) = deps.db.list(&list, SortOrder::Ascending, 100, None).await.unwrap();
        found.into_iter().map(|entry| entry.value).collect()
    }

    async fn head(deps: &Deps, tenant: TenantId) -> Head {
        deps.db.get::<Head>(&keys::audit_head(tenant)).await.unwrap().unwrap().value
    }

    #[tokio::test]
    async fn an_event_is_recorded_as_it_was() {
        let world = World::new().await;
        let message = message(&world.deps, world.tenant, "ORDER_CREATED", json!({ "total": 5, "number": "7KQ2-M9XD" }));
        handle(&world.deps, message.clone()).await.unwrap();
        let entries = entries(&world.deps, world.tenant).await;
        let [entry] = entries.as_slice() else { panic!("{entries:?}") };
        assert_eq!((entry.sequence, entry.event_id), (1, message.detail.id));
        assert_eq!((entry.action.as_str(), entry.severity), ("order.created", Severity::Info));
        assert_eq!((&entry.resource, &entry.correlation_id), (&message.detail.subject, &message.detail.correlation_id));
        assert_eq!(entry.after, r#"{"number":"7KQ2-M9XD","total":5}"#);
        assert_eq!(entry.at, message.detail.time);
        assert_eq!(first_break(&entries), None);
    }

    #[tokio::test]
    async fn costs_a_read_and_a_transaction() {
        let world = World::new().await;
        handle(&world.deps, message(&world.deps, world.tenant, "ORDER_CREATED", json!({}))).await.unwrap();
        assert_eq!(world.dynamo.take_calls(), [("GetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)].into());
    }

    #[tokio::test]
    async fn an_event_that_comes_twice_is_recorded_once() {
        let world = World::new().await;
        let first = message(&world.deps, world.tenant, "ORDER_CREATED", json!({}));
        let second = message(&world.deps, world.tenant, "ORDER_CONFIRMED", json!({}));
        for message in [&first, &first, &second, &first, &second] {
            handle(&world.deps, message.clone()).await.unwrap();
        }
        let entries = entries(&world.deps, world.tenant).await;
        assert_eq!(entries.iter().map(|entry| entry.event_id).collect::<Vec<_>>(), [first.detail.id, second.detail.id]);
        assert_eq!(head(&world.deps, world.tenant).await.sequence, 2);
    }

    #[tokio::test]
    async fn many_at_once_make_one_chain_without_gaps() {
        const EVENTS: usize = 50;
        let world = World::new().await;
        thread::scope(|scope| {
            for _ in 0..EVENTS {
                let message = message(&world.deps, world.tenant, "ORDER_CREATED", json!({}));
                let deps = world.deps.clone();
                scope.spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
                    // What loses too often comes again, as from the queue.
                    while let Err(error) = runtime.block_on(handle(&deps, message.clone())) {
                        assert!(matches!(error, StepError::Retry(_)), "{error}");
                    }
                });
            }
        });
        let entries = entries(&world.deps, world.tenant).await;
        assert_eq!(entries.len(), EVENTS);
        assert_eq!(first_break(&entries), None);
        let end = head(&world.deps, world.tenant).await;
        assert_eq!((end.sequence, &end.hash), (EVENTS as u64, &entries[EVENTS - 1].hash));
    }

    #[tokio::test]
    async fn tenants_have_chains_of_their_own() {
        let world = World::new().await;
        let neighbour = world.neighbour().await;
        for tenant in [world.tenant, neighbour.tenant, world.tenant] {
            handle(&world.deps, message(&world.deps, tenant, "ORDER_CREATED", json!({}))).await.unwrap();
        }
        for (tenant, length) in [(world.tenant, 2), (neighbour.tenant, 1)] {
            let entries = entries(&world.deps, tenant).await;
            assert_eq!((entries.len(), first_break(&entries)), (length, None));
        }
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
