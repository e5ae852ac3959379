//! The front door: HTTP, where API Gateway is on AWS. Routes and who may use them come from the rows.

use std::{collections::HashMap, net::SocketAddr, sync::Arc, time::Duration};

use contracts::{
    http::{CORS_ALLOW_HEADERS, CORS_ALLOW_METHODS, CORS_EXPOSE_HEADERS, CORS_MAX_AGE_S},
    problems,
    row::Access,
};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    HeaderMap, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{HeaderName, HeaderValue},
};
use percent_encoding::percent_decode_str;
use runtime::{
    Clock, Principal, Problem, Running,
    authorizer::Caller,
    http::{RawReply, RawRequest, log_request, within_timeout},
};

use crate::{
    decisions::Decisions,
    host::{Function, Functions, guarded, guarded_here},
    metrics::Metrics,
    random_id,
    settings::Settings,
};

/// What API Gateway takes at the most.
const BODY_BYTES_MAX: usize = 10 * 1024 * 1024;
/// How long a client may take to send its request.
const READ_WITHIN: Duration = Duration::from_secs(30);

/// Serves clients.
pub(crate) struct Front {
    routes: matchit::Router<Vec<(&'static str, Arc<Function>)>>,
    authorizer: Option<Arc<Function>>,
    decisions: Decisions,
    cors_origins: Vec<String>,
    behind_proxy: bool,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
}

impl Front {
    /// # Errors
    /// Two rows have routes that cannot be told apart.
    pub(crate) fn new(
        functions: &Functions,
        settings: &Settings,
        clock: Arc<dyn Clock>,
        metrics: Metrics,
    ) -> Result<Self, matchit::InsertError> {
        let mut by_path: HashMap<&'static str, Vec<(&'static str, Arc<Function>)>> = HashMap::new();
        for function in functions.all() {
            if let Some(route) = function.row.route() {
                by_path.entry(route.path).or_default().push((route.method.name(), Arc::clone(function)));
            }
        }
        let mut routes = matchit::Router::new();
        for (path, functions) in by_path {
            routes.insert(path, functions)?;
        }
        Ok(Self {
            routes,
            authorizer: functions.authorizer().cloned(),
            decisions: Decisions::default(),
            cors_origins: settings.cors_origins.iter().map(|origin| origin.to_lowercase()).collect(),
            behind_proxy: settings.behind_proxy,
            clock,
            metrics,
        })
    }

    /// Answers a request from `peer`. Never fails.
    pub(crate) async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Full<Bytes>> {
        let origin = self.allowed_origin(request.headers());
        let is_preflight = request.method() == hyper::Method::OPTIONS
            && request.headers().contains_key("access-control-request-method");
        if let Some(origin) = &origin
            && is_preflight
        {
            return preflight(origin);
        }
        let request_id = random_id();
        let reply = self.reply(request, peer, &request_id).await;
        respond(reply.with_header("x-request-id", request_id), origin.as_ref())
    }

    async fn reply(&self, request: Request<Incoming>, peer: SocketAddr, request_id: &str) -> RawReply {
        let (head, body) = request.into_parts();
        let Ok(found) = self.routes.at(head.uri.path()) else {
            let problem = Problem::new(&problems::NOT_FOUND, "there is no such path");
            return problem.into_raw(request_id);
        };
        let method = head.method.as_str();
        let Some((_, function)) = found.value.iter().find(|(taken, _)| *taken == method) else {
            let mut taken: Vec<_> = found.value.iter().map(|(method, _)| *method).collect();
            taken.sort_unstable();
            let problem = Problem::new(&problems::METHOD_NOT_ALLOWED, format!("this path does not take {method}"));
            return problem.into_raw(request_id).with_header("allow", taken.join(", "));
        };
        let path_parameters = found.params.iter().map(|(name, value)| (name.to_owned(), decoded(value))).collect();
        let body = match read(body).await {
            Ok(body) => body,
            Err(problem) => return problem.into_raw(request_id),
        };
        let raw = RawRequest {
            request_id: request_id.to_owned(),
            path: decoded(head.uri.path()),
            path_parameters,
            query: head.uri.query().unwrap_or_default().to_owned(),
            source_ip: self.client(&head.headers, peer),
            headers: joined(&head.headers),
            body,
            principal: None,
            token_expired: false,
        };
        self.call(function, raw).await
    }

    async fn call(&self, function: &Function, mut raw: RawRequest) -> RawReply {
        let (started_at, started) = (self.clock.now(), Metrics::started());
        let (row, request_id, path) = (function.row, raw.request_id.clone(), raw.path.clone());
        let wants_principal = row.route().is_some_and(|route| matches!(route.access, Access::Needs(_)));
        if wants_principal {
            match self.principal(raw.header("authorization")).await {
                Ok((principal, token_expired)) => {
                    (raw.principal, raw.token_expired) = (principal, token_expired);
                }
                Err(problem) => return problem.into_raw(&request_id),
            }
        }
        let tenant = raw.principal.as_ref().and_then(|principal| principal.tenant_id);
        let Running::Http(endpoint) = &function.running else {
            return Problem::internal(&"a route leads to what is no endpoint").into_raw(&request_id);
        };
        let call = guarded(endpoint(raw));
        let answer =
            async { call.await.unwrap_or_else(|| Problem::internal(&"the function panicked").into_raw(&request_id)) };
        let reply = within_timeout(row, &request_id, answer).await;
        log_request(&*self.clock, row, &request_id, &path, tenant, &reply, started_at);
        self.metrics.called(row.function, status_name(reply.status), started);
        reply
    }

    /// Asks the authorizer, as API Gateway does before it calls a function: who calls, and whether their token has
    /// expired. It is not asked again soon, nor without the header: then the function answers 401.
    async fn principal(&self, authorization: Option<&str>) -> Result<(Option<Principal>, bool), Problem> {
        let (Some(authorization), Some(authorizer)) = (authorization, &self.authorizer) else {
            return Ok((None, false));
        };
        let now = self.clock.now();
        if let Some(principal) = self.decisions.get(authorization, now) {
            return Ok((Some(principal), false));
        }
        let Running::Authorizer(decide) = &authorizer.running else { return Ok((None, false)) };
        match guarded_here(decide(authorization.to_owned())).await {
            Some(Ok(Caller::Known(principal))) => {
                self.decisions.put(authorization, now, principal.clone());
                Ok((Some(principal), false))
            }
            Some(Ok(Caller::Expired)) => Ok((None, true)),
            Some(Ok(Caller::Unknown)) => Ok((None, false)),
            Some(Err(error)) => Err(Problem::unavailable(&error)),
            None => Err(Problem::internal(&"the authorizer panicked")),
        }
    }

    /// The client's address: the peer's, or what the proxy in front says.
    fn client(&self, headers: &HeaderMap, peer: SocketAddr) -> String {
        let told = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).next_back();
        let last = told.and_then(|told| told.rsplit(',').next()).map(str::trim).filter(|last| !last.is_empty());
        match last {
            Some(last) if self.behind_proxy => last.to_owned(),
            _ => peer.ip().to_string(),
        }
    }

    /// The origin that a page of this request's origin is allowed by, if it is.
    fn allowed_origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get("origin")?;
        if self.cors_origins.iter().any(|allowed| allowed == "*") {
            return Some(HeaderValue::from_static("*"));
        }
        let text = origin.to_str().ok()?.to_lowercase();
        self.cors_origins.contains(&text).then(|| origin.clone())
    }
}

/// Percent-encoded text, decoded; U+FFFD stands where it is not UTF-8.
fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Headers by name; the values of one name are joined, as API Gateway joins them.
fn joined(headers: &HeaderMap) -> HashMap<String, String> {
    let mut joined: HashMap<String, String> = HashMap::with_capacity(headers.len());
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        match joined.get_mut(name.as_str()) {
            Some(values) => {
                values.push(',');
                values.push_str(&value);
            }
            None => {
                joined.insert(name.as_str().to_owned(), value.into_owned());
            }
        }
    }
    joined
}

async fn read(body: Incoming) -> Result<Vec<u8>, Problem> {
    match tokio::time::timeout(READ_WITHIN, Limited::new(body, BODY_BYTES_MAX).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes().to_vec()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(Problem::new(&problems::BODY_TOO_LARGE, format!("a body has at most {BODY_BYTES_MAX} bytes")))
        }
        Ok(Err(_)) | Err(_) => Err(Problem::new(&problems::MALFORMED_JSON, "the body did not arrive as a whole")),
    }
}

fn status_name(status: u16) -> &'static str {
    match status {
        200 => "200",
        201 => "201",
        202 => "202",
        204 => "204",
        400..429 | 430..500 => "4xx",
        429 => "429",
        503 => "503",
        500.. => "5xx",
        _ => "other",
    }
}

/// The answer to a browser that asks whether a page may send its request.
fn preflight(origin: &HeaderValue) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert("access-control-allow-origin", origin.clone());
    headers.insert("vary", HeaderValue::from_static("Origin"));
    for (name, list) in [
        ("access-control-allow-methods", CORS_ALLOW_METHODS.join(",")),
        ("access-control-allow-headers", CORS_ALLOW_HEADERS.join(",")),
        ("access-control-max-age", CORS_MAX_AGE_S.to_string()),
    ] {
        if let Ok(value) = HeaderValue::from_str(&list) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    response
}

fn respond(reply: RawReply, origin: Option<&HeaderValue>) -> Response<Full<Bytes>> {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = Response::new(Full::new(Bytes::from(reply.body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in reply.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    if let Some(origin) = origin {
        headers.insert("access-control-allow-origin", origin.clone());
        headers.insert("vary", HeaderValue::from_static("Origin"));
        if let Ok(exposed) = HeaderValue::from_str(&CORS_EXPOSE_HEADERS.join(",")) {
            headers.insert("access-control-expose-headers", exposed);
        }
    }
    response
}
