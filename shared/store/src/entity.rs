//! The stored form of a value: one item with its keys, its kind, the version of its schema, the version of the value,
//! and the value itself as a map under `data`.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use contracts::table::Table;
use domain::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    error::StoreError,
    keys::{IndexKey, Key},
};

/// A raw item.
pub type Item = HashMap<String, AttributeValue>;

/// The attribute for DynamoDB's TTL: when the item may be deleted, in seconds since 1970. DynamoDB deletes late, so
/// readers check the expiry themselves.
pub const TTL_ATTRIBUTE: &str = "expires_at_epoch_s";

/// A value that is stored as one item.
pub trait Entity: Serialize + DeserializeOwned + Send + Sync {
    /// The owner: a `TenantId`, or `()` for the few kinds that belong to no tenant.
    type Owner: Copy + Send + Sync;
    /// The table.
    const TABLE: Table;
    /// The kind, stored with the item and checked when it is read.
    const KIND: &'static str;
    /// Version of the schema in which values are written.
    const SCHEMA: u32 = 1;

    /// The primary key.
    fn key(&self, owner: Self::Owner) -> Key;

    /// The keys in the indexes of the table.
    fn index_keys(&self, _owner: Self::Owner) -> Vec<IndexKey> {
        vec![]
    }

    /// When the item may be deleted; `None` means never.
    fn ends_at(&self) -> Option<Timestamp> {
        None
    }
}

/// A value with the version it was read or is written at: 1 when new, one more with each change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned<T> {
    /// The value.
    pub value: T,
    /// Its version: 1 when it is created, one more with each write.
    pub version: u64,
}

pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(crate) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(crate) fn key_item(key: &Key) -> Item {
    HashMap::from([("pk".to_owned(), text(&key.pk)), ("sk".to_owned(), text(&key.sk))])
}

pub(crate) fn to_item<T: Entity>(owner: T::Owner, value: &T, version: u64) -> Result<Item, StoreError> {
    let mut item = key_item(&value.key(owner));
    for IndexKey { index, pk, sk } in value.index_keys(owner) {
        item.insert(format!("gsi{index}pk"), text(pk));
        item.insert(format!("gsi{index}sk"), text(sk));
    }
    if let Some(at) = value.ends_at() {
        item.insert(TTL_ATTRIBUTE.to_owned(), number(at.as_second()));
    }
    item.insert("kind".to_owned(), text(T::KIND));
    item.insert("schema".to_owned(), number(T::SCHEMA));
    item.insert("version".to_owned(), number(version));
    let data = serde_dynamo::to_attribute_value(value).map_err(|error| StoreError::corrupt(T::KIND, &error))?;
    item.insert("data".to_owned(), data);
    Ok(item)
}

pub(crate) fn from_item<T: Entity>(mut item: Item) -> Result<Versioned<T>, StoreError> {
    let kind = item.get("kind").and_then(|kind| kind.as_s().ok()).cloned().unwrap_or_default();
    if kind != T::KIND {
        return Err(StoreError::corrupt(T::KIND, &format!("found a {kind:?}")));
    }
    let version = item.get("version").and_then(|version| version.as_n().ok()?.parse().ok());
    let version = version.ok_or_else(|| StoreError::corrupt(T::KIND, &"no version"))?;
    let data = item.remove("data").ok_or_else(|| StoreError::corrupt(T::KIND, &"no data"))?;
    let value = serde_dynamo::from_attribute_value(data).map_err(|error| StoreError::corrupt(T::KIND, &error))?;
    Ok(Versioned { value, version })
}
