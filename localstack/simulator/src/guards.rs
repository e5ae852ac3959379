//! The product's guards, each of which a run can do without. Those that are conditions in DynamoDB are taken out of the
//! requests on their way; those that are rules in code are asked of [`domain::guard`], where they stand.
//!
//! A guard whose absence no run notices is a missing check, or a guard that nobody needs.

use std::collections::BTreeSet;

use contracts::timers::Due;
use domain::guard::Rule;
use serde_json::{Value, json};

use crate::{cloud::State, dynamo::table, queues::Message};

/// A guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guard {
    /// A consumer's record that it has dealt with an event is refused the second time.
    Inbox,
    /// An item is written only at the version that it was read at.
    Version,
    /// Stock is reserved only where enough is available.
    StockAvailable,
    /// A coupon is used only where its cap allows one use more.
    CouponCap,
    /// The SDK's second try of a transaction is known by its token.
    RetryToken,
    /// Events are part of the transaction that caused them.
    OutboxInTransaction,
    /// The answer to an idempotency key is refused the second time.
    IdempotencyRecord,
    /// A message to a person is claimed once.
    NotificationClaim,
    /// A movement of money has one place in the books. The second line behind [`Guard::Version`].
    LedgerUniqueness,
    /// A timer's function does nothing before its timer is due, by its own clock: the sweep's may be ahead.
    DueTime,
    /// A rule in code. [`Rule::Expiry`] is the second line behind [`Guard::DueTime`].
    Rule(Rule),
}

const ALWAYS: &str = "attribute_exists(pk) OR attribute_not_exists(pk)";

/// Takes guards out of a request to DynamoDB. Gives back the puts that are to be made after it, in transactions of their
/// own.
pub(crate) fn tamper(state: &mut State, operation: &str, request: &mut Value) -> Vec<Value> {
    if operation != "TransactWriteItems" {
        return vec![];
    }
    let mut later = vec![];
    for guard in state.off.clone() {
        let calls = state.calls;
        if guard == Guard::RetryToken {
            request.as_object_mut().unwrap().remove("ClientRequestToken");
        }
        let parts = request["TransactItems"].as_array_mut().unwrap();
        match guard {
            Guard::Inbox => without_condition(parts, "inbox"),
            Guard::IdempotencyRecord => without_condition(parts, "stored_answer"),
            Guard::NotificationClaim => without_condition(parts, "notification"),
            Guard::LedgerUniqueness => {
                for put in puts(parts, "ledger_entry") {
                    let sk = format!("{} {calls}", put["Item"]["sk"]["S"].as_str().unwrap());
                    put["Item"]["sk"]["S"] = sk.into();
                }
            }
            Guard::Version => replace(parts, "version = :expected", ALWAYS),
            Guard::StockAvailable => replace(parts, "#data.available >= :quantity", ALWAYS),
            Guard::CouponCap => {
                let (with, without) = ("#data.terms = :terms AND #data.uses < :cap", "#data.terms = :terms");
                replace(parts, with, without);
            }
            Guard::OutboxInTransaction => later.extend(take_events(parts, state)),
            Guard::RetryToken | Guard::DueTime | Guard::Rule(_) => {}
        }
    }
    later
}

/// A message as its function gets it: without [`Guard::DueTime`], a timer's says that it was due long ago.
pub(crate) fn body_of(state: &State, message: &Message) -> String {
    match message.due().filter(|_| state.off.contains(&Guard::DueTime)) {
        Some(due) => serde_json::to_string(&Due { due_at: due.since, ..due }).unwrap(),
        None => message.body.clone(),
    }
}

fn puts<'a>(parts: &'a mut [Value], kind: &str) -> impl Iterator<Item = &'a mut Value> {
    let puts = parts.iter_mut().filter_map(|part| part.get_mut("Put"));
    puts.filter(move |put| put["Item"]["kind"]["S"] == kind)
}

fn without_condition(parts: &mut [Value], kind: &str) {
    for put in puts(parts, kind) {
        let put = put.as_object_mut().unwrap();
        put.remove("ConditionExpression");
        put.remove("ExpressionAttributeValues");
    }
}

/// Puts another condition in the place of one, in whatever part has it. A value that is named nowhere any more may not
/// be given.
fn replace(parts: &mut [Value], condition: &str, other: &str) {
    let bodies = parts.iter_mut().filter_map(|part| part.as_object_mut()?.values_mut().next());
    for body in bodies.filter(|body| body["ConditionExpression"] == condition) {
        body["ConditionExpression"] = other.into();
        let update = body["UpdateExpression"].as_str().unwrap_or_default().to_owned();
        let body = body.as_object_mut().unwrap();
        if let Some(values) = body.get_mut("ExpressionAttributeValues").and_then(Value::as_object_mut) {
            values.retain(|name, _| update.contains(name.as_str()) || other.contains(name.as_str()));
            if values.is_empty() {
                body.remove("ExpressionAttributeValues");
            }
        }
    }
}

/// Takes a transaction's events out of it. Between the two a function may die; then nobody hears of them. A check that
/// always holds takes the place of each, so that the parts after it are refused by their own numbers.
fn take_events(parts: &mut [Value], state: &mut State) -> Vec<Value> {
    let is_event = |part: &Value| part.get("Put").is_some_and(|put| table(put) == "outbox");
    if parts.iter().all(is_event) {
        return vec![];
    }
    let mut events = vec![];
    for part in parts.iter_mut().filter(|part| is_event(part)) {
        let put = part["Put"].take();
        let key = json!({ "pk": put["Item"]["pk"], "sk": put["Item"]["sk"] });
        *part =
            json!({ "ConditionCheck": { "TableName": put["TableName"], "Key": key, "ConditionExpression": ALWAYS } });
        events.push(put);
    }
    let dies = state.running.as_mut().is_some_and(|running| running.rng.u8(0..20) == 0);
    if dies { vec![] } else { events }
}

/// Does without rules in code on this thread, until they are switched on again.
pub(crate) fn switch_off(guards: &BTreeSet<Guard>) {
    let mut rules = guards.iter().filter_map(|guard| match guard {
        Guard::Rule(rule) => Some(*rule),
        _ => None,
    });
    let rule = rules.next();
    assert!(rules.next().is_none(), "one rule at a time");
    #[cfg(feature = "sabotage")]
    domain::guard::switch_off(rule);
    #[cfg(not(feature = "sabotage"))]
    assert!(rule.is_none(), "rules in code are switched off with the feature `sabotage`");
}

pub(crate) fn switch_on() {
    #[cfg(feature = "sabotage")]
    domain::guard::switch_off(None);
}
