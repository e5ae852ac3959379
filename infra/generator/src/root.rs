//! The root stack: parameters, the API with its stage and authorizer, the bus, secrets, and the nested stacks.

use contracts::platform::AUTHORIZER;
use serde_json::{Map, Value, json};

use crate::{
    Result,
    cfn::{LOG_RETENTION_DAYS, get_att, logical_id, reference, resource, sub},
    service::Stack,
};

/// A token that was just revoked keeps working for so long at the most.
const AUTHORIZER_CACHE_S: u16 = 60;
/// Requests a second, over all tenants, before the API answers 429; finer limits are the functions'.
const THROTTLE_RATE: u16 = 1_000;
const THROTTLE_BURST: u16 = 2_000;
/// How long a browser may keep the answer to a preflight.
const CORS_MAX_AGE_S: u16 = 3_600;

/// Values are put by scripts/deploy: no template holds one.
const SECRETS: [(&str, &str); 3] = [
    ("token-keys", "Keys that sign access tokens"),
    ("paystack", "The platform's Paystack key"),
    ("cursor-key", "Key that authenticates the cursors of lists"),
];

pub(crate) fn template(stacks: &[Stack]) -> Result<Value> {
    let mut resources = api();
    resources.insert("EventBus".into(), resource("AWS::Events::EventBus", &json!({ "Name": sub("selleasi-${Env}") })));
    for (name, says) in SECRETS {
        let properties = json!({ "Name": sub(format!("selleasi/${{Env}}/{name}")), "Description": says });
        let secret = resource("AWS::SecretsManager::Secret", &properties);
        resources.insert(format!("{}Secret", logical_id(name)), secret);
    }
    resources.insert(
        "Data".into(),
        resource(
            "AWS::CloudFormation::Stack",
            &json!({
                "TemplateURL": "infra/services/data.yaml",
                "Parameters": { "Env": reference("Env"), "Protect": reference("Protect") },
            }),
        ),
    );
    for stack in stacks {
        resources.insert(logical_id(stack.service), nested(stack));
    }
    if stacks.iter().any(|stack| stack.service == "data") {
        return Err("a service cannot be called data: that is the stack of tables".into());
    }
    Ok(json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Transform": "AWS::Serverless-2016-10-31",
        "Description": "SellEasi",
        "Parameters": parameters(),
        "Resources": resources,
        "Outputs": {
            "ApiId": { "Value": reference("Api") },
            "ApiUrl": { "Value": sub("https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}") },
            "EventBusName": { "Value": reference("EventBus") },
        },
    }))
}

fn parameters() -> Value {
    json!({
        "Env": {
            "Type": "String",
            "Default": "dev",
            "AllowedPattern": "[a-z][a-z0-9-]{0,19}",
            "Description": "Name of the environment, in the name of every resource",
        },
        "Architecture": {
            "Type": "String",
            "Default": "arm64",
            "AllowedValues": ["arm64", "x86_64"],
            "Description": "What the functions were built for",
        },
        "BaseDomain": { "Type": "String", "Description": "Stores answer at <slug>.<BaseDomain>" },
        "PublicBaseUrl": { "Type": "String", "Description": "Where this API is reached, for links and callbacks" },
        "PaystackBaseUrl": { "Type": "String", "Default": "https://api.paystack.co" },
        "MailFrom": { "Type": "String", "Description": "Sender of e-mail: a@b.c or Name <a@b.c>, verified in SES" },
        "CorsOrigins": {
            "Type": "CommaDelimitedList",
            "Default": "http://localhost:3000",
            "Description": "Origins whose pages may call this API",
        },
        "LogLevel": { "Type": "String", "Default": "info", "AllowedValues": ["error", "warn", "info", "debug", "trace"] },
        "ReconcileScheduleS": {
            "Type": "String",
            "Default": "60,300,900,3600",
            "Description": "Seconds after which an open payment is asked about again; the last one repeats",
        },
        "ClockSkewMaxS": {
            "Type": "Number",
            "Default": domain::limits::CLOCK_SKEW_MAX_S,
            "MinValue": 0,
            "Description": "How far the clocks of two machines may be apart, in seconds; less only where they are known to agree",
        },
        "Protect": {
            "Type": "String",
            "Default": "true",
            "AllowedValues": ["true", "false"],
            "Description": "Whether tables are protected from deletion; false for test environments only",
        },
    })
}

fn api() -> Map<String, Value> {
    let api = json!({
        "Name": sub("selleasi-${Env}"),
        "ProtocolType": "HTTP",
        "CorsConfiguration": {
            "AllowOrigins": reference("CorsOrigins"),
            "AllowMethods": ["GET", "POST", "PUT", "PATCH", "DELETE"],
            "AllowHeaders": [
                "authorization",
                "content-type",
                "idempotency-key",
                "if-match",
                "traceparent",
                "x-onboarding-token",
                "x-store",
            ],
            "ExposeHeaders": ["etag", "ratelimit", "ratelimit-policy", "retry-after", "x-request-id"],
            "MaxAge": CORS_MAX_AGE_S,
        },
    });
    // By name: the function is in the platform's stack, which needs this API and the authorizer.
    let function = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:selleasi-${Env}-";
    let uri = format!(
        "arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}:lambda:path/2015-03-31/functions/{function}{AUTHORIZER}/invocations"
    );
    let authorizer = json!({
        "ApiId": reference("Api"),
        "Name": "token",
        "AuthorizerType": "REQUEST",
        "AuthorizerUri": sub(uri),
        "AuthorizerPayloadFormatVersion": "2.0",
        "EnableSimpleResponses": true,
        "IdentitySource": ["$request.header.Authorization"],
        "AuthorizerResultTtlInSeconds": AUTHORIZER_CACHE_S,
    });
    let stage = json!({
        "ApiId": reference("Api"),
        "StageName": "$default",
        "AutoDeploy": true,
        "DefaultRouteSettings": { "ThrottlingRateLimit": THROTTLE_RATE, "ThrottlingBurstLimit": THROTTLE_BURST },
        "AccessLogSettings": {
            "DestinationArn": get_att("AccessLogs", "Arn"),
            "Format": access_log_format(),
        },
    });
    let logs = json!({
        "LogGroupName": sub("/aws/apigateway/selleasi-${Env}"),
        "RetentionInDays": LOG_RETENTION_DAYS,
    });
    Map::from_iter([
        ("Api".to_owned(), resource("AWS::ApiGatewayV2::Api", &api)),
        ("Authorizer".to_owned(), resource("AWS::ApiGatewayV2::Authorizer", &authorizer)),
        ("Stage".to_owned(), resource("AWS::ApiGatewayV2::Stage", &stage)),
        ("AccessLogs".to_owned(), resource("AWS::Logs::LogGroup", &logs)),
    ])
}

/// No address, no path with its ids, no query: the request's id leads to the rest.
fn access_log_format() -> String {
    json!({
        "request_id": "$context.requestId",
        "time": "$context.requestTime",
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

fn nested(stack: &Stack) -> Value {
    let parameters: Map<String, Value> =
        stack.parameters.iter().map(|name| ((*name).to_owned(), handed_down(name))).collect();
    let mut nested = resource(
        "AWS::CloudFormation::Stack",
        &json!({ "TemplateURL": format!("infra/services/{}.yaml", stack.service), "Parameters": parameters }),
    );
    // Nothing is called before its tables are there; the stream's ARN says so by itself.
    if !stack.parameters.contains(&"OutboxStreamArn") {
        nested["DependsOn"] = json!(["Data"]);
    }
    nested
}

fn handed_down(parameter: &str) -> Value {
    match parameter {
        "ApiId" => reference("Api"),
        "AuthorizerId" => reference("Authorizer"),
        "OutboxStreamArn" => get_att("Data", "Outputs.OutboxStreamArn"),
        other => reference(other),
    }
}
