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
    boot::run(async |deps: Deps| {
        let (deps, handler) = (&deps, &handler);
        lambda_runtime::run(service_fn(async |event: LambdaEvent<Question>| {
            decide(deps, handler, event.payload).await.map_err(lambda_runtime::Error::from)
        }))
        .await
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
