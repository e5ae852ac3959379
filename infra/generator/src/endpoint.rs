//! What makes a function an endpoint: integration, route, and the API's permission to call it. Also the authorizer's.

use contracts::{
    Row,
    row::{Access, Route},
};
use serde_json::{Map, Value, json};

use crate::cfn::{arn, get_att, logical_id, reference, resource, sub};

pub(crate) fn resources(row: &Row, route: &Route) -> Map<String, Value> {
    let id = logical_id(row.function);
    let function = format!("{id}Function");
    let integration = resource(
        "AWS::ApiGatewayV2::Integration",
        &json!({
            "ApiId": reference("ApiId"),
            "IntegrationType": "AWS_PROXY",
            "IntegrationUri": get_att(&function, "Arn"),
            "PayloadFormatVersion": "2.0",
        }),
    );
    let mut route_properties = json!({
        "ApiId": reference("ApiId"),
        "RouteKey": route_key(route),
        "Target": sub(format!("integrations/${{{id}Integration}}")),
        "AuthorizationType": "NONE",
    });
    // Where a token is optional the function reads it: API Gateway asks nobody about a request without one.
    if matches!(route.access, Access::Needs(_)) {
        route_properties["AuthorizationType"] = "CUSTOM".into();
        route_properties["AuthorizerId"] = reference("AuthorizerId");
    }
    let source = format!("${{ApiId}}/*/{}{}", route.method.name(), source_path(route.path));
    Map::from_iter([
        (format!("{id}Integration"), integration),
        (format!("{id}Route"), resource("AWS::ApiGatewayV2::Route", &route_properties)),
        (format!("{id}Permission"), permission(&function, &source)),
    ])
}

/// The authorizer is called for every route, whatever its stage.
pub(crate) fn authorizer_permission(id: &str) -> (String, Value) {
    (format!("{id}Permission"), permission(&format!("{id}Function"), "${ApiId}/authorizers/${AuthorizerId}"))
}

pub(crate) fn route_key(route: &Route) -> String {
    format!("{} {}", route.method.name(), route.path)
}

fn permission(function: &str, source: &str) -> Value {
    resource(
        "AWS::Lambda::Permission",
        &json!({
            "Action": "lambda:InvokeFunction",
            "FunctionName": reference(function),
            "Principal": "apigateway.amazonaws.com",
            "SourceArn": arn("execute-api", source),
        }),
    )
}

/// A path as a source ARN has it: `*` for each parameter.
fn source_path(path: &str) -> String {
    let segments: Vec<&str> =
        path.split('/').map(|segment| if segment.starts_with('{') { "*" } else { segment }).collect();
    segments.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{LIST_BOOKS, LIST_ROUTE, UPDATE_BOOK, UPDATE_ROUTE, properties};

    fn listed(access: Access) -> Value {
        Value::Object(resources(&LIST_BOOKS, &Route { access, ..LIST_ROUTE }))
    }

    #[test]
    fn a_route_asks_the_authorizer_where_a_token_is_needed() {
        let private = Value::Object(resources(&UPDATE_BOOK, &UPDATE_ROUTE));
        let private = properties(&private, "books-update", "Route");
        assert_eq!(private["RouteKey"], "PATCH /books/{book_id}");
        assert_eq!(private["AuthorizationType"], "CUSTOM");
        assert_eq!(private["AuthorizerId"], reference("AuthorizerId"));
        for access in [Access::Public, Access::PublicOrToken] {
            let public = listed(access);
            let public = properties(&public, "books-list", "Route");
            assert_eq!((&public["RouteKey"], &public["AuthorizationType"]), (&json!("GET /books"), &json!("NONE")));
            assert!(public.get("AuthorizerId").is_none());
        }
    }

    #[test]
    fn the_api_may_call_the_function_by_its_own_route_only() {
        let resources = Value::Object(resources(&UPDATE_BOOK, &UPDATE_ROUTE));
        let permission = properties(&resources, "books-update", "Permission");
        assert_eq!(permission["FunctionName"], reference("BooksUpdateFunction"));
        assert_eq!(permission["SourceArn"], arn("execute-api", "${ApiId}/*/PATCH/books/*"));
    }
}
