//! Enums of names. schemars describes an enum whose variants are documented as a choice between one-value schemas, of
//! which client generators make one type per value. Here it becomes one list of values, with their meanings in the
//! description.

use schemars::Schema;
use serde_json::Value;

/// Turns a choice between single names into an enum; leaves every other schema as it is.
pub(crate) fn plain_enum(schema: &mut Schema) {
    let Some(choices) = schema.get("oneOf").and_then(Value::as_array) else { return };
    let Some(named) = choices.iter().map(name_and_meaning).collect::<Option<Vec<_>>>() else { return };
    let meanings = named.iter().filter_map(|(name, meaning)| meaning.map(|meaning| format!("- `{name}`: {meaning}")));
    let about = schema.get("description").and_then(Value::as_str).map(str::to_owned);
    let list = meanings.collect::<Vec<_>>().join("\n");
    let description: Vec<_> = about.into_iter().chain((!list.is_empty()).then_some(list)).collect();
    let names: Value = named.iter().map(|(name, _)| *name).collect();
    schema.remove("oneOf");
    schema.insert("type".into(), "string".into());
    schema.insert("enum".into(), names);
    schema.insert("description".into(), description.join("\n\n").into());
}

fn name_and_meaning(choice: &Value) -> Option<(&str, Option<&str>)> {
    let fields = choice.as_object()?;
    let is_name = fields.keys().all(|key| ["type", "enum", "const", "description"].contains(&key.as_str()));
    let values = fields.get("enum").and_then(Value::as_array).map(Vec::as_slice);
    let name = match values {
        Some([only]) => only.as_str(),
        Some(_) => None,
        None => fields.get("const").and_then(Value::as_str),
    };
    name.filter(|_| is_name).map(|name| (name, fields.get("description").and_then(Value::as_str)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documented_names_become_one_list() {
        let mut schema = Schema::try_from(json!({
            "description": "A colour.",
            "oneOf": [
                { "type": "string", "enum": ["red"], "description": "Like blood." },
                { "type": "string", "const": "blue" },
            ],
        }))
        .unwrap();
        plain_enum(&mut schema);
        let expected = json!({
            "description": "A colour.\n\n- `red`: Like blood.",
            "type": "string",
            "enum": ["red", "blue"],
        });
        assert_eq!(schema.to_value(), expected);
    }

    #[test]
    fn other_choices_stay() {
        for choice in
            [json!({ "type": "object" }), json!({ "type": "string", "enum": ["a", "b"] }), json!({ "const": 1 })]
        {
            let before = json!({ "oneOf": [{ "const": "red" }, choice] });
            let mut schema = Schema::try_from(before.clone()).unwrap();
            plain_enum(&mut schema);
            assert_eq!(schema.to_value(), before);
        }
    }
}
