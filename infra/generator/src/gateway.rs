//! The API: CORS, authorizer, and a stage with limits for each class of endpoints.

use contracts::{
    Row,
    http::{CORS_ALLOW_HEADERS, CORS_ALLOW_METHODS, CORS_EXPOSE_HEADERS, CORS_MAX_AGE_S},
    row::{RateClass, Trigger},
};
use domain::limits::AUTHORIZER_CACHE_S;
use serde_json::{Map, Value, json};

use crate::{
    Result,
    cfn::{LOG_RETENTION_DAYS, get_att, logical_id, reference, resource, sub},
    endpoint,
};

/// Requests a second, and at once, to a route that has no limit of its own, which none is without.
const THROTTLE_RATE: u16 = 1_000;
const THROTTLE_BURST: u16 = 2_000;

/// The parameters that change the limits.
pub(crate) fn parameters() -> Map<String, Value> {
    let of_class = |class: RateClass| {
        let (name, throttle) = (logical_id(class.name()), class.throttle());
        let parameter = |default: u16, what: &str| {
            json!({
                "Type": "Number",
                "Default": default,
                "MinValue": 1,
                "Description": format!("Requests {what} to each endpoint of the class {name}, before it answers 429"),
            })
        };
        [
            (format!("{name}Rate"), parameter(throttle.rate, "a second")),
            (format!("{name}Burst"), parameter(throttle.burst, "at once")),
        ]
    };
    RateClass::ALL.into_iter().flat_map(of_class).collect()
}

/// `after` are the nested stacks with routes: a stage cannot limit routes that are not there yet.
pub(crate) fn resources(rows: &[&Row], after: &[String]) -> Result<Map<String, Value>> {
    let authorizer =
        rows.iter().find(|row| matches!(row.trigger, Trigger::Authorizer)).ok_or("no function is the authorizer")?;
    let mut stage = resource("AWS::ApiGatewayV2::Stage", &stage(rows));
    stage["DependsOn"] = after.into();
    let logs = json!({
        "LogGroupName": sub("/aws/apigateway/selleasi-${Env}"),
        "RetentionInDays": LOG_RETENTION_DAYS,
    });
    Ok(Map::from_iter([
        ("Api".to_owned(), resource("AWS::ApiGatewayV2::Api", &api())),
        ("Authorizer".to_owned(), resource("AWS::ApiGatewayV2::Authorizer", &token_authorizer(authorizer))),
        ("Stage".to_owned(), stage),
        ("AccessLogs".to_owned(), resource("AWS::Logs::LogGroup", &logs)),
    ]))
}

fn api() -> Value {
    json!({
        "Name": sub("selleasi-${Env}"),
        "ProtocolType": "HTTP",
        "CorsConfiguration": {
            "AllowOrigins": reference("CorsOrigins"),
            "AllowMethods": CORS_ALLOW_METHODS,
            "AllowHeaders": CORS_ALLOW_HEADERS,
            "ExposeHeaders": CORS_EXPOSE_HEADERS,
            "MaxAge": CORS_MAX_AGE_S,
        },
    })
}

fn token_authorizer(row: &Row) -> Value {
    // By name: the function is in a nested stack, which needs this API and the authorizer.
    let function = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:selleasi-${Env}-";
    let uri = format!(
        "arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}:lambda:path/2015-03-31/functions/{function}{}/invocations",
        row.function
    );
    json!({
        "ApiId": reference("Api"),
        "Name": "token",
        "AuthorizerType": "REQUEST",
        "AuthorizerUri": sub(uri),
        "AuthorizerPayloadFormatVersion": "2.0",
        "EnableSimpleResponses": true,
        "IdentitySource": ["$request.header.Authorization"],
        "AuthorizerResultTtlInSeconds": AUTHORIZER_CACHE_S,
    })
}

fn stage(rows: &[&Row]) -> Value {
    let limited = |row: &&Row| {
        let route = row.route()?;
        let name = logical_id(route.rate.name());
        let limits = json!({
            "ThrottlingRateLimit": reference(&format!("{name}Rate")),
            "ThrottlingBurstLimit": reference(&format!("{name}Burst")),
        });
        Some((endpoint::route_key(route), limits))
    };
    json!({
        "ApiId": reference("Api"),
        "StageName": "$default",
        "AutoDeploy": true,
        "DefaultRouteSettings": { "ThrottlingRateLimit": THROTTLE_RATE, "ThrottlingBurstLimit": THROTTLE_BURST },
        "RouteSettings": rows.iter().filter_map(limited).collect::<Map<_, _>>(),
        "AccessLogSettings": {
            "DestinationArn": get_att("AccessLogs", "Arn"),
            "Format": access_log_format(),
        },
    })
}

/// The caller's address, which floods and break-ins are traced by, but no path with its ids and no query: the request's
/// id leads to the rest.
fn access_log_format() -> String {
    json!({
        "request_id": "$context.requestId",
        "time": "$context.requestTime",
        "source_ip": "$context.identity.sourceIp",
        "route": "$context.routeKey",
        "status": "$context.status",
        "latency_ms": "$context.responseLatency",
        "integration_latency_ms": "$context.integrationLatency",
        "response_bytes": "$context.responseLength",
        "integration_error": "$context.integrationErrorMessage",
        "authorizer_error": "$context.authorizer.error",
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{LIST_BOOKS, ON_LENT, SWEEP, UPDATE_BOOK};

    const AUTHORIZER: Row = Row { function: "books-authorizer", trigger: Trigger::Authorizer, ..SWEEP };

    #[test]
    fn each_route_has_the_limits_of_its_class_and_the_stage_comes_after_the_routes() {
        let rows = [&UPDATE_BOOK, &LIST_BOOKS, &ON_LENT, &AUTHORIZER];
        let resources = resources(&rows, &["Books".to_owned()]).unwrap();
        let stage = &resources["Stage"];
        let expected = json!({
            "PATCH /books/{book_id}": {
                "ThrottlingRateLimit": reference("WriteRate"),
                "ThrottlingBurstLimit": reference("WriteBurst"),
            },
            "GET /books": {
                "ThrottlingRateLimit": reference("ReadRate"),
                "ThrottlingBurstLimit": reference("ReadBurst"),
            },
        });
        assert_eq!(stage["Properties"]["RouteSettings"], expected);
        assert_eq!(stage["DependsOn"], json!(["Books"]));
        for name in ["WriteRate", "WriteBurst", "ReadRate", "ReadBurst"] {
            assert_eq!(parameters()[name]["Type"], "Number", "{name}");
        }
    }

    #[test]
    fn signing_in_is_limited_more_than_what_brings_money() {
        let rate = |class: RateClass| class.throttle().rate;
        assert!(rate(RateClass::Auth) < rate(RateClass::Checkout) && rate(RateClass::Auth) < rate(RateClass::Webhook));
    }

    #[test]
    fn the_authorizer_is_the_function_that_the_table_says() {
        let resources = resources(&[&AUTHORIZER], &[]).unwrap();
        let uri = resources["Authorizer"]["Properties"]["AuthorizerUri"].to_string();
        assert!(uri.contains("function:selleasi-${Env}-books-authorizer/invocations"), "{uri}");
        assert!(super::resources(&[&UPDATE_BOOK], &[]).is_err());
    }
}
