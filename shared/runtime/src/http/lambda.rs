//! The way from API Gateway (HTTP API, payload 2.0) to [`answer`] and back.

use std::sync::Arc;

use contracts::Endpoint;
use lambda_http::{Body, Request, RequestExt, Response, request::RequestContext, service_fn};

use crate::{
    auth::Principal,
    boot::{self, Erased, Exit, FromBoot, Served},
    deps::Deps,
    handler::Handler,
    http::{Call, Outcome, RawReply, RawRequest, answer},
    telemetry,
};

/// Runs an endpoint until Lambda stops it.
pub fn serve_http<E, D, H>(handler: H) -> Exit
where
    E: Endpoint,
    D: FromBoot + AsRef<Deps>,
    H: for<'a> Handler<'a, D, Call<E>, Outcome<E>> + 'static,
{
    boot::run(|deps: D| {
        let core = deps.as_ref().clone();
        let shared = Arc::new((deps, handler));
        let erased: Erased<RawRequest, RawReply> = Box::new(move |raw| {
            let shared = Arc::clone(&shared);
            Box::pin(async move { answer::<E, D, H>(&shared.0, &shared.1, raw).await })
        });
        Box::pin(run(E::SPEC.function, core, erased))
    })
}

async fn run(function: &'static str, deps: Deps, endpoint: Erased<RawRequest, RawReply>) -> Served {
    let (deps, endpoint) = (&deps, &endpoint);
    lambda_http::run(service_fn(move |request: Request| async move {
        let started_at = deps.now();
        let raw = raw(request);
        let (request_id, path) = (raw.request_id.clone(), raw.path.clone());
        let tenant = raw.principal.as_ref().and_then(|principal| principal.tenant_id);
        let reply = endpoint(raw).await;
        log(deps, function, &request_id, &path, tenant, &reply, started_at);
        response(reply)
    }))
    .await
}

fn log(
    deps: &Deps,
    function: &str,
    request_id: &str,
    path: &str,
    tenant: Option<domain::TenantId>,
    reply: &RawReply,
    started_at: domain::Timestamp,
) {
    let now = deps.now();
    let took_ms = now.as_millisecond() - started_at.as_millisecond();
    let tenant = tenant.map(|tenant| tenant.to_string());
    tracing::info!(function, request_id, path, tenant, status = reply.status, took_ms, "request");
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of one request")]
    telemetry::count(function, "duration", took_ms as f64, "Milliseconds", now);
}

fn raw(request: Request) -> RawRequest {
    let (request_id, source_ip, principal, query) = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => (
            context.request_id.clone().unwrap_or_default(),
            context.http.source_ip.clone().unwrap_or_default(),
            context.authorizer.as_ref().and_then(|authorizer| Principal::from_context(&authorizer.fields)),
            request.uri().query().unwrap_or_default().to_owned(),
        ),
        _ => Default::default(),
    };
    let path_parameters =
        request.path_parameters().iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let headers = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    RawRequest {
        request_id,
        path: request.raw_http_path().to_owned(),
        path_parameters,
        query,
        headers,
        source_ip,
        principal,
        body: match request.into_body() {
            Body::Text(text) => text.into_bytes(),
            Body::Binary(bytes) => bytes,
            _ => vec![],
        },
    }
}

fn response(reply: RawReply) -> Result<Response<Body>, lambda_http::Error> {
    let mut builder = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        builder = builder.header(name, value);
    }
    // All answers are text; sent as such, API Gateway need not decode base64.
    let body = String::from_utf8(reply.body).map_or_else(|error| Body::Binary(error.into_bytes()), Body::Text);
    Ok(builder.body(body)?)
}
