//! The Lambda authorizer: API Gateway (HTTP API, payload 2.0, simple responses) calls it with a token before it calls
//! a function, and caches the decision by the value of `Authorization`.

use std::collections::HashMap;

use contracts::Function;
use lambda_runtime::{LambdaEvent, service_fn};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    auth::Principal,
    boot::{Boot, Erased, Served, erase},
    granted::Granted,
    handler::Handler,
};

/// API Gateway's request to the authorizer; only the fields that are used.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Question {
    /// The values that the decision is cached by: the `Authorization` header only.
    #[serde(default)]
    identity_source: Option<Vec<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Decision {
    is_authorized: bool,
    context: HashMap<String, Value>,
}

/// The authorizer with its type erased. It takes the value of `Authorization` and returns the principal of a valid
/// token, or `None`. On an error there is no decision: API Gateway answers 500 and calls again for the next request.
pub(crate) type Decisions = Erased<String, Result<Option<Principal>, String>>;

pub(crate) fn start<F, H, E>(boot: &Boot, handler: H) -> Decisions
where
    F: Function,
    E: std::fmt::Display + Send + 'static,
    H: for<'a> Handler<'a, Granted<F>, String, Result<Option<Principal>, E>> + 'static,
{
    let state = (Granted::<F>::from_boot(boot), handler);
    erase(state, move |state, authorization| async move {
        state.1.call(&state.0, authorization).await.map_err(|error| {
            tracing::error!(%error, "no decision");
            "no decision".to_owned()
        })
    })
}

pub(crate) async fn serve(decide: Decisions) -> Served {
    let decide = &decide;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Question>| {
        answer(decide, event.payload).await.map_err(lambda_runtime::Error::from)
    }))
    .await
}

async fn answer(decide: &Decisions, question: Question) -> Result<Decision, String> {
    let authorization = question.identity_source.unwrap_or_default().into_iter().next().unwrap_or_default();
    let principal = decide(authorization).await?;
    Ok(Decision {
        is_authorized: principal.is_some(),
        context: principal.map(|principal| principal.to_context()).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use domain::{AccountId, Role, SessionId};
    use serde_json::json;
    use ulid::Ulid;

    use super::*;

    fn decision(authorization: &str) -> Result<Option<Principal>, String> {
        match authorization {
            "Bearer good" => Ok(Some(Principal {
                tenant_id: None,
                account_id: AccountId::from_ulid(Ulid(1)),
                role: Role::Customer,
                session_id: SessionId::from_ulid(Ulid(2)),
            })),
            "Bearer away" => Err("no decision".to_owned()),
            _ => Ok(None),
        }
    }

    async fn asked(event: Value) -> Result<Value, String> {
        let decide: Decisions = Box::new(|authorization| Box::pin(ready(decision(&authorization))));
        let decision = answer(&decide, serde_json::from_value(event).unwrap()).await?;
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
