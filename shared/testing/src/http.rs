//! Requests as API Gateway sends them, and answers with helpers for assertions.

use std::collections::HashMap;

use contracts::Endpoint;
use runtime::{
    Call, Extra, Granted, Handler, Outcome, Principal,
    http::{RawReply, RawRequest, answer},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{TestDeps, World};

/// Builds a request.
#[derive(Debug, Clone, Default)]
pub struct TestRequest(RawRequest);

impl TestRequest {
    /// A JSON request without caller, store and body.
    pub fn new() -> Self {
        let headers = HashMap::from([("content-type".to_owned(), "application/json".to_owned())]);
        Self(RawRequest {
            request_id: "req-1".into(),
            source_ip: "203.0.113.7".into(),
            headers,
            ..RawRequest::default()
        })
    }

    /// Sets the caller, as the authorizer passes it on.
    pub fn by(mut self, principal: &Principal) -> Self {
        self.0.principal = Some(principal.clone());
        self
    }

    /// Sets a header. `name` is in lower case.
    pub fn header(mut self, name: &str, value: impl ToString) -> Self {
        self.0.headers.insert(name.to_owned(), value.to_string());
        self
    }

    /// Sets `X-Store`: a slug or an id.
    pub fn store(self, name: impl ToString) -> Self {
        self.header("x-store", name)
    }

    /// Sets `Idempotency-Key`.
    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// Sets the client's address.
    pub fn from(mut self, address: &str) -> Self {
        address.clone_into(&mut self.0.source_ip);
        self
    }

    /// Sets a path parameter, and appends its value to the path.
    pub fn path(mut self, name: &str, value: impl ToString) -> Self {
        self.0.path.push('/');
        self.0.path.push_str(&value.to_string());
        self.0.path_parameters.insert(name.to_owned(), value.to_string());
        self
    }

    /// Sets the query string, without `?`.
    pub fn query(mut self, query: &str) -> Self {
        query.clone_into(&mut self.0.query);
        self
    }

    /// Sets the body to this JSON.
    pub fn json(self, body: Value) -> Self {
        self.body(body.to_string())
    }

    /// Sets the raw body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.0.body = body.into();
        self
    }

    /// The raw request, as a function receives it.
    pub fn into_raw(self) -> RawRequest {
        self.0
    }

    /// Sends the request through all checks that a real request goes through, and to the handler.
    ///
    /// # Panics
    /// The answer is a problem that the endpoint's row does not list.
    pub async fn send<E, X, H>(self, deps: &TestDeps, handler: H) -> Answer
    where
        E: Endpoint,
        X: Extra,
        H: for<'a> Handler<'a, Granted<E, X>, Call<E>, Outcome<E>>,
    {
        // On the heap, so that tests which send many requests are not large themselves.
        let answer = Answer(Box::pin(answer(&deps.granted(), &handler, self.0)).await);
        let (status, code) = answer.problem();
        let is_listed = || E::ROW.problems().iter().any(|listed| (listed.status, listed.name) == (status, &*code));
        assert!(status < 400 || is_listed(), "the row of {} does not list {status} {code}", E::ROW.function);
        answer
    }
}

/// An answer, with helpers for assertions.
#[derive(Debug)]
pub struct Answer(pub RawReply);

impl Answer {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.0.status
    }

    /// The body as JSON; null if it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.0.body).unwrap_or(Value::Null)
    }

    /// The parsed body of a successful answer. Panics on an error answer and shows its body.
    pub fn ok<T: DeserializeOwned>(&self) -> T {
        let text = String::from_utf8_lossy(&self.0.body);
        assert!((200..300).contains(&self.0.status), "{}: {text}", self.0.status);
        serde_json::from_slice(&self.0.body).unwrap()
    }

    /// Status, headers and indented body, for snapshots.
    pub fn shown(&self) -> String {
        let headers: Vec<String> = self.0.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        format!("{}\n{}\n\n{:#}", self.0.status, headers.join("\n"), self.json())
    }

    /// Status and code of a problem; the code is empty for other answers.
    pub fn problem(&self) -> (u16, String) {
        (self.0.status, self.json()["code"].as_str().unwrap_or_default().to_owned())
    }

    /// Pointers and codes of a problem's wrong fields.
    pub fn fields(&self) -> Vec<(String, String)> {
        let json = self.json();
        let errors = json["errors"].as_array().cloned().unwrap_or_default();
        let text = |error: &Value, name: &str| error[name].as_str().unwrap_or_default().to_owned();
        errors.iter().map(|error| (text(error, "pointer"), text(error, "code"))).collect()
    }
}

/// Asserts that another tenant, and another store of the same tenant, cannot see what `request` asks for.
pub async fn hidden_from_others<E, X, H>(world: &World, handler: H, request: impl Fn() -> TestRequest)
where
    E: Endpoint,
    X: Extra,
    H: for<'a> Handler<'a, Granted<E, X>, Call<E>, Outcome<E>> + Copy,
{
    let neighbour = world.neighbour().await;
    let theirs = request().by(&neighbour.owner).store(&neighbour.store.slug).send(&world.deps, handler).await;
    assert_eq!(theirs.problem(), (404, "not_found".into()));
    let mixed = request().by(&neighbour.owner).store(&world.store.slug).send(&world.deps, handler).await;
    assert_eq!(mixed.problem(), (403, "tenant_mismatch".into()));
    let second = world.branch("adas-shoes").await.store;
    let elsewhere = request().by(&world.owner).store(&second.slug).send(&world.deps, handler).await;
    assert_eq!(elsewhere.problem(), (404, "not_found".into()));
}

#[cfg(test)]
mod tests {
    use contracts::platform::Docs;
    use runtime::Reply;

    use super::*;

    async fn of_characters(_: &Granted<Docs>, call: Call<Docs>) -> Outcome<Docs> {
        let length = call.raw.header("x-length").unwrap().parse().unwrap();
        Ok(Reply::text("text/plain", call.raw.header("x-character").unwrap().repeat(length)))
    }

    #[tokio::test]
    async fn a_reply_that_lambda_would_not_pass_on_is_our_fault() {
        let world = World::new().await;
        let mib = 1024 * 1024;
        for (character, length, status) in
            [("x", 5 * mib, 200), ("x", 6 * mib, 500), ("\"", 2 * mib, 200), ("\"", 3 * mib, 500), ("é", 3 * mib, 500)]
        {
            let request = TestRequest::new().header("x-character", character).header("x-length", length);
            let answer = request.send(&world.deps, of_characters).await;
            assert_eq!(answer.status(), status, "{length} of {character}");
            if status == 500 {
                assert_eq!(answer.problem().1, "internal");
                assert!(answer.0.body.len() < 1_000);
            }
        }
    }
}
