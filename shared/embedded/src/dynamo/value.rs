//! Attribute values and items: read from JSON, borrowing its texts, and written as JSON.

use std::{
    borrow::Cow,
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    marker::PhantomData,
};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, Visitor},
    ser::SerializeMap,
};

use super::{failure::Failure, number};

const DEPTH_MAX: usize = 32;
const ITEM_BYTES_MAX: usize = 400 * 1_024;

/// A text that borrows from the request, unless it has escapes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// The value of an attribute. The product stores neither binaries nor sets.
#[derive(Debug, Clone, PartialEq, Hash)]
pub(super) enum Value<'a> {
    S(Cow<'a, str>),
    /// In the form of [`number::normal`].
    N(Cow<'a, str>),
    Bool(bool),
    Null,
    M(Item<'a>),
    L(Vec<Value<'a>>),
}

/// Attributes by name.
pub(super) type Item<'a> = Map<'a, Value<'a>>;

/// A JSON object with few names, in any order.
#[derive(Debug, Clone)]
pub(super) struct Map<'a, V>(Vec<(Cow<'a, str>, V)>);

impl<V> Default for Map<'_, V> {
    fn default() -> Self {
        Self(vec![])
    }
}

impl<'a, V> Map<'a, V> {
    pub(super) fn get(&self, name: &str) -> Option<&V> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut V> {
        self.0.iter_mut().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    pub(super) fn set(&mut self, name: Cow<'a, str>, value: V) {
        match self.get_mut(&name) {
            Some(place) => *place = value,
            None => self.0.push((name, value)),
        }
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.0.retain(|(key, _)| key != name);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn names(&self) -> Vec<&str> {
        self.iter().map(|(name, _)| name).collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value))
    }
}

impl<V: PartialEq> PartialEq for Map<'_, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(name, value)| other.get(name) == Some(value))
    }
}

/// The same for the same names and values in another order, as the SDK's maps write them.
impl<V: Hash> Hash for Map<'_, V> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let hashes = self.0.iter().map(|entry| {
            let mut hasher = DefaultHasher::new();
            entry.hash(&mut hasher);
            hasher.finish()
        });
        state.write_u64(hashes.fold(0, u64::wrapping_add));
    }
}

impl<'de: 'a, 'a, V: Deserialize<'de>> Deserialize<'de> for Map<'a, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MapVisitor<'a, V>(PhantomData<Map<'a, V>>);
        impl<'de: 'a, 'a, V: Deserialize<'de>> Visitor<'de> for MapVisitor<'a, V> {
            type Value = Map<'a, V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::with_capacity(8);
                while let Some((Text(name), value)) = access.next_entry()? {
                    entries.push((name, value));
                }
                Ok(Map(entries))
            }
        }
        deserializer.deserialize_map(MapVisitor(PhantomData))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ValueVisitor<'a>(PhantomData<Value<'a>>);
        impl<'de: 'a, 'a> Visitor<'de> for ValueVisitor<'a> {
            type Value = Value<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an attribute value")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
                let Some(Text(kind)) = access.next_key()? else {
                    return Err(A::Error::custom("Supplied AttributeValue is empty"));
                };
                let value = match kind.as_ref() {
                    "S" => Value::S(access.next_value::<Text<'de>>()?.0),
                    "N" => Value::N(number::normal(access.next_value::<Text<'de>>()?.0).map_err(A::Error::custom)?),
                    "BOOL" => Value::Bool(access.next_value()?),
                    "NULL" if access.next_value()? => Value::Null,
                    "NULL" => return Err(A::Error::custom("Null attribute value types must have the value of true")),
                    "M" => Value::M(access.next_value()?),
                    "L" => Value::L(access.next_value()?),
                    other => return Err(A::Error::custom(format!("the product stores no values of type {other:?}"))),
                };
                match access.next_key::<Text<'de>>()? {
                    None => Ok(value),
                    Some(_) => Err(A::Error::custom("Supplied AttributeValue has more than one datatypes set")),
                }
            }
        }
        deserializer.deserialize_map(ValueVisitor(PhantomData))
    }
}

impl<V: Serialize> Serialize for Map<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match self {
            Self::S(text) => map.serialize_entry("S", text)?,
            Self::N(number) => map.serialize_entry("N", number)?,
            Self::Bool(is_true) => map.serialize_entry("BOOL", is_true)?,
            Self::Null => map.serialize_entry("NULL", &true)?,
            Self::M(item) => map.serialize_entry("M", item)?,
            Self::L(values) => map.serialize_entry("L", values)?,
        }
        map.end()
    }
}

/// The size of an item by DynamoDB's rules, in bytes.
///
/// # Errors
/// [`Failure::Invalid`] if it is larger than an item may be, or nested too deeply.
pub(super) fn size(item: &Item<'_>) -> Result<usize, Failure> {
    let bytes = map_size(item, 0)?;
    if bytes > ITEM_BYTES_MAX {
        return Err(Failure::invalid("Item size has exceeded the maximum allowed size"));
    }
    Ok(bytes)
}

fn map_size(item: &Item<'_>, depth: usize) -> Result<usize, Failure> {
    item.iter().map(|(name, value)| Ok(name.len() + value_size(value, depth)?)).sum()
}

fn value_size(value: &Value<'_>, depth: usize) -> Result<usize, Failure> {
    if depth > DEPTH_MAX {
        return Err(Failure::invalid("Nesting Levels have exceeded supported limits"));
    }
    Ok(match value {
        Value::S(text) => text.len(),
        Value::N(number) => number.len().div_ceil(2) + 1,
        Value::Bool(_) | Value::Null => 1,
        Value::M(map) => 3 + map.len() + map_size(map, depth + 1)?,
        Value::L(values) => {
            let sizes = values.iter().map(|value| value_size(value, depth + 1));
            3 + values.len() + sizes.sum::<Result<usize, _>>()?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Value<'_>, serde_json::Error> {
        serde_json::from_str(json)
    }

    fn hash(json: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        read(json).unwrap().hash(&mut hasher);
        hasher.finish()
    }

    #[test]
    fn a_value_is_written_as_it_was_read() {
        for json in [
            r#"{"S":"\u0000\n\"é"}"#,
            r#"{"N":"-12"}"#,
            r#"{"M":{"a":{"L":[{"BOOL":true},{"NULL":true}]},"":{"M":{}}}}"#,
        ] {
            assert_eq!(serde_json::to_string(&read(json).unwrap()).unwrap(), json);
        }
        assert_eq!(serde_json::to_string(&read(r#"{"N":"1.0"}"#).unwrap()).unwrap(), r#"{"N":"1"}"#);
    }

    #[test]
    fn what_is_no_value_is_an_error() {
        for json in ["{}", r#"{"S":"a","N":"1"}"#, r#"{"S":1}"#, r#"{"NULL":false}"#, r#"{"SS":["a"]}"#, r#"{"N":""}"#]
        {
            assert!(read(json).is_err(), "{json}");
        }
    }

    #[test]
    fn the_order_of_names_makes_no_difference_and_all_else_does() {
        let json = r#"{"M":{"a":{"N":"1"},"b":{"N":"2"}}}"#;
        assert_eq!(hash(json), hash(r#"{"M":{"b":{"N":"2"},"a":{"N":"1"}}}"#));
        for other in [r#"{"M":{"a":{"N":"2"},"b":{"N":"1"}}}"#, r#"{"M":{"a":{"S":"1"},"b":{"N":"2"}}}"#, r#"{"M":{}}"#]
        {
            assert_ne!(hash(json), hash(other), "{other}");
            assert_ne!(read(json).unwrap(), read(other).unwrap(), "{other}");
        }
    }

    #[test]
    fn depth_is_limited() {
        let nested =
            |depth: usize| format!(r#"{{"a":{}{{"N":"1"}}{}}}"#, r#"{"L":["#.repeat(depth), "]}".repeat(depth));
        assert!(size(&serde_json::from_str(&nested(32)).unwrap()).is_ok());
        assert!(size(&serde_json::from_str(&nested(33)).unwrap()).is_err());
    }
}
