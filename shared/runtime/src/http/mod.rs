//! HTTP: from API Gateway's request to a handler's typed call, and back. Everything that is the same for all
//! endpoints happens here, in this order: who is calling and how often, size, which store, path, query, body, idempotency
//! key.

mod body;
mod call;
mod cursor;
mod lambda;
mod problem;
mod rate_limit;
mod reply;
pub(crate) mod store_scope;
mod texts;
mod tree;
mod words;

pub use call::{Call, Committed};
pub(crate) use lambda::serve;
pub use problem::Problem;
pub use rate_limit::RateLimits;
pub use reply::{RawReply, Reply};

use std::{collections::HashMap, time::Duration};

use contracts::{
    Endpoint, Row,
    http::Nothing,
    problems,
    row::{Access, Idempotency, Route, StoreScope},
};
use domain::{TenantId, Timestamp};
use serde::de::{DeserializeOwned, IntoDeserializer, value::MapDeserializer};
use store::StoredAnswer;

use crate::{
    auth::{self, Principal},
    boot::{Boot, Erased, erase},
    claims::StoreRef,
    deps::{Clock, Deps},
    events::Cause,
    granted::{Extra, Granted},
    handler::Handler,
    telemetry,
};

/// The result of a handler: a reply, or a problem.
pub type Outcome<E> = Result<Reply<E>, Problem>;

/// A request as it arrived, without any Lambda type.
#[derive(Debug, Clone, Default)]
pub struct RawRequest {
    /// API Gateway's id of the request, returned in `X-Request-Id`.
    pub request_id: String,
    /// The raw path, without the query.
    pub path: String,
    /// Path parameters by name.
    pub path_parameters: HashMap<String, String>,
    /// The query string, still encoded, without `?`.
    pub query: String,
    /// By name, in lower case.
    pub headers: HashMap<String, String>,
    /// The body, decoded from base64; empty if there is none.
    pub body: Vec<u8>,
    /// The client's IP address.
    pub source_ip: String,
    /// The caller, as passed on by the authorizer; `None` on routes without one, and without a valid token.
    pub principal: Option<Principal>,
    /// Whether the authorizer found that the caller's token has expired.
    pub token_expired: bool,
}

impl RawRequest {
    /// The value of a header. `name` is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// An endpoint with its type erased: takes a raw request, returns a raw reply.
pub(crate) type Requests = Erased<RawRequest, RawReply>;

pub(crate) fn start<E, X, H>(boot: &Boot, handler: H) -> Requests
where
    E: Endpoint,
    X: Extra,
    H: for<'a> Handler<'a, Granted<E, X>, Call<E>, Outcome<E>> + 'static,
{
    let state = (Granted::<E, X>::from_boot(boot), handler);
    erase(state, |state, raw| async move { answer(&state.0, &state.1, raw).await })
}

/// Answers one request: checks it, calls the handler, and turns a problem into its JSON reply. Never fails.
pub async fn answer<E, X, H>(deps: &Granted<E, X>, handler: &H, raw: RawRequest) -> RawReply
where
    E: Endpoint,
    X: Extra,
    H: for<'a> Handler<'a, Granted<E, X>, Call<E>, Outcome<E>>,
{
    let core: &Deps = deps;
    let request_id = raw.request_id.clone();
    let mut counted = rate_limit::Counted::default();
    let result = match prepare::<E>(core, raw, &mut counted).await {
        Err(problem) => Err(problem),
        Ok(call) => {
            let key = call.idempotency.clone();
            match handler.call(deps, call).await {
                Ok(reply) => call::remembered(core, key.as_ref(), reply).await.map(Reply::into_raw),
                // A repeated request gets the stored first answer, even if the handler now finds a problem.
                Err(problem) => match stored_answer(core, key).await {
                    Some(stored) => stored,
                    None => Err(problem),
                },
            }
        }
    };
    let reply = result.and_then(fitting).unwrap_or_else(|problem| problem.into_raw(&request_id));
    if reply.status == problems::INTERNAL.status {
        telemetry::count(&core.config, "faults", 1, core.now());
    }
    counted.tell(reply).with_header("x-request-id", request_id)
}

/// Lambda's limit for a reply is 6 MB. 64 KiB of it are kept for headers and the JSON around them.
const REPLY_BYTES_MAX: usize = 6 * 1024 * 1024 - 64 * 1024;

/// Lambda fails a call whose reply is too large, without a useful answer; a logged 500 is better. Pages of lists are
/// limited to less.
fn fitting(reply: RawReply) -> Result<RawReply, Problem> {
    let bytes = reply.size();
    if bytes <= REPLY_BYTES_MAX {
        return Ok(reply);
    }
    Err(Problem::internal(&format!("a reply of {bytes} bytes is too large for Lambda")))
}

/// How long before its timeout an endpoint answers that it could not finish. Lambda would end it without an answer of
/// ours, and the retries of several AWS calls can together take longer than the timeout.
const TIMEOUT_MARGIN: Duration = Duration::from_secs(1);

/// An endpoint's answer, or a 503 shortly before the row's timeout: what the endpoint was about to write may be written or
/// not, as after any 503.
pub async fn within_timeout(row: &Row, request_id: &str, answer: impl Future<Output = RawReply>) -> RawReply {
    within(Duration::from_secs(row.timeout_s.into()).saturating_sub(TIMEOUT_MARGIN), request_id, answer).await
}

async fn within(limit: Duration, request_id: &str, answer: impl Future<Output = RawReply>) -> RawReply {
    tokio::time::timeout(limit, answer).await.unwrap_or_else(|_| {
        let problem = Problem::unavailable(&format!("the request was not answered within {limit:?}"));
        problem.into_raw(request_id).with_header("x-request-id", request_id.to_owned())
    })
}

/// Logs an answered request.
pub fn log_request(
    clock: &dyn Clock,
    row: &Row,
    request_id: &str,
    path: &str,
    tenant: Option<TenantId>,
    reply: &RawReply,
    started_at: Timestamp,
) {
    let now = clock.now();
    let took_ms = now.as_millisecond() - started_at.as_millisecond();
    let tenant = tenant.map(|tenant| tenant.to_string());
    tracing::info!(function = row.function, request_id, path, tenant, status = reply.status, took_ms, "request");
}

async fn stored_answer(deps: &Deps, key: Option<call::IdempotencyKey>) -> Option<Result<RawReply, Problem>> {
    let key = key?;
    match deps.db.get::<StoredAnswer>(&key.key()).await {
        Ok(Some(stored)) => key.replay(stored.value, deps.now()),
        Ok(None) => None,
        Err(error) => Some(Err(error.into())),
    }
}

async fn prepare<E: Endpoint>(
    deps: &Deps,
    raw: RawRequest,
    counted: &mut rate_limit::Counted,
) -> Result<Call<E>, Problem> {
    let (row, route) = (E::ROW, E::ROUTE);
    let principal = principal(deps, route, &raw).await?;
    rate_limit::count_caller(deps, route.rate, &raw, principal.as_ref(), counted).await?;
    body::check_size(&raw.body)?;
    check_path(&raw.path)?;
    let store = match route.store {
        StoreScope::None => None,
        StoreScope::Optional if !store_scope::is_named(deps, &raw) => None,
        StoreScope::Optional | StoreScope::Required => {
            Some(store_scope::resolve(deps, &raw, principal.as_ref()).await?)
        }
    };
    let own_tenant = principal.as_ref().and_then(|principal| principal.tenant_id);
    if let Some(tenant) = store.map(|store| store.tenant_id).or(own_tenant) {
        rate_limit::count_tenant(deps, route.rate, &raw, tenant, counted).await?;
    }
    let path = path::<E::Path>(&raw.path_parameters)?;
    let query = query::<E::Query>(&raw.query)?;
    let body::Parsed { body, json } = body::parse::<E::Body>(&raw)?;
    let idempotency = idempotency(row, route, &raw, &json, principal.as_ref(), store)?;
    let if_match = raw.header("if-match").map(call::parse_if_match).transpose()?;
    Ok(Call {
        cause: Cause {
            correlation_id: raw
                .header("x-correlation-id")
                .filter(|id| is_token(id))
                .unwrap_or(&raw.request_id)
                .to_owned(),
            causation_id: None,
            traceparent: raw
                .header("traceparent")
                .filter(|parent| parent.len() == 55 && is_token(parent))
                .map(str::to_owned),
        },
        principal,
        store,
        path,
        query,
        body,
        idempotency,
        if_match,
        raw,
    })
}

/// The caller, if the route's access rule lets them in. Public routes have no authorizer, so an optional token is
/// verified here.
async fn principal(deps: &Deps, route: &Route, raw: &RawRequest) -> Result<Option<Principal>, Problem> {
    match route.access {
        Access::Public => Ok(raw.principal.clone()),
        Access::PublicOrToken => match raw.header("authorization").and_then(auth::bearer) {
            Some(token) if raw.principal.is_none() => Ok(Some(auth::verify(deps, token).await?)),
            _ => Ok(raw.principal.clone()),
        },
        Access::Needs(permission) => {
            let refused = || if raw.token_expired { Problem::token_expired() } else { Problem::unauthorized() };
            let principal = raw.principal.clone().ok_or_else(refused)?;
            if principal.role.may(permission) { Ok(Some(principal)) } else { Err(Problem::forbidden(permission)) }
        }
    }
}

/// API Gateway decodes the path and puts this character where the bytes are not UTF-8. No path of ours holds it.
fn check_path(path: &str) -> Result<(), Problem> {
    if path.contains(char::REPLACEMENT_CHARACTER) {
        return Err(Problem::new(&problems::INVALID_PATH, "the path is not UTF-8 once it is decoded"));
    }
    Ok(())
}

/// Path parameters. An id of the wrong form cannot exist, so the answer is 404.
fn path<P: DeserializeOwned>(parameters: &HashMap<String, String>) -> Result<P, Problem> {
    let pairs = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str().into_deserializer()));
    P::deserialize(MapDeserializer::<_, serde::de::value::Error>::new(pairs)).map_err(|_| Problem::not_found())
}

fn query<Q: DeserializeOwned>(query: &str) -> Result<Q, Problem> {
    let deserializer = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let (path, message) = (error.path().to_string(), error.inner().to_string());
        // The path of an unknown or repeated parameter is the whole query; serde's message names it.
        let name = if path == "." { message.split('`').nth(1).unwrap_or_default() } else { path.as_str() };
        Problem::new(&problems::INVALID_QUERY, format!("{name}: {}", words::about_value(&message)))
    })
}

fn idempotency(
    row: &Row,
    route: &Route,
    raw: &RawRequest,
    body: &serde_json::Value,
    principal: Option<&Principal>,
    store: Option<StoreRef>,
) -> Result<Option<call::IdempotencyKey>, Problem> {
    let key = match (route.idempotency, raw.header("idempotency-key")) {
        (Idempotency::None, _) | (Idempotency::Accepted, None) => return Ok(None),
        (Idempotency::Required, None) => {
            let detail = "this request needs an Idempotency-Key header: a new random value for each new intent";
            return Err(Problem::new(&problems::IDEMPOTENCY_KEY_MISSING, detail));
        }
        (Idempotency::Accepted | Idempotency::Required, Some(key)) => key,
    };
    if !is_token(key) {
        let detail = "Idempotency-Key: expected 1 to 255 printable characters without spaces";
        return Err(Problem::new(&problems::IDEMPOTENCY_KEY_INVALID, detail));
    }
    Ok(Some(call::IdempotencyKey::new(row.function, key, raw, body, principal, store)))
}

fn is_token(text: &str) -> bool {
    text.len() <= 255 && domain::text::is_token(text)
}

/// Whether the endpoint's body type is [`Nothing`], so that the body is ignored.
pub(crate) fn takes_no_body<B: 'static>() -> bool {
    std::any::TypeId::of::<B>() == std::any::TypeId::of::<Nothing>()
}

#[cfg(test)]
mod tests {
    use contracts::{
        Function,
        orders::{ListOrders, Place},
    };
    use serde_json::json;

    use super::*;

    /// Headers are kept with what they caused, and sent with its events.
    #[test]
    fn a_key_that_could_not_be_sent_is_refused() {
        let keyed = |key: &str| {
            let headers = HashMap::from([("idempotency-key".to_owned(), key.to_owned())]);
            let raw = RawRequest { headers, ..RawRequest::default() };
            idempotency(Place::ROW, Place::ROUTE, &raw, &serde_json::Value::Null, None, None)
        };
        assert!(keyed("a-key").is_ok_and(|key| key.is_some()));
        for key in ["", " ", "a key", "key\u{FFFF}", "key\u{200B}", "key\u{0}", "schl\u{FC}ssel", &"k".repeat(256)] {
            assert_eq!(keyed(key).unwrap_err().code(), &problems::IDEMPOTENCY_KEY_INVALID, "{key:?}");
            assert!(!is_token(key), "{key:?} would be kept as a correlation id");
        }
    }

    #[tokio::test]
    async fn an_answer_comes_before_lambda_ends_the_function() {
        let limit = Duration::from_millis(10);
        let in_time = within(limit, "req-1", async { RawReply::new(200, "application/json", vec![]) }).await;
        assert_eq!(in_time.status, 200);
        let late = within(limit, "req-1", std::future::pending()).await;
        let headers = ["content-type", "retry-after", "x-request-id"].map(|name| late.header(name));
        assert_eq!((late.status, headers), (503, [Some("application/problem+json"), Some("1"), Some("req-1")]));
        let told: serde_json::Value = serde_json::from_slice(&late.body).unwrap();
        assert_eq!((&told["code"], &told["request_id"]), (&json!("unavailable"), &json!("req-1")));
    }

    #[test]
    fn a_wrong_query_is_told_in_plain_words() {
        let statuses =
            "pending, cancel_requested, paid, confirmed, fulfilled, completed, cancelled, refund_pending, refunded";
        let cases = [
            ("limit=x", "limit: expected a whole number".to_owned()),
            ("limit=", "limit: expected a whole number".into()),
            ("limit=1000", "limit: the number is out of range".into()),
            ("limit=0", "limit: expected a whole number from 1 to 100".into()),
            ("limit=1&limit=2", "limit: this is given more than once".into()),
            ("colour=red", "colour: there is no such field; expected one of: status, limit, cursor".into()),
            ("status=lost", format!("status: this value is not allowed; expected one of: {statuses}")),
        ];
        for (text, detail) in cases {
            let problem = query::<ListOrders>(text).unwrap_err();
            assert_eq!(problem, Problem::new(&problems::INVALID_QUERY, detail), "{text}");
        }
    }
}
