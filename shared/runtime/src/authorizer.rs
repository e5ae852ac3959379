//! The Lambda authorizer: API Gateway (HTTP API, payload 2.0, simple responses) asks it about a token before it calls
//! a function. What it says is cached by API Gateway under the token.

use std::collections::HashMap;

use lambda_runtime::{LambdaEvent, service_fn};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    auth::Principal,
    boot::{self, Exit},
    deps::Deps,
    handler::Handler,
};

/// What API Gateway asks; only what is read of it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Question {
    /// The values of the headers that the authorizer's answer is cached under: `Authorization`, and no other.
    #[serde(default)]
    identity_source: Option<Vec<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Decision {
    is_authorized: bool,
    context: HashMap<String, Value>,
}

/// Runs the authorizer until Lambda stops it. The handler gets the value of `Authorization` and gives back whose token
/// it is, if it is one that holds. An error is no answer: API Gateway tells the caller 500, and asks again next time.
pub fn serve_authorizer<E, H>(handler: H) -> Exit
where
    E: std::fmt::Display + Send,
    H: for<'a> Handler<'a, Deps, String, Result<Option<Principal>, E>> + 'static,
{
    boot::run(|deps: Deps| {
        Box::pin(async move {
            let (deps, handler) = (&deps, &handler);
            lambda_runtime::run(service_fn(async |event: LambdaEvent<Question>| {
                // On the heap: nested in the runtime's own futures it is deeper than the compiler will lay out.
                let decided = Box::pin(decide(deps, handler, event.payload));
                decided.await.map_err(lambda_runtime::Error::from)
            }))
            .await
        })
    })
}

async fn decide<E, H>(deps: &Deps, handler: &H, question: Question) -> Result<Decision, String>
where
    E: std::fmt::Display + Send,
    H: for<'a> Handler<'a, Deps, String, Result<Option<Principal>, E>>,
{
    let authorization = question.identity_source.unwrap_or_default().into_iter().next().unwrap_or_default();
    match handler.call(deps, authorization).await {
        Ok(principal) => Ok(Decision {
            is_authorized: principal.is_some(),
            context: principal.map(|principal| principal.to_context()).unwrap_or_default(),
        }),
        Err(error) => {
            tracing::error!(%error, "no decision");
            Err("no decision".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::{AccountId, Role, SessionId};
    use serde_json::json;
    use ulid::Ulid;

    use super::*;
    use crate::{
        config::Config,
        deps::{SystemClock, SystemEntropy},
        secrets::Secrets,
    };

    fn deps() -> Deps {
        let db = aws_sdk_dynamodb::Config::builder().behavior_version_latest().build();
        let db = store::Db::new(aws_sdk_dynamodb::Client::from_conf(db), "test-");
        Deps::from_parts(db, Arc::new(SystemClock), Arc::new(SystemEntropy), Config::default(), Secrets::fixed([]))
    }

    async fn handler(_: &Deps, authorization: String) -> Result<Option<Principal>, String> {
        match authorization.as_str() {
            "Bearer good" => Ok(Some(Principal {
                tenant_id: None,
                account_id: AccountId::from_ulid(Ulid(1)),
                role: Role::Customer,
                session_id: SessionId::from_ulid(Ulid(2)),
            })),
            "Bearer away" => Err("arn:secret".to_owned()),
            _ => Ok(None),
        }
    }

    async fn asked(event: Value) -> Result<Value, String> {
        let decision = decide(&deps(), &handler, serde_json::from_value(event).unwrap()).await?;
        Ok(serde_json::to_value(decision).unwrap())
    }

    #[tokio::test]
    async fn answers_in_api_gateways_words() {
        let event = |token: &str| json!({ "version": "2.0", "type": "REQUEST", "identitySource": [token] });
        let context = json!({
            "account": "acc_00000000000000000000000001",
            "role": "customer",
            "session": "ses_00000000000000000000000002",
        });
        assert_eq!(asked(event("Bearer good")).await, Ok(json!({ "isAuthorized": true, "context": context })));
        let no = Ok(json!({ "isAuthorized": false, "context": {} }));
        assert_eq!(asked(event("Bearer bad")).await, no);
        assert_eq!(asked(json!({ "version": "2.0", "identitySource": null })).await, no);
        // What went wrong inside stays there.
        assert_eq!(asked(event("Bearer away")).await, Err("no decision".to_owned()));
    }
}
