//! Transactions: the change of an aggregate, together with everything that must be written with it or not at all (inbox
//! record, stored response, outbox events, timers).

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

/// Identifies one part of a transaction, to find out whether its condition was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Op(pub(crate) usize);

/// Why a transaction was not committed.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Conditions did not hold. Nothing was written.
    #[error("refused: {0:?}")]
    Refused(Refused),
    /// Conflicts with other transactions on the same items continued. Nothing was written.
    #[error("too much contention")]
    Busy,
    /// The call failed, or the transaction could not be built.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The parts whose conditions did not hold, with the items found in their place.
#[derive(Debug)]
pub struct Refused(pub(crate) Vec<(Op, Option<Item>)>);

impl Refused {
    /// Whether the condition of this part did not hold.
    pub fn contains(&self, op: Op) -> bool {
        self.0.iter().any(|(refused, _)| *refused == op)
    }

    /// The stored value that made a part's condition fail. `None` if the part was not refused, or there is no item.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the item cannot be read.
    pub fn found<T: Entity>(&self, op: Op) -> Result<Option<Versioned<T>>, StoreError> {
        let item = self.0.iter().find(|(refused, _)| *refused == op).and_then(|(_, item)| item.clone());
        item.filter(|item| !item.is_empty()).map(from_item).transpose()
    }
}

pub(crate) enum Part {
    Put {
        table: Table,
        item: Item,
        condition: Condition,
    },
    Delete {
        key: Key,
        condition: Condition,
    },
    Check {
        key: Key,
        condition: Condition,
    },
    /// An empty condition: another part of the transaction decides.
    Update {
        key: Key,
        expression: String,
        condition: String,
        values: Vec<(&'static str, AttributeValue)>,
    },
}

#[derive(Clone, Copy)]
pub(crate) enum Condition {
    /// No condition: another part of the transaction decides.
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
    /// The action that the function's row must grant.
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
        // The builders fail only if a required field is missing, and every one is set here.
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
                    .set_condition_expression(Some(condition).filter(|condition| !condition.is_empty()))
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

/// Aliases for attributes whose names are reserved words of DynamoDB. Only aliases that occur in the expressions may be
/// declared.
fn reserved_names(expressions: &[&str]) -> HashMap<String, String> {
    let names = ["data", "plan", "schema"].map(|name| (format!("#{name}"), name.to_owned()));
    names.into_iter().filter(|(alias, _)| expressions.iter().any(|text| text.contains(alias.as_str()))).collect()
}

/// A transaction that is being built: at most 100 parts, each for another item.
///
/// The methods add parts; [`Db::commit`](crate::Db::commit) runs the transaction, and "refused" means that it then
/// fails with [`CommitError::Refused`]. An error in a part (a value that cannot be written) is also returned by the
/// commit.
pub struct Tx {
    pub(crate) token: String,
    pub(crate) items: Vec<Part>,
    /// Types of the events among them.
    pub(crate) emits: Vec<&'static str>,
    pub(crate) error: Option<StoreError>,
}

impl Tx {
    /// `token` must be random, with at most 36 characters: by it DynamoDB distinguishes a repetition from another
    /// transaction.
    pub fn new(token: impl Into<String>) -> Self {
        Self { token: token.into(), items: vec![], emits: vec![], error: None }
    }

    /// Writes a new value; refused if the item exists.
    pub fn create<T: Entity>(&mut self, owner: T::Owner, value: &T) -> Op {
        self.put(owner, value, 1, Condition::Absent)
    }

    /// Writes a new value; refused if the item exists and has not expired at `now`. (DynamoDB deletes expired items
    /// late.)
    pub fn create_unless_live<T: Entity<Owner = ()>>(&mut self, value: &T, now: Timestamp) -> Op {
        self.put((), value, 1, Condition::AbsentOrExpired(now))
    }

    /// Writes the next version of a value that was read at `version`; refused if it has changed since.
    pub fn update<T: Entity>(&mut self, owner: T::Owner, value: &T, version: u64) -> Op {
        self.put(owner, value, version + 1, Condition::Version(version))
    }

    /// [`Tx::update`] if the value was read at a version, otherwise [`Tx::create`].
    pub fn save<T: Entity>(&mut self, owner: T::Owner, value: &T, read_at: Option<u64>) -> Op {
        match read_at {
            Some(version) => self.update(owner, value, version),
            None => self.create(owner, value),
        }
    }

    /// Deletes a value that was read at `version`; refused if it has changed since.
    pub fn delete(&mut self, key: Key, version: u64) -> Op {
        self.push(Part::Delete { key, condition: Condition::Version(version) })
    }

    /// Deletes a value of any version; refused if the item does not exist.
    pub fn remove(&mut self, key: Key) -> Op {
        self.push(Part::Delete { key, condition: Condition::Present })
    }

    /// Refused if the value has changed since it was read at `version`.
    pub fn check(&mut self, key: Key, version: u64) -> Op {
        self.push(Part::Check { key, condition: Condition::Version(version) })
    }

    /// Writes an event to the outbox. It is published if the transaction is committed.
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

    /// Records that a consumer has processed an event; refused if that is recorded already.
    pub fn inbox(&mut self, tenant: TenantId, consumer: &str, event_id: EventId, now: Timestamp) -> Op {
        self.create(tenant, &InboxRecord { consumer: consumer.to_owned(), event_id, at: now })
    }

    /// Writes a value, replacing any other.
    pub(crate) fn replace<T: Entity>(&mut self, owner: T::Owner, value: &T, version: u64) -> Op {
        self.put(owner, value, version, Condition::Always)
    }

    /// Deletes a value if it exists.
    pub(crate) fn remove_if_any(&mut self, key: Key) -> Op {
        self.push(Part::Delete { key, condition: Condition::Always })
    }

    /// Number of parts.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are no parts.
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

    /// Keeps the first error until the commit, so that callers need not handle an error for every part.
    fn fail(&mut self, error: StoreError) -> Op {
        self.error.get_or_insert(error);
        Op(usize::MAX)
    }
}
