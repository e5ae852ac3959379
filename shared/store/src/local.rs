//! DynamoDB in the same process: its calls as JSON, without the SDK's client, whose way to the network costs more than the
//! answer of such a database.

use std::{collections::HashMap, fmt, future::Future, pin::Pin};

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, Visitor},
    ser::{Error as _, SerializeMap},
};

use crate::{
    db::{CancelReason, Query, Uncommitted},
    entity::Item,
    error::StoreError,
};

/// A database that answers in DynamoDB's JSON interface.
pub trait Local: fmt::Debug + Send + Sync {
    /// Answers a call: the operation's name and its request, as JSON.
    fn call(&self, operation: &'static str, request: Vec<u8>) -> Answering<'_>;
}

/// A call under way: the HTTP status and the JSON of the answer.
pub type Answering<'a> = Pin<Box<dyn Future<Output = (u16, String)> + Send + 'a>>;

/// Calls it with a request, and reads the answer.
async fn call<'a, R: Serialize, A: for<'de> Deserialize<'de>>(
    local: &'a dyn Local,
    operation: &'static str,
    request: &R,
) -> Result<A, Refusal> {
    let request = serde_json::to_vec(request).map_err(|error| Refusal::unread(&error))?;
    let (status, answer) = local.call(operation, request).await;
    if status == 200 {
        return serde_json::from_str(&answer).map_err(|error| Refusal::unread(&error));
    }
    Err(serde_json::from_str(&answer).unwrap_or_else(|_| Refusal::status(status)))
}

pub(crate) async fn get(local: &dyn Local, table: String, key: Item) -> Result<Option<Item>, StoreError> {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Request<'a> {
        table_name: String,
        key: WrittenItem<'a>,
        consistent_read: bool,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        item: Option<ReadItem>,
    }
    let request = Request { table_name: table, key: WrittenItem(&key), consistent_read: true };
    let answer: Answer = call(local, "GetItem", &request).await?;
    Ok(answer.item.map(|item| item.0))
}

/// Everything that was found, by table. Keys that are left unprocessed are an error: this database leaves none.
pub(crate) async fn batch_get(
    local: &dyn Local,
    wanted: &HashMap<String, Vec<Item>>,
) -> Result<HashMap<String, Vec<Item>>, StoreError> {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Request<'a> {
        request_items: HashMap<&'a str, Keys<'a>>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Keys<'a> {
        keys: Vec<WrittenItem<'a>>,
        consistent_read: bool,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        #[serde(default)]
        responses: HashMap<String, Vec<ReadItem>>,
        #[serde(default)]
        unprocessed_keys: HashMap<String, serde_json::Value>,
    }
    let keys = wanted.iter().map(|(table, keys)| {
        (table.as_str(), Keys { keys: keys.iter().map(WrittenItem).collect(), consistent_read: true })
    });
    let request = Request { request_items: keys.collect() };
    let answer: Answer = call(local, "BatchGetItem", &request).await?;
    if !answer.unprocessed_keys.is_empty() {
        return Err(StoreError::Unavailable("keys were left unprocessed".to_owned()));
    }
    let items = |items: Vec<ReadItem>| items.into_iter().map(|item| item.0).collect();
    Ok(answer.responses.into_iter().map(|(table, found)| (table, items(found))).collect())
}

pub(crate) async fn query(local: &dyn Local, query: Query) -> Result<(Vec<Item>, Option<Item>), StoreError> {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Request<'a> {
        table_name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        index_name: Option<&'a str>,
        consistent_read: bool,
        scan_index_forward: bool,
        limit: i32,
        key_condition_expression: &'a str,
        expression_attribute_names: &'a HashMap<String, String>,
        expression_attribute_values: WrittenItem<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        exclusive_start_key: Option<WrittenItem<'a>>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        #[serde(default)]
        items: Vec<ReadItem>,
        last_evaluated_key: Option<ReadItem>,
    }
    let request = Request {
        table_name: &query.table_name,
        index_name: query.index_name.as_deref(),
        consistent_read: query.is_consistent,
        scan_index_forward: query.is_ascending,
        limit: query.limit,
        key_condition_expression: &query.condition,
        expression_attribute_names: &query.names,
        expression_attribute_values: WrittenItem(&query.values),
        exclusive_start_key: query.start.as_ref().map(WrittenItem),
    };
    let answer: Answer = call(local, "Query", &request).await?;
    Ok((answer.items.into_iter().map(|item| item.0).collect(), answer.last_evaluated_key.map(|key| key.0)))
}

pub(crate) async fn transact(local: &dyn Local, items: &[TransactWriteItem], token: &str) -> Result<(), Uncommitted> {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Request<'a> {
        transact_items: Vec<WrittenPart<'a>>,
        client_request_token: &'a str,
    }
    let request = Request { transact_items: items.iter().map(WrittenPart).collect(), client_request_token: token };
    match call::<_, de::IgnoredAny>(local, "TransactWriteItems", &request).await {
        Ok(_) => Ok(()),
        Err(refusal) if refusal.code() == "TransactionCanceledException" => {
            let reasons = refusal.cancellation_reasons.into_iter().map(|reason| CancelReason {
                code: reason.code.filter(|code| code != "None"),
                message: reason.message.unwrap_or_default(),
                item: reason.item.map(|item| item.0),
            });
            Err(Uncommitted::Cancelled(reasons.collect()))
        }
        Err(refusal) if refusal.code() == "TransactionInProgressException" => Err(Uncommitted::InProgress),
        Err(refusal) => Err(Uncommitted::Failed(refusal.into())),
    }
}

/// An answer that is no success.
#[derive(Default, Deserialize)]
struct Refusal {
    #[serde(rename = "__type", default)]
    kind: String,
    #[serde(alias = "Message", default)]
    message: String,
    #[serde(rename = "CancellationReasons", default)]
    cancellation_reasons: Vec<Reason>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Reason {
    code: Option<String>,
    message: Option<String>,
    item: Option<ReadItem>,
}

impl Refusal {
    /// The error's name: the part after `#`.
    fn code(&self) -> &str {
        self.kind.rsplit('#').next().unwrap_or_default()
    }

    fn unread(error: &serde_json::Error) -> Self {
        Self { kind: "SerializationException".to_owned(), message: error.to_string(), ..Self::default() }
    }

    fn status(status: u16) -> Self {
        Self { kind: "no answer".to_owned(), message: format!("status {status}"), ..Self::default() }
    }
}

impl From<Refusal> for StoreError {
    fn from(refusal: Refusal) -> Self {
        Self::answered(refusal.code(), &refusal.message)
    }
}

/// A part of a transaction, as the wire has it.
struct WrittenPart<'a>(&'a TransactWriteItem);

impl Serialize for WrittenPart<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let part = self.0;
        let mut map = serializer.serialize_map(Some(1))?;
        // Which of them it is, and what all have.
        macro_rules! action {
            ($name:literal, $action:expr, { $($field:literal: $value:expr),* }) => {
                map.serialize_entry($name, &Fields {
                    table_name: &$action.table_name,
                    own: &[$(($field, $value)),*],
                    condition: $action.condition_expression.as_deref(),
                    names: $action.expression_attribute_names.as_ref(),
                    values: $action.expression_attribute_values.as_ref(),
                })?
            };
        }
        if let Some(put) = &part.put {
            action!("Put", put, { "Item": Own::Item(&put.item) });
        } else if let Some(delete) = &part.delete {
            action!("Delete", delete, { "Key": Own::Item(&delete.key) });
        } else if let Some(update) = &part.update {
            action!("Update", update, {
                "Key": Own::Item(&update.key), "UpdateExpression": Own::Text(&update.update_expression)
            });
        } else if let Some(check) = &part.condition_check {
            let fields = Fields {
                table_name: &check.table_name,
                own: &[("Key", Own::Item(&check.key))],
                condition: Some(&check.condition_expression),
                names: check.expression_attribute_names.as_ref(),
                values: check.expression_attribute_values.as_ref(),
            };
            map.serialize_entry("ConditionCheck", &fields)?;
        }
        map.end()
    }
}

enum Own<'a> {
    Item(&'a Item),
    Text(&'a str),
}

struct Fields<'a> {
    table_name: &'a str,
    own: &'a [(&'static str, Own<'a>)],
    condition: Option<&'a str>,
    names: Option<&'a HashMap<String, String>>,
    values: Option<&'a Item>,
}

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("TableName", self.table_name)?;
        for (name, own) in self.own {
            match own {
                Own::Item(item) => map.serialize_entry(name, &WrittenItem(item))?,
                Own::Text(text) => map.serialize_entry(name, text)?,
            }
        }
        if let Some(condition) = self.condition {
            map.serialize_entry("ConditionExpression", condition)?;
            map.serialize_entry("ReturnValuesOnConditionCheckFailure", "ALL_OLD")?;
        }
        if let Some(names) = self.names.filter(|names| !names.is_empty()) {
            map.serialize_entry("ExpressionAttributeNames", names)?;
        }
        if let Some(values) = self.values {
            map.serialize_entry("ExpressionAttributeValues", &WrittenItem(values))?;
        }
        map.end()
    }
}

/// Attributes by name, as the wire has them.
struct WrittenItem<'a>(&'a Item);

impl Serialize for WrittenItem<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, Written(value))))
    }
}

/// A value, as the wire has it: `{"S": "text"}`.
struct Written<'a>(&'a AttributeValue);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match self.0 {
            AttributeValue::S(text) => map.serialize_entry("S", text)?,
            AttributeValue::N(number) => map.serialize_entry("N", number)?,
            AttributeValue::Bool(truth) => map.serialize_entry("BOOL", truth)?,
            AttributeValue::Null(null) => map.serialize_entry("NULL", null)?,
            AttributeValue::L(list) => map.serialize_entry("L", &list.iter().map(Written).collect::<Vec<_>>())?,
            AttributeValue::M(fields) => map.serialize_entry("M", &WrittenItem(fields))?,
            other => return Err(S::Error::custom(format!("nothing is stored as {other:?}"))),
        }
        map.end()
    }
}

/// The reverse of [`WrittenItem`].
#[derive(Debug)]
struct ReadItem(Item);

impl<'de> Deserialize<'de> for ReadItem {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = HashMap::<String, Read>::deserialize(deserializer)?;
        Ok(Self(fields.into_iter().map(|(name, value)| (name, value.0)).collect()))
    }
}

/// The reverse of [`Written`].
#[derive(Debug)]
struct Read(AttributeValue);

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneField;

        impl<'de> Visitor<'de> for OneField {
            type Value = Read;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value with its type")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Read, M::Error> {
                let kind: String = map.next_key()?.ok_or_else(|| de::Error::custom("a value without a type"))?;
                let value = match kind.as_str() {
                    "S" => AttributeValue::S(map.next_value()?),
                    "N" => AttributeValue::N(map.next_value()?),
                    "BOOL" => AttributeValue::Bool(map.next_value()?),
                    "NULL" => AttributeValue::Null(map.next_value()?),
                    "L" => {
                        let list: Vec<Read> = map.next_value()?;
                        AttributeValue::L(list.into_iter().map(|value| value.0).collect())
                    }
                    "M" => AttributeValue::M(map.next_value::<ReadItem>()?.0),
                    other => return Err(de::Error::custom(format!("nothing is stored as {other}"))),
                };
                Ok(Read(value))
            }
        }

        deserializer.deserialize_map(OneField)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let wire = json!({
            "text": { "S": "naïve \"✓\"" }, "number": { "N": "123456789012345678901234567890" },
            "truth": { "BOOL": true }, "null": { "NULL": true },
            "list": { "L": [{ "S": "" }, { "L": [] }] }, "map": { "M": { "inner": { "M": {} } } },
        });
        let read: ReadItem = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(serde_json::to_value(WrittenItem(&read.0)).unwrap(), wire);
    }

    #[test]
    fn what_nothing_is_stored_as_is_an_error() {
        for value in [json!({ "SS": ["a"] }), json!({}), json!({ "S": 1 }), json!("a")] {
            serde_json::from_value::<Read>(value).unwrap_err();
        }
        serde_json::to_value(Written(&AttributeValue::Ss(vec![]))).unwrap_err();
    }
}
