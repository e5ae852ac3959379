//! What makes a function an endpoint: integration, route, and the API's permission to call it. Also the authorizer's.

use contracts::{Spec, table::Access};
use serde_json::{Map, Value, json};

use crate::cfn::{arn, get_att, logical_id, reference, resource, sub};

pub(crate) fn resources(spec: &Spec) -> Map<String, Value> {
    let id = logical_id(spec.function);
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
    let mut route = json!({
        "ApiId": reference("ApiId"),
        "RouteKey": route_key(spec),
        "Target": sub(format!("integrations/${{{id}Integration}}")),
        "AuthorizationType": "NONE",
    });
    if spec.access != Access::Public {
        route["AuthorizationType"] = "CUSTOM".into();
        route["AuthorizerId"] = reference("AuthorizerId");
    }
    let source = format!("${{ApiId}}/*/{}{}", spec.method.name(), source_path(spec.path));
    Map::from_iter([
        (format!("{id}Integration"), integration),
        (format!("{id}Route"), resource("AWS::ApiGatewayV2::Route", &route)),
        (format!("{id}Permission"), permission(&function, &source)),
    ])
}

/// The authorizer is called for every route, whatever its stage.
pub(crate) fn authorizer_permission(id: &str) -> (String, Value) {
    (format!("{id}Permission"), permission(&format!("{id}Function"), "${ApiId}/authorizers/${AuthorizerId}"))
}

pub(crate) fn route_key(spec: &Spec) -> String {
    format!("{} {}", spec.method.name(), spec.path)
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
    use crate::fixtures::{LIST_BOOKS, UPDATE_BOOK, properties};

    #[test]
    fn a_route_asks_the_authorizer_unless_it_is_public() {
        let resources =
            Value::Object([resources(&UPDATE_BOOK), resources(&LIST_BOOKS)].into_iter().flatten().collect());
        let private = properties(&resources, "books-update", "Route");
        assert_eq!(private["RouteKey"], "PATCH /books/{book_id}");
        assert_eq!(private["AuthorizationType"], "CUSTOM");
        assert_eq!(private["AuthorizerId"], reference("AuthorizerId"));
        let public = properties(&resources, "books-list", "Route");
        assert_eq!((&public["RouteKey"], &public["AuthorizationType"]), (&json!("GET /books"), &json!("NONE")));
        assert!(public.get("AuthorizerId").is_none());
    }

    #[test]
    fn the_api_may_call_the_function_by_its_own_route_only() {
        let resources = Value::Object(resources(&UPDATE_BOOK));
        let permission = properties(&resources, "books-update", "Permission");
        assert_eq!(permission["FunctionName"], reference("BooksUpdateFunction"));
        assert_eq!(permission["SourceArn"], arn("execute-api", "${ApiId}/*/PATCH/books/*"));
    }
}
