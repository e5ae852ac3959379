//! Renders schemas for readers: which values are allowed, and which fields an object has.

use serde_json::Value;

use super::page::{code, escaped, prose};

/// No schema nests deeper than this. The limit stops the recursion on a schema that refers to itself.
const DEPTH_MAX: u8 = 8;

/// The document's schemas.
#[derive(Clone, Copy)]
pub(super) struct Schemas<'a>(pub(super) &'a Value);

impl<'a> Schemas<'a> {
    /// The schema's own name, if it has one, and its definition.
    fn resolve(self, schema: &'a Value) -> (Option<&'a str>, &'a Value) {
        match schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
            Some(name) => (Some(name), &self.0["components"]["schemas"][name]),
            None => (None, schema),
        }
    }

    /// Objects with a name, which other places link to.
    pub(super) fn objects(self) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let schemas = self.0["components"]["schemas"].as_object();
        schemas
            .into_iter()
            .flatten()
            .map(|(name, schema)| (name.as_str(), schema))
            .filter(|(_, schema)| is_object(schema))
    }

    /// An object's fields; empty for anything else.
    pub(super) fn fields(self, schema: &'a Value) -> String {
        self.fields_within(schema, DEPTH_MAX)
    }

    /// The values that a schema allows.
    pub(super) fn kind(self, schema: &'a Value) -> String {
        self.kind_within(schema, DEPTH_MAX)
    }

    fn fields_within(self, schema: &'a Value, depth: u8) -> String {
        let (_, schema) = self.resolve(schema);
        let Some(properties) = schema["properties"].as_object().filter(|_| depth > 0) else { return String::new() };
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let field = |(name, field): (&String, &'a Value)| {
            let is_required = required.contains(&name.as_str());
            // An object without a name has no section of its own, so its fields are shown here.
            let inner =
                if field["properties"].is_object() { self.fields_within(field, depth - 1) } else { String::new() };
            line(name, &self.kind_within(field, depth), is_required, &field["description"], &inner)
        };
        format!("<ul class=\"fields\">\n{}</ul>\n", properties.iter().map(field).collect::<String>())
    }

    fn kind_within(self, schema: &'a Value, depth: u8) -> String {
        let (name, target) = self.resolve(schema);
        if let Some(name) = name.filter(|_| is_object(target)) {
            let name = escaped(name);
            return format!("<a href=\"#type-{name}\">{name}</a>");
        }
        if depth == 0 {
            return "any JSON".to_owned();
        }
        if name.is_some() {
            return self.kind_within(target, depth - 1);
        }
        let mut kind = match alternatives(schema) {
            Some((several, word)) => {
                let kinds = several.iter().filter(|one| !is_null(one)).map(|one| self.kind_within(one, depth - 1));
                kinds.collect::<Vec<_>>().join(word)
            }
            None => self.plain(schema, depth),
        };
        if schema["nullable"] == true || alternatives(schema).is_some_and(|(several, _)| several.iter().any(is_null)) {
            kind.push_str(" or null");
        }
        match &schema["default"] {
            Value::Null => kind,
            default => format!("{kind}, {} unless given", code(&default.to_string())),
        }
    }

    fn plain(self, schema: &'a Value, depth: u8) -> String {
        if let Some(choices) = schema["enum"].as_array() {
            let choices = choices.iter().filter(|choice| !choice.is_null());
            let choices = choices.map(|choice| code(choice.as_str().unwrap_or(&choice.to_string())));
            return choices.collect::<Vec<_>>().join(" | ");
        }
        match schema["type"].as_str() {
            Some("array") => {
                let items = self.kind_within(&schema["items"], depth - 1);
                format!("list of [{items}]{}", range(schema, "minItems", "maxItems", " items"))
            }
            Some("string") => {
                let format =
                    schema["format"].as_str().map(|format| format!(", {}", escaped(format))).unwrap_or_default();
                let example = schema["example"].as_str().map(|example| format!(", like {}", code(example)));
                let length = range(schema, "minLength", "maxLength", " characters");
                format!("text{format}{length}{}", example.unwrap_or_default())
            }
            Some("integer") => format!("integer{}", range(schema, "minimum", "maximum", "")),
            Some("object") if schema["additionalProperties"].is_object() => {
                format!("names, each with {}", self.kind_within(&schema["additionalProperties"], depth - 1))
            }
            Some(other) => escaped(other),
            None => "any JSON".to_owned(),
        }
    }
}

/// One field or parameter.
pub(super) fn line(name: &str, kind: &str, is_required: bool, description: &Value, inner: &str) -> String {
    let required = if is_required { " <strong>required</strong>" } else { "" };
    let description = description.as_str().map(prose).unwrap_or_default();
    format!("<li>{} <span>{kind}</span>{required}{description}{inner}</li>\n", code(name))
}

fn is_object(schema: &Value) -> bool {
    schema["properties"].is_object()
}

/// Whether this is how a schema made for OpenAPI 3.0 expresses "or null".
fn is_null(schema: &Value) -> bool {
    schema["enum"].as_array().is_some_and(|choices| choices.iter().all(Value::is_null))
}

fn alternatives(schema: &Value) -> Option<(&Vec<Value>, &'static str)> {
    let several = |name: &str| schema[name].as_array();
    several("anyOf")
        .or_else(|| several("oneOf"))
        .map(|several| (several, " or "))
        .or_else(|| several("allOf").map(|all| (all, " and ")))
}

/// For example `, 1 to 120 characters`; empty if there is no bound worth showing.
fn range(schema: &Value, least: &str, most: &str, unit: &str) -> String {
    let bound = |name: &str| schema[name].as_i64();
    match (bound(least).filter(|least| *least != 0), bound(most)) {
        (Some(least), Some(most)) => format!(", {least} to {most}{unit}"),
        (Some(least), None) => format!(", at least {least}{unit}"),
        (None, Some(most)) => format!(", at most {most}{unit}"),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn kinds() {
        let document = json!({ "components": { "schemas": {
            "Thing": { "type": "object", "properties": { "a": {} } },
            "Status": { "type": "string", "enum": ["on", "off"] },
            "Loop": { "type": "array", "items": { "$ref": "#/components/schemas/Loop" } },
        } } });
        let thing = "<a href=\"#type-Thing\">Thing</a>";
        let reference = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
        for (schema, kind) in [
            (json!({ "type": "string", "minLength": 1, "maxLength": 9 }), "text, 1 to 9 characters"),
            (json!({ "type": "string", "format": "date-time" }), "text, date-time"),
            (
                json!({ "type": "integer", "minimum": 0, "maximum": 5, "default": 2 }),
                "integer, at most 5, <code>2</code> unless given",
            ),
            (json!({ "type": "string", "nullable": true, "default": null }), "text or null"),
            (reference("Thing"), thing),
            (reference("Status"), "<code>on</code> | <code>off</code>"),
            (
                json!({ "anyOf": [reference("Thing"), { "enum": [null], "nullable": true }] }),
                &format!("{thing} or null"),
            ),
            (
                json!({ "type": "array", "items": reference("Thing"), "maxItems": 20 }),
                &format!("list of [{thing}], at most 20 items"),
            ),
            (json!({}), "any JSON"),
        ] {
            assert_eq!(Schemas(&document).kind(&schema), kind, "{schema}");
        }
        assert!(Schemas(&document).kind(&reference("Loop")).starts_with("list of [list of"));
    }
}
