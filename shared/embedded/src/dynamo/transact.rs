//! `TransactWriteItems`: all parts or none.

use std::{
    borrow::Cow,
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use rusqlite::Connection;
use serde::Deserialize;

use super::{
    Answer,
    evaluate::{Evaluation, Given, Old, check_paths},
    expression::{Condition, Parsed, Update},
    failure::{Failure, Reason},
    key::{Key, index_keys},
    sql::{self, Atomic, Token},
    tables::{TableRow, Tables},
    value::{Item, Map, Text, size},
};

const PARTS_MAX: usize = 100;
const TOKEN_CHARS_MAX: usize = 36;
const BYTES_MAX: usize = 4 * 1_024 * 1_024;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Request<'r> {
    #[serde(borrow)]
    transact_items: Vec<Action<'r>>,
    #[serde(borrow)]
    client_request_token: Option<Text<'r>>,
}

#[derive(Debug, Hash, Deserialize)]
#[serde(deny_unknown_fields)]
enum Action<'r> {
    #[serde(borrow)]
    Put(Fields<'r>),
    Update(Fields<'r>),
    Delete(Fields<'r>),
    ConditionCheck(Fields<'r>),
}

#[derive(Debug, Hash, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Fields<'r> {
    #[serde(borrow)]
    table_name: Text<'r>,
    /// Of a put.
    #[serde(borrow)]
    item: Option<Item<'r>>,
    /// Of all others.
    #[serde(borrow)]
    key: Option<Item<'r>>,
    #[serde(borrow)]
    update_expression: Option<Text<'r>>,
    #[serde(borrow)]
    condition_expression: Option<Text<'r>>,
    #[serde(borrow)]
    expression_attribute_names: Option<Map<'r, Text<'r>>>,
    #[serde(borrow)]
    expression_attribute_values: Option<Item<'r>>,
    return_values_on_condition_check_failure: Option<ReturnOld>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum ReturnOld {
    AllOld,
    None,
}

/// A part that is valid by itself.
struct Part<'r> {
    table: TableRow,
    key: Key<'r>,
    condition: Option<Arc<Parsed<Condition>>>,
    given: Given<'r>,
    returns_old: bool,
    change: Change<'r>,
}

enum Change<'r> {
    Put(&'r Item<'r>),
    Update(Arc<Parsed<Update>>),
    Delete,
    None,
}

pub(super) fn execute(connection: &Connection, tables: &Tables, request: &Request<'_>) -> Result<Answer, Failure> {
    if request.transact_items.is_empty() || request.transact_items.len() > PARTS_MAX {
        return Err(Failure::invalid("TransactItems must have from 1 to 100 members"));
    }
    let token = request.client_request_token.as_ref().map(|Text(token)| token);
    if token.is_some_and(|token| token.is_empty() || token.len() > TOKEN_CHARS_MAX) {
        return Err(Failure::invalid("ClientRequestToken must have from 1 to 36 characters"));
    }
    let mut bytes = 0;
    let mut parts = Vec::with_capacity(request.transact_items.len());
    for action in &request.transact_items {
        parts.push(prepare(tables, action, &mut bytes)?);
    }
    if bytes > BYTES_MAX {
        return Err(Failure::invalid("Total size of the items in the transaction exceeds 4 MB"));
    }
    let mut places = HashSet::with_capacity(parts.len());
    if !parts.iter().all(|part| places.insert((part.table.id, &part.key))) {
        return Err(Failure::invalid("Transaction request cannot include multiple operations on one item"));
    }

    let atomic = Atomic::begin(connection)?;
    if let Some(token) = token {
        if tables.is_time_to_clean() {
            sql::forget_tokens(connection)?;
        }
        match sql::take_token(connection, hash(token), hash(&request.transact_items))? {
            Token::New => {}
            Token::Repeated => return Ok(Answer::ok("{}".to_owned())),
            Token::Taken => return Err(Failure::OtherTransaction),
        }
    }
    let mut reasons = Vec::with_capacity(parts.len());
    let mut is_cancelled = false;
    for part in &parts {
        let reason = part.apply(connection, is_cancelled)?;
        is_cancelled |= !matches!(reason, Reason::None);
        reasons.push(reason);
    }
    if is_cancelled {
        return Err(Failure::Cancelled(reasons));
    }
    atomic.keep()?;
    let has_written = parts.iter().any(|part| !matches!(part.change, Change::None));
    let outbox_records = parts.iter().filter(|part| part.is_for_stream()).count();
    Ok(Answer { has_written, outbox_records, ..Answer::ok("{}".to_owned()) })
}

fn hash(value: impl Hash) -> i64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish().cast_signed()
}

/// Checks one part, as far as it can be without looking at what is stored.
fn prepare<'r>(tables: &Tables, action: &'r Action<'r>, bytes: &mut usize) -> Result<Part<'r>, Failure> {
    let (Action::Put(fields) | Action::Update(fields) | Action::Delete(fields) | Action::ConditionCheck(fields)) =
        action;
    let table = tables.find(&fields.table_name.0)?;
    let condition = fields.condition_expression.as_ref().map(|Text(text)| tables.condition(text)).transpose()?;
    let update = fields.update_expression.as_ref().map(|Text(text)| tables.update(text)).transpose()?;
    let given = Given::new(
        fields.expression_attribute_names.as_ref(),
        fields.expression_attribute_values.as_ref(),
        (
            &[
                condition.as_ref().map_or(&[], |parsed| &parsed.aliases),
                update.as_ref().map_or(&[], |parsed| &parsed.aliases),
            ],
            &[
                condition.as_ref().map_or(&[], |parsed| &parsed.values),
                update.as_ref().map_or(&[], |parsed| &parsed.values),
            ],
        ),
    )?;
    if let Some(update) = &update {
        check_paths(update, given)?;
    }
    let (key, change) = match (action, &fields.item, &fields.key, update) {
        (Action::Put(_), Some(item), None, None) => {
            *bytes += size(item)?;
            index_keys(item, table.indexes)?;
            (Key::of(item)?, Change::Put(item))
        }
        (Action::Update(_), None, Some(key), Some(update)) => (Key::new(key)?, Change::Update(update)),
        (Action::Delete(_), None, Some(key), None) => (Key::new(key)?, Change::Delete),
        (Action::ConditionCheck(_), None, Some(key), None) if condition.is_some() => (Key::new(key)?, Change::None),
        _ => return Err(Failure::invalid("A part lacks a field, or has one of another kind of part")),
    };
    let returns_old = fields.return_values_on_condition_check_failure == Some(ReturnOld::AllOld);
    Ok(Part { table, key, condition, given, returns_old, change })
}

impl Part<'_> {
    fn is_for_stream(&self) -> bool {
        self.table.has_stream && matches!(self.change, Change::Put(_) | Change::Update(_))
    }

    /// Checks the condition and makes the change, unless the transaction is cancelled already.
    fn apply(&self, connection: &Connection, is_cancelled: bool) -> Result<Reason, Failure> {
        let needs_old = self.condition.is_some() || matches!(self.change, Change::Update(_)) || self.is_for_stream();
        let stored = if needs_old { sql::read(connection, self.table, &self.key)? } else { None };
        let old = Old::new(&self.key, stored.as_ref());
        let evaluation = Evaluation { given: self.given, old: &old };
        if let Some(condition) = &self.condition
            && !evaluation.holds(&condition.tree)?
        {
            let item = stored.as_ref().filter(|_| self.returns_old).map(|stored| stored.json.clone());
            return Ok(Reason::Refused(item));
        }
        let changed = match &self.change {
            Change::Put(item) => Cow::Borrowed(*item),
            Change::Update(update) => match evaluation.updated(&update.tree).and_then(|item| self.checked(item)) {
                Ok(item) => Cow::Owned(item),
                Err(Failure::Invalid(message)) => return Ok(Reason::Invalid(message)),
                Err(other) => return Err(other),
            },
            Change::Delete if !is_cancelled => {
                sql::delete(connection, self.table, &self.key)?;
                return Ok(Reason::None);
            }
            Change::Delete | Change::None => return Ok(Reason::None),
        };
        if !is_cancelled {
            let json = serde_json::to_string(changed.as_ref()).map_err(Failure::Corrupt)?;
            sql::write(connection, self.table, &self.key, &changed, &json)?;
            if self.is_for_stream() {
                sql::add_to_stream(connection, stored.is_none(), &self.key, &json)?;
            }
        }
        Ok(Reason::None)
    }

    fn checked<'i>(&self, item: Item<'i>) -> Result<Item<'i>, Failure> {
        size(&item)?;
        index_keys(&item, self.table.indexes)?;
        Ok(item)
    }
}
