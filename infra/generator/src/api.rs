//! The API's types as JSON Schema: every endpoint's parameters, body and reply, and the components they refer to.
//!
//! Bodies are described as they are read and replies as they are written: a field with a default may be left out of
//! a body, but is always in a reply.

use std::collections::{BTreeMap, BTreeSet};

use contracts::{Row, http::Problem, row::Route};
use schemars::{
    generate::{SchemaGenerator, SchemaSettings},
    transform::RecursiveTransform,
};
use serde_json::{Map, Value, json};

use crate::{Result, endpoint, enums::plain_enum};

const REFERENCE: &str = "#/components/schemas/";

type Components = Map<String, Value>;

/// A path or query parameter.
#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) required: bool,
    pub(crate) schema: Value,
}

#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) row: &'static Row,
    pub(crate) route: &'static Route,
    pub(crate) path: Vec<Parameter>,
    pub(crate) query: Vec<Parameter>,
    pub(crate) body: Option<Value>,
    pub(crate) reply: Option<Value>,
}

#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) operations: Vec<Operation>,
    pub(crate) components: Components,
    pub(crate) problem: Value,
}

impl Api {
    /// Of those rows that are endpoints.
    pub(crate) fn new(rows: &[&'static Row]) -> Result<Self> {
        let endpoints: Vec<_> = rows.iter().filter_map(|row| Some((*row, row.route()?))).collect();
        let mut reading = SchemaSettings::openapi3()
            .with_transform(RecursiveTransform(plain_enum))
            .for_deserialize()
            .into_generator();
        let mut writing =
            SchemaSettings::openapi3().with_transform(RecursiveTransform(plain_enum)).for_serialize().into_generator();
        let read: Vec<_> = endpoints.iter().map(|(_, route)| (route.schemas)(&mut reading)).collect();
        let written: Vec<_> = endpoints.iter().map(|(_, route)| (route.schemas)(&mut writing)).collect();
        let problem = writing.subschema_for::<Problem>().to_value();
        let (read_components, _) = definitions(&mut reading);
        let (written_components, pages) = definitions(&mut writing);

        let mut operations = Vec::new();
        for (((row, route), read), written) in endpoints.into_iter().zip(read).zip(written) {
            operations.push(Operation {
                row,
                route,
                path: path_parameters(row, route, &read.path.to_value(), &read_components)?,
                query: parameters(&read.query.to_value(), &read_components, false),
                body: content(read.body.to_value(), &read_components),
                reply: content(with_names(written.reply.to_value(), &pages), &written_components),
            });
        }
        let mut api = Self { operations, components: Components::new(), problem };
        api.gather(read_components, written_components)?;
        api.unique_routes()?;
        api.nothing_dangles()?;
        Ok(api)
    }

    /// Follows a reference; anything else is itself.
    pub(crate) fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        resolve(schema, &self.components)
    }

    /// Joins what is read and what is written under one set of names, without what nothing refers to.
    fn gather(&mut self, read: Components, written: Components) -> Result<()> {
        let inputs = self.operations.iter().flat_map(|operation| {
            operation.path.iter().chain(&operation.query).map(|parameter| &parameter.schema).chain(&operation.body)
        });
        let read = reachable(inputs, &read);
        let outputs = self.operations.iter().filter_map(|operation| operation.reply.as_ref()).chain([&self.problem]);
        let written = reachable(outputs, &written);

        let different = different(&read, &written);
        let names: Names = different.iter().map(|name| (name.clone(), format!("{name}Input"))).collect();
        let read = renamed(read, &names);
        for operation in &mut self.operations {
            let parameters =
                operation.path.iter_mut().chain(&mut operation.query).map(|parameter| &mut parameter.schema);
            parameters.chain(&mut operation.body).for_each(|schema| rename(schema, &names));
        }
        for (name, schema) in written.into_iter().chain(read) {
            if self.components.get(&name).is_some_and(|there| *there != schema) {
                return Err(format!("two types are both called {name}: rename one"));
            }
            self.components.insert(name, schema);
        }
        Ok(())
    }

    fn nothing_dangles(&self) -> Result<()> {
        let mut used = BTreeSet::new();
        self.components.values().chain([&self.problem]).for_each(|schema| references(schema, &mut used));
        for operation in &self.operations {
            let parameters = operation.path.iter().chain(&operation.query).map(|parameter| &parameter.schema);
            parameters.chain(&operation.body).chain(&operation.reply).for_each(|schema| references(schema, &mut used));
        }
        used.iter()
            .find(|name| !self.components.contains_key(*name))
            .map_or(Ok(()), |name| Err(format!("no schema is called {name}")))
    }

    fn unique_routes(&self) -> Result<()> {
        let mut seen = BTreeSet::new();
        for operation in &self.operations {
            let key = endpoint::route_key(operation.route);
            if !seen.insert(key.clone()) {
                return Err(format!("{}: {key} is in the table twice", operation.row.function));
            }
        }
        Ok(())
    }
}

type Names = BTreeMap<String, String>;

/// What was referred to so far, and which of it now has another name.
fn definitions(generator: &mut SchemaGenerator) -> (Components, Names) {
    let components = generator.take_definitions(true);
    let names = page_names(&components);
    let mut components = renamed(components, &names);
    components.values_mut().for_each(times);
    (components, names)
}

/// Generic pages come out as `Page`, `Page2`, …, whichever is met first; here they are called by what is on them.
fn page_names(components: &Components) -> Names {
    let mut names = BTreeMap::new();
    for (name, schema) in components {
        let numbered = name.strip_prefix("Page").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
        let item = schema.pointer("/properties/items/items/$ref").and_then(target);
        if let (true, Some(item)) = (numbered, item) {
            names.insert(name.clone(), format!("{item}Page"));
        }
    }
    names
}

/// RFC 3339 times are texts to Rust; their names tell.
pub(crate) fn times(schema: &mut Value) {
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        for (name, property) in properties {
            let is_text = property["type"] == "string" || property["type"] == json!(["string", "null"]);
            if is_text && (name == "time" || name == "at" || name.ends_with("_at")) && property.get("format").is_none()
            {
                property["format"] = "date-time".into();
            }
            times(property);
        }
    }
    if let Some(items) = schema.get_mut("items") {
        times(items);
    }
}

fn target(reference: &Value) -> Option<&str> {
    reference.as_str()?.strip_prefix(REFERENCE)
}

fn resolve<'a>(schema: &'a Value, components: &'a Components) -> &'a Value {
    schema.get("$ref").and_then(target).and_then(|name| components.get(name)).unwrap_or(schema)
}

/// A body or reply, or `None` where it is `Nothing`. `true` is any JSON, which OpenAPI 3.0 writes `{}`.
fn content(schema: Value, components: &Components) -> Option<Value> {
    let resolved = resolve(&schema, components);
    let is_nothing = resolved["type"] == "object"
        && resolved["additionalProperties"] == false
        && resolved.get("properties").is_none_or(|properties| properties.as_object().is_some_and(Map::is_empty));
    if is_nothing {
        return None;
    }
    Some(if schema.is_boolean() { json!({}) } else { schema })
}

fn path_parameters(row: &Row, route: &Route, schema: &Value, components: &Components) -> Result<Vec<Parameter>> {
    let parameters = parameters(schema, components, true);
    let in_type: BTreeSet<&str> = parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    let in_path: BTreeSet<&str> =
        route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
    if in_type == in_path {
        Ok(parameters)
    } else {
        Err(format!("{}: the path has {in_path:?}, its type {in_type:?}", row.function))
    }
}

fn parameters(schema: &Value, components: &Components, in_path: bool) -> Vec<Parameter> {
    let schema = resolve(schema, components);
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let properties = schema["properties"].as_object().cloned().unwrap_or_default();
    properties
        .into_iter()
        .map(|(name, schema)| Parameter {
            required: in_path || required.contains(&Value::from(name.as_str())),
            schema: present(schema),
            name,
        })
        .collect()
}

/// A parameter is there or not, but never null.
fn present(mut schema: Value) -> Value {
    if schema["default"].is_null()
        && let Some(map) = schema.as_object_mut()
    {
        map.remove("default");
        map.remove("nullable");
    }
    let alternatives = schema["anyOf"].as_array().cloned().unwrap_or_default();
    let mut real = alternatives.into_iter().filter(|alternative| alternative["enum"] != json!([null]));
    if let (Some(only), None) = (real.next(), real.next()) {
        let description = schema["description"].clone();
        schema = only;
        // Beside a `$ref` nothing counts, so that the description goes to the parameter through `allOf`.
        if !description.is_null() {
            schema = json!({ "allOf": [schema], "description": description });
        }
    }
    schema
}

fn references(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(map) => {
            found.extend(map.get("$ref").and_then(target).map(str::to_owned));
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

fn reachable<'a>(roots: impl Iterator<Item = &'a Value>, components: &Components) -> Components {
    let mut open = BTreeSet::new();
    roots.for_each(|root| references(root, &mut open));
    let mut reached = Components::new();
    while let Some(name) = open.pop_first() {
        if let Some(schema) = components.get(&name)
            && !reached.contains_key(&name)
        {
            references(schema, &mut open);
            reached.insert(name, schema.clone());
        }
    }
    reached
}

/// Names on both sides that do not mean the same, by themselves or by what they refer to.
fn different(read: &Components, written: &Components) -> BTreeSet<String> {
    let mut different: BTreeSet<String> = BTreeSet::new();
    loop {
        let known = different.len();
        for (name, schema) in read {
            let mut uses = BTreeSet::new();
            references(schema, &mut uses);
            let other = written.get(name);
            if other.is_some_and(|other| other != schema || uses.iter().any(|used| different.contains(used))) {
                different.insert(name.clone());
            }
        }
        if different.len() == known {
            return different;
        }
    }
}

fn renamed(components: Components, names: &Names) -> Components {
    let rename_one = |(name, mut schema): (String, Value)| {
        rename(&mut schema, names);
        (names.get(&name).cloned().unwrap_or(name), schema)
    };
    components.into_iter().map(rename_one).collect()
}

fn with_names(mut schema: Value, names: &Names) -> Value {
    rename(&mut schema, names);
    schema
}

fn rename(schema: &mut Value, names: &Names) {
    match schema {
        Value::Object(map) => {
            if let Some(name) = map.get("$ref").and_then(target).and_then(|name| names.get(name)) {
                map.insert("$ref".to_owned(), format!("{REFERENCE}{name}").into());
            }
            map.values_mut().for_each(|value| rename(value, names));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, names)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{LIST_BOOKS, LIST_ROUTE, UPDATE_BOOK, UPDATE_ROUTE, routed};

    fn refused(row: Row) -> String {
        Api::new(&[&UPDATE_BOOK, Box::leak(Box::new(row))]).unwrap_err()
    }

    #[test]
    fn a_route_is_one_endpoints() {
        let row = Row { function: "books-change", ..UPDATE_BOOK };
        assert_eq!(refused(row), "books-change: PATCH /books/{book_id} is in the table twice");
    }

    #[test]
    fn a_path_names_the_fields_of_its_type() {
        let row = routed(UPDATE_BOOK, Route { path: "/books/{id}", ..UPDATE_ROUTE });
        assert_eq!(refused(row), r#"books-update: the path has {"id"}, its type {"book_id"}"#);
        let row = routed(LIST_BOOKS, Route { path: "/books/{id}", ..LIST_ROUTE });
        assert!(refused(row).starts_with("books-list: the path has"));
    }
}
