//! DynamoDB as the functions meet it: the embedded one, with what can go wrong on the way there and back, an eye on
//! whose keys are touched, and a note of everything written.

use std::time::Instant;

use contracts::table::Table;
use serde_json::{Value, json};
use testing::dynamo::PREFIX;

use crate::{
    cloud::{Answer, Cloud, State},
    deliveries::SWEEP,
    faults::Fault,
    grants, guards,
    outages::Service,
    sizes,
};

/// What keys that belong to no tenant start with (see `store::keys`).
const NOBODYS: [&str; 8] = ["ACC#", "EMAIL#", "GUEST#", "VER#", "ONB#", "STORE#", "PUBLIC#", "DUE#"];

impl Cloud {
    pub(crate) fn serve_dynamo(&self, state: &mut State, operation: &str, body: &[u8]) -> Answer {
        let mut request: Value = serde_json::from_slice(body).unwrap();
        if let Some(answer) = state.refuses_dynamo(operation, body, &request) {
            return answer;
        }
        if state.strikes(Fault::NoAnswer) {
            return Answer::Lost;
        }
        if state.strikes(Fault::Throttled) {
            let code = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException";
            return Answer::Is(400, json!({ "__type": code, "message": "slow down" }).to_string());
        }
        if state.strikes(Fault::ServerError) || state.is_away(Service::Database) {
            let code = "com.amazonaws.dynamodb.v20120810#InternalServerError";
            return Answer::Is(500, json!({ "__type": code, "message": "away" }).to_string());
        }
        state.check_tenants(operation, &request);
        let is_write = operation == "TransactWriteItems";
        if is_write && state.strikes(Fault::Conflict) {
            return Answer::Is(400, conflict(&request, state));
        }
        let later = guards::tamper(state, operation, &mut request);
        #[expect(clippy::disallowed_methods, reason = "measures the simulator; nothing depends on it")]
        let started = Instant::now();
        let answer = self.dynamo.execute(operation, request.to_string().as_bytes());
        state.in_database += started.elapsed();
        let answer = match answer {
            Ok(body) => {
                // A second try of a transaction that took effect is answered, and changes nothing.
                if is_write && state.is_first(&request) {
                    state.check_effects(&request);
                    self.note_written(state, &request);
                    for put in later {
                        self.put_apart(state, put);
                    }
                }
                Answer::Is(200, body)
            }
            Err(error) => Answer::Is(error.status_code(), error.to_json()),
        };
        if is_write {
            let outcome = match &answer {
                Answer::Is(200, _) => "done".to_owned(),
                Answer::Is(_, body) => reasons(body),
                Answer::Lost => String::new(),
            };
            let function = state.running.as_ref().map_or("", |running| running.function);
            state.tell(|| format!("    {function} writes {}: {outcome}", parts(&request)));
        }
        if is_write && state.strikes(Fault::AnswerLost) { Answer::Lost } else { answer }
    }

    fn note_written(&self, state: &mut State, request: &Value) {
        for part in request["TransactItems"].as_array().unwrap() {
            if let Some(put) = part.get("Put") {
                note(state, put);
            } else if let Some(update) = part.get("Update") {
                let get = json!({ "TableName": update["TableName"], "Key": update["Key"], "ConsistentRead": true });
                let found = self.dynamo.execute("GetItem", get.to_string().as_bytes()).unwrap();
                let found: Value = serde_json::from_str(&found).unwrap();
                state.written.push((table(update), found["Item"].clone()));
            } else if let Some(delete) = part.get("Delete")
                && table(delete) == Table::Timers.name()
            {
                state.timers.remove(&delete["Key"]);
            }
        }
        let puts = request["TransactItems"].as_array().into_iter().flatten().filter_map(|part| part.get("Put"));
        for put in puts.filter(|put| put["Item"]["kind"]["S"] == "payment") {
            state.payment_is_written(&put["Item"]);
        }
    }

    /// Writes an item in a transaction of its own.
    fn put_apart(&self, state: &mut State, put: Value) {
        let request = json!({ "TransactItems": [{ "Put": put }] });
        self.dynamo.execute("TransactWriteItems", request.to_string().as_bytes()).unwrap();
        note(state, &request["TransactItems"][0]["Put"]);
    }
}

fn note(state: &mut State, put: &Value) {
    let item = &put["Item"];
    if table(put) == Table::Outbox.name() {
        let keys = json!({ "pk": item["pk"], "sk": item["sk"] });
        state.stream.push(json!({ "eventName": "INSERT", "dynamodb": { "Keys": keys, "NewImage": item } }));
    }
    if table(put) == Table::Timers.name() {
        state.timer_is_set(item);
    }
    state.written.push((table(put), item.clone()));
}

/// Requests of these have one effect at the most, whatever becomes of their answers.
const ONE_EFFECT: [&str; 9] = [
    "carts-add",
    "carts-apply-coupon",
    "carts-remove-coupon",
    "coupons-update",
    "inventory-adjust",
    "orders-cancel",
    "orders-place",
    "payments-webhook-paystack",
    "products-update-variant",
];

impl State {
    /// What the role does not allow, or DynamoDB does not take.
    fn refuses_dynamo(&mut self, operation: &str, body: &[u8], request: &Value) -> Option<Answer> {
        for wanted in grants::of_dynamo(operation, request) {
            if let Some(denied) = self.denies(&wanted) {
                return Some(denied);
            }
        }
        sizes::of_dynamo(body, request).and_then(|refusal| self.refuses(refusal))
    }

    fn is_first(&mut self, request: &Value) -> bool {
        request["ClientRequestToken"].as_str().is_none_or(|token| self.tokens.insert(token.to_owned()))
    }

    /// I12.
    fn check_effects(&mut self, request: &Value) {
        let unnamed = format!("call {}", self.calls);
        let Some(running) = &mut self.running else { return };
        running.effects.insert(request["ClientRequestToken"].as_str().unwrap_or(&unnamed).to_owned());
        let (function, effects) = (running.function, running.effects.len());
        if ONE_EFFECT.contains(&function) && effects > 1 {
            self.breaks("I12", format!("one request to {function} took effect {effects} times"));
        }
    }

    /// I10.
    fn check_tenants(&mut self, operation: &str, request: &Value) {
        let mut owners = vec![];
        for pk in partition_keys(request) {
            if NOBODYS.iter().any(|prefix| pk.starts_with(prefix)) {
                continue;
            }
            match pk.strip_prefix("T#").and_then(|rest| rest.split_once('#')) {
                Some((tenant, _)) => owners.push(tenant.to_owned()),
                None => self.breaks("I10", format!("{operation} touches {pk}, which is no tenant's")),
            }
        }
        owners.sort_unstable();
        owners.dedup();
        let Some(running) = &self.running else { return };
        let function = running.function;
        let strange = owners.iter().find(|owner| !running.tenants.is_empty() && !running.tenants.contains(*owner));
        if let Some(owner) = strange.cloned() {
            self.breaks("I10", format!("{function} calls {operation} on a key of {owner}, for whom it does not work"));
        }
        // One sweep sends the timers of all.
        if owners.len() > 1 && operation == "TransactWriteItems" && function != SWEEP {
            self.breaks("I10", format!("{function} writes for {owners:?} at once"));
        }
    }
}

/// Every partition key that a request names, of tables and of indexes.
fn partition_keys(request: &Value) -> Vec<&str> {
    let mut found = vec![];
    let mut open = vec![request];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let is_key = name == "pk" || (name.starts_with("gsi") && name.ends_with("pk")) || name == ":pk";
                    match value["S"].as_str() {
                        Some(text) if is_key => found.push(text),
                        // What stands in a value is no key.
                        _ if name == "data" => {}
                        _ => open.push(value),
                    }
                }
            }
            Value::Array(values) => open.extend(values),
            _ => {}
        }
    }
    found
}

fn conflict(request: &Value, state: &mut State) -> String {
    let count = request["TransactItems"].as_array().map_or(1, Vec::len);
    let hit = state.running.as_mut().map_or(0, |running| running.rng.usize(0..count));
    let reason = |at| {
        if at == hit {
            json!({ "Code": "TransactionConflict", "Message": "Transaction is ongoing for the item" })
        } else {
            json!({ "Code": "None" })
        }
    };
    json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons",
        "CancellationReasons": (0..count).map(reason).collect::<Vec<_>>(),
    })
    .to_string()
}

pub(crate) fn table(part: &Value) -> String {
    part["TableName"].as_str().unwrap().strip_prefix(PREFIX).unwrap().to_owned()
}

/// What a transaction consists of, in a word each.
fn parts(request: &Value) -> String {
    let name = |part: &Value| {
        let (verb, body) = part.as_object().unwrap().iter().next().unwrap();
        match body["Item"]["kind"]["S"].as_str() {
            Some(kind) => kind.to_owned(),
            None => format!("{} {}", verb.to_lowercase(), body["Key"]["sk"]["S"].as_str().unwrap_or_default()),
        }
    };
    let parts = request["TransactItems"].as_array().unwrap().iter().map(name);
    parts.collect::<Vec<_>>().join(", ").to_lowercase()
}

fn reasons(body: &str) -> String {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let reasons = body["CancellationReasons"].as_array().cloned().unwrap_or_default();
    let at = reasons.iter().enumerate().filter(|(_, reason)| reason["Code"] != "None");
    let at: Vec<_> = at.map(|(at, reason)| format!("{at} {}", reason["Code"].as_str().unwrap_or_default())).collect();
    if at.is_empty() { body["__type"].to_string() } else { format!("refused ({})", at.join(", ")) }
}
