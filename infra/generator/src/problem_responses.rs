//! How the API's description says what else than the good answer may come: for each status the codes of problems, with
//! what they mean. Endpoints that may have the same refer to the same.

use std::collections::BTreeMap;

use contracts::{Row, problems::Code};
use serde_json::{Map, Value, json};

use crate::api::Api;

/// API Gateway answers in its own form, which cannot be changed: where there is no token at all (401), beyond its own
/// limits (413, 429) and when a function is away (500, 503).
const GATEWAYS: [u16; 5] = [401, 413, 429, 500, 503];
/// Those that may come from any endpoint.
const GATEWAYS_ALWAYS: [u16; 3] = [429, 500, 503];
/// The schema of its form.
const GATEWAY_MESSAGE: &str = "GatewayMessage";

/// Responses by name, as they are gathered.
#[derive(Debug, Default)]
pub(crate) struct Responses(Map<String, Value>);

impl Responses {
    /// References to an endpoint's responses, by status.
    pub(crate) fn of(&mut self, row: &Row, api: &Api) -> Map<String, Value> {
        let mut by_status: BTreeMap<u16, Vec<&Code>> = GATEWAYS_ALWAYS.map(|status| (status, vec![])).into();
        for code in row.problems() {
            by_status.entry(code.status).or_default().push(code);
        }
        let reference = |(status, codes): (u16, Vec<&Code>)| {
            let name = name(status, &codes);
            let reference = json!({ "$ref": format!("#/components/responses/{name}") });
            self.0.entry(name).or_insert_with(|| response(status, &codes, api));
            (status.to_string(), reference)
        };
        by_status.into_iter().map(reference).collect()
    }

    pub(crate) fn into_components(self) -> Map<String, Value> {
        self.0
    }
}

/// The schema to add to the components.
pub(crate) fn gateway_message() -> (String, Value) {
    let schema = json!({
        "type": "object",
        "description": "How API Gateway answers by itself: to no token, to too much, or when a function is away.",
        "properties": { "message": { "type": "string" } },
        "required": ["message"],
    });
    (GATEWAY_MESSAGE.to_owned(), schema)
}

/// `409.busy.changed`.
fn name(status: u16, codes: &[&Code]) -> String {
    codes.iter().fold(status.to_string(), |name, code| format!("{name}.{}", code.name))
}

fn response(status: u16, codes: &[&Code], api: &Api) -> Value {
    let mut lines: Vec<String> = codes.iter().map(|code| format!("- `{}`: {}", code.name, code.meaning)).collect();
    let mut content = Map::new();
    if !codes.is_empty() {
        let names: Vec<&str> = codes.iter().map(|code| code.name).collect();
        let narrowed = json!({ "type": "object", "properties": { "code": { "type": "string", "enum": names } } });
        content
            .insert("application/problem+json".to_owned(), json!({ "schema": { "allOf": [api.problem, narrowed] } }));
    }
    if GATEWAYS.contains(&status) {
        if lines.is_empty() {
            lines.push("From API Gateway.".to_owned());
        }
        let schema = json!({ "$ref": format!("#/components/schemas/{GATEWAY_MESSAGE}") });
        content.insert("application/json".to_owned(), json!({ "schema": schema }));
    }
    json!({ "description": lines.join("\n"), "content": content })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{LIST_BOOKS, LIST_ROUTE, UPDATE_BOOK, routed};
    use contracts::row::{RateClass, Route};

    fn described(row: &'static Row) -> (Map<String, Value>, Map<String, Value>) {
        let mut responses = Responses::default();
        let references = responses.of(row, &Api::new(&[row]).unwrap());
        (references, responses.into_components())
    }

    #[test]
    fn each_code_is_under_its_status_with_its_meaning() {
        let (references, components) = described(&UPDATE_BOOK);
        let statuses: Vec<&String> = references.keys().collect();
        assert_eq!(statuses, ["400", "401", "403", "404", "409", "412", "413", "415", "422", "429", "500", "503"]);
        assert_eq!(references["409"], json!({ "$ref": "#/components/responses/409.busy.changed.invalid_state" }));
        let conflict = &components["409.busy.changed.invalid_state"];
        let codes =
            &conflict["content"]["application/problem+json"]["schema"]["allOf"][1]["properties"]["code"]["enum"];
        assert_eq!(*codes, json!(["busy", "changed", "invalid_state"]));
        assert!(conflict["description"].as_str().unwrap().contains("- `changed`: Another request changed it"));
        assert!(conflict["content"].get("application/json").is_none(), "the gateway has no conflicts");
    }

    #[test]
    fn what_the_gateway_answers_by_itself_is_there_too() {
        let (references, components) = described(&LIST_BOOKS);
        assert_eq!(components["429.rate_limited"]["content"].as_object().unwrap().len(), 2);
        assert_eq!(references["429"], json!({ "$ref": "#/components/responses/429.rate_limited" }));
        // Its callers have no limit but the gateway's.
        let unlimited = Box::new(routed(LIST_BOOKS, Route { rate: RateClass::Webhook, ..LIST_ROUTE }));
        let (references, components) = described(Box::leak(unlimited));
        assert_eq!(references["429"], json!({ "$ref": "#/components/responses/429" }));
        let content = components["429"]["content"].as_object().unwrap();
        assert_eq!(content.keys().collect::<Vec<_>>(), ["application/json"], "no function answers so here");
        assert_eq!(components["500.internal"]["content"].as_object().unwrap().len(), 2);
    }

    #[test]
    fn endpoints_that_may_have_the_same_share_it() {
        let api = Api::new(&[&UPDATE_BOOK, &LIST_BOOKS]).unwrap();
        let mut responses = Responses::default();
        let (one, other) = (responses.of(&UPDATE_BOOK, &api), responses.of(&LIST_BOOKS, &api));
        assert_eq!(one["500"], other["500"]);
        assert!(responses.into_components().len() < one.len() + other.len());
    }
}
