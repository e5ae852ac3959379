//! `Query` and `Scan`: pages of a partition, of an index's partition, or of a whole table.

use std::{borrow::Cow, collections::BTreeMap, fmt::Write};

use rusqlite::{Connection, Row, params, types::Value as Sql};
use serde::Deserialize;
use serde_json::json;

use super::{
    Answer,
    evaluate::Given,
    expression::{Comparison, Condition, Operand},
    failure::Failure,
    key::{INDEX_KEYS, Key},
    tables::{TableRow, Tables},
    value::{Item, Map, Text, Value},
};

/// A page ends with the item that reaches this size. Measured as JSON, which is longer than what DynamoDB counts.
const PAGE_BYTES_MAX: usize = 1_024 * 1_024;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Query<'r> {
    #[serde(borrow)]
    table_name: Text<'r>,
    #[serde(borrow)]
    index_name: Option<Text<'r>>,
    #[serde(borrow)]
    key_condition_expression: Text<'r>,
    #[serde(borrow)]
    expression_attribute_names: Option<Map<'r, Text<'r>>>,
    #[serde(borrow)]
    expression_attribute_values: Option<Item<'r>>,
    consistent_read: Option<bool>,
    scan_index_forward: Option<bool>,
    limit: Option<u32>,
    #[serde(borrow)]
    exclusive_start_key: Option<Item<'r>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Scan<'r> {
    #[serde(borrow)]
    table_name: Text<'r>,
    /// Every read is.
    #[serde(rename = "ConsistentRead")]
    _is_consistent: Option<bool>,
    limit: Option<u32>,
    #[serde(borrow)]
    exclusive_start_key: Option<Item<'r>>,
}

/// In ascending and in descending order: of a table, and of its indexes.
const STATEMENTS: [[&str; 2]; 3] = [
    [
        "SELECT item, pk, sk, NULL FROM items WHERE tbl = ?1 AND pk = ?2 AND sk >= ?3 AND sk < ?4 ORDER BY sk",
        "SELECT item, pk, sk, NULL FROM items WHERE tbl = ?1 AND pk = ?2 AND sk >= ?3 AND sk < ?4 ORDER BY sk DESC",
    ],
    [
        "SELECT item, pk, sk, gsi1sk FROM items WHERE tbl = ?1 AND gsi1pk = ?2 AND gsi1sk >= ?3 AND gsi1sk < ?4 \
         AND (gsi1sk, pk, sk) > (?5, ?6, ?7) ORDER BY gsi1sk, pk, sk",
        "SELECT item, pk, sk, gsi1sk FROM items WHERE tbl = ?1 AND gsi1pk = ?2 AND gsi1sk >= ?3 AND gsi1sk < ?4 \
         AND (gsi1sk, pk, sk) < (?5, ?6, ?7) ORDER BY gsi1sk DESC, pk DESC, sk DESC",
    ],
    [
        "SELECT item, pk, sk, gsi2sk FROM items WHERE tbl = ?1 AND gsi2pk = ?2 AND gsi2sk >= ?3 AND gsi2sk < ?4 \
         AND (gsi2sk, pk, sk) > (?5, ?6, ?7) ORDER BY gsi2sk, pk, sk",
        "SELECT item, pk, sk, gsi2sk FROM items WHERE tbl = ?1 AND gsi2pk = ?2 AND gsi2sk >= ?3 AND gsi2sk < ?4 \
         AND (gsi2sk, pk, sk) < (?5, ?6, ?7) ORDER BY gsi2sk DESC, pk DESC, sk DESC",
    ],
];

const SCAN: &str = "SELECT item, pk, sk, NULL FROM items WHERE tbl = ?1 AND (pk, sk) > (?2, ?3) ORDER BY pk, sk";

pub(super) fn query(connection: &Connection, tables: &Tables, request: &Query<'_>) -> Result<Answer, Failure> {
    let table = tables.find(&request.table_name.0)?;
    let index = request.index_name.as_ref().map(|Text(name)| index(table, name)).transpose()?;
    if index.is_some() && request.consistent_read == Some(true) {
        return Err(Failure::invalid("Consistent reads are not supported on global secondary indexes"));
    }
    let names = index.map_or(["pk", "sk"], |index| INDEX_KEYS[index]);
    let (pk, prefix) = range(tables, request, names)?;
    let ascending = request.scan_index_forward != Some(false);
    let start = request.exclusive_start_key.as_ref().map(|start| position(start, index, pk)).transpose()?;

    // What is greater than all texts in SQLite.
    let no_bound = || Sql::Blob(vec![]);
    let mut from = prefix.to_owned();
    let mut to = after_prefix(prefix).map_or_else(no_bound, Sql::Text);
    if let Some(start) = &start {
        // On an index, others with the same sort key can follow; the last three parameters sort them out.
        let next = format!("{}\0", start.sort_key);
        match (ascending, index.is_some()) {
            (true, false) => from = from.max(next),
            (true, true) => from = from.max(start.sort_key.to_owned()),
            (false, is_index) => {
                let end = if is_index { next } else { start.sort_key.to_owned() };
                if !matches!(&to, Sql::Text(to) if *to <= end) {
                    to = Sql::Text(end);
                }
            }
        }
    }
    let [up, down] = STATEMENTS[index.map_or(0, |index| index + 1)];
    let mut statement = connection.prepare_cached(if ascending { up } else { down })?;
    let rows = if index.is_none() {
        statement.query(params![table.id, pk, from, to])?
    } else {
        let text = |text: &str| Sql::Text(text.to_owned());
        let [sort_key, start_pk, start_sk] = match (&start, ascending) {
            (Some(start), _) => [text(start.sort_key), text(&start.key.pk), text(&start.key.sk)],
            (None, true) => [text(""), text(""), text("")],
            (None, false) => [no_bound(), no_bound(), no_bound()],
        };
        statement.query(params![table.id, pk, from, to, sort_key, start_pk, start_sk])?
    };
    page(rows, request.limit, |key| {
        if let Some(index) = index {
            let [pk_name, sk_name] = INDEX_KEYS[index];
            key.insert(pk_name, pk.to_owned());
            if let Some(sort_key) = key.remove("") {
                key.insert(sk_name, sort_key);
            }
        }
    })
}

pub(super) fn scan(connection: &Connection, tables: &Tables, request: &Scan<'_>) -> Result<Answer, Failure> {
    let table = tables.find(&request.table_name.0)?;
    let start = request.exclusive_start_key.as_ref().map(Key::new).transpose()?;
    let (pk, sk) = start.map_or((Cow::Borrowed(""), Cow::Borrowed("")), |key| (key.pk, key.sk));
    let mut statement = connection.prepare_cached(SCAN)?;
    page(statement.query(params![table.id, pk, sk])?, request.limit, |_| {})
}

/// Which index it is, from 0.
fn index(table: TableRow, name: &str) -> Result<usize, Failure> {
    let found = ["gsi1", "gsi2"].into_iter().take(table.indexes.into()).position(|index| index == name);
    found.ok_or_else(|| Failure::invalid(format!("The table does not have the specified index: {name}")))
}

/// The partition key and the start of sort keys that a key condition names.
fn range<'r>(tables: &Tables, request: &'r Query<'r>, [pk, sk]: [&str; 2]) -> Result<(&'r str, &'r str), Failure> {
    let condition = tables.condition(&request.key_condition_expression.0)?;
    let given = Given::new(
        request.expression_attribute_names.as_ref(),
        request.expression_attribute_values.as_ref(),
        (&[&condition.aliases], &[&condition.values]),
    )?;
    let text = |operand: &Operand, wanted: &str, value: &Operand| match (operand, value) {
        (Operand::Path(path), Operand::Value(value)) if given.path(path) == [wanted] => match given.value(value) {
            Some(Value::S(text)) => Some(text.as_ref()),
            _ => None,
        },
        _ => None,
    };
    let equal = |condition: &Condition| match condition {
        Condition::Compare(operand, Comparison::Equal, value) => text(operand, pk, value),
        _ => None,
    };
    let found = match &condition.tree {
        Condition::And(left, right) => match right.as_ref() {
            Condition::BeginsWith(operand, prefix) => equal(left).zip(text(operand, sk, prefix)),
            _ => None,
        },
        only => equal(only).map(|pk| (pk, "")),
    };
    match found {
        Some((pk, prefix)) if !pk.is_empty() => Ok((pk, prefix)),
        Some(_) => Err(Failure::invalid("A key is an empty string")),
        None => Err(Failure::invalid(format!(
            "The product's key conditions are `{pk} = :pk` and `{pk} = :pk AND begins_with({sk}, :sk)`"
        ))),
    }
}

/// Where a page starts.
struct Position<'r> {
    /// By which the list is ordered.
    sort_key: &'r str,
    key: Key<'r>,
}

fn position<'r>(start: &'r Item<'r>, index: Option<usize>, pk: &str) -> Result<Position<'r>, Failure> {
    let invalid = || Failure::invalid("The provided starting key is invalid");
    let text = |name: &str| match start.get(name) {
        Some(Value::S(text)) if !text.is_empty() => Ok(text.as_ref()),
        _ => Err(invalid()),
    };
    let [pk_name, sk_name] = index.map_or(["pk", "sk"], |index| INDEX_KEYS[index]);
    if start.len() != if index.is_some() { 4 } else { 2 } || text(pk_name)? != pk {
        return Err(invalid());
    }
    Ok(Position { sort_key: text(sk_name)?, key: Key::of(start)? })
}

/// The smallest text that is greater than all that start with `prefix`, if there is one.
fn after_prefix(prefix: &str) -> Option<String> {
    let mut text = prefix.to_owned();
    while let Some(last) = text.pop() {
        if let Some(next) = (last..=char::MAX).nth(1) {
            text.push(next);
            return Some(text);
        }
    }
    None
}

/// The answer for rows of (item, pk, sk, sort key of the index), from their start to the end of the page. `complete`
/// gets the key of the last one, with the index's sort key under an empty name.
fn page(
    mut rows: rusqlite::Rows<'_>,
    limit: Option<u32>,
    complete: impl FnOnce(&mut BTreeMap<&str, String>),
) -> Result<Answer, Failure> {
    if limit == Some(0) {
        return Err(Failure::invalid("Limit must be greater than or equal to 1"));
    }
    let mut body = r#"{"Items":["#.to_owned();
    let mut count = 0;
    let mut last = None;
    while let Some(row) = rows.next()? {
        if count > 0 {
            body.push(',');
        }
        body.push_str(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?);
        count += 1;
        if Some(count) == limit || body.len() >= PAGE_BYTES_MAX {
            last = Some(key(row)?);
            break;
        }
    }
    let _ = write!(body, r#"],"Count":{count},"ScannedCount":{count}"#);
    if let Some(mut key) = last {
        complete(&mut key);
        let key: BTreeMap<_, _> = key.iter().map(|(name, text)| (name, json!({ "S": text }))).collect();
        let _ = write!(body, r#","LastEvaluatedKey":{}"#, json!(key));
    }
    body.push('}');
    Ok(Answer::ok(body))
}

fn key<'n>(row: &Row<'_>) -> rusqlite::Result<BTreeMap<&'n str, String>> {
    let mut key = BTreeMap::from([("pk", row.get(1)?), ("sk", row.get(2)?)]);
    if let Some(sort_key) = row.get(3)? {
        key.insert("", sort_key);
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::after_prefix;

    #[test]
    fn after_a_prefix_comes_the_next_character() {
        for (prefix, expected) in [
            ("", None),
            ("a", Some("b")),
            ("T#", Some("T$")),
            ("a\u{7f}", Some("a\u{80}")),
            // There are no characters between.
            ("\u{d7ff}", Some("\u{e000}")),
            ("a\u{10ffff}", Some("b")),
            ("\u{10ffff}", None),
        ] {
            assert_eq!(after_prefix(prefix).as_deref(), expected, "{prefix:?}");
        }
    }
}
