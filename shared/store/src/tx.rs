//! A transaction being put together: an aggregate's change with everything that must happen with it (inbox record,
//! idempotency record, outbox events) or not at all.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use contracts::{
    events::{EVENT_BYTES_MAX, Envelope, Event},
    table::{Action, Table},
};
use domain::{EventId, TenantId, Timestamp};

use crate::{
    entity::{Entity, Item, Versioned, from_item, key_item, number, to_item},
    error::StoreError,
    idempotency::InboxRecord,
    keys::Key,
    outbox::OutboxRecord,
};

/// One part of a transaction, by which a refusal is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Op(pub(crate) usize);

/// Why a transaction did not happen.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Conditions did not hold. Nothing was written.
    #[error("refused: {0:?}")]
    Refused(Refused),
    /// Others kept changing the same items. Nothing was written.
    #[error("too much contention")]
    Busy,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The parts whose conditions did not hold, with what was there instead.
#[derive(Debug)]
pub struct Refused(pub(crate) Vec<(Op, Option<Item>)>);

impl Refused {
    pub fn contains(&self, op: Op) -> bool {
        self.0.iter().any(|(refused, _)| *refused == op)
    }

    /// What stood in the way of a part; `None` if it was not refused or there is nothing.
    pub fn found<T: Entity>(&self, op: Op) -> Result<Option<Versioned<T>>, StoreError> {
        let item = self.0.iter().find(|(refused, _)| *refused == op).and_then(|(_, item)| item.clone());
        item.filter(|item| !item.is_empty()).map(from_item).transpose()
    }
}

pub(crate) enum Part {
    Put { table: Table, item: Item, condition: Condition },
    Delete { key: Key, condition: Condition },
    Check { key: Key, condition: Condition },
    Update { key: Key, expression: String, condition: String, values: Vec<(&'static str, AttributeValue)> },
}

#[derive(Clone, Copy)]
pub(crate) enum Condition {
    /// None: another part of the transaction decides.
    Always,
    Absent,
    AbsentOrExpired(Timestamp),
    Present,
    Version(u64),
}

impl Condition {
    fn expression(self) -> Option<String> {
        let expression = match self {
            Self::Always => return None,
            Self::Absent => "attribute_not_exists(pk)",
            Self::AbsentOrExpired(_) => "attribute_not_exists(pk) OR expires_at_epoch_s <= :now",
            Self::Present => "attribute_exists(pk)",
            Self::Version(_) => "version = :expected",
        };
        Some(expression.to_owned())
    }

    fn values(self) -> Option<HashMap<String, AttributeValue>> {
        match self {
            Self::Version(version) => Some(HashMap::from([(":expected".to_owned(), number(version))])),
            Self::AbsentOrExpired(now) => Some(HashMap::from([(":now".to_owned(), number(now.as_second()))])),
            Self::Always | Self::Absent | Self::Present => None,
        }
    }
}

impl Part {
    /// What the row of a function that commits this has to grant.
    pub(crate) fn wants(&self) -> (Table, Action) {
        match self {
            Self::Put { table, .. } => (*table, Action::Put),
            Self::Delete { key, .. } => (key.table, Action::Delete),
            Self::Check { key, .. } => (key.table, Action::Check),
            Self::Update { key, .. } => (key.table, Action::Update),
        }
    }

    pub(crate) fn build(self, table_name: &dyn Fn(Table) -> String) -> TransactWriteItem {
        const OLD: ReturnValuesOnConditionCheckFailure = ReturnValuesOnConditionCheckFailure::AllOld;
        let item = TransactWriteItem::builder();
        // The builders fail only where a required field is missing, and each is set here.
        match self {
            Self::Put { table, item: values, condition } => item.set_put(
                Put::builder()
                    .table_name(table_name(table))
                    .set_item(Some(values))
                    .set_condition_expression(condition.expression())
                    .set_expression_attribute_values(condition.values())
                    .return_values_on_condition_check_failure(OLD)
                    .build()
                    .ok(),
            ),
            Self::Delete { key, condition } => item.set_delete(
                Delete::builder()
                    .table_name(table_name(key.table))
                    .set_key(Some(key_item(&key)))
                    .set_condition_expression(condition.expression())
                    .set_expression_attribute_values(condition.values())
                    .return_values_on_condition_check_failure(OLD)
                    .build()
                    .ok(),
            ),
            Self::Check { key, condition } => item.set_condition_check(
                ConditionCheck::builder()
                    .table_name(table_name(key.table))
                    .set_key(Some(key_item(&key)))
                    .set_condition_expression(condition.expression())
                    .set_expression_attribute_values(condition.values())
                    .return_values_on_condition_check_failure(OLD)
                    .build()
                    .ok(),
            ),
            Self::Update { key, expression, condition, values } => item.set_update(
                Update::builder()
                    .table_name(table_name(key.table))
                    .set_key(Some(key_item(&key)))
                    .set_expression_attribute_names(Some(reserved_names(&[&expression, &condition])))
                    .update_expression(expression)
                    .condition_expression(condition)
                    .set_expression_attribute_values(Some(
                        values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
                    ))
                    .return_values_on_condition_check_failure(OLD)
                    .build()
                    .ok(),
            ),
        }
        .build()
    }
}

/// Our attributes whose names are DynamoDB's own words stand in expressions behind a `#`. One that is not used may not
/// be declared.
fn reserved_names(expressions: &[&str]) -> HashMap<String, String> {
    let names = ["data", "plan"].map(|name| (format!("#{name}"), name.to_owned()));
    names.into_iter().filter(|(alias, _)| expressions.iter().any(|text| text.contains(alias.as_str()))).collect()
}

/// A transaction being put together. At most 100 parts, each of another item.
pub struct Tx {
    pub(crate) token: String,
    pub(crate) items: Vec<Part>,
    /// Types of the events among them.
    pub(crate) emits: Vec<&'static str>,
    pub(crate) error: Option<StoreError>,
}

impl Tx {
    /// `token` is random, at most 36 characters: under it DynamoDB knows a repetition from a second transaction.
    pub fn new(token: impl Into<String>) -> Self {
        Self { token: token.into(), items: vec![], emits: vec![], error: None }
    }

    /// Writes a new value; refused if there is one already.
    pub fn create<T: Entity>(&mut self, owner: T::Owner, value: &T) -> Op {
        self.put(owner, value, 1, Condition::Absent)
    }

    /// Writes a new value; refused if there is one that has not expired at `now` (TTL cleans up late).
    pub fn create_unless_live<T: Entity<Owner = ()>>(&mut self, value: &T, now: Timestamp) -> Op {
        self.put((), value, 1, Condition::AbsentOrExpired(now))
    }

    /// Writes the next version of a value that was read at `version`; refused if it has changed since.
    pub fn update<T: Entity>(&mut self, owner: T::Owner, value: &T, version: u64) -> Op {
        self.put(owner, value, version + 1, Condition::Version(version))
    }

    /// [`Tx::create`] or [`Tx::update`], as there was a value when it was read or not.
    pub fn save<T: Entity>(&mut self, owner: T::Owner, value: &T, read_at: Option<u64>) -> Op {
        match read_at {
            Some(version) => self.update(owner, value, version),
            None => self.create(owner, value),
        }
    }

    /// Removes a value that was read at `version`; refused if it has changed since.
    pub fn delete(&mut self, key: Key, version: u64) -> Op {
        self.push(Part::Delete { key, condition: Condition::Version(version) })
    }

    /// Removes a value whatever its version; refused if there is none.
    pub fn remove(&mut self, key: Key) -> Op {
        self.push(Part::Delete { key, condition: Condition::Present })
    }

    /// Refused if the value has changed since it was read at `version`.
    pub fn check(&mut self, key: Key, version: u64) -> Op {
        self.push(Part::Check { key, condition: Condition::Version(version) })
    }

    /// Sends an event with whatever else this transaction does.
    pub fn emit<E: Event>(&mut self, event: &Envelope<E>) -> Op {
        self.emits.push(E::TYPE);
        match serde_json::to_string(event) {
            Ok(detail) if detail.len() <= EVENT_BYTES_MAX => {
                let record = OutboxRecord {
                    id: event.id,
                    event_type: event.r#type.clone(),
                    source: event.source.clone(),
                    time: event.time,
                    detail,
                };
                self.create(event.tenant_id, &record)
            }
            Ok(detail) => self.fail(StoreError::corrupt("event", &format!("{} bytes are too many", detail.len()))),
            Err(error) => self.fail(StoreError::corrupt("event", &error)),
        }
    }

    /// Notes that a consumer has dealt with an event; refused if it had already.
    pub fn inbox(&mut self, tenant: TenantId, consumer: &str, event_id: EventId, now: Timestamp) -> Op {
        self.create(tenant, &InboxRecord { consumer: consumer.to_owned(), event_id, at: now })
    }

    /// Writes a value over whatever there is.
    pub(crate) fn replace<T: Entity>(&mut self, owner: T::Owner, value: &T, version: u64) -> Op {
        self.put(owner, value, version, Condition::Always)
    }

    /// Removes a value if there is one.
    pub(crate) fn remove_if_any(&mut self, key: Key) -> Op {
        self.push(Part::Delete { key, condition: Condition::Always })
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(crate) fn push(&mut self, part: Part) -> Op {
        self.items.push(part);
        Op(self.items.len() - 1)
    }

    fn put<T: Entity>(&mut self, owner: T::Owner, value: &T, version: u64, condition: Condition) -> Op {
        match to_item(owner, value, version) {
            Ok(item) => self.push(Part::Put { table: T::TABLE, item, condition }),
            Err(error) => self.fail(error),
        }
    }

    /// Keeps the first error until the commit, so that building one needs no error handling at every line.
    fn fail(&mut self, error: StoreError) -> Op {
        self.error.get_or_insert(error);
        Op(usize::MAX)
    }
}
