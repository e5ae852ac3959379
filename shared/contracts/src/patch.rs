//! Partial updates (`PATCH`), following RFC 7396: an absent field keeps its value, and null clears it. A field that
//! cannot be empty is an `Option` with `#[serde(default, skip_serializing_if = "Option::is_none")]`, by which
//! `runtime/src/http/body.rs` refuses its null.

use serde::{Deserialize, Deserializer};

/// A field that can be absent (`None`), null (`Some(None)`) or a value. Use it with
/// `#[serde(default, deserialize_with = "patch::clearable")]`.
pub type Clearable<T> = Option<Option<T>>;

/// Reads a field that is present: null as `Some(None)`, a value as `Some(Some(value))`.
///
/// # Errors
/// The value is not a `T`.
pub fn clearable<'de, D, T>(deserializer: D) -> Result<Clearable<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

/// Sets a field if a value was given, and adds `name` to `changed` if the new value is different.
pub fn set<T: PartialEq>(field: &mut T, given: Option<T>, name: &str, changed: &mut Vec<String>) {
    if let Some(value) = given
        && value != *field
    {
        *field = value;
        changed.push(name.to_owned());
    }
}
