//! Every minute, due timers are sent to the queues of their functions and then removed. A sweep that dies in between
//! sends a timer twice but never loses one. A timer that was moved in the meantime is not removed.

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

/// How much of a tick's time is used. Timers left over are still due, and come first at the next tick.
const WORK: Duration = Duration::from_secs(40);
/// The maximum number of timers in one read.
const PAGE: i32 = 100;

pub async fn handle(deps: &Granted<SweepTimers, TimerQueues>, _tick: Value) -> Result<(), StepError> {
    let now = deps.now();
    let end = now.checked_add(WORK).map_err(StepError::poison)?;
    // One page of each shard at a time, so that a shard with many due timers does not delay the others.
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

/// Sends and removes the due timers of one page. Returns where the next page starts, if more timers may be due. The
/// index lags slightly behind its table and may still list removed timers, so no page is read twice in a tick.
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
        // At least one timer was moved or cancelled in the meantime, so each timer is removed on its own.
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
    use testing::{World, aws::Sent};

    use super::*;

    fn due(world: &World, in_s: i64) -> Due<OrderId> {
        world.timer(world.deps.id(OrderId::from_ulid), after(world.deps.now(), in_s))
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
        // Cancelling a timer that does not exist does nothing.
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
