//! Injects into all backends what none does itself: answers that only AWS gives, and lost answers.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_smithy_runtime_api::{
    client::{
        http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        orchestrator::{HttpRequest, HttpResponse},
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};
use store::Db;

use super::backend::Backend;

/// Intercepts the first calls of one operation and passes on all others.
#[derive(Clone)]
pub(super) struct InFront {
    operation: &'static str,
    left: Arc<AtomicU32>,
    trick: Trick,
}

/// Status and body, given the request's body.
type Answer = dyn Fn(&Value) -> (u16, Value) + Send + Sync;

#[derive(Clone)]
enum Trick {
    /// The request goes no further.
    Answer(Arc<Answer>),
    /// The request goes through, and its answer is lost.
    LoseAnswer,
}

impl fmt::Debug for InFront {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InFront({}, {:?})", self.operation, self.left)
    }
}

impl InFront {
    /// Answers the first calls itself, without the database.
    pub(super) fn answering(
        backend: &Backend,
        operation: &'static str,
        times: u32,
        answer: impl Fn(&Value) -> (u16, Value) + Send + Sync + 'static,
    ) -> (Self, Db) {
        Self::with(backend, operation, times, Trick::Answer(Arc::new(answer)))
    }

    pub(super) fn losing_answers(backend: &Backend, operation: &'static str, times: u32) -> (Self, Db) {
        Self::with(backend, operation, times, Trick::LoseAnswer)
    }

    /// Returns itself, for the number of calls it will still intercept, and a client whose calls pass through it.
    fn with(backend: &Backend, operation: &'static str, times: u32, trick: Trick) -> (Self, Db) {
        let in_front = Self { operation, left: Arc::new(AtomicU32::new(times)), trick };
        let db = backend.db_behind(|http| SharedHttpClient::new(Front { in_front: in_front.clone(), http }));
        (in_front, db)
    }

    pub(super) fn left(&self) -> u32 {
        self.left.load(Ordering::SeqCst)
    }

    fn is_its_turn(&self, request: &HttpRequest) -> bool {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        target.rsplit('.').next() == Some(self.operation)
            && self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
    }
}

#[derive(Debug)]
struct Front {
    in_front: InFront,
    http: SharedHttpClient,
}

impl HttpClient for Front {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let next = self.http.http_connector(settings, components);
        SharedHttpConnector::new(FrontConnector { in_front: self.in_front.clone(), next })
    }
}

#[derive(Debug)]
struct FrontConnector {
    in_front: InFront,
    next: SharedHttpConnector,
}

impl HttpConnector for FrontConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if !self.in_front.is_its_turn(&request) {
            return self.next.call(request);
        }
        match &self.in_front.trick {
            Trick::Answer(answer) => {
                let request = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
                let (status, answer) = answer(&request);
                HttpConnectorFuture::ready(Ok(response(status, answer.to_string())))
            }
            Trick::LoseAnswer => {
                let answer = self.next.call(request);
                HttpConnectorFuture::new(async move {
                    answer.await?;
                    let error = json!({ "__type": "com.amazonaws.dynamodb.v20120810#InternalServerError" });
                    Ok(response(500, error.to_string()))
                })
            }
        }
    }
}

/// An answer of DynamoDB.
pub(super) fn response(status: u16, body: String) -> HttpResponse {
    let mut response = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    response
}
