//! What only this database has; that it behaves as DynamoDB is tested in `testing` and against dynoxide.

use rusqlite::Connection;
use serde_json::{Value, json};

use super::{Answer, StreamRecord, Tables, create, execute, stream, sweep_expired, trim_stream};

const CARTS: &str = "t-carts";
const OUTBOX: &str = "t-outbox";
const STOCK: &str = "t-inventory";

struct Database {
    connection: Connection,
    tables: Tables,
}

impl Database {
    fn new() -> Self {
        Self::over(Connection::open_in_memory().unwrap())
    }

    fn over(connection: Connection) -> Self {
        create(&connection).unwrap();
        Self { connection, tables: Tables::new("t-") }
    }

    fn call(&self, operation: &str, request: &Value) -> Answer {
        execute(&self.connection, &self.tables, operation, request.to_string().as_bytes())
    }

    fn commit(&self, parts: &[Value]) -> Answer {
        self.call("TransactWriteItems", &json!({ "TransactItems": parts }))
    }

    fn items(&self, table: &str) -> Vec<Value> {
        let answer: Value = serde_json::from_str(&self.call("Scan", &json!({ "TableName": table })).body).unwrap();
        answer["Items"].as_array().unwrap().clone()
    }

    fn sequences(&self) -> Vec<i64> {
        stream(&self.connection, 0, 100).unwrap().into_iter().map(|record| record.sequence).collect()
    }
}

fn item(sk: &str) -> Value {
    json!({ "pk": { "S": "pk" }, "sk": { "S": sk }, "version": { "N": "1" } })
}

fn put(table: &str, item: &Value) -> Value {
    json!({ "Put": { "TableName": table, "Item": item } })
}

/// Refused if there is an item under its key.
fn create_new(table: &str, item: &Value) -> Value {
    let mut put = put(table, item);
    put["Put"]["ConditionExpression"] = json!("attribute_not_exists(pk)");
    put
}

fn add_one(sk: &str) -> Value {
    json!({ "Update": {
        "TableName": CARTS,
        "Key": { "pk": { "S": "pk" }, "sk": { "S": sk } },
        "UpdateExpression": "SET version = version + :one",
        "ExpressionAttributeValues": { ":one": { "N": "1" } },
    } })
}

#[test]
fn what_is_put_into_the_outbox_is_in_the_stream_and_nothing_else_is() {
    let database = Database::new();
    let answer = database.commit(&[put(OUTBOX, &item("1")), put(CARTS, &item("1")), put(OUTBOX, &item("2"))]);
    assert_eq!((answer.status, answer.has_written, answer.outbox_records), (200, true, 2));
    assert_eq!(database.commit(&[put(CARTS, &item("2"))]).outbox_records, 0);
    let record = |name: &str, sk: &str| {
        let keys = json!({ "pk": { "S": "pk" }, "sk": { "S": sk } });
        json!({ "eventName": name, "dynamodb": { "Keys": keys, "NewImage": item(sk) } })
    };
    let expected = [record("INSERT", "1"), record("INSERT", "2")];
    let records = |after, limit| -> Vec<Value> {
        let records: Vec<StreamRecord> = stream(&database.connection, after, limit).unwrap();
        records.into_iter().map(|record| record.record).collect()
    };
    assert_eq!(records(0, 10), expected);
    assert_eq!(records(0, 1), expected[..1]);
    assert_eq!(records(database.sequences()[0], 10), expected[1..]);

    // What was there before is no new event.
    database.commit(&[put(OUTBOX, &item("2"))]);
    assert_eq!(records(database.sequences()[1], 10), [record("MODIFY", "2")]);
}

#[test]
fn a_refused_transaction_leaves_no_record() {
    let database = Database::new();
    database.commit(&[put(CARTS, &item("1"))]);
    let answer = database.commit(&[put(OUTBOX, &item("1")), create_new(CARTS, &item("1"))]);
    assert_eq!((answer.status, answer.has_written, answer.outbox_records), (400, false, 0));
    assert_eq!((database.sequences().len(), database.items(OUTBOX).len()), (0, 0));
}

#[test]
fn a_trimmed_stream_goes_on_with_greater_numbers() {
    let database = Database::new();
    for sk in ["1", "2", "3"] {
        database.commit(&[put(OUTBOX, &item(sk))]);
    }
    let sequences = database.sequences();
    trim_stream(&database.connection, sequences[1]).unwrap();
    assert_eq!(database.sequences(), sequences[2..]);
    trim_stream(&database.connection, sequences[2]).unwrap();
    assert_eq!(database.sequences(), [0; 0]);
    database.commit(&[put(OUTBOX, &item("4"))]);
    assert!(database.sequences()[0] > sequences[2]);
    assert_eq!(database.items(OUTBOX).len(), 4, "the items stay");
}

#[test]
fn expired_items_are_deleted_the_oldest_first() {
    let database = Database::new();
    let expiring = |sk: &str, at: &str| {
        let mut item = item(sk);
        item["expires_at_epoch_s"] = json!({ "N": at });
        item["gsi1pk"] = json!({ "S": "index" });
        item["gsi1sk"] = json!({ "S": sk });
        put(STOCK, &item)
    };
    database.commit(&[expiring("c", "30"), expiring("a", "10"), expiring("d", "31"), expiring("b", "20")]);
    database.commit(&[put(STOCK, &item("never"))]);
    let left = || -> Vec<String> {
        let items = database.items(STOCK);
        items.iter().map(|item| item["sk"]["S"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(sweep_expired(&database.connection, 9, 10), Ok(0));
    assert_eq!(sweep_expired(&database.connection, 30, 1), Ok(1));
    assert_eq!(left(), ["b", "c", "d", "never"]);
    assert_eq!(sweep_expired(&database.connection, 30, 10), Ok(2));
    assert_eq!(left(), ["d", "never"]);
    let query = json!({
        "TableName": STOCK,
        "IndexName": "gsi1",
        "KeyConditionExpression": "gsi1pk = :pk",
        "ExpressionAttributeValues": { ":pk": { "S": "index" } },
    });
    let found: Value = serde_json::from_str(&database.call("Query", &query).body).unwrap();
    assert_eq!(found["Count"], 1);

    // What no longer expires is not deleted.
    database.commit(&[put(STOCK, &item("d"))]);
    assert_eq!(sweep_expired(&database.connection, 100, 10), Ok(0));
}

#[test]
fn a_full_disk_undoes_the_transaction() {
    let database = Database::new();
    database.commit(&[put(CARTS, &item("1"))]);
    let pages: i64 = database.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    let limit_pages = |pages: i64| database.connection.pragma_update(None, "max_page_count", pages).unwrap();
    limit_pages(pages + 2);
    let mut large = item("2");
    large["data"] = json!({ "S": "x".repeat(100_000) });
    let full = [put(OUTBOX, &item("3")), put(CARTS, &item("1")), put(CARTS, &large)];
    let answer = database.commit(&full);
    assert_eq!((answer.status, answer.has_written, answer.outbox_records), (500, false, 0), "{}", answer.body);
    assert!(answer.body.contains("#InternalServerError"), "{}", answer.body);
    assert!(database.connection.is_autocommit());
    assert_eq!((database.items(CARTS), database.sequences()), (vec![item("1")], vec![]));

    limit_pages(pages + 1_000);
    assert_eq!(database.commit(&full).status, 200);
    assert_eq!(database.items(CARTS).len(), 2);
}

#[test]
fn in_the_callers_transaction_each_is_all_or_nothing_and_all_end_with_it() {
    let database = Database::new();
    let (mine, token) = ([put(CARTS, &item("1"))], json!("token"));
    database.connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(database.commit(&mine).status, 200);
    let refused = database.commit(&[put(CARTS, &item("2")), create_new(CARTS, &item("1"))]);
    assert_eq!(refused.status, 400);
    assert!(!database.connection.is_autocommit(), "the caller's goes on");
    let twice = json!({ "TransactItems": [add_one("1")], "ClientRequestToken": token });
    assert!(database.call("TransactWriteItems", &twice).has_written);
    assert!(!database.call("TransactWriteItems", &twice).has_written);
    let read = database.items(CARTS);
    assert_eq!((read.len(), &read[0]["version"]["N"]), (1, &json!("2")));

    // Its token is forgotten with what it did.
    database.connection.execute_batch("ROLLBACK").unwrap();
    assert_eq!(database.items(CARTS), [] as [Value; 0]);
    database.commit(&mine);
    assert!(database.call("TransactWriteItems", &twice).has_written);
    assert_eq!(database.items(CARTS)[0]["version"]["N"], "2");
}

#[test]
fn what_was_committed_is_there_when_the_file_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Database::over(Connection::open(folder.path().join("data")).unwrap());
    let database = open();
    database.commit(&[put(CARTS, &item("1")), put(OUTBOX, &item("2"))]);
    let sequences = database.sequences();
    trim_stream(&database.connection, sequences[0]).unwrap();
    drop(database);
    let database = open();
    assert_eq!((database.items(CARTS), database.items(OUTBOX)), (vec![item("1")], vec![item("2")]));
    database.commit(&[put(OUTBOX, &item("3"))]);
    assert!(database.sequences()[0] > sequences[0]);
}

#[test]
fn nothing_is_written_by_checks_and_reads() {
    let database = Database::new();
    database.commit(&[put(CARTS, &item("1"))]);
    let check = json!({ "ConditionCheck": {
        "TableName": CARTS,
        "Key": { "pk": { "S": "pk" }, "sk": { "S": "1" } },
        "ConditionExpression": "attribute_exists(pk)",
    } });
    let answer = database.commit(&[check]);
    assert_eq!((answer.status, answer.has_written), (200, false));
    assert!(!database.call("Scan", &json!({ "TableName": CARTS })).has_written);
}

#[test]
fn what_the_product_does_not_use_is_refused() {
    let database = Database::new();
    let key = json!({ "pk": { "S": "pk" }, "sk": { "S": "1" } });
    for (operation, request) in [
        ("PutItem", json!({ "TableName": CARTS, "Item": key })),
        ("GetItem", json!({ "TableName": CARTS, "Key": key, "ProjectionExpression": "pk" })),
        ("Query", json!({ "TableName": CARTS, "FilterExpression": "a = :b", "KeyConditionExpression": "pk = :b" })),
        ("GetItem", json!("no object")),
    ] {
        let answer = database.call(operation, &request);
        assert_eq!(answer.status, 400, "{operation}");
        assert!(answer.body.contains("#ValidationException"), "{}", answer.body);
    }
}

#[test]
fn a_page_ends_at_a_megabyte_and_the_next_goes_on() {
    let database = Database::new();
    for sk in ["1", "2", "3", "4"] {
        let mut large = item(sk);
        large["data"] = json!({ "S": "x".repeat(390_000) });
        database.commit(&[put(CARTS, &large)]);
    }
    let mut query = json!({
        "TableName": CARTS,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": { ":pk": { "S": "pk" } },
    });
    let mut pages = vec![];
    loop {
        let page: Value = serde_json::from_str(&database.call("Query", &query).body).unwrap();
        pages.push(page["Count"].as_u64().unwrap());
        match page.get("LastEvaluatedKey") {
            Some(last) => query["ExclusiveStartKey"] = last.clone(),
            None => break,
        }
    }
    assert_eq!(pages, [3, 1]);
}
