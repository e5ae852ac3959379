//! The Lambda authorizer: API Gateway (HTTP API, payload 2.0, simple responses) calls it with a token before it calls
//! a function, and caches the decision by the value of `Authorization`.
//!
//! It lets every request through and says what it knows of the caller; the function answers 401 itself where that is
//! not enough. A request that is not let through gets API Gateway's own 403, without a `code`: a client could not tell
//! an expired token, which it refreshes, from a missing permission.

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

/// What is known of a caller with a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// The token is valid.
    Known(Principal),
    /// The token was valid, and has expired.
    Expired,
    /// The token is not one of ours.
    Unknown,
}

/// The field of the context that says why there is no principal.
const REFUSED: &str = "refused";
const EXPIRED: &str = "expired";

impl Caller {
    fn into_context(self) -> HashMap<String, Value> {
        let refused = |why: &str| HashMap::from([(REFUSED.to_owned(), Value::from(why))]);
        match self {
            Self::Known(principal) => principal.to_context(),
            Self::Expired => refused(EXPIRED),
            Self::Unknown => refused("invalid"),
        }
    }

    pub(crate) fn from_context(context: &HashMap<String, Value>) -> Self {
        match Principal::from_context(context) {
            Some(principal) => Self::Known(principal),
            None if context.get(REFUSED).is_some_and(|why| why == EXPIRED) => Self::Expired,
            None => Self::Unknown,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Decision {
    is_authorized: bool,
    context: HashMap<String, Value>,
}

/// The authorizer with its type erased. It takes the value of `Authorization`. On an error there is no decision: API
/// Gateway answers 500 and calls again for the next request.
pub(crate) type Decisions = Erased<String, Result<Caller, String>>;

pub(crate) fn start<F, H, E>(boot: &Boot, handler: H) -> Decisions
where
    F: Function,
    E: std::fmt::Display + Send + 'static,
    H: for<'a> Handler<'a, Granted<F>, String, Result<Caller, E>> + 'static,
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
    Ok(Decision { is_authorized: true, context: decide(authorization).await?.into_context() })
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use domain::{AccountId, Role, SessionId};
    use serde_json::json;
    use ulid::Ulid;

    use super::*;

    fn principal() -> Principal {
        Principal {
            tenant_id: None,
            account_id: AccountId::from_ulid(Ulid(1)),
            role: Role::Customer,
            session_id: SessionId::from_ulid(Ulid(2)),
        }
    }

    fn decision(authorization: &str) -> Result<Caller, String> {
        match authorization {
            "Bearer good" => Ok(Caller::Known(principal())),
            "Bearer old" => Ok(Caller::Expired),
            "Bearer away" => Err("no decision".to_owned()),
            _ => Ok(Caller::Unknown),
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
        let let_in = |context: Value| Ok(json!({ "isAuthorized": true, "context": context }));
        let context = json!({
            "account": "acc_00000000000000000000000001",
            "role": "customer",
            "session": "ses_00000000000000000000000002",
        });
        assert_eq!(asked(event("Bearer good")).await, let_in(context));
        assert_eq!(asked(event("Bearer old")).await, let_in(json!({ "refused": "expired" })));
        let unknown = let_in(json!({ "refused": "invalid" }));
        assert_eq!(asked(event("Bearer bad")).await, unknown);
        assert_eq!(asked(json!({ "version": "2.0", "identitySource": null })).await, unknown);
        // What went wrong inside stays there.
        assert_eq!(asked(event("Bearer away")).await, Err("no decision".to_owned()));
    }

    #[test]
    fn a_function_reads_what_the_authorizer_says() {
        for caller in [Caller::Known(principal()), Caller::Expired, Caller::Unknown] {
            assert_eq!(Caller::from_context(&caller.clone().into_context()), caller);
        }
        assert_eq!(Caller::from_context(&HashMap::new()), Caller::Unknown);
    }
}
