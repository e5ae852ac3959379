//! The API's description, OpenAPI 3.0.3. End-to-end tests are made from it, so it says nothing that does not hold.

use contracts::row::{Access, Idempotency, Method, StoreScope};
use serde_json::{Map, Value, json};

use crate::{
    Result,
    api::{Api, Operation, Parameter},
    problem_responses::{self, Responses},
};

const STORE_PARAMETER: &str = "#/components/parameters/Store";

pub(crate) fn document(api: &Api) -> Result<Value> {
    let mut paths: Map<String, Value> = Map::new();
    let mut tags: Vec<&str> = Vec::new();
    let mut responses = Responses::default();
    for operation in &api.operations {
        let route = operation.route;
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.name().to_ascii_lowercase()] = described(operation, api, &mut responses)?;
        let service = operation.row.service();
        if !tags.contains(&service) {
            tags.push(service);
        }
    }
    let mut schemas = api.components.clone();
    schemas.extend([problem_responses::gateway_message()]);
    let tags: Vec<Value> = tags.into_iter().map(|tag| json!({ "name": tag })).collect();
    Ok(json!({
        "openapi": "3.0.3",
        "info": {
            "title": "SellEasi",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "A multi-tenant commerce backend. Money is an integer in the currency's minor unit; times are RFC 3339, UTC; texts are stored composed (NFC) and without white space around them, and an optional text that is empty is one that was not given; errors are RFC 9457 problems with a stable `code`, of which each operation lists its own; `errors` names wrong fields. Clients have rate limits: replies say in `RateLimit-Policy` and `RateLimit` how many requests of a class a minute allows and how many are left, and 429 `rate_limited` says in `Retry-After` how long to wait.",
            "license": { "name": env!("CARGO_PKG_LICENSE") },
        },
        "servers": [{ "url": "/" }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas,
            "parameters": { "Store": store_parameter() },
            "responses": responses.into_components(),
            "securitySchemes": { "bearer": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "An access token, as signing in gives it. Guests have one too.",
            } },
        },
    }))
}

fn described(operation: &Operation, api: &Api, shared: &mut Responses) -> Result<Value> {
    let (row, route) = (operation.row, operation.route);
    let (summary, rest) = row.doc.trim().split_once('\n').unwrap_or((row.doc.trim(), ""));
    let security = match route.access {
        Access::Needs(_) => json!([{ "bearer": [] }]),
        Access::PublicOrToken => json!([{}, { "bearer": [] }]),
        Access::Public => json!([]),
    };
    let mut responses = shared.of(row, api);
    responses.insert(route.status.to_string(), good_response(operation, api));
    let mut described = json!({
        "operationId": row.function,
        "tags": [row.service()],
        "summary": summary.trim(),
        "security": security,
        "responses": responses,
        "x-selleasi": extension(operation),
    });
    let description = paragraphs(rest);
    if !description.is_empty() {
        described["description"] = description.into();
    }
    let parameters = parameters(operation);
    if !parameters.is_empty() {
        described["parameters"] = parameters.into();
    }
    if let Some(body) = &operation.body {
        if route.method == Method::Get {
            return Err(format!("{}: a GET has no body", row.function));
        }
        // Where every field may be left out, so may the body.
        let required = api.resolve(body)["required"].as_array().is_some_and(|required| !required.is_empty());
        described["requestBody"] =
            json!({ "required": required, "content": { "application/json": { "schema": body } } });
    }
    Ok(described)
}

/// Lines of a doc comment as text: joined within paragraphs.
fn paragraphs(doc: &str) -> String {
    let lines: Vec<&str> = doc.lines().map(str::trim).collect();
    let paragraphs: Vec<String> =
        lines.split(|line| line.is_empty()).filter(|lines| !lines.is_empty()).map(|lines| lines.join(" ")).collect();
    paragraphs.join("\n\n")
}

fn extension(operation: &Operation) -> Value {
    let route = operation.route;
    let (access, roles) = match route.access {
        Access::Public | Access::PublicOrToken => ("public", Vec::new()),
        Access::Needs(permission) => (permission.name(), permission.roles().iter().map(|role| role.name()).collect()),
    };
    let idempotency = match route.idempotency {
        Idempotency::None => "none",
        Idempotency::Accepted => "accepted",
        Idempotency::Required => "required",
    };
    json!({
        "access": access,
        "roles": roles,
        "store": route.store == StoreScope::Required,
        "idempotency": idempotency,
    })
}

fn parameters(operation: &Operation) -> Vec<Value> {
    let route = operation.route;
    let mut parameters: Vec<Value> = operation.path.iter().map(|parameter| written(parameter, "path")).collect();
    parameters.extend(operation.query.iter().map(|parameter| written(parameter, "query")));
    if route.store != StoreScope::None {
        parameters.push(json!({ "$ref": STORE_PARAMETER }));
    }
    if route.idempotency != Idempotency::None {
        parameters.push(json!({
            "name": "Idempotency-Key",
            "in": "header",
            "required": route.idempotency == Idempotency::Required,
            "description": "Made up by the client, one for each thing it wants done. The same key and request again get the first answer again, for 24 hours.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 255 },
        }));
    }
    if takes_if_match(route.method) {
        parameters.push(json!({
            "name": "If-Match",
            "in": "header",
            "required": false,
            "description": "An `ETag`: nothing is done (412) where the resource has changed since.",
            "schema": { "type": "string" },
        }));
    }
    parameters
}

fn takes_if_match(method: Method) -> bool {
    matches!(method, Method::Patch | Method::Delete)
}

fn written(parameter: &Parameter, place: &str) -> Value {
    let mut schema = parameter.schema.clone();
    let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
    // What was `{allOf: [x], description}` needs no wrapping without the description.
    if let Some([only]) = schema.get("allOf").and_then(Value::as_array).map(Vec::as_slice) {
        schema = only.clone();
    }
    let mut written = json!({ "name": parameter.name, "in": place, "required": parameter.required, "schema": schema });
    if let Some(description) = description {
        written["description"] = description;
    }
    written
}

fn store_parameter() -> Value {
    json!({
        "name": "X-Store",
        "in": "header",
        "required": false,
        "description": "The store, by slug or id. Not needed where the host name tells (`<slug>.<domain>`), nor for a tenant's team while the tenant has one store.",
        "schema": { "type": "string" },
    })
}

fn good_response(operation: &Operation, api: &Api) -> Value {
    let mut good = json!({ "description": if operation.reply.is_some() { "Done." } else { "Done; no content." } });
    if let Some(reply) = &operation.reply {
        let resolved = api.resolve(reply);
        let media_type = if resolved["type"] == "string" { "text/html" } else { "application/json" };
        good["content"] = json!({ media_type: { "schema": reply } });
        // What has a version is one resource.
        if resolved.pointer("/properties/version").is_some() {
            good["headers"] = json!({ "ETag": {
                "description": "The version, to give as `If-Match`.",
                "schema": { "type": "string" },
            } });
        }
    }
    good
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::row::Route;

    use crate::fixtures::{LIST_BOOKS, LIST_ROUTE, UPDATE_BOOK, UPDATE_ROUTE, routed};

    fn generated() -> Value {
        document(&Api::new(&[&UPDATE_BOOK, &LIST_BOOKS]).unwrap()).unwrap()
    }

    fn names(parameters: &Value) -> Vec<&str> {
        let names = parameters.as_array().unwrap().iter().map(|one| one["name"].as_str().or(one["$ref"].as_str()));
        names.map(Option::unwrap).collect()
    }

    #[test]
    fn an_operation_says_who_may_what_with_which_parts() {
        let document = generated();
        let operation = &document["paths"]["/books/{book_id}"]["patch"];
        assert_eq!(operation["operationId"], "books-update");
        assert_eq!(operation["summary"], "Changes a book.");
        assert_eq!(operation["description"], "What is not given stays.", "a paragraph is one line");
        assert_eq!(operation["security"], json!([{ "bearer": [] }]));
        assert_eq!(operation["x-selleasi"]["access"], "products:write");
        assert_eq!(
            names(&operation["parameters"]),
            ["book_id", "#/components/parameters/Store", "Idempotency-Key", "If-Match"]
        );
        let body = &operation["requestBody"];
        assert_eq!(body["required"], true, "it has a required field");
        assert_eq!(body["content"]["application/json"]["schema"]["$ref"], "#/components/schemas/BookChange");
        let good = &operation["responses"]["200"];
        assert_eq!(good["content"]["application/json"]["schema"]["$ref"], "#/components/schemas/Book");
        assert!(good["headers"]["ETag"].is_object(), "what has a version has an ETag");
        let statuses: Vec<&String> = operation["responses"].as_object().unwrap().keys().collect();
        let expected = ["200", "400", "401", "403", "404", "409", "412", "413", "415", "422", "429", "500", "503"];
        assert_eq!(statuses, expected);
    }

    #[test]
    fn a_public_read_asks_for_nothing() {
        let document = generated();
        let operation = &document["paths"]["/books"]["get"];
        assert_eq!(operation["security"], json!([]));
        assert_eq!(operation["x-selleasi"]["access"], "public");
        assert_eq!(names(&operation["parameters"]), ["cursor", "limit"]);
        assert!(operation["parameters"].as_array().unwrap().iter().all(|parameter| parameter["required"] == false));
        assert!(operation.get("requestBody").is_none());
        let statuses: Vec<&String> = operation["responses"].as_object().unwrap().keys().collect();
        assert_eq!(statuses, ["200", "400", "413", "429", "500", "503"]);
    }

    #[test]
    fn a_token_is_optional_where_the_row_says_so() {
        let row = routed(LIST_BOOKS, Route { access: Access::PublicOrToken, ..LIST_ROUTE });
        let document = document(&Api::new(&[Box::leak(Box::new(row))]).unwrap()).unwrap();
        let operation = &document["paths"]["/books"]["get"];
        assert_eq!(operation["security"], json!([{}, { "bearer": [] }]));
        assert_eq!(operation["x-selleasi"]["access"], "public", "nobody needs a token");
    }

    #[test]
    fn bodies_are_described_as_read_and_replies_as_written() {
        let schemas = generated()["components"]["schemas"].clone();
        assert_eq!(schemas["BookChange"]["required"], json!(["title"]));
        assert_eq!(schemas["BookChange"]["additionalProperties"], false);
        assert_eq!(schemas["Book"]["required"], json!(["id", "title", "shelf", "version", "created_at"]));
        assert_eq!(schemas["Book"]["properties"]["created_at"]["format"], "date-time", "by its name");
    }

    #[test]
    fn a_get_with_a_body_is_refused() {
        let row = routed(UPDATE_BOOK, Route { method: Method::Get, ..UPDATE_ROUTE });
        let api = Api::new(&[Box::leak(Box::new(row))]).unwrap();
        assert_eq!(document(&api).unwrap_err(), "books-update: a GET has no body");
    }
}
