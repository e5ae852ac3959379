//! Converts API Gateway's requests (HTTP API, payload 2.0) for [`Requests`], and replies back.

use std::sync::Arc;

use contracts::Row;
use lambda_http::{Body, Request, RequestExt, Response, request::RequestContext, service_fn};

use crate::{
    authorizer::Caller,
    boot::Served,
    deps::Clock,
    http::{RawReply, RawRequest, Requests, log_request, within_timeout},
};

/// Runs an endpoint until Lambda stops it.
pub(crate) async fn serve(row: &'static Row, clock: Arc<dyn Clock>, endpoint: Requests) -> Served {
    let (clock, endpoint) = (&*clock, &endpoint);
    lambda_http::run(service_fn(move |request: Request| async move {
        let started_at = clock.now();
        let raw = raw(request);
        let (request_id, path) = (raw.request_id.clone(), raw.path.clone());
        let tenant = raw.principal.as_ref().and_then(|principal| principal.tenant_id);
        let reply = within_timeout(row, &request_id, endpoint(raw)).await;
        log_request(clock, row, &request_id, &path, tenant, &reply, started_at);
        response(reply)
    }))
    .await
}

fn raw(request: Request) -> RawRequest {
    let (request_id, source_ip, caller, query) = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => (
            context.request_id.clone().unwrap_or_default(),
            context.http.source_ip.clone().unwrap_or_default(),
            context.authorizer.as_ref().map(|authorizer| Caller::from_context(&authorizer.fields)),
            request.uri().query().unwrap_or_default().to_owned(),
        ),
        _ => Default::default(),
    };
    let (principal, token_expired) = match caller {
        Some(Caller::Known(principal)) => (Some(principal), false),
        Some(Caller::Expired) => (None, true),
        Some(Caller::Unknown) | None => (None, false),
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
        token_expired,
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
    // All replies are text. Sent as text, they need no base64 decoding in API Gateway.
    let body = String::from_utf8(reply.body).map_or_else(|error| Body::Binary(error.into_bytes()), Body::Text);
    Ok(builder.body(body)?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of_path(path: &str, query: &str) -> RawRequest {
        let event = json!({
            "version": "2.0", "routeKey": "GET /products/{id}", "rawPath": path, "rawQueryString": query,
            "headers": { "host": "demo.localhost:8000", "x-forwarded-for": "192.0.2.1, 203.0.113.7" },
            "pathParameters": { "id": path.rsplit('/').next() },
            "requestContext": {
                "accountId": "1", "apiId": "a", "domainName": "demo.localhost", "domainPrefix": "demo",
                "http": {
                    "method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": "",
                },
                "requestId": "req-1", "routeKey": "GET /products/{id}", "stage": "$default",
                "time": "01/Jan/2026:00:00:00 +0000", "timeEpoch": 1,
            },
            "isBase64Encoded": false,
        });
        raw(lambda_http::request::from_str(&event.to_string()).unwrap())
    }

    /// A client can say anything of its address.
    #[test]
    fn the_address_is_the_one_that_api_gateway_saw() {
        assert_eq!(of_path("/products/x", "").source_ip, "203.0.113.7");
    }

    /// API Gateway decodes the path, so that it may hold anything.
    #[test]
    fn any_path_is_read_as_it_came() {
        for text in ["x", "\u{fffd}", "a b", "é", "\u{0}", "\n", "[", "\"<>^`{|}\\", "%zz", "%", "..", "%25FF"] {
            let request = of_path(&format!("/products/{text}"), "limit=1&x=%FF");
            assert_eq!((&*request.path, &*request.path_parameters["id"]), (&*format!("/products/{text}"), text));
            assert_eq!(request.query, "limit=1&x=%FF", "{text}");
        }
    }
}
