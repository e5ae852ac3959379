//! How a value is kept: one item with its keys, its kind, the schema it was written in, its version, and the value
//! itself as a map under `data`.

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

/// The attribute DynamoDB's TTL looks at: when the item may be cleaned up, in seconds since 1970. Expiry itself is
/// always checked by whoever reads.
pub const TTL_ATTRIBUTE: &str = "expires_at_epoch_s";

/// A value that is kept as one item.
pub trait Entity: Serialize + DeserializeOwned + Send + Sync {
    /// Whose it is: a `TenantId`, or `()` for the few that belong to no tenant.
    type Owner: Copy + Send + Sync;
    const TABLE: Table;
    const KIND: &'static str;
    const SCHEMA: u32 = 1;

    fn key(&self, owner: Self::Owner) -> Key;

    fn index_keys(&self, _owner: Self::Owner) -> Vec<IndexKey> {
        vec![]
    }

    /// From when on the item may be deleted.
    fn ends_at(&self) -> Option<Timestamp> {
        None
    }
}

/// A value with the version it was read or is written at: 1 when new, one more with each change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned<T> {
    pub value: T,
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
