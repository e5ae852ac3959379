//! An operator moves a function's dead letters back to its queue, once the cause of their failure is fixed. Each
//! message is sent before it is deleted. A message that was processed after all has no second effect.

use contracts::platform::{OPERATOR_WORK_S, Redrive, RedriveInput, Redriven};
use domain::time::after;
use runtime::{Granted, StepError, dead_letters::Redriver};

/// Longer than a call runs, so that a call does not receive again the messages it leaves in the dead-letter queue.
const HIDDEN_S: i32 = 60;

pub async fn handle(deps: &Granted<Redrive, Redriver>, input: RedriveInput) -> Result<Redriven, StepError> {
    let RedriveInput { function, max, reason_prefix } = input;
    if !contracts::steps().iter().any(|row| row.function == function) {
        return Err(StepError::poison(format!("function: {function:?} is not a function with a queue")));
    }
    let is_wanted = |reason: Option<&str>| {
        reason_prefix.as_deref().is_none_or(|prefix| reason.is_some_and(|reason| reason.starts_with(prefix)))
    };
    let end = after(deps.now(), OPERATOR_WORK_S);
    let mut moved = 0;
    while moved < max && deps.now() < end {
        let letters = deps.extra.receive(&function, max - moved, HIDDEN_S).await?;
        if letters.is_empty() {
            break;
        }
        for letter in letters.iter().filter(|letter| is_wanted(letter.reason.as_deref())) {
            deps.extra.put_back(&function, letter).await?;
            moved += 1;
        }
    }
    tracing::info!(function, moved, "redriven");
    Ok(Redriven { moved, left: deps.extra.count(&function).await? })
}

#[cfg(test)]
mod tests {
    use runtime::{Running, host};
    use serde_json::{Value, json};
    use testing::{World, aws::Sent};

    use super::*;

    const DEAD: &str = "orders-expire-dlq";

    fn bury(world: &World, body: &str, reason: Option<&str>) {
        let attributes: Vec<_> = reason.into_iter().map(|reason| ("reason", reason)).collect();
        world.aws.put_message(DEAD, body, &attributes, world.deps.now());
    }

    async fn redrive(world: &World, input: Value) -> Result<Value, StepError> {
        let Running::Invoked(invoke) = host::invoked(handle).start(world.deps.boot()) else { panic!("not invoked") };
        invoke(input).await
    }

    fn bodies(world: &World) -> Vec<String> {
        world.aws.take_sent().into_iter().map(|sent| sent.body).collect()
    }

    #[tokio::test]
    async fn dead_letters_go_back_to_their_queue_without_their_reason() {
        let world = World::new().await;
        bury(&world, "one", Some("retry: away"));
        bury(&world, "two", None);
        let answer = redrive(&world, json!({ "function": "orders-expire" })).await.unwrap();
        assert_eq!(answer, json!({ "moved": 2, "left": 0 }));
        let sent = |body: &str| Sent { queue: "orders-expire".into(), body: body.into(), reason: None };
        assert_eq!(world.aws.take_sent(), [sent("one"), sent("two")]);
        assert!(world.aws.lying_in(DEAD).is_empty());
        assert_eq!(
            redrive(&world, json!({ "function": "orders-expire" })).await.unwrap(),
            json!({ "moved": 0, "left": 0 })
        );
    }

    #[tokio::test]
    async fn no_more_than_was_asked_for() {
        let world = World::new().await;
        for number in 0..25 {
            bury(&world, &number.to_string(), None);
        }
        let answer = redrive(&world, json!({ "function": "orders-expire", "max": 12 })).await.unwrap();
        assert_eq!(answer, json!({ "moved": 12, "left": 13 }));
        assert_eq!((bodies(&world).len(), world.aws.lying_in(DEAD).len()), (12, 13));
    }

    #[tokio::test]
    async fn poison_stays_where_only_the_rest_is_wanted() {
        let world = World::new().await;
        for (body, reason) in [("bad", Some("poison: no id")), ("good", Some("retry: away")), ("crashed", None)] {
            bury(&world, body, reason);
        }
        let only = json!({ "function": "orders-expire", "reason_prefix": "retry" });
        assert_eq!(redrive(&world, only).await.unwrap(), json!({ "moved": 1, "left": 2 }));
        assert_eq!(
            (bodies(&world), world.aws.lying_in(DEAD)),
            (vec!["good".into()], vec!["bad".into(), "crashed".into()])
        );
    }

    #[tokio::test]
    async fn what_cannot_be_sent_stays() {
        let world = World::new().await;
        bury(&world, "one", None);
        world.aws.queues_are_away(true);
        assert!(matches!(redrive(&world, json!({ "function": "orders-expire" })).await, Err(StepError::Retry(_))));
        assert_eq!(world.aws.lying_in(DEAD), ["one"]);
    }

    #[tokio::test]
    async fn a_function_without_a_queue_is_refused_by_the_fields_name() {
        let world = World::new().await;
        for function in ["orders-place", "platform-outbox-relay", "orders-expired", ""] {
            let error = redrive(&world, json!({ "function": function })).await.unwrap_err();
            assert!(error.to_string().contains("function: "), "{error}");
        }
        for wrong in [json!({}), json!({ "functions": "orders-expire" }), Value::Null] {
            assert!(matches!(redrive(&world, wrong).await, Err(StepError::Poison(_))));
        }
        assert!(world.aws.take_sent().is_empty());
    }
}
