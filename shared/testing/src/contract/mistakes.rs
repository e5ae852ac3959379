//! Mistakes that DynamoDB refuses. A backend that accepts them would hide them until they run on AWS.

use contracts::table::Table;
use serde_json::{Value, json};
use store::Tx;

use super::{
    backend::Backend,
    fixtures::{TENANT, claim, invalid, token},
};

/// A request must be answered with one of these errors.
async fn assert_error(backend: &Backend, operation: &str, request: Value, errors: &[&str]) {
    match backend.raw(operation, &request).await {
        Err(answer) => assert!(errors.iter().any(|error| answer.contains(error)), "{answer}"),
        Ok(answer) => panic!("{operation} of {request} was answered with {answer}"),
    }
}

/// A transaction must be answered so, as a whole or as a reason why it was cancelled. Which of the two it is differs;
/// the store takes both for an error, and neither for a refusal.
async fn assert_invalid(backend: &Backend, request: Value) {
    assert_error(backend, "TransactWriteItems", request, &["ValidationException", "\"ValidationError\""]).await;
}

/// A transaction that changes one item of the catalogue by these expressions.
fn update(backend: &Backend, expressions: Value) -> Value {
    let mut update = json!({
        "TableName": backend.table_name(Table::Catalog),
        "Key": { "pk": { "S": "pk" }, "sk": { "S": "sk" } },
    });
    update.as_object_mut().unwrap().extend(expressions.as_object().unwrap().clone());
    json!({ "TransactItems": [{ "Update": update }] })
}

/// A transaction that writes one item of the catalogue with these attributes.
fn put(backend: &Backend, attributes: Value) -> Value {
    let mut item = json!({ "pk": { "S": "pk" }, "sk": { "S": "sk" } });
    item.as_object_mut().unwrap().extend(attributes.as_object().unwrap().clone());
    json!({ "TransactItems": [{ "Put": { "TableName": backend.table_name(Table::Catalog), "Item": item } }] })
}

pub(super) async fn a_reserved_word_in_an_expression(backend: Backend) {
    if backend.has_no_reserved_words() {
        return;
    }
    let value = json!({ ":x": { "N": "1" } });
    for word in ["data", "plan", "status", "name"] {
        for expression in [format!("SET {word} = :x"), format!("SET version = :x REMOVE {word}")] {
            let request = json!({ "UpdateExpression": expression, "ExpressionAttributeValues": value });
            assert_invalid(&backend, update(&backend, request)).await;
        }
        let condition = format!("{word} = :x");
        let request = json!({
            "UpdateExpression": "SET version = :x",
            "ConditionExpression": condition,
            "ExpressionAttributeValues": value,
        });
        assert_invalid(&backend, update(&backend, request)).await;
    }
}

pub(super) async fn a_name_or_value_that_is_not_used_or_not_given(backend: Backend) {
    let good = json!({
        "UpdateExpression": "SET #data = :x",
        "ExpressionAttributeNames": { "#data": "data" },
        "ExpressionAttributeValues": { ":x": { "N": "1" } },
    });
    let with = |field: &str, value: Value| {
        let mut request = good.clone();
        request[field] = value;
        request
    };
    let (one, two) = (json!({ "N": "1" }), json!({ "N": "2" }));
    for bad in [
        with("ExpressionAttributeNames", json!({ "#data": "data", "#plan": "plan" })),
        with("ExpressionAttributeValues", json!({ ":x": one, ":zero": two })),
        with("UpdateExpression", json!("SET #other = :x")),
        with("UpdateExpression", json!("SET #data = :y")),
        with("UpdateExpression", json!("SET pk = :x")),
        with("ConditionExpression", json!("#data == :x")),
    ] {
        assert_invalid(&backend, update(&backend, bad)).await;
    }
    backend.raw("TransactWriteItems", &update(&backend, good.clone())).await.unwrap();

    for bad in ["SET #data = :x, #data = :x", "#data = :x"] {
        let request = update(&backend, with("UpdateExpression", json!(bad)));
        if backend.hardly_checks_updates() {
            backend.raw("TransactWriteItems", &request).await.unwrap();
        } else {
            assert_invalid(&backend, request).await;
        }
    }
}

/// Arithmetic on a missing attribute is an error; DynamoDB does not assume zero. The store's conditions must exclude
/// this case.
pub(super) async fn arithmetic_on_what_is_not_there(backend: Backend) {
    let expressions = json!({
        "UpdateExpression": "SET version = version + :x",
        "ExpressionAttributeValues": { ":x": { "N": "1" } },
    });
    assert_invalid(&backend, update(&backend, expressions)).await;
    let expressions = json!({
        "UpdateExpression": "SET #data.available = :x",
        "ExpressionAttributeNames": { "#data": "data" },
        "ExpressionAttributeValues": { ":x": { "N": "1" } },
    });
    assert_invalid(&backend, update(&backend, expressions)).await;
}

pub(super) async fn a_key_that_is_not_one(backend: Backend) {
    for bad in [
        json!({ "pk": { "S": "" } }),
        json!({ "sk": { "S": "" } }),
        json!({ "pk": { "S": "x".repeat(2_049) } }),
        json!({ "sk": { "S": "x".repeat(1_025) } }),
        json!({ "gsi1pk": { "S": "" }, "gsi1sk": { "S": "x" } }),
        json!({ "gsi2pk": { "S": "x" }, "gsi2sk": { "S": "" } }),
        json!({ "pk": { "N": "1" } }),
        json!({ "gsi1pk": { "S": "x" }, "gsi1sk": { "N": "1" } }),
    ] {
        assert_invalid(&backend, put(&backend, bad)).await;
    }
    backend.raw("TransactWriteItems", &put(&backend, json!({ "gsi3pk": { "S": "" } }))).await.unwrap();
}

pub(super) async fn a_number_that_is_too_long(backend: Backend) {
    for digits in ["1".repeat(39).as_str(), "1e126", "one", ""] {
        assert_invalid(&backend, put(&backend, json!({ "number": { "N": digits } }))).await;
    }
    backend.raw("TransactWriteItems", &put(&backend, json!({ "number": { "N": "1".repeat(38) } }))).await.unwrap();
}

pub(super) async fn a_consistent_read_of_an_index(backend: Backend) {
    let query = |consistent: bool| {
        json!({
            "TableName": backend.table_name(Table::Catalog),
            "IndexName": "gsi1",
            "KeyConditionExpression": "gsi1pk = :pk",
            "ExpressionAttributeValues": { ":pk": { "S": "pk" } },
            "ConsistentRead": consistent,
        })
    };
    assert_error(&backend, "Query", query(true), &["ValidationException"]).await;
    backend.raw("Query", &query(false)).await.unwrap();
}

pub(super) async fn a_position_of_another_list(backend: Backend) {
    let query = |start: Value| {
        json!({
            "TableName": backend.table_name(Table::Catalog),
            "IndexName": "gsi1",
            "KeyConditionExpression": "gsi1pk = :pk",
            "ExpressionAttributeValues": { ":pk": { "S": "pk" } },
            "ExclusiveStartKey": start,
        })
    };
    let text = json!({ "S": "pk" });
    for bad in [
        json!({ "pk": text, "sk": text }),
        json!({ "gsi1pk": text, "gsi1sk": text }),
        json!({ "pk": text, "sk": text, "gsi1pk": text, "gsi2sk": text }),
        json!({ "pk": text, "sk": text, "gsi1pk": { "S": "other" }, "gsi1sk": text }),
    ] {
        assert_error(&backend, "Query", query(bad), &["ValidationException"]).await;
    }
    let good = json!({ "pk": text, "sk": text, "gsi1pk": text, "gsi1sk": text });
    backend.raw("Query", &query(good)).await.unwrap();
}

pub(super) async fn a_table_or_index_that_does_not_exist(backend: Backend) {
    let table = format!("{}x", backend.table_name(Table::Catalog));
    let key = json!({ "pk": { "S": "pk" }, "sk": { "S": "sk" } });
    let missing = &["ResourceNotFoundException"];
    assert_error(&backend, "GetItem", json!({ "TableName": table, "Key": key }), missing).await;
    let items = json!([{ "Put": { "TableName": table, "Item": key } }]);
    assert_error(&backend, "TransactWriteItems", json!({ "TransactItems": items }), missing).await;
    let query = json!({
        "TableName": backend.table_name(Table::Carts),
        "IndexName": "gsi1",
        "KeyConditionExpression": "gsi1pk = :pk",
        "ExpressionAttributeValues": { ":pk": { "S": "pk" } },
    });
    assert_error(&backend, "Query", query, &["ValidationException"]).await;
}

pub(super) async fn a_token_that_is_too_long(backend: Backend) {
    let db = backend.db();
    let long = format!("{}{}", token(), "x".repeat(11));
    let order = |token: &str| {
        let mut tx = Tx::new(token);
        tx.create(TENANT, &claim(1));
        tx
    };
    let words = invalid(&db, order(&long)).await;
    assert!(words.starts_with("ValidationException"), "{words}");
    db.commit(order(&long[..36])).await.unwrap();
}
