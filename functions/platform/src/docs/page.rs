//! The page: operations by service, then the objects they refer to. All text from the document is escaped here.

use domain::text::escape_html;
use serde_json::Value;

use super::fields::{Schemas, line};

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:0 auto;padding:1rem;overflow-wrap:anywhere}\
h1,h2,h3{line-height:1.2}h2{margin-top:3rem;border-bottom:1px solid #8886}\
article{margin:2rem 0}h4{margin:1rem 0 .25rem}p{margin:.5rem 0}\
nav ul,.fields{list-style:none;padding:0}.fields{border-left:3px solid #8884;padding-left:.75rem;margin:.25rem 0}\
.fields li{margin:.35rem 0}.fields p{margin:0;opacity:.8}\
code{font:.9em ui-monospace,monospace}.method{font:bold .8em ui-monospace,monospace;padding:.15em .5em;border-radius:.3em;background:#8883}\
.access{opacity:.8}";

/// Methods in the order in which they are shown on one path.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

struct Operation<'a> {
    path: &'a str,
    method: &'static str,
    described: &'a Value,
}

pub(super) fn page(document: &Value) -> String {
    let title = text(&document["info"]["title"]);
    let services = document["tags"].as_array().into_iter().flatten().filter_map(|tag| tag["name"].as_str());
    let services: Vec<_> = services.map(|service| (service, operations(document, service))).collect();
    let schemas = Schemas(document);
    let object = |(name, schema): (&str, &Value)| {
        let name = escaped(name);
        let description = schema["description"].as_str().map(prose).unwrap_or_default();
        format!("<article id=\"type-{name}\"><h3>{name}</h3>\n{description}{}</article>\n", schemas.fields(schema))
    };
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{title}: API</title><style>{STYLE}</style></head><body>\n\
         <header><h1>{title} API, version {}</h1>{}<p>For programs: <a href=\"openapi.json\">openapi.json</a>.</p></header>\n\
         <nav><ul>\n{}<li><a href=\"#types\">types</a></li>\n</ul></nav>\n<main>\n{}\
         <section id=\"types\"><h2>types</h2>\n{}</section>\n</main></body></html>\n",
        text(&document["info"]["version"]),
        document["info"]["description"].as_str().map(prose).unwrap_or_default(),
        services.iter().map(|(service, operations)| contents(service, operations)).collect::<String>(),
        services.iter().map(|(service, operations)| section(document, service, operations)).collect::<String>(),
        schemas.objects().map(object).collect::<String>(),
    )
}

fn operations<'a>(document: &'a Value, service: &str) -> Vec<Operation<'a>> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let operations = paths.flat_map(|(path, methods)| {
        METHODS.into_iter().filter_map(move |method| Some(Operation { path, method, described: methods.get(method)? }))
    });
    operations.filter(|operation| operation.described["tags"][0] == service).collect()
}

/// A service's part of the table of contents.
fn contents(service: &str, operations: &[Operation<'_>]) -> String {
    let link = |operation: &Operation<'_>| {
        let (id, name) = (text(&operation.described["operationId"]), heading(operation));
        format!("<li><a href=\"#{id}\">{name}</a></li>\n")
    };
    let links: String = operations.iter().map(link).collect();
    format!("<li><details><summary>{}</summary><ul>\n{links}</ul></details></li>\n", escaped(service))
}

fn section(document: &Value, service: &str, operations: &[Operation<'_>]) -> String {
    let articles: String = operations.iter().map(|operation| article(document, operation)).collect();
    format!("<section><h2>{}</h2>\n{articles}</section>\n", escaped(service))
}

fn heading(operation: &Operation<'_>) -> String {
    format!("<span class=\"method\">{}</span> {}", operation.method.to_uppercase(), code(operation.path))
}

fn article(document: &Value, operation: &Operation<'_>) -> String {
    let described = operation.described;
    let schemas = Schemas(document);
    let about = ["summary", "description"].map(|part| described[part].as_str().map(prose).unwrap_or_default());
    let parameters = described["parameters"].as_array().map(|parameters| {
        let parameters: String = parameters.iter().map(|parameter| shown_parameter(document, parameter)).collect();
        format!("<h4>Parameters</h4>\n<ul class=\"fields\">\n{parameters}</ul>\n")
    });
    let body = match &described["requestBody"]["content"]["application/json"]["schema"] {
        Value::Null => String::new(),
        body => format!("<h4>Body: {}</h4>\n{}", schemas.kind(body), schemas.fields(body)),
    };
    format!(
        "<article id=\"{}\"><h3>{}</h3>\n{}{}{}{body}{}</article>\n",
        text(&described["operationId"]),
        heading(operation),
        about.concat(),
        access(&described["x-selleasi"]),
        parameters.unwrap_or_default(),
        replies(schemas, &described["responses"]),
    )
}

fn access(extension: &Value) -> String {
    let who = match extension["access"].as_str() {
        Some("public") | None => "For everyone.".to_owned(),
        Some(permission) => {
            let roles = extension["roles"].as_array().into_iter().flatten().filter_map(Value::as_str);
            format!("Needs {}, which have: {}.", code(permission), escaped(&roles.collect::<Vec<_>>().join(", ")))
        }
    };
    let store = if extension["store"] == true { " About one store." } else { "" };
    format!("<p class=\"access\">{who}{store}</p>\n")
}

fn shown_parameter(document: &Value, parameter: &Value) -> String {
    let name = parameter["$ref"].as_str().and_then(|reference| reference.rsplit('/').next());
    let parameter = name.map_or(parameter, |name| &document["components"]["parameters"][name]);
    let kind = format!("{}, {}", text(&parameter["in"]), Schemas(document).kind(&parameter["schema"]));
    let name = parameter["name"].as_str().unwrap_or_default();
    line(name, &kind, parameter["required"] == true, &parameter["description"], "")
}

/// An operation's responses: the successful ones in full, and the statuses of the problems.
fn replies(schemas: Schemas<'_>, responses: &Value) -> String {
    let all = responses.as_object().into_iter().flatten();
    let (problems, good): (Vec<_>, Vec<_>) = all.partition(|(_, response)| response["$ref"].is_string());
    let good: String = good.into_iter().map(|(status, response)| reply(schemas, status, response)).collect();
    let problems: Vec<_> = problems.into_iter().map(|(status, _)| escaped(status)).collect();
    let problems = if problems.is_empty() {
        String::new()
    } else {
        format!("<li><code>{}</code> <a href=\"#type-Problem\">Problem</a></li>\n", problems.join(" "))
    };
    format!("<h4>Replies</h4>\n<ul class=\"fields\">\n{good}{problems}</ul>\n")
}

fn reply(schemas: Schemas<'_>, status: &str, response: &Value) -> String {
    let contents = response["content"].as_object().into_iter().flatten();
    let kinds = contents.map(|(media, content)| format!("{}: {}", escaped(media), schemas.kind(&content["schema"])));
    let kinds = Some(kinds.collect::<Vec<_>>().join(", ")).filter(|kinds| !kinds.is_empty());
    let headers = response["headers"].as_object().into_iter().flatten();
    let headers: String =
        headers.map(|(name, header)| line(name, "header", false, &header["description"], "")).collect();
    format!("<li>{} <span>{}</span></li>\n{headers}", code(status), kinds.as_deref().unwrap_or("no content"))
}

pub(super) fn escaped(text: &str) -> String {
    escape_html(text)
}

pub(super) fn code(text: &str) -> String {
    format!("<code>{}</code>", escaped(text))
}

/// A string of the document, escaped.
fn text(value: &Value) -> String {
    escaped(value.as_str().unwrap_or_default())
}

/// Renders text as paragraphs, with text between backticks as code.
pub(super) fn prose(text: &str) -> String {
    let paragraph = |paragraph: &str| {
        let parts = paragraph.split('`').enumerate();
        let parts: String =
            parts.map(|(index, part)| if index % 2 == 1 { code(part) } else { escaped(part) }).collect();
        format!("<p>{parts}</p>\n")
    };
    text.split("\n\n").map(paragraph).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whatever_the_document_says_is_text() {
        let typed = "<script>alert(\"1\")</script>";
        let schema = json!({
            "type": "object",
            "description": typed,
            "properties": { typed: { "type": typed, "description": typed, "enum": [typed], "example": typed } },
        });
        let document = json!({
            "info": { "title": typed, "version": typed, "description": typed },
            "tags": [{ "name": typed }],
            "paths": { typed: { "get": {
                "operationId": typed,
                "tags": [typed],
                "summary": typed,
                "parameters": [{ "name": typed, "in": typed, "schema": { "type": "string", "format": typed } }],
                "requestBody": { "content": { "application/json": { "schema": schema.clone() } } },
                "responses": { typed: { "content": { typed: { "schema": { "type": typed } } }, "headers": { typed: {} } } },
                "x-selleasi": { "access": typed, "roles": [typed] },
            } } },
            "components": { "schemas": { typed: schema } },
        });
        let page = page(&document);
        assert!(page.contains("&lt;script&gt;") && !page.contains("<script"), "{page}");
        assert!(!page.contains("(\"1\")"), "a quote could end an attribute");
    }

    #[test]
    fn an_operation_is_shown_with_all_that_it_takes() {
        let document = json!({
            "tags": [{ "name": "orders" }],
            "paths": { "/orders/{id}/cancel": { "post": {
                "operationId": "orders-cancel",
                "tags": ["orders"],
                "summary": "Cancels it, with `reason`.",
                "parameters": [{ "$ref": "#/components/parameters/Store" }],
                "requestBody": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Cancel" } } } },
                "responses": { "200": { "description": "Done." }, "404": { "$ref": "#/components/responses/Problem" } },
                "x-selleasi": { "access": "orders:cancel", "roles": ["owner", "guest"], "store": true },
            } } },
            "components": {
                "parameters": { "Store": { "name": "X-Store", "in": "header", "required": true, "schema": { "type": "string" } } },
                "schemas": { "Cancel": {
                    "properties": { "note": { "type": "string", "maxLength": 500 } },
                    "required": ["note"],
                } },
            },
        });
        let page = page(&document);
        for part in [
            "<article id=\"orders-cancel\"><h3><span class=\"method\">POST</span> <code>/orders/{id}/cancel</code></h3>",
            "<p>Cancels it, with <code>reason</code>.</p>",
            "Needs <code>orders:cancel</code>, which have: owner, guest. About one store.",
            "<li><code>X-Store</code> <span>header, text</span> <strong>required</strong></li>",
            "<h4>Body: <a href=\"#type-Cancel\">Cancel</a></h4>",
            "<li><code>note</code> <span>text, at most 500 characters</span> <strong>required</strong></li>",
            "<li><code>200</code> <span>no content</span></li>",
            "<li><code>404</code> <a href=\"#type-Problem\">Problem</a></li>",
        ] {
            assert!(page.contains(part), "{part}\n{page}");
        }
    }
}
