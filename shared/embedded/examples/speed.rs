//! What calls cost on this database and on dynoxide, in memory, in processor time of one thread:
//! `cargo run --profile quick -p embedded --example speed`.

#![allow(clippy::unwrap_used, reason = "a measurement, which should stop where it cannot be made")]

use std::time::Duration;

use contracts::table::Table;
use dynoxide::Database;
use embedded::dynamo::{Tables, create, execute};
use rusqlite::Connection;
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use testing::dynamo::table_definition;

const PREFIX: &str = "selleasi-local-";
const WARM_UP: usize = 200;
const CALLS: usize = 2_000;

fn main() {
    let dynoxide = Database::memory().unwrap();
    for table in Table::ALL {
        let request = serde_json::from_value(table_definition(PREFIX, table)).unwrap();
        dynoxide.create_table(request).unwrap();
    }
    let connection = Connection::open_in_memory().unwrap();
    create(&connection).unwrap();
    let tables = Tables::new(PREFIX);

    let by_sqlite = |operation: &str, body: &[u8]| {
        let answer = execute(&connection, &tables, operation, body);
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    };
    let by_dynoxide = |operation: &str, body: &[u8]| {
        macro_rules! run {
            ($method:ident) => {
                serde_json::to_string(&dynoxide.$method(serde_json::from_slice(body).unwrap()).unwrap()).unwrap()
            };
        }
        match operation {
            "GetItem" => run!(get_item),
            "BatchGetItem" => run!(batch_get_item),
            "Query" => run!(query),
            _ => run!(transact_write_items),
        }
    };

    println!("{:<44} {:>10} {:>10} {:>7}", "processor time of one call, in µs", "sqlite", "dynoxide", "ratio");
    for (name, operation, requests) in [
        ("9 puts of 700 bytes, all conditional", "TransactWriteItems", numbers().map(order).collect::<Vec<_>>()),
        ("4 puts at a version", "TransactWriteItems", numbers().map(next_versions).collect()),
        ("3 conditional updates and a put", "TransactWriteItems", numbers().map(reserve).collect()),
        ("get", "GetItem", numbers().map(get).collect()),
        ("batched get of 5", "BatchGetItem", numbers().map(batch).collect()),
        ("query of 20 items of 1 KB", "Query", numbers().map(|_| query(None)).collect()),
        ("query of 20 items of 1 KB by an index", "Query", numbers().map(|_| query(Some("gsi1"))).collect()),
    ] {
        if operation == "Query" && name.ends_with("KB") {
            for number in 0..20 {
                let body = list_item(number);
                by_sqlite("TransactWriteItems", body.as_bytes());
                by_dynoxide("TransactWriteItems", body.as_bytes());
            }
        }
        let (sqlite, dynoxide) =
            (measure(&by_sqlite, operation, &requests), measure(&by_dynoxide, operation, &requests));
        println!("{name:<44} {sqlite:>10.1} {dynoxide:>10.1} {:>7.1}", dynoxide / sqlite);
    }
}

fn numbers() -> std::ops::Range<usize> {
    0..WARM_UP + CALLS
}

/// Microseconds of a call, after some that are not counted.
fn measure(run: &impl Fn(&str, &[u8]) -> String, operation: &str, requests: &[String]) -> f64 {
    let (first, rest) = requests.split_at(WARM_UP);
    let all = |requests: &[String]| {
        for request in requests {
            std::hint::black_box(run(operation, request.as_bytes()));
        }
    };
    all(first);
    let before = processor_time();
    all(rest);
    processor_time().saturating_sub(before).as_secs_f64() * 1e6 / f64::from(u32::try_from(rest.len()).unwrap())
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}

fn name(table: Table) -> String {
    format!("{PREFIX}{}", table.name())
}

fn key(number: usize, sk: &str) -> Value {
    json!({ "pk": { "S": format!("T#01JGKX0000000000000000TEN1#O#{:026}", number * 7919 % 100_003) }, "sk": { "S": sk } })
}

/// An item as the store writes them, of `bytes` bytes of JSON or a little more.
fn item(key: &Value, indexes: u8, version: u32, bytes: usize) -> Value {
    let mut item = key.clone();
    for index in 1..=indexes {
        item[format!("gsi{index}pk")] = json!({ "S": format!("T#01JGKX0000000000000000TEN1#S#{index}") });
        item[format!("gsi{index}sk")] = key["pk"].clone();
    }
    item["kind"] = json!({ "S": "order" });
    item["schema"] = json!({ "N": "1" });
    item["version"] = json!({ "N": version.to_string() });
    item["data"] = json!({ "M": {
        "id": { "S": "01JGKX00000000000000000001" },
        "store_id": { "S": "01JGKX00000000000000000002" },
        "status": { "S": "awaiting_payment" },
        "reserved": { "N": "0" },
        "available": { "N": "1000000" },
        "total": { "M": { "amount_minor": { "N": "1250000" }, "currency": { "S": "NGN" } } },
        "updated_at": { "S": "2026-01-01T00:00:00Z" },
        "cancelled_at": { "NULL": true },
        "lines": { "L": [{ "M": { "quantity": { "N": "2" }, "title": { "S": "A book" } } }] },
    } });
    let rest = bytes.saturating_sub(item.to_string().len() + 15);
    item["data"]["M"]["note"] = json!({ "S": "x".repeat(rest) });
    item
}

fn put(table: Table, item: &Value, condition: &str) -> Value {
    let mut put = json!({
        "TableName": name(table),
        "Item": item,
        "ConditionExpression": condition,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    });
    if condition.contains(":expected") {
        let version: u32 = item["version"]["N"].as_str().unwrap().parse().unwrap();
        put["ExpressionAttributeValues"] = json!({ ":expected": { "N": (version - 1).to_string() } });
    }
    json!({ "Put": put })
}

fn transaction(kind: &str, number: usize, parts: &[Value]) -> String {
    json!({ "TransactItems": parts, "ClientRequestToken": format!("{kind}-{number:026}") }).to_string()
}

const ORDER: [Table; 9] = [
    Table::Orders,
    Table::Audit,
    Table::Inventory,
    Table::Carts,
    Table::Payments,
    Table::Requests,
    Table::Timers,
    Table::Notifications,
    Table::Outbox,
];

/// An order with what is written with it: one item in each of nine tables.
fn order(number: usize) -> String {
    let parts = ORDER.map(|table| {
        let mut item = item(&key(number, "O"), table.indexes(), 1, 700);
        if matches!(table, Table::Requests | Table::Outbox) {
            item["expires_at_epoch_s"] = json!({ "N": "1900000000" });
        }
        put(table, &item, "attribute_not_exists(pk)")
    });
    transaction("order", number, &parts)
}

fn next_versions(number: usize) -> String {
    let parts = [Table::Orders, Table::Inventory, Table::Carts, Table::Payments]
        .map(|table| put(table, &item(&key(number, "O"), table.indexes(), 2, 700), "version = :expected"));
    transaction("next", number, &parts)
}

fn reserve(number: usize) -> String {
    let mut parts: Vec<_> = (0..3)
        .map(|line| {
            json!({ "Update": {
                "TableName": name(Table::Inventory),
                "Key": key((number + line) % CALLS, "O"),
                "UpdateExpression": "SET version = version + :one, #data.updated_at = :now, \
                    #data.reserved = #data.reserved + :quantity, #data.available = #data.available - :quantity",
                "ConditionExpression": "#data.available >= :quantity",
                "ExpressionAttributeNames": { "#data": "data" },
                "ExpressionAttributeValues": {
                    ":quantity": { "N": "2" }, ":one": { "N": "1" }, ":now": { "S": "2026-01-01T00:00:01Z" },
                },
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            } })
        })
        .collect();
    parts.push(put(Table::Audit, &item(&key(number, "R"), 0, 1, 700), "attribute_not_exists(pk)"));
    transaction("reserve", number, &parts)
}

fn get(number: usize) -> String {
    json!({ "TableName": name(Table::Orders), "Key": key(number, "O"), "ConsistentRead": true }).to_string()
}

fn batch(number: usize) -> String {
    let keys = |many: usize| (0..many).map(|more| key((number + more) % CALLS, "O")).collect::<Vec<_>>();
    json!({ "RequestItems": {
        name(Table::Orders): { "Keys": keys(2), "ConsistentRead": true },
        name(Table::Inventory): { "Keys": keys(3), "ConsistentRead": true },
    } })
    .to_string()
}

/// One of the items that are then read as a list.
fn list_item(number: usize) -> String {
    let mut item = item(&json!({ "pk": { "S": "list" }, "sk": { "S": format!("P#{number:026}") } }), 1, 1, 1_000);
    item["gsi1pk"] = json!({ "S": "list" });
    item["gsi1sk"] = item["sk"].clone();
    transaction("list", number, &[put(Table::Catalog, &item, "attribute_not_exists(pk)")])
}

fn query(index: Option<&str>) -> String {
    let mut query = json!({
        "TableName": name(Table::Catalog),
        "KeyConditionExpression": "#pk = :pk AND begins_with(#sk, :sk)",
        "ExpressionAttributeNames": { "#pk": "pk", "#sk": "sk" },
        "ExpressionAttributeValues": { ":pk": { "S": "list" }, ":sk": { "S": "P#" } },
        "ScanIndexForward": false,
        "Limit": 21,
    });
    if let Some(index) = index {
        query["IndexName"] = json!(index);
        query["ExpressionAttributeNames"] = json!({ "#pk": format!("{index}pk"), "#sk": format!("{index}sk") });
    }
    query.to_string()
}
