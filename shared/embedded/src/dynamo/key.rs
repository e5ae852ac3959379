//! Keys of items and of index entries.

use std::borrow::Cow;

use super::{
    failure::Failure,
    value::{Item, Map, Value},
};

const PK_BYTES_MAX: usize = 2_048;
const SK_BYTES_MAX: usize = 1_024;

/// The primary key of an item.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key<'a> {
    pub(super) pk: Cow<'a, str>,
    pub(super) sk: Cow<'a, str>,
}

impl<'a> Key<'a> {
    /// The key that these attributes are.
    ///
    /// # Errors
    /// [`Failure::Invalid`] if they are not exactly `pk` and `sk`, or not as keys can be.
    pub(super) fn new(attributes: &'a Item<'a>) -> Result<Self, Failure> {
        if attributes.len() != 2 {
            return Err(Failure::invalid("The provided key element does not match the schema"));
        }
        Self::of(attributes)
    }

    /// The key of a whole item.
    ///
    /// # Errors
    /// [`Failure::Invalid`] if it has none, or not as keys can be.
    pub(super) fn of(item: &'a Item<'a>) -> Result<Self, Failure> {
        let missing = || Failure::invalid("One of the required keys was not given a value");
        let pk = text(item, "pk", PK_BYTES_MAX)?.ok_or_else(missing)?;
        let sk = text(item, "sk", SK_BYTES_MAX)?.ok_or_else(missing)?;
        Ok(Self { pk: Cow::Borrowed(pk), sk: Cow::Borrowed(sk) })
    }

    /// An item that has nothing but this key.
    pub(super) fn item(&self) -> Item<'_> {
        let mut item = Map::default();
        item.set(Cow::Borrowed("pk"), Value::S(Cow::Borrowed(&self.pk)));
        item.set(Cow::Borrowed("sk"), Value::S(Cow::Borrowed(&self.sk)));
        item
    }
}

/// The names of an index's keys, as in `gsi1pk` and `gsi1sk`.
pub(super) const INDEX_KEYS: [[&str; 2]; 2] = [["gsi1pk", "gsi1sk"], ["gsi2pk", "gsi2sk"]];

/// An item's keys in the first `indexes` indexes. It is in an index only if it has both of its keys.
///
/// # Errors
/// [`Failure::Invalid`] if one is not as keys can be.
pub(super) fn index_keys<'i>(item: &'i Item<'_>, indexes: u8) -> Result<[Option<[&'i str; 2]>; 2], Failure> {
    let mut keys = [None; 2];
    for (place, [pk, sk]) in keys.iter_mut().zip(INDEX_KEYS).take(indexes.into()) {
        let (pk, sk) = (text(item, pk, PK_BYTES_MAX)?, text(item, sk, SK_BYTES_MAX)?);
        *place = pk.zip(sk).map(|(pk, sk)| [pk, sk]);
    }
    Ok(keys)
}

fn text<'i>(item: &'i Item<'_>, name: &str, bytes_max: usize) -> Result<Option<&'i str>, Failure> {
    let problem = match item.get(name) {
        None => return Ok(None),
        Some(Value::S(text)) if text.is_empty() => "is an empty string",
        Some(Value::S(text)) if text.len() > bytes_max => "is too large",
        Some(Value::S(text)) => return Ok(Some(text)),
        Some(_) => "is not of type S",
    };
    Err(Failure::invalid(format!("One or more parameter values are not valid: the key attribute {name} {problem}")))
}
