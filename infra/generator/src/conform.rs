//! Whether a value has the shape that a schema says: fields there and known, types, choices and bounds. Texts that have
//! a pattern are left to the endpoints' own tests.

use serde_json::{Map, Value};

use crate::api::Api;

/// What does not fit, each with where it is.
pub(crate) fn check(value: &Value, schema: &Value, api: &Api) -> Vec<String> {
    let mut wrong = Vec::new();
    at("body", value, schema, api, &mut wrong);
    wrong
}

fn at(place: &str, value: &Value, schema: &Value, api: &Api, wrong: &mut Vec<String>) {
    let schema = api.resolve(schema);
    if value.is_null() && schema["nullable"] == true {
        return;
    }
    for several in ["anyOf", "oneOf"] {
        if let Some(alternatives) = schema[several].as_array() {
            let fits = alternatives.iter().any(|one| {
                let mut wrong = Vec::new();
                at(place, value, one, api, &mut wrong);
                wrong.is_empty()
            });
            if !fits {
                wrong.push(format!("{place} is none of what it may be"));
            }
        }
    }
    for one in schema["allOf"].as_array().into_iter().flatten() {
        at(place, value, one, api, wrong);
    }
    if schema["enum"].as_array().is_some_and(|choices| !choices.contains(value)) {
        wrong.push(format!("{place} is not one of {}", schema["enum"]));
    }
    let fits = match (schema["type"].as_str(), value) {
        (Some("object"), Value::Object(map)) => {
            object(place, map, schema, api, wrong);
            true
        }
        (Some("array"), Value::Array(items)) => {
            bounded(place, items.len() as u64, schema, ["minItems", "maxItems"], wrong);
            for (index, item) in items.iter().enumerate() {
                at(&format!("{place}/{index}"), item, &schema["items"], api, wrong);
            }
            true
        }
        (Some("string"), Value::String(text)) => {
            bounded(place, text.chars().count() as u64, schema, ["minLength", "maxLength"], wrong);
            true
        }
        (Some("integer"), Value::Number(number)) => {
            let in_bounds = number.as_i64().is_some_and(|number| {
                number >= schema["minimum"].as_i64().unwrap_or(number)
                    && number <= schema["maximum"].as_i64().unwrap_or(number)
            });
            if !in_bounds {
                wrong.push(format!("{place} is out of bounds"));
            }
            true
        }
        (Some("number"), Value::Number(_)) | (Some("boolean"), Value::Bool(_)) | (None, _) => true,
        _ => false,
    };
    if !fits {
        wrong.push(format!("{place} is not of type {}", schema["type"]));
    }
}

fn object(place: &str, map: &Map<String, Value>, schema: &Value, api: &Api, wrong: &mut Vec<String>) {
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !map.contains_key(name) {
            wrong.push(format!("{place}/{name} is missing"));
        }
    }
    for (name, value) in map {
        match schema["properties"].get(name) {
            Some(schema) => at(&format!("{place}/{name}"), value, schema, api, wrong),
            None if schema["additionalProperties"] == false => wrong.push(format!("{place}/{name} is unknown")),
            None => {}
        }
    }
}

fn bounded(place: &str, length: u64, schema: &Value, [least, most]: [&str; 2], wrong: &mut Vec<String>) {
    if length < schema[least].as_u64().unwrap_or(0) || length > schema[most].as_u64().unwrap_or(u64::MAX) {
        wrong.push(format!("{place} is too short or too long"));
    }
}
