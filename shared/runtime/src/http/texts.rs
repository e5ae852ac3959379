//! Texts in request bodies. Every text of every body is brought into its canonical form before a rule looks at it, and
//! none may hold a character that could be stored but not sent, so neither depends on a rule of its field.

use std::collections::HashSet;

use contracts::http::FieldError;
use domain::text;
use serde_json::Value;

use crate::http::tree::At;

/// Brings all texts into their canonical form. An optional text that is empty is one that was not given, so an empty
/// field becomes null, and `empty` gets its pointer. Returns whether anything changed.
pub(super) fn canonicalise(json: &mut Value, empty: &mut HashSet<String>) -> bool {
    canonicalise_at(&At::Root, json, empty)
}

fn canonicalise_at(at: &At<'_>, json: &mut Value, empty: &mut HashSet<String>) -> bool {
    match json {
        Value::String(given) => {
            let canonical = text::canonical(given);
            let next = if canonical.is_empty() && matches!(at, At::Field(..)) {
                empty.insert(at.pointer());
                Value::Null
            } else {
                Value::String(canonical)
            };
            let is_changed = next != *json;
            *json = next;
            is_changed
        }
        Value::Array(items) => {
            let items = items.iter_mut().enumerate();
            items.fold(false, |is_changed, (index, item)| {
                canonicalise_at(&At::Item(at, index), item, empty) | is_changed
            })
        }
        Value::Object(fields) => fields
            .iter_mut()
            .fold(false, |is_changed, (name, value)| canonicalise_at(&At::Field(at, name), value, empty) | is_changed),
        _ => false,
    }
}

/// The texts with characters that cannot be stored and sent; of many, the first `max`.
pub(super) fn unsendable(json: &Value, max: usize) -> Vec<FieldError> {
    let mut errors = vec![];
    unsendable_at(&At::Root, json, max, &mut errors);
    errors
}

fn unsendable_at(at: &At<'_>, json: &Value, max: usize, errors: &mut Vec<FieldError>) {
    match json {
        Value::String(given) if errors.len() < max && !text::is_sendable(given) => errors.push(FieldError {
            pointer: at.pointer(),
            code: "invalid".to_owned(),
            detail: "expected text without control characters, U+FFFE and U+FFFF".to_owned(),
        }),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                unsendable_at(&At::Item(at, index), item, max, errors);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                unsendable_at(&At::Field(at, name), value, max, errors);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_at_any_depth_become_canonical() {
        let mut json = json!({ "a": " x ", "b": [{ "c/d": "e\u{301}" }, "\u{200B}", 5, null], "e": "" });
        let mut empty = HashSet::new();
        assert!(canonicalise(&mut json, &mut empty));
        assert_eq!(json, json!({ "a": "x", "b": [{ "c/d": "\u{E9}" }, "", 5, null], "e": null }));
        assert_eq!(empty, ["/e".to_owned()].into());
        assert!(!canonicalise(&mut json, &mut empty));
    }

    #[test]
    fn a_text_that_cannot_be_sent_is_named() {
        let json = json!({ "a": "fine\n", "b": ["\u{FFFF}", { "c/d": "\u{0}" }] });
        let pointers = |max| unsendable(&json, max).into_iter().map(|error| error.pointer).collect::<Vec<_>>();
        assert_eq!(pointers(9), ["/b/0", "/b/1/c~1d"]);
        assert_eq!(pointers(1), ["/b/0"]);
    }
}
