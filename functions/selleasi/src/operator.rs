//! The operator's door, on this machine only: the mailbox, the metrics, and the AWS interfaces that tools and tests use
//! (tables, queues, functions that operators call). The latter open with the key in `secrets.json`, sent as the access
//! key id; whoever has the key has all data.

use std::fmt::Write;

use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::HeaderValue,
};
use runtime::Running;
use serde_json::{Value, json};

use crate::{
    cloud::Cloud,
    host::{Functions, guarded},
    metrics::Metrics,
};

const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The path of Lambda's interface.
const FUNCTIONS: &str = "/2015-03-31/functions/";

pub(crate) struct Operator {
    pub(crate) cloud: Cloud,
    pub(crate) functions: Functions,
    pub(crate) metrics: Metrics,
    pub(crate) key: String,
}

impl Operator {
    /// Answers a request. Never fails.
    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        // A page of another site cannot name this address as its own, and so cannot read the mails by it.
        let host = header("host").rsplit_once(':').map_or(header("host"), |(host, _)| host);
        if !matches!(host, "localhost" | "127.0.0.1" | "[::1]") {
            return respond(403, "text/plain", "ask for localhost\n".to_owned());
        }
        match (&head.method, head.uri.path()) {
            (&Method::GET, "/") => respond(200, "text/html; charset=utf-8", self.mailbox()),
            (&Method::GET, "/mails") => {
                let mails = serde_json::to_string(&self.cloud.mails()).unwrap_or_default();
                respond(200, "application/json", mails)
            }
            (&Method::GET, "/metrics") => match self.metrics.text(self.cloud.database(), self.cloud.now_ms()) {
                Ok(text) => respond(200, "text/plain; version=0.0.4", text),
                Err(error) => respond(500, "text/plain", format!("{error}\n")),
            },
            (&Method::GET, "/ready") => match self.cloud.database().check_writable() {
                Ok(()) => respond(200, "text/plain", "ready\n".to_owned()),
                Err(error) => respond(503, "text/plain", format!("{error}\n")),
            },
            (&Method::POST, path) => {
                let credential = format!("Credential={}/", self.key);
                if !header("authorization").contains(&credential) {
                    let refusal =
                        json!({ "__type": "UnrecognizedClientException", "message": "not the operator's key" });
                    return respond(403, "application/x-amz-json-1.0", refusal.to_string());
                }
                let Ok(body) = Limited::new(body, BODY_BYTES_MAX).collect().await else {
                    return respond(413, "text/plain", "too large\n".to_owned());
                };
                let body = body.to_bytes();
                let (status, text) =
                    match path.strip_prefix(FUNCTIONS).and_then(|rest| rest.strip_suffix("/invocations")) {
                        Some(function) => {
                            let (status, text, is_error) = self.invoke(function, &body).await;
                            let mut response = respond(status, "application/json", text);
                            if is_error {
                                response
                                    .headers_mut()
                                    .insert("x-amz-function-error", HeaderValue::from_static("Unhandled"));
                            }
                            return response;
                        }
                        None => self.cloud.answer(header("x-amz-target"), path, &body).await,
                    };
                respond(status, "application/x-amz-json-1.0", text)
            }
            _ => respond(404, "text/plain", "nothing here\n".to_owned()),
        }
    }

    /// Lambda's Invoke, of the functions that operators call: a status, the result, and whether it is an error.
    async fn invoke(&self, name: &str, input: &[u8]) -> (u16, String, bool) {
        let name = name.strip_prefix(self.cloud.prefix()).unwrap_or(name);
        let found = self.functions.find(name).map(|function| &function.running);
        let Some(Running::Invoked(call)) = found else {
            return (404, json!({ "Message": "there is no such function" }).to_string(), false);
        };
        let input: Value = serde_json::from_slice(input).unwrap_or_default();
        match guarded(call(input)).await {
            Some(Ok(output)) => (200, output.to_string(), false),
            Some(Err(error)) => (200, json!({ "errorMessage": error.to_string() }).to_string(), true),
            None => (200, json!({ "errorMessage": "the function panicked" }).to_string(), true),
        }
    }

    /// The mails as a page, newest first.
    fn mailbox(&self) -> String {
        let mut page = String::from(
            "<!doctype html><meta charset=utf-8><title>Mailbox</title>\
             <style>body{font:16px system-ui;max-width:45em;margin:2em auto}pre{white-space:pre-wrap}</style>\
             <h1>Mailbox</h1><p>What the shops have sent, newest first.</p>",
        );
        for mail in self.cloud.mails().iter().rev().take(100) {
            let (to, subject, text) = (escaped(&mail.to.join(", ")), escaped(&mail.subject), escaped(&mail.text));
            let _ = write!(page, "<hr><h3>{subject}</h3><p>to {to}</p><pre>{text}</pre>");
        }
        page
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn respond(status: u16, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert("content-type", HeaderValue::from_static(content_type));
    response
}
