//! YAML for CloudFormation, with long-form intrinsics only, so that any YAML parser reads it.

use std::fmt::Write;

use serde_json::{Map, Value};

/// Keys that stand first, in this order; all others follow by name.
const FIRST: [&str; 13] = [
    "AWSTemplateFormatVersion",
    "Transform",
    "Description",
    "Metadata",
    "Parameters",
    "Conditions",
    "Resources",
    "Outputs",
    "Type",
    "DependsOn",
    "DeletionPolicy",
    "UpdateReplacePolicy",
    "Properties",
];

/// Words that YAML 1.1 parsers read as something other than text.
const RESERVED: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];

pub(crate) fn write(value: &Value) -> String {
    let mut out = String::new();
    node(&mut out, value, 0);
    out
}

fn node(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(map) => mapping(out, map, indent),
        Value::Array(items) => {
            for item in items {
                let _ = write!(out, "{:indent$}-", "");
                item_of_sequence(out, item, indent);
            }
        }
        scalar => {
            let _ = writeln!(out, "{:indent$}{}", "", text(scalar));
        }
    }
}

fn item_of_sequence(out: &mut String, item: &Value, indent: usize) {
    if is_leaf(item) {
        let _ = writeln!(out, " {}", text(item));
        return;
    }
    // The first key of a mapping stands beside the dash.
    let mut nested = String::new();
    node(&mut nested, item, indent + 2);
    out.push(' ');
    out.push_str(&nested[indent + 2..]);
}

fn mapping(out: &mut String, map: &Map<String, Value>, indent: usize) {
    let mut keys: Vec<&String> = map.keys().collect();
    keys.sort_by_key(|key| (FIRST.iter().position(|first| first == key).unwrap_or(FIRST.len()), *key));
    for key in keys {
        let value = &map[key];
        let _ = write!(out, "{:indent$}{}:", "", string(key));
        if is_leaf(value) {
            let _ = writeln!(out, " {}", text(value));
        } else {
            out.push('\n');
            node(out, value, indent + 2);
        }
    }
}

fn is_leaf(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => true,
    }
}

fn text(leaf: &Value) -> String {
    match leaf {
        Value::String(value) => string(value),
        other => other.to_string(),
    }
}

/// Plain where no parser can take it for anything else; quoted as JSON, which YAML reads, everywhere else.
fn string(value: &str) -> String {
    let plain = value.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && value.chars().all(|c| c.is_ascii_alphanumeric() || "_-./:$ {}*?@,()<>=".contains(c))
        && !value.contains(": ")
        && !value.ends_with([':', ' '])
        && !RESERVED.contains(&value.to_ascii_lowercase().as_str());
    if plain { value.to_owned() } else { Value::from(value).to_string() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_parser_could_take_for_something_else_is_quoted() {
        for plain in ["Ref", "arn:${AWS::Partition}:sqs", "GET /books/{book_id}"] {
            assert_eq!(string(plain), plain);
        }
        for quoted in ["yes", "No", "2012-10-17", "", "a: b", "ends:", "*", "{x}", "#1", "it's"] {
            assert_eq!(string(quoted), format!("{quoted:?}"));
        }
    }

    #[test]
    fn keys_stand_in_the_order_of_the_handbook_and_lists_beside_their_dash() {
        let written = write(&json!({
            "Properties": { "Tags": [{ "Key": "a", "Value": 1 }, "plain", []], "Empty": {} },
            "Type": "AWS::SQS::Queue",
        }));
        let expected = "\
Type: AWS::SQS::Queue
Properties:
  Empty: {}
  Tags:
    - Key: a
      Value: 1
    - plain
    - []
";
        assert_eq!(written, expected);
    }
}
