//! Sample invocations of endpoints, as API Gateway sends them (HTTP API, payload 2.0). Missing ones are made up; those
//! that are there are people's, and only checked.

use std::{collections::BTreeSet, path::Path};

use contracts::{
    Row,
    row::{Access, Idempotency, Route, StoreScope},
};
use serde_json::{Map, Value, json};

use crate::{
    Result,
    api::{Api, Operation},
    conform, endpoint,
    example::{self, EXAMPLE_ID},
    files,
};

const FOLDER: &str = "events/api";

pub(crate) fn write_missing(root: &Path, api: &Api) -> Result<()> {
    for operation in &api.operations {
        let path = root.join(path(operation.row));
        if files::read(&path)?.is_none() {
            files::write(&path, &files::pretty(&sample(operation, api))?)?;
        }
    }
    Ok(())
}

pub(crate) fn check(root: &Path, api: &Api) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    let mut expected = BTreeSet::new();
    for operation in &api.operations {
        let path = path(operation.row);
        match files::read(&root.join(&path))? {
            None => problems.push(format!("{path}: missing; run scripts/gen")),
            Some(text) => problems.extend(
                wrong(&text, operation, api)
                    .into_iter()
                    .map(|wrong| format!("{path}: {wrong}; correct it, or delete it and run scripts/gen")),
            ),
        }
        expected.insert(operation.row.function.to_owned());
    }
    for name in files::names(&root.join(FOLDER), "json")? {
        if !expected.contains(&name) {
            problems.push(format!("{FOLDER}/{name}.json: no endpoint has that name; delete it"));
        }
    }
    Ok(problems)
}

fn path(row: &Row) -> String {
    format!("{FOLDER}/{}.json", row.function)
}

/// What is wrong with a sample.
fn wrong(text: &str, operation: &Operation, api: &Api) -> Vec<String> {
    let sample: Value = match serde_json::from_str(text) {
        Ok(sample) => sample,
        Err(error) => return vec![error.to_string()],
    };
    let mut wrong = Vec::new();
    let key = endpoint::route_key(operation.route);
    for place in ["/routeKey", "/requestContext/routeKey"] {
        if sample.pointer(place) != Some(&Value::from(key.as_str())) {
            wrong.push(format!("{place} is not {key}"));
        }
    }
    let given = sample["pathParameters"].as_object().cloned().unwrap_or_default();
    let given: BTreeSet<&str> = given.keys().map(String::as_str).collect();
    let expected: BTreeSet<&str> = operation.path.iter().map(|parameter| parameter.name.as_str()).collect();
    if given != expected {
        wrong.push(format!("pathParameters are {given:?}, expected {expected:?}"));
    }
    if let Some(schema) = &operation.body {
        let text = sample["body"].as_str().unwrap_or_default();
        match serde_json::from_str::<Value>(text) {
            Ok(body) => wrong.extend(conform::check(&body, schema, api)),
            Err(error) => wrong.push(format!("body: {error}")),
        }
    }
    wrong
}

fn sample(operation: &Operation, api: &Api) -> Value {
    let route = operation.route;
    let of_parameter = |(name, schema): (&String, &Value)| {
        let value = example::value("", name, schema, api);
        (name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    let path: Map<String, Value> =
        operation.path.iter().map(|p| of_parameter((&p.name, &p.schema))).map(|(n, v)| (n, v.into())).collect();
    let query: Vec<(String, String)> = operation
        .query
        .iter()
        .filter(|parameter| parameter.required || parameter.name == "limit")
        .map(|p| of_parameter((&p.name, &p.schema)))
        .collect();
    let raw_path = path.iter().fold(route.path.to_owned(), |text, (name, value)| {
        text.replace(&format!("{{{name}}}"), value.as_str().unwrap_or_default())
    });
    let raw_query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let mut sample = json!({
        "version": "2.0",
        "routeKey": endpoint::route_key(route),
        "rawPath": raw_path,
        "rawQueryString": raw_query.join("&"),
        "headers": headers(operation),
        "requestContext": context(route, &raw_path),
        "isBase64Encoded": false,
    });
    if !path.is_empty() {
        sample["pathParameters"] = path.into();
    }
    if !query.is_empty() {
        sample["queryStringParameters"] = query.into_iter().map(|(n, v)| (n, Value::from(v))).collect();
    }
    if let Some(schema) = &operation.body {
        sample["body"] = example::value("", example::thing(route.path), schema, api).to_string().into();
    }
    sample
}

fn headers(operation: &Operation) -> Value {
    let route = operation.route;
    let mut headers = json!({
        "accept": "application/json",
        "host": "api.example.com",
        "user-agent": "example/1.0",
        "x-forwarded-for": "192.0.2.10",
        "x-forwarded-port": "443",
        "x-forwarded-proto": "https",
    });
    if matches!(route.access, Access::Needs(_)) {
        headers["authorization"] = "Bearer an-access-token".into();
    }
    if route.store == StoreScope::Required {
        headers["x-store"] = example::SLUG.into();
    }
    if route.idempotency != Idempotency::None {
        headers["idempotency-key"] = "5f0c3d5e-2f7b-4c1e-9a51-0d7a4a1f9b6e".into();
    }
    if operation.body.is_some() {
        headers["content-type"] = "application/json".into();
    }
    headers
}

fn context(route: &Route, raw_path: &str) -> Value {
    let mut context = json!({
        "accountId": "123456789012",
        "apiId": "abcdef1234",
        "domainName": "api.example.com",
        "domainPrefix": "api",
        "http": {
            "method": route.method.name(),
            "path": raw_path,
            "protocol": "HTTP/1.1",
            "sourceIp": "192.0.2.10",
            "userAgent": "example/1.0",
        },
        "requestId": "JKJaXmPLvHcESHA=",
        "routeKey": endpoint::route_key(route),
        "stage": "$default",
        "time": "01/Mar/2026:09:30:00 +0000",
        "timeEpoch": 1_772_357_400_000_u64,
    });
    if let Access::Needs(permission) = route.access
        && let Some(role) = permission.roles().first()
    {
        context["authorizer"] = json!({ "lambda": {
            "tenant": format!("ten_{EXAMPLE_ID}"),
            "account": format!("acc_{EXAMPLE_ID}"),
            "role": role.name(),
            "session": format!("ses_{EXAMPLE_ID}"),
        } });
    }
    context
}

/// Percent-encoded for a query.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{LIST_BOOKS, UPDATE_BOOK};

    fn api() -> Api {
        Api::new(&[&UPDATE_BOOK, &LIST_BOOKS]).unwrap()
    }

    #[test]
    fn a_sample_that_was_made_up_passes_the_check_and_is_not_made_again() {
        let (root, api) = (tempfile::TempDir::new().unwrap(), api());
        assert_eq!(check(root.path(), &api).unwrap().len(), 2, "both are missing");
        write_missing(root.path(), &api).unwrap();
        assert_eq!(check(root.path(), &api).unwrap(), Vec::<String>::new());

        let path = root.path().join(path(&LIST_BOOKS));
        let edited = files::read(&path).unwrap().unwrap().replace("example/1.0", "mine/2.0");
        files::write(&path, &edited).unwrap();
        write_missing(root.path(), &api).unwrap();
        assert_eq!(files::read(&path).unwrap().unwrap(), edited, "what is there is a person's");
    }

    #[test]
    fn a_sample_of_an_endpoint_that_is_gone_is_to_be_deleted() {
        let (root, api) = (tempfile::TempDir::new().unwrap(), api());
        write_missing(root.path(), &api).unwrap();
        files::write(&root.path().join("events/api/books-burn.json"), "{}").unwrap();
        let expected = "events/api/books-burn.json: no endpoint has that name; delete it";
        assert_eq!(check(root.path(), &api).unwrap(), [expected]);
    }

    #[test]
    fn a_sample_that_the_endpoint_would_refuse_is_wrong() {
        let api = api();
        let operation = &api.operations[0];
        let wrong_with = |change: fn(&mut Value)| {
            let mut sample = sample(operation, &api);
            change(&mut sample);
            wrong(&sample.to_string(), operation, &api)
        };
        assert_eq!(wrong_with(|_| {}), Vec::<String>::new());
        assert_eq!(
            wrong_with(|sample| sample["routeKey"] = "GET /".into()),
            ["/routeKey is not PATCH /books/{book_id}"]
        );
        assert_eq!(
            wrong_with(|sample| sample["pathParameters"] = json!({ "id": "1" })),
            [r#"pathParameters are {"id"}, expected {"book_id"}"#]
        );
        for (text, expected) in [
            (r"{}", "body/title is missing"),
            (r#"{ "title": 5 }"#, r#"body/title is not of type "string""#),
            (r#"{ "title": "T", "colour": "red" }"#, "body/colour is unknown"),
        ] {
            let mut sample = sample(operation, &api);
            sample["body"] = text.into();
            assert_eq!(wrong(&sample.to_string(), operation, &api), [expected]);
        }
    }
}
