//! Partial changes (`PATCH`), in the manner of RFC 7396: what is absent stays, what is null is cleared.

use serde::{Deserialize, Deserializer};

/// A field that may be cleared: absent, null, or a value. Goes with `#[serde(default, deserialize_with =
/// "patch::clearable")]`.
pub type Clearable<T> = Option<Option<T>>;

pub fn clearable<'de, D, T>(deserializer: D) -> Result<Clearable<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

/// Puts what is given in its place, and notes the field's name if that changes anything.
pub fn set<T: PartialEq>(field: &mut T, given: Option<T>, name: &str, changed: &mut Vec<String>) {
    if let Some(value) = given
        && value != *field
    {
        *field = value;
        changed.push(name.to_owned());
    }
}
