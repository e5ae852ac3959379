//! Texts in request bodies. Every text of every body is brought into its canonical form before a rule looks at it, and
//! none may hold a character that could be stored but not sent, so neither depends on a rule of its field.

use contracts::http::FieldError;
use domain::text;
use serde_json::Value;

use crate::http::body::escape;

/// Brings all texts into their canonical form. An optional text that is empty is one that was not given, and so becomes
/// null; `empty` gets the pointers to the texts that did. Returns whether anything changed.
pub(crate) fn canonicalise(json: &mut Value, empty: &mut Vec<String>) -> bool {
    let mut changed = false;
    each_text(json, "", &mut |pointer, value| {
        let Value::String(given) = value else { return };
        let canonical = text::canonical(given);
        let next = if canonical.is_empty() {
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
    each_text(json, "", &mut |pointer, value| {
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

/// Calls `visit` with every text and the JSON Pointer to it.
fn each_text(json: &mut Value, at: &str, visit: &mut impl FnMut(&str, &mut Value)) {
    match json {
        Value::String(_) => visit(at, json),
        Value::Array(values) => {
            for (index, value) in values.iter_mut().enumerate() {
                each_text(value, &format!("{at}/{index}"), visit);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                each_text(value, &format!("{at}/{}", escape(name)), visit);
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
        let mut empty = vec![];
        assert!(canonicalise(&mut json, &mut empty));
        assert_eq!(json, json!({ "a": "x", "b": [{ "c/d": "\u{E9}" }, null, 5, null], "e": null }));
        assert_eq!(empty, ["/b/1", "/e"]);
        assert!(!canonicalise(&mut json, &mut empty));
    }

    #[test]
    fn a_text_that_cannot_be_sent_is_named() {
        let mut json = json!({ "a": "fine\n", "b": ["\u{FFFF}", { "c/d": "\u{0}" }] });
        let errors = unsendable(&mut json);
        assert_eq!(errors.iter().map(|error| &*error.pointer).collect::<Vec<_>>(), ["/b/0", "/b/1/c~1d"]);
    }
}
