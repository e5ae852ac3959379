//! Texts in request bodies. Every text of every body is brought into its canonical form before a rule looks at it, and
//! none may hold a character that could be stored but not sent, so neither depends on a rule of its field.

use contracts::http::FieldError;
use domain::text;
use serde_json::Value;

use crate::http::body::escape;

/// Brings all texts into their canonical form. An optional text that is empty is one that was not given, so an empty
/// field becomes null, and `empty` gets its pointer. Returns whether anything changed.
pub(crate) fn canonicalise(json: &mut Value, empty: &mut Vec<String>) -> bool {
    let mut changed = false;
    each_text(json, "", &mut |pointer, value, is_field| {
        let Value::String(given) = value else { return };
        let canonical = text::canonical(given);
        let next = if canonical.is_empty() && is_field {
            empty.push(pointer.to_owned());
            Value::Null
        } else {
            Value::String(canonical)
        };
        changed |= next != *value;
        *value = next;
    });
    changed
}

/// The texts with characters that cannot be stored and sent.
pub(crate) fn unsendable(json: &mut Value) -> Vec<FieldError> {
    let mut errors = vec![];
    each_text(json, "", &mut |pointer, value, _| {
        if !value.as_str().is_none_or(text::is_sendable) {
            errors.push(FieldError {
                pointer: pointer.to_owned(),
                code: "invalid".to_owned(),
                detail: "expected text without control characters, U+FFFE and U+FFFF".to_owned(),
            });
        }
    });
    errors
}

/// Calls `visit` with the JSON Pointer to every text, the text, and whether it is a field of an object, not an item.
fn each_text(json: &mut Value, at: &str, visit: &mut impl FnMut(&str, &mut Value, bool)) {
    let (children, is_field): (Vec<_>, _) = match json {
        Value::Array(items) => {
            (items.iter_mut().enumerate().map(|(index, item)| (format!("{at}/{index}"), item)).collect(), false)
        }
        Value::Object(fields) => {
            (fields.iter_mut().map(|(name, value)| (format!("{at}/{}", escape(name)), value)).collect(), true)
        }
        _ => return,
    };
    for (pointer, value) in children {
        if value.is_string() {
            visit(&pointer, value, is_field);
        } else {
            each_text(value, &pointer, visit);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_at_any_depth_become_canonical() {
        let mut json = json!({ "a": " x ", "b": [{ "c/d": "e\u{301}" }, "\u{200B}", 5, null], "e": "" });
        let mut empty = vec![];
        assert!(canonicalise(&mut json, &mut empty));
        assert_eq!(json, json!({ "a": "x", "b": [{ "c/d": "\u{E9}" }, "", 5, null], "e": null }));
        assert_eq!(empty, ["/e"]);
        assert!(!canonicalise(&mut json, &mut empty));
    }

    #[test]
    fn a_text_that_cannot_be_sent_is_named() {
        let mut json = json!({ "a": "fine\n", "b": ["\u{FFFF}", { "c/d": "\u{0}" }] });
        let errors = unsendable(&mut json);
        assert_eq!(errors.iter().map(|error| &*error.pointer).collect::<Vec<_>>(), ["/b/0", "/b/1/c~1d"]);
    }
}
