//! Whether a schema of the API's description still does for clients that were written for an older one.
//!
//! What clients send must still be accepted: nothing is asked of it that was not asked before. What they receive must
//! still have all that they read; more fields and more choices do not hurt them.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Who writes what a schema describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    ByClients,
    ByUs,
}

/// Two descriptions of the API, which references are followed in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Versions<'a> {
    pub(crate) old: &'a Value,
    pub(crate) new: &'a Value,
}

/// What breaks between two schemas, each with its place below `place`.
pub(crate) fn breaks(versions: Versions, place: &str, written: Written, old: &Value, new: &Value) -> Vec<String> {
    let mut comparison = Comparison { versions, written, open: Vec::new(), found: Vec::new() };
    comparison.compare(place, old, new);
    comparison.found
}

/// Follows a reference; anything else is itself.
pub(crate) fn resolve<'a>(description: &'a Value, schema: &'a Value) -> &'a Value {
    let pointer = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| description.pointer(pointer)).unwrap_or(schema)
}

struct Comparison<'a> {
    versions: Versions<'a>,
    written: Written,
    /// References that are being followed, so that a type within itself comes to an end.
    open: Vec<(Value, Value)>,
    found: Vec<String>,
}

impl Comparison<'_> {
    fn breaks(&mut self, place: &str, says: impl std::fmt::Display) {
        self.found.push(format!("{place} {says}"));
    }

    fn compare(&mut self, place: &str, old: &Value, new: &Value) {
        let references = (old["$ref"].clone(), new["$ref"].clone());
        if references.0.is_string() {
            if self.open.contains(&references) {
                return;
            }
            self.open.push(references.clone());
        }
        let (before, after) = (Shape::of(self.versions.old, old), Shape::of(self.versions.new, new));
        match self.written {
            Written::ByClients if before.nullable && !after.nullable => self.breaks(place, "can no longer be null"),
            Written::ByUs if after.nullable && !before.nullable => self.breaks(place, "can be null now"),
            _ => {}
        }
        match (&before.form, &after.form) {
            (Form::Choices(before), Form::Choices(after)) => self.choices(place, before, after),
            (Form::Union(before), Form::Union(after)) => self.union(place, before, after),
            (Form::One(before), Form::One(after)) => self.one(place, before, after),
            (Form::One(before), Form::Choices(_)) if self.written == Written::ByUs && before["type"] == "string" => {}
            (Form::Choices(_), Form::One(after)) if self.written == Written::ByClients && after["type"] == "string" => {
            }
            _ => self.breaks(place, "has another form"),
        }
        if references.0.is_string() {
            self.open.pop();
        }
    }

    fn choices(&mut self, place: &str, before: &BTreeSet<String>, after: &BTreeSet<String>) {
        if self.written == Written::ByClients {
            for gone in before.difference(after) {
                self.breaks(place, format_args!("can no longer be {gone}"));
            }
        }
    }

    fn union(&mut self, place: &str, before: &[&Value], after: &[&Value]) {
        for (index, old) in before.iter().enumerate() {
            let fits = |new: &&Value| breaks(self.versions, place, self.written, old, new).is_empty();
            if !after.iter().any(fits) {
                self.breaks(place, format_args!("no longer has its form {}", index + 1));
            }
        }
    }

    fn one(&mut self, place: &str, old: &Value, new: &Value) {
        if old["type"] != new["type"] {
            return self.breaks(place, format_args!("was of type {}, and is of type {}", old["type"], new["type"]));
        }
        if self.written == Written::ByClients {
            self.narrower(place, old, new);
        }
        self.fields(place, old, new);
        if old["items"].is_object() {
            self.compare(&format!("{place}/items"), &old["items"], &new["items"]);
        }
        if old["additionalProperties"].is_object() {
            self.compare(&format!("{place}/*"), &old["additionalProperties"], &new["additionalProperties"]);
        }
    }

    /// Bounds that were not there, or not as tight.
    fn narrower(&mut self, place: &str, old: &Value, new: &Value) {
        for (least, unless_told) in [("minimum", f64::NEG_INFINITY), ("minLength", 0.0), ("minItems", 0.0)] {
            let number = |schema: &Value| schema[least].as_f64().unwrap_or(unless_told);
            if number(new) > number(old) {
                self.breaks(place, format_args!("has a higher {least}, {}", new[least]));
            }
        }
        for most in ["maximum", "maxLength", "maxItems"] {
            let number = |schema: &Value| schema[most].as_f64().unwrap_or(f64::INFINITY);
            if number(new) < number(old) {
                self.breaks(place, format_args!("has a lower {most}, {}", new[most]));
            }
        }
        for form in ["pattern", "format"] {
            if !new[form].is_null() && new[form] != old[form] {
                self.breaks(place, format_args!("has another {form}, {}", new[form]));
            }
        }
    }

    fn fields(&mut self, place: &str, old: &Value, new: &Value) {
        let none = Map::new();
        let before = old["properties"].as_object().unwrap_or(&none);
        let after = new["properties"].as_object().unwrap_or(&none);
        for (name, old) in before {
            match after.get(name) {
                Some(new) => self.compare(&format!("{place}/{name}"), old, new),
                None => self.breaks(&format!("{place}/{name}"), "is gone"),
            }
        }
        let (was_required, is_required) = (required(old), required(new));
        match self.written {
            Written::ByClients => {
                for name in is_required.difference(&was_required) {
                    self.breaks(&format!("{place}/{name}"), "is required now");
                }
                if new["additionalProperties"] == false && old["additionalProperties"] != false {
                    self.breaks(place, "no longer takes unknown fields");
                }
            }
            Written::ByUs => {
                for name in was_required.difference(&is_required).filter(|name| after.contains_key(**name)) {
                    self.breaks(&format!("{place}/{name}"), "may be absent now");
                }
            }
        }
    }
}

fn required(schema: &Value) -> BTreeSet<&str> {
    schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// A schema without the ways in which the same is written: a description beside a reference takes an `allOf`, and an
/// enum some of whose values are described is a `oneOf`.
struct Shape<'a> {
    nullable: bool,
    form: Form<'a>,
}

enum Form<'a> {
    One(&'a Value),
    Choices(BTreeSet<String>),
    Union(Vec<&'a Value>),
}

impl<'a> Shape<'a> {
    fn of(description: &'a Value, schema: &'a Value) -> Self {
        let schema = resolve(description, schema);
        let nullable = schema["nullable"] == true;
        if let Some([only]) = schema["allOf"].as_array().map(Vec::as_slice) {
            let inner = Self::of(description, only);
            return Self { nullable: nullable || inner.nullable, form: inner.form };
        }
        let alternatives = schema["anyOf"].as_array().or(schema["oneOf"].as_array());
        let Some(alternatives) = alternatives else {
            let form = choices(schema).map_or(Form::One(schema), Form::Choices);
            return Self { nullable, form };
        };
        let (null, real): (Vec<_>, Vec<_>) = alternatives
            .iter()
            .partition(|one| one["enum"].as_array().is_some_and(|values| values.iter().all(Value::is_null)));
        let nullable = nullable || !null.is_empty();
        if let [only] = real[..] {
            let inner = Self::of(description, only);
            return Self { nullable: nullable || inner.nullable, form: inner.form };
        }
        let all: Option<Vec<_>> = real.iter().map(|one| choices(resolve(description, one))).collect();
        let form = all.map_or(Form::Union(real), |all| Form::Choices(all.into_iter().flatten().collect()));
        Self { nullable, form }
    }
}

fn choices(schema: &Value) -> Option<BTreeSet<String>> {
    let values = schema["enum"].as_array()?;
    Some(values.iter().filter(|value| !value.is_null()).map(Value::to_string).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn compared(written: Written, old: Value, new: Value) -> Vec<String> {
        let none = json!({});
        breaks(Versions { old: &none, new: &none }, "body", written, &old, &new)
    }

    /// What breaks when clients write it, and when we do.
    fn both(old: &Value, new: &Value) -> [Vec<String>; 2] {
        [Written::ByClients, Written::ByUs].map(|written| compared(written, old.clone(), new.clone()))
    }

    fn object(properties: Value, required: &[&str]) -> Value {
        json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
    }

    const NOTHING: [&str; 0] = [];

    #[test]
    fn a_new_field_hurts_only_where_it_is_asked_for() {
        let (old, field) = (object(json!({}), &[]), json!({ "note": { "type": "string" } }));
        assert_eq!(both(&old, &object(field.clone(), &[])), [NOTHING; 2]);
        let [sent, received] = both(&old, &object(field, &["note"]));
        assert_eq!(sent, ["body/note is required now"]);
        assert_eq!(received, NOTHING);
    }

    #[test]
    fn a_field_that_is_gone_hurts_both() {
        let old = object(json!({ "note": { "type": "string" } }), &[]);
        let gone = vec!["body/note is gone".to_owned()];
        assert_eq!(both(&old, &object(json!({}), &[])), [gone.clone(), gone]);
    }

    #[test]
    fn a_field_that_may_be_absent_hurts_who_reads_it() {
        let field = json!({ "note": { "type": "string" } });
        let [sent, received] = both(&object(field.clone(), &["note"]), &object(field, &[]));
        assert_eq!(sent, NOTHING);
        assert_eq!(received, ["body/note may be absent now"]);
    }

    #[test]
    fn null_hurts_who_has_to_read_it() {
        let (plain, nullable) = (json!({ "type": "string" }), json!({ "type": "string", "nullable": true }));
        assert_eq!(both(&plain, &nullable), [vec![], vec!["body can be null now".to_owned()]]);
        assert_eq!(both(&nullable, &plain), [vec!["body can no longer be null".to_owned()], vec![]]);
    }

    #[test]
    fn a_choice_that_is_gone_hurts_who_sends_it_and_a_new_one_nobody() {
        let (old, new) =
            (json!({ "type": "string", "enum": ["a", "b"] }), json!({ "type": "string", "enum": ["a", "c"] }));
        assert_eq!(both(&old, &new), [vec![r#"body can no longer be "b""#.to_owned()], vec![]]);
        let (text, choices) = (json!({ "type": "string" }), json!({ "type": "string", "enum": ["a"] }));
        assert_eq!(both(&text, &choices), [vec!["body has another form".to_owned()], vec![]]);
        assert_eq!(both(&choices, &text), [vec![], vec!["body has another form".to_owned()]]);
    }

    #[test]
    fn describing_a_choice_or_a_field_changes_nothing() {
        let enums = json!({ "type": "string", "enum": ["a", "b"] });
        let described = json!({ "oneOf": [
            { "type": "string", "enum": ["b"] },
            { "type": "string", "enum": ["a"], "description": "The first." },
        ] });
        assert_eq!(both(&enums, &described), [NOTHING; 2]);
        assert_eq!(both(&described, &enums), [NOTHING; 2]);
        let wrapped = json!({ "allOf": [enums.clone()], "description": "Which." });
        assert_eq!(both(&enums, &wrapped), [NOTHING; 2]);
        let optional = json!({ "anyOf": [enums.clone(), { "enum": [null], "nullable": true }] });
        assert_eq!(compared(Written::ByClients, enums, optional), NOTHING);
    }

    #[test]
    fn tighter_bounds_hurt_who_sends() {
        for (old, new, expected) in [
            (json!({ "minLength": 1 }), json!({ "minLength": 2 }), "body has a higher minLength, 2"),
            (json!({}), json!({ "minItems": 1 }), "body has a higher minItems, 1"),
            (json!({}), json!({ "minimum": 0 }), "body has a higher minimum, 0"),
            (json!({ "maximum": 9 }), json!({ "maximum": 8 }), "body has a lower maximum, 8"),
            (json!({}), json!({ "maxLength": 5 }), "body has a lower maxLength, 5"),
            (json!({ "pattern": "a" }), json!({ "pattern": "b" }), r#"body has another pattern, "b""#),
            (json!({}), json!({ "format": "uuid" }), r#"body has another format, "uuid""#),
        ] {
            assert_eq!(both(&old, &new), [vec![expected.to_owned()], vec![]], "{old} -> {new}");
        }
        assert_eq!(both(&json!({}), &json!({ "minLength": 0 })), [NOTHING; 2]);
        assert_eq!(both(&json!({ "maximum": 8, "pattern": "a" }), &json!({ "maximum": 9 })), [NOTHING; 2]);
    }

    #[test]
    fn another_type_hurts_both_however_deep() {
        let nested = |kind: &str| json!({ "type": "array", "items": object(json!({ "n": { "type": kind } }), &[]) });
        let expected = vec![r#"body/items/n was of type "integer", and is of type "string""#.to_owned()];
        assert_eq!(both(&nested("integer"), &nested("string")), [expected.clone(), expected]);
    }

    #[test]
    fn a_union_keeps_its_forms() {
        let form = |kind: &str, field: &str| {
            object(
                json!({ "kind": { "type": "string", "enum": [kind] }, field: { "type": "integer" } }),
                &["kind", field],
            )
        };
        let old = json!({ "oneOf": [form("fixed", "amount"), form("percentage", "rate")] });
        let more = json!({ "oneOf": [form("percentage", "rate"), form("free", "days"), form("fixed", "amount")] });
        assert_eq!(both(&old, &more), [NOTHING; 2]);
        let renamed = json!({ "oneOf": [form("fixed", "amount"), form("percentage", "points")] });
        let gone = vec!["body no longer has its form 2".to_owned()];
        assert_eq!(both(&old, &renamed), [gone.clone(), gone]);
    }

    #[test]
    fn references_are_followed_in_their_own_description_and_may_come_back() {
        let description = |kind: &str| {
            let category = json!({ "type": "object", "properties": {
                "name": { "type": kind }, "parent": { "$ref": "#/components/schemas/Category" } } });
            json!({ "components": { "schemas": { "Category": category } } })
        };
        let (old, new) = (description("string"), description("integer"));
        let schema = json!({ "$ref": "#/components/schemas/Category" });
        let found = breaks(Versions { old: &old, new: &new }, "body", Written::ByUs, &schema, &schema);
        assert_eq!(found, [r#"body/name was of type "string", and is of type "integer""#]);
    }
}
