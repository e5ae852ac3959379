//! Every minute: timers that are due go into the queues of their functions, and are removed. Sent first and removed
//! then, so that a sweep that dies between the two sends a timer twice and never loses one; a timer that was moved
//! meanwhile stays.

use std::time::Duration;

use contracts::platform::SweepTimers;
use domain::Timestamp;
use runtime::{
    Granted, StepError,
    queue::{SEND_MAX, TimerQueues},
};
use serde_json::Value;
use store::{
    CommitError, Position, SortOrder, TimerRecord, keys,
    timers::{SHARDS, is_due},
};

/// So much of a tick's time is used. What is left then is due still, and stands first at the next tick.
const WORK: Duration = Duration::from_secs(40);
/// Timers that one read brings.
const PAGE: i32 = 100;

pub async fn handle(deps: &Granted<SweepTimers, TimerQueues>, _tick: Value) -> Result<(), StepError> {
    let now = deps.now();
    let end = now.checked_add(WORK).map_err(StepError::poison)?;
    // Page by page over all shards, so that a shard with much to do does not keep the others waiting.
    let mut shards: Vec<(u8, Option<Position>)> = (0..SHARDS).map(|shard| (shard, None)).collect();
    let mut failure = None;
    while !shards.is_empty() && deps.now() < end {
        let mut unfinished = vec![];
        for (shard, from) in shards {
            match sweep(deps, shard, from.as_ref(), now).await {
                Ok(None) => {}
                Ok(more) => unfinished.push((shard, more)),
                Err(error) => {
                    tracing::warn!(shard, %error, "a shard was not swept");
                    failure = Some(error);
                }
            }
        }
        shards = unfinished;
    }
    failure.map_or(Ok(()), Err)
}

/// Sends what is due of one page, and says where the next one starts, if more may be due. The index lags its table by
/// moments, so that a page that was swept is not read again in the same tick.
async fn sweep(
    deps: &Granted<SweepTimers, TimerQueues>,
    shard: u8,
    from: Option<&Position>,
    now: Timestamp,
) -> Result<Option<Position>, StepError> {
    let list = keys::due_timers(shard);
    let (page, next) = deps.db.list::<TimerRecord>(&list, SortOrder::Ascending, PAGE, from).await?;
    let count = page.len();
    let due: Vec<TimerRecord> =
        page.into_iter().map(|timer| timer.value).take_while(|timer| is_due(timer, now)).collect();
    let mut functions: Vec<&str> = due.iter().map(|timer| timer.function.as_str()).collect();
    functions.sort_unstable();
    functions.dedup();
    for function in functions {
        let of_function: Vec<&TimerRecord> = due.iter().filter(|timer| timer.function == function).collect();
        for batch in of_function.chunks(SEND_MAX) {
            send(deps, function, batch).await?;
        }
    }
    Ok(next.filter(|_| due.len() == count))
}

async fn send(
    deps: &Granted<SweepTimers, TimerQueues>,
    function: &str,
    timers: &[&TimerRecord],
) -> Result<(), StepError> {
    let bodies: Result<Vec<_>, _> = timers.iter().map(|timer| serde_json::to_string(&timer.due)).collect();
    let is_taken = deps.extra.send(function, &bodies.map_err(StepError::poison)?).await?;
    let sent: Vec<_> = timers.iter().zip(is_taken).filter(|(_, is_taken)| *is_taken).map(|(timer, _)| *timer).collect();
    let mut tx = deps.tx();
    for timer in &sent {
        tx.remove_swept(timer);
    }
    if let Err(CommitError::Refused(_)) = deps.db.commit(tx).await {
        // One of them was moved or cancelled meanwhile: each by itself.
        for timer in &sent {
            let mut tx = deps.tx();
            tx.remove_swept(timer);
            if let Err(CommitError::Store(error)) = deps.db.commit(tx).await {
                return Err(error.into());
            }
        }
    }
    if sent.len() < timers.len() {
        return Err(StepError::retry(format!("{function}'s queue took {} of {} timers", sent.len(), timers.len())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use contracts::{orders::Expire, payments::Reconcile, table::Table, timers::Due};
    use domain::{OrderId, time::after};
    use runtime::events::Cause;
    use testing::{World, aws::Sent};

    use super::*;

    fn due(world: &World, in_s: i64) -> Due<OrderId> {
        let cause = Cause { correlation_id: "req-1".into(), causation_id: None, traceparent: None };
        let order = world.deps.id(OrderId::from_ulid);
        world.deps.timer(&cause, world.tenant, order, after(world.deps.now(), in_s))
    }

    async fn set(world: &World, due: &Due<OrderId>) {
        let mut tx = world.deps.tx();
        tx.set_timer::<Expire>(due.clone());
        world.deps.db.commit(tx).await.unwrap();
    }

    async fn tick(world: &World) -> Vec<Sent> {
        handle(&world.deps.granted(), Value::Null).await.unwrap();
        world.aws.take_sent()
    }

    fn left(world: &World) -> usize {
        world.dynamo.items(Table::Timers).len()
    }

    #[tokio::test]
    async fn what_is_due_is_sent_once_to_its_functions_queue_and_removed() {
        let world = World::new().await;
        let (now, later) = (due(&world, 0), due(&world, 61));
        set(&world, &now).await;
        set(&world, &later).await;
        let sent = tick(&world).await;
        let body = serde_json::to_string(&now).unwrap();
        assert_eq!(sent, [Sent { queue: "orders-expire".into(), body, reason: None }]);
        assert_eq!((tick(&world).await.len(), left(&world)), (0, 1));
        world.clock.advance_s(61);
        assert_eq!((tick(&world).await.len(), left(&world)), (1, 0));
    }

    #[tokio::test]
    async fn one_timer_for_each_function_and_aggregate_which_is_moved_and_cancelled() {
        let world = World::new().await;
        let timer = due(&world, 60);
        set(&world, &timer).await;
        set(&world, &Due { due_at: after(timer.due_at, 60), ..timer.clone() }).await;
        let mut tx = world.deps.tx();
        tx.set_timer::<Reconcile>(timer.clone());
        world.deps.db.commit(tx).await.unwrap();
        assert_eq!(left(&world), 2);
        world.clock.advance_s(60);
        assert_eq!(
            tick(&world).await.iter().map(|sent| sent.queue.as_str()).collect::<Vec<_>>(),
            ["payments-reconcile"]
        );
        // Cancelling what is not there does nothing.
        for _ in 0..2 {
            let mut tx = world.deps.tx();
            tx.cancel_timer::<Expire>(world.tenant, timer.subject);
            world.deps.db.commit(tx).await.unwrap();
        }
        world.clock.advance_s(600);
        assert_eq!((tick(&world).await.len(), left(&world)), (0, 0));
    }

    #[tokio::test]
    async fn a_timer_that_is_moved_while_it_is_swept_stays() {
        let world = World::new().await;
        let timer = due(&world, 0);
        set(&world, &timer).await;
        set(&world, &due(&world, 0)).await;
        let list = |shard| keys::due_timers(shard);
        let mut swept = vec![];
        for shard in 0..SHARDS {
            let (page, _) =
                world.deps.db.list::<TimerRecord>(&list(shard), SortOrder::Ascending, 10, None).await.unwrap();
            swept.extend(page.into_iter().map(|timer| timer.value));
        }
        set(&world, &Due { due_at: after(timer.due_at, 5), ..timer.clone() }).await;
        send(&world.deps.granted(), "orders-expire", &swept.iter().collect::<Vec<_>>()).await.unwrap();
        assert_eq!((world.aws.take_sent().len(), left(&world)), (2, 1));
        world.clock.advance_s(5);
        assert_eq!((tick(&world).await.len(), left(&world)), (1, 0));
    }

    #[tokio::test]
    async fn what_cannot_be_sent_is_due_still() {
        let world = World::new().await;
        set(&world, &due(&world, -3_600)).await;
        world.aws.queues_are_away(true);
        assert!(handle(&world.deps.granted(), Value::Null).await.is_err());
        assert_eq!((world.aws.take_sent().len(), left(&world)), (0, 1));
        world.aws.queues_are_away(false);
        assert_eq!((tick(&world).await.len(), left(&world)), (1, 0));
    }

    #[tokio::test]
    async fn more_than_a_page_is_swept_in_one_tick() {
        let world = World::new().await;
        let timers: Vec<_> = (0..1_000).map(|_| due(&world, 0)).collect();
        for some in timers.chunks(100) {
            let mut tx = world.deps.tx();
            for timer in some {
                tx.set_timer::<Expire>(timer.clone());
            }
            world.deps.db.commit(tx).await.unwrap();
        }
        let mut sent: Vec<String> = tick(&world).await.into_iter().map(|sent| sent.body).collect();
        let mut wanted: Vec<String> = timers.iter().map(|timer| serde_json::to_string(timer).unwrap()).collect();
        sent.sort_unstable();
        wanted.sort_unstable();
        assert!(sent == wanted && left(&world) == 0);
    }
}
