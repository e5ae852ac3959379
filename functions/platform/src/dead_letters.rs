//! An operator looks at the dead letters: how many each function has, why they failed, and what they are about. Their
//! data is not shown, because it can be personal.

use contracts::platform::{
    DeadLetter, DeadLetterQueue, DeadLetterQueues, DeadLetters, DeadLettersInput, OPERATOR_WORK_S,
};
use domain::time::after;
use runtime::{
    Granted, StepError,
    dead_letters::{self, DeadLetterReader},
};
use serde_json::Value;

/// Long enough that a call does not show a message twice, and short enough that a redrive can soon receive it.
const HIDDEN_S: i32 = 5;

pub async fn handle(
    deps: &Granted<DeadLetters, DeadLetterReader>,
    input: DeadLettersInput,
) -> Result<DeadLetterQueues, StepError> {
    let DeadLettersInput { function: wanted, max } = input;
    let rows = contracts::rows().into_iter().filter(|row| row.has_dead_letters());
    let functions: Vec<_> =
        rows.map(|row| row.function).filter(|name| wanted.as_deref().is_none_or(|wanted| wanted == *name)).collect();
    if functions.is_empty() {
        let function = wanted.unwrap_or_default();
        return Err(StepError::poison(format!("function: {function:?} is not a function with a dead-letter queue")));
    }
    let end = after(deps.now(), OPERATOR_WORK_S);
    let mut queues = vec![];
    for function in functions {
        let count = deps.extra.count(function).await?;
        if count == 0 {
            continue;
        }
        let mut letters = vec![];
        let mut shown = 0;
        while shown < max && deps.now() < end {
            let some = deps.extra.receive(function, max - shown, HIDDEN_S).await?;
            if some.is_empty() {
                break;
            }
            letters.extend(some);
            shown = u32::try_from(letters.len()).unwrap_or(u32::MAX);
        }
        let oldest = letters.iter().filter_map(|letter| letter.sent_at).min();
        let messages = letters.into_iter().map(about).collect();
        queues.push(DeadLetterQueue { function: function.to_owned(), count, oldest, messages });
    }
    Ok(DeadLetterQueues { queues })
}

/// Describes a dead letter: an event as EventBridge delivers it, a timer, or Lambda's report on failed stream records.
fn about(letter: dead_letters::DeadLetter) -> DeadLetter {
    let body: Value = serde_json::from_str(&letter.body).unwrap_or_default();
    let message = if body["detail"].is_object() { &body["detail"] } else { &body };
    let text = |name: &str| message[name].as_str().map(str::to_owned);
    DeadLetter {
        reason: letter.reason.or_else(|| body["requestContext"]["condition"].as_str().map(str::to_owned)),
        sent_at: letter.sent_at,
        event_type: text("type"),
        event_id: text("id"),
        tenant_id: text("tenant_id"),
        subject: text("subject"),
        correlation_id: text("correlation_id"),
    }
}

#[cfg(test)]
mod tests {
    use runtime::{Running, host};
    use serde_json::json;
    use testing::World;

    use super::*;

    async fn list(world: &World, input: Value) -> Result<Value, StepError> {
        let Running::Invoked(invoke) = host::invoked(handle).start(world.deps.boot()) else { panic!("not invoked") };
        invoke(input).await
    }

    #[tokio::test]
    async fn each_queue_with_its_reasons_and_no_data() {
        let world = World::new().await;
        let now = world.deps.now();
        let event = json!({ "detail-type": "ORDER_CREATED", "detail": {
            "id": "evt_1", "type": "ORDER_CREATED", "tenant_id": "tnt_1", "subject": "ord_1", "correlation_id": "req-1",
            "data": { "email": "ada@example.com" },
        } });
        world.aws.put_message("inventory-on-order-paid-dlq", &event.to_string(), &[("reason", "retry: away")], now);
        world.clock.advance_s(60);
        let later = world.deps.now();
        let refused = [("ERROR_CODE", "NO_PERMISSIONS"), ("ERROR_MESSAGE", "may not send")];
        world.aws.put_message("inventory-on-order-paid-dlq", &event.to_string(), &refused, later);
        let timer = json!({ "tenant_id": "tnt_1", "subject": "ord_2", "correlation_id": "req-2" });
        world.aws.put_message("orders-expire-dlq", &timer.to_string(), &[], now);
        let stream = json!({ "requestContext": { "condition": "RecordAgeExceeded" } });
        world.aws.put_message("platform-outbox-relay-dlq", &stream.to_string(), &[], now);

        let all = list(&world, json!({})).await.unwrap();
        assert!(!all.to_string().contains("ada@example.com"), "{all}");
        let queues = all["queues"].as_array().unwrap();
        let counts: Vec<_> =
            queues.iter().map(|queue| (queue["function"].as_str().unwrap(), &queue["count"])).collect();
        let (one, two) = (json!(1), json!(2));
        let expected = [("inventory-on-order-paid", &two), ("orders-expire", &one), ("platform-outbox-relay", &one)];
        assert_eq!(counts, expected);
        assert_eq!(queues[0]["oldest"], json!(now));
        let shown = |reason: &str, sent_at| {
            json!({
                "reason": reason, "sent_at": sent_at, "event_type": "ORDER_CREATED", "event_id": "evt_1",
                "tenant_id": "tnt_1", "subject": "ord_1", "correlation_id": "req-1",
            })
        };
        assert_eq!(queues[0]["messages"], json!([shown("retry: away", now), shown("may not send", later)]));
        let timer = &queues[1]["messages"][0];
        assert_eq!(
            (&timer["subject"], &timer["event_type"], &timer["reason"]),
            (&json!("ord_2"), &Value::Null, &Value::Null)
        );
        assert_eq!(queues[2]["messages"][0]["reason"], "RecordAgeExceeded");
    }

    #[tokio::test]
    async fn as_many_of_one_function_as_are_asked_for_and_all_stay() {
        let world = World::new().await;
        for _ in 0..15 {
            world.aws.put_message("orders-expire-dlq", "no JSON", &[], world.deps.now());
        }
        let shown = |answer: &Value| answer["queues"][0]["messages"].as_array().unwrap().len();
        let some = list(&world, json!({ "function": "orders-expire", "max": 12 })).await.unwrap();
        assert_eq!((shown(&some), &some["queues"][0]["count"]), (12, &json!(15)));
        world.aws.show_messages();
        let all = list(&world, json!({ "function": "orders-expire", "max": 100 })).await.unwrap();
        assert_eq!((shown(&all), world.aws.lying_in("orders-expire-dlq").len()), (15, 15));
        assert!(list(&world, json!({ "function": "orders-cancel" })).await.is_err());
        assert_eq!(list(&world, json!({ "function": "payments-reconcile" })).await.unwrap(), json!({ "queues": [] }));
    }
}
