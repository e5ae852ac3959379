//! `GET /docs`: the API's description as an HTML page, made from the document that `GET /openapi.json` returns. The
//! page needs no script and no external resource, and its content security policy forbids both.

mod fields;
mod page;

use std::future::{Ready, ready};

use contracts::platform::Docs;
use runtime::{Call, Granted, Outcome, Problem, Reply};

use crate::openapi::{CACHE_CONTROL, DOCUMENT};

const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

pub fn handle(_: &Granted<Docs>, _: Call<Docs>) -> Ready<Outcome<Docs>> {
    ready(shown())
}

fn shown() -> Outcome<Docs> {
    let document = serde_json::from_str(DOCUMENT).map_err(|error| Problem::internal(&error))?;
    let reply = Reply::text("text/html; charset=utf-8", page::page(&document));
    Ok(reply.header("content-security-policy", POLICY).header("cache-control", CACHE_CONTROL))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use testing::{TestRequest, World};

    use super::*;

    #[tokio::test]
    async fn shows_every_operation_and_every_link_leads_somewhere() {
        let world = World::new().await;
        let answer = TestRequest::new().send(&world.deps, handle).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.0.header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(answer.0.header("content-security-policy"), Some(POLICY));
        assert!(world.dynamo.take_calls().is_empty());

        let page = String::from_utf8(answer.0.body).unwrap();
        let document: Value = serde_json::from_str(DOCUMENT).unwrap();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for operation in methods.as_object().unwrap().values() {
                let id = operation["operationId"].as_str().unwrap();
                assert!(page.contains(&format!("<article id=\"{id}\">")), "{id}");
                assert!(page.contains(&format!("<code>{path}</code>")), "{path}");
            }
        }
        for link in page.split("href=\"#").skip(1) {
            let id = link.split('"').next().unwrap();
            assert_eq!(page.matches(&format!("id=\"{id}\"")).count(), 1, "{id}");
        }
        for outside in ["<script", " src=", "href=\"http", "url(", "@import"] {
            assert!(!page.contains(outside), "{outside}");
        }
    }
}
