//! The API's description, OpenAPI 3.0.3. End-to-end tests are made from it, so it says nothing that does not hold.

use contracts::{
    Spec,
    table::{Access, Grant, Idempotency, Method, StoreScope},
};
use serde_json::{Map, Value, json};

use crate::{
    Result,
    api::{Api, Operation, Parameter},
};

const STORE_PARAMETER: &str = "#/components/parameters/Store";
const PROBLEM_RESPONSE: &str = "#/components/responses/Problem";

pub(crate) fn document(api: &Api) -> Result<Value> {
    let mut paths: Map<String, Value> = Map::new();
    let mut tags: Vec<&str> = Vec::new();
    for operation in &api.operations {
        let spec = operation.spec;
        let path = paths.entry(spec.path).or_insert_with(|| json!({}));
        path[spec.method.name().to_ascii_lowercase()] = described(operation, api)?;
        if !tags.contains(&spec.service()) {
            tags.push(spec.service());
        }
    }
    let tags: Vec<Value> = tags.into_iter().map(|tag| json!({ "name": tag })).collect();
    Ok(json!({
        "openapi": "3.0.3",
        "info": {
            "title": "SellEasi",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "A multi-tenant commerce backend. Money is an integer in the currency's minor unit; times are RFC 3339, UTC; errors are RFC 9457 problems with a stable `code`.",
            "license": { "name": env!("CARGO_PKG_LICENSE") },
        },
        "servers": [{ "url": "/" }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": api.components,
            "parameters": { "Store": store_parameter() },
            "responses": { "Problem": problem_response(api) },
            "securitySchemes": { "bearer": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "An access token, as signing in gives it. Guests have one too.",
            } },
        },
    }))
}

fn described(operation: &Operation, api: &Api) -> Result<Value> {
    let spec = operation.spec;
    let (summary, rest) = spec.doc.trim().split_once('\n').unwrap_or((spec.doc.trim(), ""));
    let security = match spec.access {
        Access::Needs(_) => json!([{ "bearer": [] }]),
        // `runtime` reads a token if there is one.
        Access::Public if reads_token(spec) => json!([{}, { "bearer": [] }]),
        Access::Public => json!([]),
    };
    let mut described = json!({
        "operationId": spec.function,
        "tags": [spec.service()],
        "summary": summary.trim(),
        "security": security,
        "responses": responses(operation, api),
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
        if spec.method == Method::Get {
            return Err(format!("{}: a GET has no body", spec.function));
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
    let spec = operation.spec;
    let (access, roles) = match spec.access {
        Access::Public => ("public", Vec::new()),
        Access::Needs(permission) => (permission.name(), permission.roles().iter().map(|role| role.name()).collect()),
    };
    let idempotency = match spec.idempotency {
        Idempotency::None => "none",
        Idempotency::Accepted => "accepted",
        Idempotency::Required => "required",
    };
    json!({
        "access": access,
        "roles": roles,
        "store": spec.store == StoreScope::Required,
        "idempotency": idempotency,
    })
}

fn parameters(operation: &Operation) -> Vec<Value> {
    let spec = operation.spec;
    let mut parameters: Vec<Value> = operation.path.iter().map(|parameter| written(parameter, "path")).collect();
    parameters.extend(operation.query.iter().map(|parameter| written(parameter, "query")));
    if spec.store != StoreScope::None {
        parameters.push(json!({ "$ref": STORE_PARAMETER }));
    }
    if spec.idempotency != Idempotency::None {
        parameters.push(json!({
            "name": "Idempotency-Key",
            "in": "header",
            "required": spec.idempotency == Idempotency::Required,
            "description": "Made up by the client, one for each thing it wants done. The same key and request again get the first answer again, for 24 hours.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 255 },
        }));
    }
    if takes_if_match(spec.method) {
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

/// A public endpoint that holds the keys of tokens serves those who have one better.
fn reads_token(spec: &Spec) -> bool {
    spec.grants.contains(&Grant::TokenKeys)
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

/// API Gateway answers in its own form, which cannot be changed: where there is no token that holds (401, 403), beyond
/// its own limits (413, 429) and when a function is away (500, 503).
fn problem_response(api: &Api) -> Value {
    let gateways = json!({
        "type": "object",
        "properties": { "message": { "type": "string" } },
        "required": ["message"],
    });
    json!({
        "description": "What went wrong. `code` is stable; `errors` names wrong fields. API Gateway's own answers (no token that holds, too many requests, too large) have a `message` only.",
        "content": {
            "application/problem+json": { "schema": api.problem },
            "application/json": { "schema": gateways },
        },
    })
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

fn responses(operation: &Operation, api: &Api) -> Value {
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
    let mut responses = json!({ operation.spec.status.to_string(): good });
    for status in problems(operation) {
        responses[status.to_string()] = json!({ "$ref": PROBLEM_RESPONSE });
    }
    responses
}

/// Statuses other than the good one.
fn problems(operation: &Operation) -> Vec<u16> {
    let spec = operation.spec;
    let (private, writes) = (spec.access != Access::Public, spec.method != Method::Get);
    let (keyed, stored) = (spec.idempotency != Idempotency::None, spec.store == StoreScope::Required);
    let has_body = operation.body.is_some();
    let rows = [
        // Malformed JSON, query, cursor or header.
        (400, writes || stored || !operation.query.is_empty()),
        // No token that holds; in public writes, wrong credentials or a wrong signature.
        (401, private || writes || reads_token(spec)),
        // The role lacks the permission, or the store is another tenant's.
        (403, private || writes || (stored && reads_token(spec))),
        (404, stored || !operation.path.is_empty() || (writes && !private)),
        // The state does not allow it, or the same request is under way.
        (409, writes),
        (412, takes_if_match(spec.method)),
        (413, writes),
        (415, has_body),
        // A rule is broken, or a key was used for another request.
        (422, has_body || keyed),
        (429, true),
        (500, true),
        (503, true),
    ];
    rows.into_iter().filter_map(|(status, can_occur)| can_occur.then_some(status)).collect()
}
