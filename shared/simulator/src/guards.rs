//! The product's guards, each of which a run can do without. Those that are conditions in DynamoDB are taken out of the
//! requests on their way; those that are rules in code are asked of [`domain::guard`], where they stand.
//!
//! A guard whose absence no run notices is a missing check, or a guard that nobody needs.

use serde_json::Value;

use crate::{cloud::State, dynamo::table};

/// A guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guard {
    /// A consumer's record that it has dealt with an event is refused the second time.
    Inbox,
    /// An item is written only at the version that it was read at.
    Version,
    /// Stock is reserved only where enough is available.
    StockAvailable,
    /// The SDK's second try of a transaction is known by its token.
    RetryToken,
    /// Events are part of the transaction that caused them.
    OutboxInTransaction,
    /// The answer to an idempotency key is refused the second time.
    IdempotencyRecord,
    /// A message to a person is claimed once.
    NotificationClaim,
    /// A rule in code.
    Rule(domain::guard::Rule),
}

/// Takes a guard out of a request to DynamoDB. Gives back the puts that are to be made after it, in transactions of
/// their own.
pub(crate) fn tamper(state: &mut State, operation: &str, request: &mut Value) -> Vec<Value> {
    let Some(off) = state.off else { return vec![] };
    if operation != "TransactWriteItems" {
        return vec![];
    }
    if off == Guard::RetryToken {
        request.as_object_mut().unwrap().remove("ClientRequestToken");
    }
    let parts = request["TransactItems"].as_array_mut().unwrap();
    match off {
        Guard::Inbox => without_condition(parts, "inbox"),
        Guard::IdempotencyRecord => without_condition(parts, "stored_answer"),
        Guard::NotificationClaim => without_condition(parts, "notification"),
        Guard::Version => {
            for part in parts {
                replace_condition(part, "version = :expected", ":expected");
            }
        }
        Guard::StockAvailable => {
            for part in parts {
                let update = part
                    .get_mut("Update")
                    .filter(|update| update["ConditionExpression"] == "#data.available >= :quantity");
                if let Some(update) = update {
                    update.as_object_mut().unwrap().remove("ConditionExpression");
                }
            }
        }
        Guard::OutboxInTransaction => {
            let is_event = |part: &Value| part.get("Put").is_some_and(|put| table(put) == "outbox");
            let (events, rest): (Vec<_>, Vec<_>) = std::mem::take(parts).into_iter().partition(is_event);
            if rest.is_empty() {
                *parts = events;
                return vec![];
            }
            *parts = rest;
            // Between the two transactions a function may die.
            let dies = state.running.as_mut().is_some_and(|running| running.rng.u8(0..20) == 0);
            return if dies { vec![] } else { events.into_iter().map(|mut part| part["Put"].take()).collect() };
        }
        Guard::RetryToken | Guard::Rule(_) => {}
    }
    vec![]
}

fn without_condition(parts: &mut [Value], kind: &str) {
    for put in parts.iter_mut().filter_map(|part| part.get_mut("Put")) {
        if put["Item"]["kind"]["S"] == kind {
            let put = put.as_object_mut().unwrap();
            put.remove("ConditionExpression");
            put.remove("ExpressionAttributeValues");
        }
    }
}

/// A check without a condition is no request, so one that always holds takes its place.
fn replace_condition(part: &mut Value, condition: &str, value: &str) {
    let Some(body) = part.as_object_mut().and_then(|part| part.values_mut().next()) else { return };
    if body["ConditionExpression"] != condition {
        return;
    }
    let body = body.as_object_mut().unwrap();
    body.insert("ConditionExpression".into(), "attribute_exists(pk) OR attribute_not_exists(pk)".into());
    if let Some(values) = body.get_mut("ExpressionAttributeValues").and_then(Value::as_object_mut) {
        values.remove(value);
        if values.is_empty() {
            body.remove("ExpressionAttributeValues");
        }
    }
}

/// Does without a rule in code on this thread, until told otherwise.
pub(crate) fn switch_off(guard: Option<Guard>) {
    let rule = match guard {
        Some(Guard::Rule(rule)) => Some(rule),
        _ => None,
    };
    #[cfg(feature = "sabotage")]
    domain::guard::switch_off(rule);
    #[cfg(not(feature = "sabotage"))]
    assert!(rule.is_none(), "rules in code are switched off with the feature `sabotage`");
}
