//! Tests of message batches as the queue sees them: which messages are delivered again and when, and which become dead
//! letters.

use std::future::{Ready, ready};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsMessage};
use contracts::{
    coupons::OnOrderCancelled,
    events::{Envelope, OrderCancelled},
    orders::Expire,
    row::Retry,
    timers::Due,
};
use domain::OrderId;
use runtime::{Granted, Hosted, Running, StepError, host};
use serde_json::{Value, json};

use crate::{World, aws::Sent};

/// The test handler decides by the event's version whether it succeeds.
const GOOD: u64 = 1;
const EARLY: u64 = 2;
const POISON: u64 = 3;
const FAULT: u64 = 4;

fn outcome(event: &Envelope<OrderCancelled>) -> Result<(), StepError> {
    match event.version {
        EARLY => Err(StepError::retry("the order is not there yet")),
        POISON => Err(StepError::poison("there is no such coupon")),
        FAULT => Err(StepError::Fault("the table is not there".into())),
        _ => Ok(()),
    }
}

fn each(_: &Granted<OnOrderCancelled>, event: Envelope<OrderCancelled>) -> Ready<Result<(), StepError>> {
    ready(outcome(&event))
}

fn whole_batch(
    _: &Granted<OnOrderCancelled>,
    events: Vec<Envelope<OrderCancelled>>,
) -> Ready<Vec<Result<(), StepError>>> {
    ready(events.iter().map(outcome).collect())
}

fn due(_: &Granted<Expire>, _: Due<OrderId>) -> Ready<Result<(), StepError>> {
    ready(Ok(()))
}

fn body(world: &World, version: u64) -> Value {
    json!({ "detail": world.order_cancelled(world.deps.id(OrderId::from_ulid), version) })
}

/// A message that was sent now and is received for the first time.
fn message(world: &World, id: &str, body: &Value) -> SqsMessage {
    received(world, id, body, 1, 0)
}

fn received(world: &World, id: &str, body: &Value, receives: u32, age_s: i64) -> SqsMessage {
    let sent_at_ms = world.deps.now().as_millisecond() - age_s * 1_000;
    let attributes = json!({
        "ApproximateReceiveCount": receives.to_string(),
        "SentTimestamp": sent_at_ms.to_string(),
    });
    let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
    let message = json!({ "messageId": id, "receiptHandle": id, "body": body, "attributes": attributes });
    serde_json::from_value(message).unwrap()
}

async fn run(world: &World, function: &Hosted, messages: Vec<SqsMessage>) -> SqsBatchResponse {
    let Running::Queue(function) = function.start(world.deps.boot()) else { panic!("not a queue") };
    function(messages).await
}

/// Ids of the messages that must be delivered again.
fn failed(answer: &SqsBatchResponse) -> Vec<&str> {
    answer.batch_item_failures.iter().map(|failure| failure.item_identifier.as_str()).collect()
}

fn dead_letter(body: &Value, reason: &str) -> Sent {
    let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
    Sent { queue: "own-dlq".into(), body, reason: Some(reason.into()) }
}

#[tokio::test]
async fn poison_is_a_dead_letter_at_once_with_its_reason_and_does_not_come_again() {
    let world = World::new().await;
    let poison = body(&world, POISON);
    let answer = run(&world, &host::consumer(each), vec![message(&world, "1", &poison)]).await;
    assert_eq!(failed(&answer), [""; 0]);
    assert_eq!(world.aws.take_sent(), [dead_letter(&poison, "poison: there is no such coupon")]);
    assert_eq!(world.aws.take_held_back_s(), [0_i64; 0]);
}

#[tokio::test]
async fn what_cannot_be_read_is_poison_and_its_reason_quotes_nothing_of_it() {
    let world = World::new().await;
    let mut other = body(&world, GOOD);
    other["detail"]["type"] = "ORDER_CREATED".into();
    let mut spoilt = body(&world, GOOD);
    spoilt["detail"]["data"]["total"] = "ada@example.com".into();
    let mut nobodys = body(&world, GOOD);
    nobodys["detail"]["tenant_id"] = "ada@example.com".into();
    let bodies = [other, spoilt, nobodys, json!("ada@example.com")];
    let messages = bodies.iter().map(|body| message(&world, "1", body)).collect();
    let answer = run(&world, &host::consumer(each), messages).await;
    assert_eq!(failed(&answer), [""; 0]);
    let sent = world.aws.take_sent();
    assert_eq!(sent[0], dead_letter(&bodies[0], "poison: an event of type \"ORDER_CREATED\" was not expected"));
    assert_eq!(sent[1], dead_letter(&bodies[1], "poison: the data does not have the shape of ORDER_CANCELLED"));
    assert_eq!(sent.len(), bodies.len());
    for (sent, body) in sent.iter().zip(&bodies) {
        let reason = sent.reason.clone().unwrap();
        assert_eq!(*sent, dead_letter(body, &reason));
        assert!(reason.starts_with("poison: ") && !reason.contains("ada@"), "{reason}");
    }
}

#[tokio::test]
async fn what_comes_again_waits_longer_each_time() {
    let world = World::new().await;
    let early = body(&world, EARLY);
    let function = host::consumer(each);
    for receives in [1, 2, 3, 7, 1_000] {
        let answer = run(&world, &function, vec![received(&world, "1", &early, receives, 60)]).await;
        assert_eq!(failed(&answer), ["1"]);
        assert_eq!(world.aws.take_held_back_s(), [i64::from(Retry::STEP.wait_s(receives))], "{receives}");
    }
    assert_eq!(world.aws.take_sent(), []);
}

#[tokio::test]
async fn what_is_older_than_the_policy_waits_for_is_a_dead_letter() {
    let world = World::new().await;
    let give_up_after_s = i64::from(Retry::STEP.give_up_after_s);
    let function = host::consumer(each);
    for (version, reason) in [(EARLY, "retry: the order is not there yet"), (FAULT, "fault: the table is not there")] {
        let body = body(&world, version);
        let answer = run(&world, &function, vec![received(&world, "1", &body, 300, give_up_after_s - 1)]).await;
        assert_eq!((failed(&answer), world.aws.take_sent()), (vec!["1"], vec![]));
        assert_eq!(world.aws.take_held_back_s().len(), 1);
        let answer = run(&world, &function, vec![received(&world, "1", &body, 301, give_up_after_s)]).await;
        assert_eq!((failed(&answer), world.aws.take_sent()), (vec![], vec![dead_letter(&body, reason)]));
        assert_eq!(world.aws.take_held_back_s(), [0_i64; 0]);
    }
    // A message is not a dead letter because of its age alone: it has to fail as well.
    let good = body(&world, GOOD);
    let answer = run(&world, &function, vec![received(&world, "1", &good, 301, 2 * give_up_after_s)]).await;
    assert_eq!((failed(&answer), world.aws.take_sent()), (vec![], vec![]));
}

#[tokio::test]
async fn what_cannot_be_put_aside_comes_again_and_is_put_aside_then() {
    let world = World::new().await;
    let (poison, early) = (body(&world, POISON), body(&world, EARLY));
    let messages = || vec![message(&world, "poison", &poison), message(&world, "early", &early)];
    let function = host::consumer(each);
    world.aws.queues_are_away(true);
    let answer = run(&world, &function, messages()).await;
    assert_eq!(failed(&answer), ["poison", "early"]);
    assert_eq!((world.aws.take_sent(), world.aws.take_held_back_s()), (vec![], vec![]));
    world.aws.queues_are_away(false);
    let answer = run(&world, &function, messages()).await;
    assert_eq!(failed(&answer), ["early"]);
    assert_eq!(world.aws.take_sent(), [dead_letter(&poison, "poison: there is no such coupon")]);
}

#[tokio::test]
async fn each_message_of_a_batch_stands_for_itself() {
    let world = World::new().await;
    let versions = [POISON, GOOD, EARLY, GOOD, FAULT];
    let mut bodies: Vec<_> = versions.map(|version| body(&world, version)).into();
    bodies.insert(2, json!("no message"));
    let unreadable = "poison: not a message: Syntax error at column 2";
    for function in [host::consumer(each), host::batch(whole_batch)] {
        let positions = bodies.iter().enumerate();
        let messages = positions.map(|(position, body)| message(&world, &position.to_string(), body)).collect();
        let answer = run(&world, &function, messages).await;
        assert_eq!(failed(&answer), ["3", "5"]);
        assert_eq!(world.aws.take_held_back_s(), [5, 5]);
        let mut sent = world.aws.take_sent();
        sent.sort_by_key(|sent| sent.body.len());
        let dead = [dead_letter(&bodies[2], unreadable), dead_letter(&bodies[0], "poison: there is no such coupon")];
        assert_eq!(sent, dead);
    }
}

#[tokio::test]
async fn a_timer_about_what_is_no_id_is_poison() {
    let world = World::new().await;
    let good = world.timer(world.deps.id(OrderId::from_ulid), world.deps.now());
    let good = serde_json::to_value(good).unwrap();
    let mut spoilt = good.clone();
    spoilt["subject"] = "somebody".into();
    let messages = vec![message(&world, "1", &good), message(&world, "2", &spoilt)];
    let answer = run(&world, &host::timer(due), messages).await;
    assert_eq!(failed(&answer), [""; 0]);
    assert_eq!(world.aws.take_sent(), [dead_letter(&spoilt, "poison: the subject is no id of its kind")]);
}
