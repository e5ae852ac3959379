//! Error messages for clients, made from serde's messages. serde's messages name Rust types ("expected i64") and have
//! no codes, so they are recognised by their text; an unknown message becomes a general sentence.

use serde_json::error::Category;

/// What is wrong with a value, from serde's message about it.
pub(crate) fn about_value(message: &str) -> String {
    if message.starts_with("missing field `") {
        return "this field is required".to_owned();
    }
    if let Some(rest) = message.strip_prefix("unknown field `") {
        return with_choices("there is no such field", rest);
    }
    if let Some(rest) = message.strip_prefix("unknown variant `") {
        return with_choices("this value is not allowed", rest);
    }
    if let Some(rest) = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: ")) {
        return wrong_kind(rest);
    }
    let text = match message {
        "cannot parse integer from empty string" | "invalid digit found in string" => "expected a whole number",
        "provided string was not `true` or `false`" => "expected true or false",
        _ if message.starts_with("number too ") || message == "number out of range" => "the number is out of range",
        _ if message.starts_with("duplicate field `") => "this is given more than once",
        // Messages of our own types.
        _ if message.starts_with("expected an id that ") || message.starts_with("expected a whole number ") => message,
        _ => "the value has the wrong format",
    };
    text.to_owned()
}

/// What is wrong with a text that is not JSON.
pub(crate) fn about_syntax(error: &serde_json::Error) -> String {
    if error.classify() == Category::Eof {
        return "the body ends too early".to_owned();
    }
    let message = error.to_string();
    let begins = |prefix: &str| message.starts_with(prefix);
    let cause = if begins("trailing comma") {
        "there is a comma too many"
    } else if begins("trailing characters") {
        "there is more text after the end"
    } else if begins("key must be a string") {
        "a field name in double quotes is missing"
    } else if begins("control character") {
        "control characters in a text must be escaped"
    } else if begins("invalid escape")
        || begins("lone ")
        || begins("invalid unicode")
        || begins("unexpected end of hex")
    {
        "a backslash in a text begins a wrong sequence"
    } else if begins("invalid number") || begins("number out of range") {
        "a number is wrong"
    } else {
        "a character is wrong"
    };
    format!("the body is not JSON: {cause}, at line {}, column {}", error.line(), error.column())
}

/// "`x`, expected one of `a`, `b`" as "`problem`; expected one of: a, b". `x` may contain anything, so the last
/// "expected" is serde's.
fn with_choices(problem: &str, rest: &str) -> String {
    let choices: Vec<_> = rest.rsplit_once(", expected ").map_or("", |(_, choices)| choices).split('`').collect();
    // Every second part is between backquotes.
    let names: Vec<_> = choices.into_iter().skip(1).step_by(2).collect();
    match names.as_slice() {
        [] => problem.to_owned(),
        [name] => format!("{problem}; expected: {name}"),
        names => format!("{problem}; expected one of: {}", names.join(", ")),
    }
}

/// "string \"1\", expected i64" as "expected a whole number, not text". The value itself may contain anything, so the
/// last "expected" is serde's.
fn wrong_kind(rest: &str) -> String {
    let (found, expected) = rest.rsplit_once("expected ").unwrap_or((rest, ""));
    let wanted = match expected {
        "a string" | "string or map" | "a borrowed string" | "str" => "text".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" | "a list" => "a list".to_owned(),
        "i64" | "i32" | "u64" | "usize" => "a whole number".to_owned(),
        "u8" => format!("a whole number from 0 to {}", u8::MAX),
        "u16" => format!("a whole number from 0 to {}", u16::MAX),
        "u32" => format!("a whole number from 0 to {}", u32::MAX),
        "f64" | "a number" => "a number".to_owned(),
        _ if expected.contains("timestamp") => "a time, like 2026-01-31T12:00:00Z".to_owned(),
        _ if ["struct ", "a map", "an object", "map", "internally tagged enum ", "adjacently tagged enum "]
            .iter()
            .any(|kind| expected.starts_with(kind)) =>
        {
            "an object".to_owned()
        }
        _ => return "the value is of the wrong type".to_owned(),
    };
    match kind_of(found) {
        Some(kind) => format!("expected {wanted}, not {kind}"),
        None => format!("expected {wanted}"),
    }
}

/// The kind of value that serde found; `None` if naming it explains nothing (a whole number that is out of range).
fn kind_of(found: &str) -> Option<&'static str> {
    let kind = match found.split([' ', ',']).next().unwrap_or_default() {
        "null" | "unit" | "Option" => "null",
        "string" | "character" => "text",
        "boolean" => "true or false",
        "floating" => "a decimal number",
        "number" => "a number",
        "sequence" | "newtype" | "tuple" => "a list",
        "map" => "an object",
        _ => return None,
    };
    Some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_message_speaks_rust() {
        let cases = [
            ("missing field `name`", "this field is required"),
            (
                "unknown field `colour`, expected one of `name`, `slug`",
                "there is no such field; expected one of: name, slug",
            ),
            ("unknown field `x`, expected `name`", "there is no such field; expected: name"),
            ("unknown field `x`, there are no fields", "there is no such field"),
            (
                "unknown variant `XXX`, expected one of `NGN`, `GHS`",
                "this value is not allowed; expected one of: NGN, GHS",
            ),
            ("unknown variant `, expected `, expected `a` or `b`", "this value is not allowed; expected one of: a, b"),
            ("invalid type: string \"1\", expected i64", "expected a whole number, not text"),
            ("invalid type: string \", expected a map\", expected i64", "expected a whole number, not text"),
            ("invalid type: integer `5`, expected a string", "expected text"),
            ("invalid type: null, expected a string", "expected text, not null"),
            ("invalid type: map, expected a sequence", "expected a list, not an object"),
            ("invalid type: sequence, expected struct Money", "expected an object, not a list"),
            (
                "invalid type: floating point `1.5`, expected u32",
                "expected a whole number from 0 to 4294967295, not a decimal number",
            ),
            ("invalid value: integer `-1`, expected u32", "expected a whole number from 0 to 4294967295"),
            (
                "invalid type: boolean `true`, expected a timestamp string",
                "expected a time, like 2026-01-31T12:00:00Z, not true or false",
            ),
            ("invalid type: expected a string", "expected text"),
            ("invalid type: unit value, expected a Duration", "the value is of the wrong type"),
            ("invalid digit found in string", "expected a whole number"),
            ("number too large to fit in target type", "the number is out of range"),
            ("provided string was not `true` or `false`", "expected true or false"),
            ("duplicate field `limit`", "this is given more than once"),
            ("expected a whole number from 1 to 100", "expected a whole number from 1 to 100"),
            ("thread 'main' panicked", "the value has the wrong format"),
        ];
        for (raw, plain) in cases {
            assert_eq!(about_value(raw), plain, "{raw}");
        }
    }

    #[test]
    fn broken_json_is_told_in_words_and_by_place() {
        let cases = [
            ("{", "the body ends too early"),
            (r#"{"a": "#, "the body ends too early"),
            (r#"{"a": "b"#, "the body ends too early"),
            ("{} {}", "the body is not JSON: there is more text after the end, at line 1, column 4"),
            (r#"{"a": 1,}"#, "the body is not JSON: a field name in double quotes is missing, at line 1, column 9"),
            ("{a: 1}", "the body is not JSON: a field name in double quotes is missing, at line 1, column 2"),
            ("nope", "the body is not JSON: a character is wrong, at line 1, column 2"),
            (
                "{\"a\": \"\n\"}",
                "the body is not JSON: control characters in a text must be escaped, at line 1, column 7",
            ),
            (
                r#"{"a": "\x"}"#,
                "the body is not JSON: a backslash in a text begins a wrong sequence, at line 1, column 9",
            ),
            (r#"{"a": 01}"#, "the body is not JSON: a number is wrong, at line 1, column 8"),
        ];
        for (json, plain) in cases {
            let error = serde_json::from_str::<serde::de::IgnoredAny>(json).unwrap_err();
            assert_eq!(about_syntax(&error), plain, "{json}");
        }
    }
}
