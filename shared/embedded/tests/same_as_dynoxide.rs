//! Whatever the calls are, this database answers as dynoxide does, which shares no line with it.

#![allow(clippy::unwrap_used, reason = "a test")]

use contracts::table::Table;
use dynoxide::{Database, DynoxideError};
use embedded::dynamo::{Tables, create, execute};
use proptest::{collection::vec, option, prelude::*, sample::select};
use rusqlite::Connection;
use serde_json::{Map, Value, json};
use testing::dynamo::{PREFIX, table_definition};

/// With two indexes, one, and none.
const TABLES: [Table; 3] = [Table::Catalog, Table::Inventory, Table::Carts];

/// Conditions on items as [`item`] makes them.
const CONDITIONS: [&str; 22] = [
    "attribute_not_exists(pk)",
    "attribute_exists(pk)",
    "version = :v",
    "version <> :v",
    "attribute_not_exists(pk) OR expires_at_epoch_s <= :v",
    "#data.n >= :v",
    "#data.n >= :v AND #data.n >= :w",
    "#data.n < :v AND (version <> :w OR attribute_exists(gsi1pk))",
    "NOT (#data.n = :v)",
    "NOT #data.n > :v AND NOT version > :w",
    "attribute_exists(pk) AND #data.n >= :v",
    "begins_with(#data.#name, :s)",
    "begins_with(sk, :s)",
    "#data.n BETWEEN :v AND :w",
    "version IN (:v, :w)",
    "#data = :m",
    "#data <> :m",
    "#data.#name > :s",
    "nowhere.deep <> :v",
    "nowhere.deep = #data.n",
    "sk <= :s",
    "#data.n == :v",
];

const UPDATES: [&str; 18] = [
    "SET version = version + :v",
    "SET version = version + :v, #data.n = :w",
    "SET version = version + :v, #data.n = #data.n - :w",
    "SET #data.n = #data.n + :v REMOVE #data.#name",
    "SET version = if_not_exists(version, :v) + :w, kind = :s",
    "SET version = if_not_exists(#data.n, :v) - version",
    "SET #data = :m",
    "SET twin = #data, version = #data.n",
    "SET #data.deep.er = :v",
    "SET a = :v, a.b = :w",
    "SET gsi1pk = :s",
    "SET gsi1sk = :v",
    "SET expires_at_epoch_s = :v",
    "SET version = #data.#name + :v",
    "REMOVE expires_at_epoch_s, gsi1pk",
    "REMOVE #data.deep.er",
    "REMOVE #data.n SET version = :v",
    "version = :v",
];

fn number() -> impl Strategy<Value = Value> {
    let many =
        vec!["9007199254740993", "99999999999999999999999999999999999999", "-0.00000000000000000000000000000000000001"];
    let usual = vec!["0", "1", "2", "3", "-1", "1.50", "0.1", "1e2", "007", "-5", "100"];
    prop_oneof![9 => select(usual), 1 => select(many)].prop_map(|number| json!({ "N": number }))
}

fn text() -> impl Strategy<Value = Value> {
    select(vec!["a", "ab", "b", "p#", "p#1", "é", "\"\\\n\u{1}", "😀"]).prop_map(|text| json!({ "S": text }))
}

fn data() -> impl Strategy<Value = Value> {
    let more = prop_oneof![
        Just(json!({ "NULL": true })),
        any::<bool>().prop_map(|is_true| json!({ "BOOL": is_true })),
        Just(json!({ "L": [{ "N": "1.0" }, { "M": {} }] })),
        Just(json!({ "M": { "er": { "S": "" } } })),
    ];
    (option::of(number()), option::of(text()), option::of(more)).prop_map(|(n, name, deep)| {
        let entries = [("n", n), ("name", name), ("deep", deep)];
        json!({ "M": entries.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect::<Map<_, _>>() })
    })
}

fn key() -> impl Strategy<Value = Value> {
    (select(vec!["a", "b"]), select(vec!["1", "2", "p#1", "p#2", "p#3"]))
        .prop_map(|(pk, sk)| json!({ "pk": { "S": pk }, "sk": { "S": sk } }))
}

fn item() -> impl Strategy<Value = Value> {
    let index_key = || option::of(select(vec!["a", "b", "p#1", "p#2", ""]));
    let numbers = (option::weighted(0.9, number()), option::weighted(0.3, number()));
    (key(), option::weighted(0.9, data()), numbers, [index_key(), index_key(), index_key(), index_key()]).prop_map(
        |(mut item, data, (version, expires), index_keys)| {
            let names = ["gsi1pk", "gsi1sk", "gsi2pk", "gsi2sk"];
            for (name, key) in names.into_iter().zip(index_keys) {
                if let Some(key) = key {
                    item[name] = json!({ "S": key });
                }
            }
            for (name, value) in [("data", data), ("version", version), ("expires_at_epoch_s", expires)] {
                if let Some(value) = value {
                    item[name] = value;
                }
            }
            item
        },
    )
}

fn table() -> impl Strategy<Value = String> {
    select(&TABLES[..]).prop_map(|table| format!("{PREFIX}{}", table.name()))
}

/// A part of a transaction, which rarely gives a placeholder too many.
fn part() -> impl Strategy<Value = Value> {
    let kind = prop_oneof![
        item().prop_map(|item| ("Put", json!({ "Item": item }))),
        (key(), select(&UPDATES[..]))
            .prop_map(|(key, update)| { ("Update", json!({ "Key": key, "UpdateExpression": update })) }),
        key().prop_map(|key| ("Delete", json!({ "Key": key }))),
        key().prop_map(|key| ("ConditionCheck", json!({ "Key": key }))),
    ];
    let values =
        (number(), number(), text(), data()).prop_map(|(v, w, s, m)| json!({ ":v": v, ":w": w, ":s": s, ":m": m }));
    let condition = option::weighted(0.7, select(&CONDITIONS[..]));
    (kind, table(), condition, values, any::<bool>(), prop::bool::weighted(0.02)).prop_map(
        |((kind, mut fields), table, condition, values, returns_old, has_too_many)| {
            let condition = if kind == "ConditionCheck" { condition.or(Some(CONDITIONS[1])) } else { condition };
            let update = fields.get("UpdateExpression").and_then(Value::as_str).unwrap_or_default();
            let text = format!("{update} {}", condition.unwrap_or_default());
            let has_too_many = has_too_many && text != " ";
            let used = |all: &Value| {
                let all = all.as_object().unwrap().clone();
                all.into_iter().filter(|(name, _)| has_too_many || text.contains(name)).collect::<Map<_, _>>()
            };
            let (names, values) = (used(&json!({ "#data": "data", "#name": "name" })), used(&values));
            fields["TableName"] = json!(table);
            if let Some(condition) = condition {
                fields["ConditionExpression"] = json!(condition);
            }
            if !names.is_empty() {
                fields["ExpressionAttributeNames"] = json!(names);
            }
            if !values.is_empty() {
                fields["ExpressionAttributeValues"] = json!(values);
            }
            if returns_old {
                fields["ReturnValuesOnConditionCheckFailure"] = json!("ALL_OLD");
            }
            json!({ kind: fields })
        },
    )
}

/// A call, and where its answer has items whose order says nothing.
type Call = (&'static str, Value);

fn call() -> impl Strategy<Value = Call> {
    let transact = (vec(part(), 1..4), option::weighted(0.2, 0..4)).prop_map(|(parts, token)| {
        let mut request = json!({ "TransactItems": parts });
        if let Some(token) = token {
            request["ClientRequestToken"] = json!(format!("token-{token}"));
        }
        ("TransactWriteItems", request)
    });
    let get = (table(), key()).prop_map(|(table, key)| ("GetItem", json!({ "TableName": table, "Key": key })));
    let batch = (table(), vec(key(), 1..5))
        .prop_map(|(table, keys)| ("BatchGetItem", json!({ "RequestItems": { table: { "Keys": keys } } })));
    let scan = table().prop_map(|table| ("Scan", json!({ "TableName": table })));
    prop_oneof![6 => transact, 1 => get, 1 => batch, 1 => scan, 3 => query()]
}

fn query() -> impl Strategy<Value = Call> {
    let index = select(vec![None, Some("gsi1"), Some("gsi2")]);
    let keys = (select(vec!["a", "b", "p#1"]), option::of(select(vec!["p#", "p", "1", "a", "é"])));
    let start = option::weighted(0.3, (key(), select(vec!["a", "b", "p#1", "p#2"])));
    (table(), index, keys, any::<bool>(), option::of(1..4), start, prop::bool::weighted(0.1)).prop_map(
        |(table, index, (pk, prefix), is_forward, limit, start, is_consistent)| {
            let [pk_name, sk_name] =
                index.map_or(["pk".to_owned(), "sk".to_owned()], |index| [format!("{index}pk"), format!("{index}sk")]);
            let mut request = json!({
                "TableName": table,
                "KeyConditionExpression": "#pk = :pk",
                "ExpressionAttributeNames": { "#pk": pk_name },
                "ExpressionAttributeValues": { ":pk": { "S": pk } },
                "ScanIndexForward": is_forward,
                "ConsistentRead": is_consistent,
            });
            if let Some(index) = index {
                request["IndexName"] = json!(index);
            }
            if let Some(prefix) = prefix {
                request["KeyConditionExpression"] = json!("#pk = :pk AND begins_with(#sk, :sk)");
                request["ExpressionAttributeNames"]["#sk"] = json!(sk_name);
                request["ExpressionAttributeValues"][":sk"] = json!({ "S": prefix });
            }
            if let Some(limit) = limit {
                request["Limit"] = json!(limit);
            }
            // DynamoDB also refuses a start outside the prefix, which the store's cursors cannot be.
            if let Some((mut key, sort_key)) = start.filter(|_| prefix.is_none()) {
                if index.is_some() {
                    key[&sk_name] = json!({ "S": sort_key });
                }
                key[&pk_name] = json!({ "S": pk });
                request["ExclusiveStartKey"] = key;
            }
            ("Query", request)
        },
    )
}

/// What counts of an answer: words of errors may differ, and so may whether a mistake is told by the whole transaction or
/// by the part that has it.
fn essence(status: u16, body: &str) -> Value {
    let body: Value = serde_json::from_str(body).unwrap();
    if status == 200 {
        return sorted(body);
    }
    let name = body["__type"].as_str().unwrap().rsplit('#').next().unwrap().to_owned();
    let reasons = body["CancellationReasons"].as_array().cloned().unwrap_or_default();
    // Of two mistakes, the token of another transaction being one, either may be told.
    let is_mistake = matches!(name.as_str(), "ValidationException" | "IdempotentParameterMismatchException");
    if is_mistake || reasons.iter().any(|reason| reason["Code"] == "ValidationError") {
        return json!([status, "a mistake"]);
    }
    json!([status, name, reasons.iter().map(|reason| json!([reason["Code"], reason["Item"]])).collect::<Vec<_>>()])
}

/// Without what has no meaning: the order of items, except in queries, where the order is that of their keys anyway.
fn sorted(mut body: Value) -> Value {
    if let Some(responses) = body.get_mut("Responses").and_then(Value::as_object_mut) {
        for items in responses.values_mut() {
            items.as_array_mut().unwrap().sort_by_key(Value::to_string);
        }
        // A table of which nothing was found may be named or not.
        responses.retain(|_, items| items.as_array().is_some_and(|items| !items.is_empty()));
    }
    body
}

fn by_dynoxide(database: &Database, operation: &str, body: &[u8]) -> Result<String, DynoxideError> {
    macro_rules! run {
        ($method:ident) => {{
            let request = serde_json::from_slice(body);
            let request = request.map_err(|error| DynoxideError::ValidationException(error.to_string()))?;
            Ok(serde_json::to_string(&database.$method(request)?).unwrap())
        }};
    }
    match operation {
        "CreateTable" => run!(create_table),
        "GetItem" => run!(get_item),
        "BatchGetItem" => run!(batch_get_item),
        "Query" => run!(query),
        "Scan" => run!(scan),
        _ => run!(transact_write_items),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn every_call_is_answered_as_by_dynoxide(calls in vec(call(), 1..40)) {
        let database = Database::memory().unwrap();
        for table in TABLES {
            by_dynoxide(&database, "CreateTable", table_definition(PREFIX, table).to_string().as_bytes()).unwrap();
        }
        let (connection, tables) = (Connection::open_in_memory().unwrap(), Tables::new(PREFIX));
        create(&connection).unwrap();
        for (operation, request) in calls {
            let body = request.to_string();
            let expected = match by_dynoxide(&database, operation, body.as_bytes()) {
                Ok(body) => (200, body),
                Err(error) => (error.status_code(), error.to_json()),
            };
            let answer = execute(&connection, &tables, operation, body.as_bytes());
            let same = same(operation, &essence(answer.status, &answer.body), &essence(expected.0, &expected.1));
            prop_assert!(same, "{operation} {body}\n was answered\n {}\n and by dynoxide\n {}", answer.body, expected.1);
        }
    }
}

/// A scan has no order that both have.
fn same(operation: &str, one: &Value, two: &Value) -> bool {
    let items = |answer: &Value| {
        let mut items: Vec<_> = answer["Items"].as_array().unwrap().iter().map(Value::to_string).collect();
        items.sort();
        items
    };
    if operation == "Scan" { items(one) == items(two) } else { one == two }
}
