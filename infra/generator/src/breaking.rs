//! Whether clients of the last released API can still use this one. What is released is kept in
//! `infra/api/released.json`: a copy of `openapi.json`, made with each release. A break that is meant is listed in
//! `infra/api/accepted-breaks.json`, with the reason, until the next release.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use serde_json::Value;

use crate::{
    Result,
    compatible::{self, Versions, Written, resolve},
    files,
};

const RELEASED: &str = "infra/api/released.json";
const ACCEPTED: &str = "infra/api/accepted-breaks.json";

const JSON: &str = "application/json";

pub(crate) fn check(root: &Path, description: &Value) -> Result<Vec<String>> {
    let Some(released) = files::read(&root.join(RELEASED))? else {
        return Ok(vec![format!("{RELEASED}: missing; it is a copy of infra/api/openapi.json as it was released")]);
    };
    let released: Value = serde_json::from_str(&released).map_err(|error| format!("{RELEASED}: {error}"))?;
    let accepted = files::read(&root.join(ACCEPTED))?.unwrap_or_else(|| "{}".to_owned());
    let accepted: BTreeMap<String, String> =
        serde_json::from_str(&accepted).map_err(|error| format!("{ACCEPTED}: {error}"))?;
    Ok(judged(&breaks(&released, description), &accepted))
}

fn judged(breaks: &[String], accepted: &BTreeMap<String, String>) -> Vec<String> {
    let mut problems = Vec::new();
    for found in breaks.iter().filter(|found| !accepted.contains_key(*found)) {
        problems.push(format!("{found}: clients of the released API break; keep it, or accept it in {ACCEPTED}"));
    }
    for (listed, reason) in accepted {
        if !breaks.contains(listed) {
            problems.push(format!("{ACCEPTED}: {listed}: nothing breaks so; remove it"));
        } else if reason.trim().is_empty() {
            problems.push(format!("{ACCEPTED}: {listed}: say why"));
        }
    }
    problems
}

/// Every way in which the new description is not what clients of the old one rely on.
fn breaks(old: &Value, new: &Value) -> Vec<String> {
    let versions = Versions { old, new };
    let mut found = Vec::new();
    for (path, operations) in old["paths"].as_object().into_iter().flatten() {
        for (method, before) in operations.as_object().into_iter().flatten() {
            let name = format!("{} {path}", method.to_ascii_uppercase());
            match new["paths"][path].get(method) {
                Some(after) => found.extend(operation(versions, &name, before, after)),
                None => found.push(format!("{name} is gone")),
            }
        }
    }
    found
}

fn operation(versions: Versions, name: &str, old: &Value, new: &Value) -> Vec<String> {
    [
        callers(name, old, new),
        parameters(versions, name, old, new),
        body(versions, name, &old["requestBody"], &new["requestBody"]),
        responses(versions, name, &old["responses"], &new["responses"]),
    ]
    .concat()
}

/// Who may call it: without a token, or by role.
fn callers(name: &str, old: &Value, new: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let is_open = |operation: &Value| {
        let security = operation["security"].as_array();
        security.is_none_or(|ways| ways.is_empty() || ways.contains(&Value::Object(serde_json::Map::new())))
    };
    if is_open(old) {
        if !is_open(new) {
            found.push(format!("{name} asks for a token now"));
        }
        return found;
    }
    let roles = |operation: &Value| {
        let roles = operation["x-selleasi"]["roles"].as_array().cloned().unwrap_or_default();
        roles.iter().map(Value::to_string).collect::<BTreeSet<_>>()
    };
    if !is_open(new) {
        found.extend(roles(old).difference(&roles(new)).map(|role| format!("{name} is no longer for the role {role}")));
    }
    found
}

fn parameters(versions: Versions, name: &str, old: &Value, new: &Value) -> Vec<String> {
    let (before, after) = (by_name(versions.old, old), by_name(versions.new, new));
    let mut found = Vec::new();
    for (parameter, old) in &before {
        match after.get(parameter) {
            None => found.push(format!("{name} {parameter} is gone")),
            Some(new) => {
                let place = format!("{name} {parameter}");
                found.extend(compatible::breaks(versions, &place, Written::ByClients, &old["schema"], &new["schema"]));
            }
        }
    }
    for (parameter, new) in &after {
        let was_required = before.get(parameter).is_some_and(|old| old["required"] == true);
        if new["required"] == true && !was_required {
            found.push(format!("{name} {parameter} is required now"));
        }
    }
    found
}

/// `query limit` and so on, with what is said of it.
fn by_name<'a>(description: &'a Value, operation: &'a Value) -> BTreeMap<String, &'a Value> {
    let parameters = operation["parameters"].as_array().into_iter().flatten().map(|one| resolve(description, one));
    let name = |one: &Value| format!("{} {}", text(&one["in"]), text(&one["name"]));
    parameters.map(|one| (name(one), one)).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn body(versions: Versions, name: &str, old: &Value, new: &Value) -> Vec<String> {
    let schema = |body: &'_ Value| body["content"][JSON]["schema"].clone();
    match (schema(old), schema(new)) {
        (Value::Null, _) if new["required"] == true => vec![format!("{name} body is required now")],
        (Value::Null, _) => Vec::new(),
        (_, Value::Null) => vec![format!("{name} body is gone")],
        (before, after) => {
            let mut found = compatible::breaks(versions, &format!("{name} body"), Written::ByClients, &before, &after);
            if new["required"] == true && old["required"] != true {
                found.push(format!("{name} body is required now"));
            }
            found
        }
    }
}

/// Of good answers; a problem has one form everywhere, and any request may get one.
fn responses(versions: Versions, name: &str, old: &Value, new: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (status, before) in old.as_object().into_iter().flatten().filter(|(status, _)| status.starts_with('2')) {
        let Some(after) = new.get(status) else {
            found.push(format!("{name} no longer answers {status}"));
            continue;
        };
        for (media_type, old) in before["content"].as_object().into_iter().flatten() {
            let place = format!("{name} {status}");
            match after["content"].get(media_type) {
                None => found.push(format!("{place} is no longer {media_type}")),
                Some(new) => {
                    found.extend(compatible::breaks(versions, &place, Written::ByUs, &old["schema"], &new["schema"]));
                }
            }
        }
        for header in before["headers"].as_object().into_iter().flatten().map(|(header, _)| header) {
            if after["headers"].get(header).is_none() {
                found.push(format!("{name} {status} no longer has the header {header}"));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        api::Api,
        fixtures::{LIST_BOOKS, UPDATE_BOOK},
        openapi,
    };

    const UPDATE: &str = "PATCH /books/{book_id}";

    fn released() -> Value {
        openapi::document(&Api::new(&[&UPDATE_BOOK, &LIST_BOOKS]).unwrap()).unwrap()
    }

    /// What breaks when the value at a place of the description becomes another, or goes where there is none.
    fn breaks_with(pointer: &str, to: Option<Value>) -> Vec<String> {
        let (old, mut new) = (released(), released());
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = new.pointer_mut(parent).unwrap();
        match to {
            Some(value) => parent[key] = value,
            None => assert!(parent.as_object_mut().unwrap().remove(key).is_some(), "{pointer}"),
        }
        breaks(&old, &new)
    }

    #[test]
    fn the_same_and_more_break_nothing() {
        let both = released();
        let fewer = openapi::document(&Api::new(&[&UPDATE_BOOK]).unwrap()).unwrap();
        assert_eq!(breaks(&both, &both), Vec::<String>::new());
        assert_eq!(breaks(&fewer, &both), Vec::<String>::new());
        assert_eq!(breaks(&both, &fewer), ["GET /books is gone"]);
    }

    #[test]
    fn each_part_of_an_operation_is_looked_at() {
        let list = "/paths/~1books/get";
        let update = "/paths/~1books~1{book_id}/patch";
        let schemas = "/components/schemas";
        for (pointer, to, expected) in [
            (format!("{list}/security"), Some(json!([{ "bearer": [] }])), "GET /books asks for a token now".to_owned()),
            (format!("{list}/parameters"), Some(json!([])), "GET /books query cursor is gone".to_owned()),
            (format!("{update}/requestBody"), None, format!("{UPDATE} body is gone")),
            (format!("{update}/responses/200"), None, format!("{UPDATE} no longer answers 200")),
            (format!("{update}/responses/200/content"), None, format!("{UPDATE} 200 is no longer application/json")),
            (format!("{update}/responses/200/headers"), None, format!("{UPDATE} 200 no longer has the header ETag")),
            (format!("{schemas}/Book/properties/title"), None, format!("{UPDATE} 200/title is gone")),
            (format!("{schemas}/BookChange/properties/shelf"), None, format!("{UPDATE} body/shelf is gone")),
            (
                format!("{schemas}/BookChange/required"),
                Some(json!(["title", "shelf"])),
                format!("{UPDATE} body/shelf is required now"),
            ),
            (
                format!("{schemas}/Shelf/enum"),
                Some(json!(["fiction"])),
                format!(r#"{UPDATE} body/shelf can no longer be "travel""#),
            ),
        ] {
            let found = breaks_with(&pointer, to);
            assert!(found.contains(&expected), "{pointer}: {found:?}");
        }
    }

    #[test]
    fn a_role_that_may_no_longer_and_a_header_that_must_be_there_break() {
        let roles = "/paths/~1books~1{book_id}/patch/x-selleasi/roles";
        let all = released().pointer(roles).unwrap().as_array().unwrap().clone();
        let (kept, gone) = (&all[1..], &all[0]);
        let expected = [format!("{UPDATE} is no longer for the role {gone}")];
        assert_eq!(breaks_with(roles, Some(kept.to_vec().into())), expected);

        let required = "/paths/~1books~1{book_id}/patch/parameters/2/required";
        let expected = [format!("{UPDATE} header Idempotency-Key is required now")];
        let (old, mut new) = (released(), released());
        *new.pointer_mut(required).unwrap() = true.into();
        assert_eq!(breaks(&old, &new), expected);
    }

    #[test]
    fn a_break_is_accepted_with_a_reason_for_as_long_as_there_is_one() {
        let found = ["GET /books is gone".to_owned()];
        let accepted = |listed: &[(&str, &str)]| {
            judged(&found, &listed.iter().map(|(is, why)| ((*is).to_owned(), (*why).to_owned())).collect())
        };
        assert_eq!(
            accepted(&[]),
            [
                "GET /books is gone: clients of the released API break; keep it, or accept it in infra/api/accepted-breaks.json"
            ]
        );
        assert_eq!(accepted(&[("GET /books is gone", "Nobody called it.")]), Vec::<String>::new());
        assert_eq!(
            accepted(&[("GET /books is gone", " ")]),
            ["infra/api/accepted-breaks.json: GET /books is gone: say why"]
        );
        assert_eq!(
            accepted(&[("GET /books is gone", "Nobody called it."), ("GET /films is gone", "No films.")]),
            ["infra/api/accepted-breaks.json: GET /films is gone: nothing breaks so; remove it"]
        );
    }

    #[test]
    fn the_released_description_is_compared_with() {
        let root = tempfile::TempDir::new().unwrap();
        let missing = check(root.path(), &released()).unwrap();
        assert_eq!(
            missing,
            [format!("{RELEASED}: missing; it is a copy of infra/api/openapi.json as it was released")]
        );
        files::write(&root.path().join(RELEASED), &files::pretty(&released()).unwrap()).unwrap();
        assert_eq!(check(root.path(), &released()).unwrap(), Vec::<String>::new());
        assert_eq!(check(root.path(), &json!({ "paths": {} })).unwrap().len(), 2, "two operations are gone");
    }
}
