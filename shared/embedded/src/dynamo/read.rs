//! `GetItem` and `BatchGetItem`.

use std::{collections::HashSet, fmt::Write};

use rusqlite::Connection;
use serde::Deserialize;
use serde_json::json;

use super::{
    Answer,
    failure::Failure,
    key::Key,
    sql,
    tables::Tables,
    value::{Item, Map, Text},
};

const KEYS_MAX: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Get<'r> {
    #[serde(borrow)]
    table_name: Text<'r>,
    #[serde(borrow)]
    key: Item<'r>,
    /// Every read is.
    #[serde(rename = "ConsistentRead")]
    _is_consistent: Option<bool>,
}

pub(super) fn get(connection: &Connection, tables: &Tables, request: &Get<'_>) -> Result<Answer, Failure> {
    let table = tables.find(&request.table_name.0)?;
    let found = sql::read(connection, table, &Key::new(&request.key)?)?;
    Ok(Answer::ok(found.map_or_else(|| "{}".to_owned(), |stored| format!(r#"{{"Item":{}}}"#, stored.json))))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct BatchGet<'r> {
    #[serde(borrow)]
    request_items: Map<'r, Keys<'r>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Keys<'r> {
    #[serde(borrow)]
    keys: Vec<Item<'r>>,
    #[serde(rename = "ConsistentRead")]
    _is_consistent: Option<bool>,
}

pub(super) fn batch_get(connection: &Connection, tables: &Tables, request: &BatchGet<'_>) -> Result<Answer, Failure> {
    let mut places = HashSet::new();
    let mut wanted = vec![];
    for (name, keys) in request.request_items.iter() {
        let table = tables.find(name)?;
        let keys: Vec<_> = keys.keys.iter().map(Key::new).collect::<Result<_, _>>()?;
        if keys.is_empty() {
            return Err(Failure::invalid("A table without keys"));
        }
        wanted.push((name, table, keys));
    }
    for (_, table, keys) in &wanted {
        if !keys.iter().all(|key| places.insert((table.id, key))) {
            return Err(Failure::invalid("Provided list of item keys contains duplicates"));
        }
    }
    if places.is_empty() || places.len() > KEYS_MAX {
        return Err(Failure::invalid("Too many items requested for the BatchGetItem call, or none"));
    }
    let mut body = r#"{"Responses":{"#.to_owned();
    for (index, (name, table, keys)) in wanted.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        let _ = write!(body, "{comma}{}:[", json!(name));
        let mut comma = "";
        for key in keys {
            if let Some(stored) = sql::read(connection, *table, key)? {
                body.push_str(comma);
                body.push_str(&stored.json);
                comma = ",";
            }
        }
        body.push(']');
    }
    body.push_str(r#"},"UnprocessedKeys":{}}"#);
    Ok(Answer::ok(body))
}
