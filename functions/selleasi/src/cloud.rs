//! What stands in for AWS: the functions' clients send their requests here instead of over the network, those to the
//! tables without the SDK's client. DynamoDB and SQS are the embedded database, EventBridge is a list of who wants which
//! events, SES is the mailbox or an SMTP server, Secrets Manager is a file. Which queue takes which events comes from the
//! rows, as in the templates.

mod bus;
mod mail;
mod sqs;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use aws_smithy_runtime_api::{
    client::{
        http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use contracts::{Row, row::Trigger};
use embedded::{
    Database,
    queues::{DEAD_LETTERS, Terms},
};
use runtime::Clock;
use serde_json::{Value, json};
use store::local::{Answering, Local};
use tokio::sync::Notify;

pub(crate) use mail::{Mail, Mailbox, Post};

use crate::{metrics::Metrics, settings::prefix};

/// The common start of all queue URLs.
pub(crate) const QUEUE_URLS: &str = "https://sqs.localhost/selleasi/";

/// An answer: the HTTP status and a JSON body.
pub(crate) type Reply = (u16, String);

/// The services. Clones share them.
#[derive(Clone)]
pub(crate) struct Cloud(Arc<Parts>);

struct Parts {
    database: Database,
    clock: Arc<dyn Clock>,
    /// `selleasi-<env>-`: what names of tables and queues begin with.
    prefix: String,
    queues: BTreeMap<String, Queue>,
    /// The functions that take events, each with its queue.
    consumers: Vec<(&'static Row, String)>,
    secrets: BTreeMap<String, String>,
    post: Post,
    metrics: Metrics,
    /// Rings when there is something in the outbox's stream.
    outbox: Notify,
}

/// A queue: its terms, and a bell for who waits for its messages.
struct Queue {
    terms: Mutex<Terms>,
    bell: Arc<Notify>,
}

impl std::fmt::Debug for Cloud {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cloud")
    }
}

/// Messages in these are given again when somebody has looked at them for this long.
const DEAD_LETTER_TERMS: Terms = Terms { visibility_ms: 30_000, receives_max: None };

impl Cloud {
    /// `secrets` are by name.
    pub(crate) fn new(
        database: Database,
        clock: Arc<dyn Clock>,
        secrets: BTreeMap<String, String>,
        post: Post,
        metrics: Metrics,
    ) -> Self {
        let (prefix, outbox) = (prefix(), Notify::new());
        let (mut queues, mut consumers) = (BTreeMap::new(), vec![]);
        for row in contracts::rows() {
            let name = format!("{prefix}{}", row.function);
            let queue = |terms| Queue { terms: Mutex::new(terms), bell: Arc::new(Notify::new()) };
            if matches!(row.trigger, Trigger::Events { .. }) {
                consumers.push((row, name.clone()));
            }
            if row.has_dead_letters() {
                queues.insert(format!("{name}{DEAD_LETTERS}"), queue(DEAD_LETTER_TERMS));
            }
            // As the templates have them.
            if let Some(of_row) = row.queue() {
                let visibility_ms = i64::from(row.visibility_s()) * 1_000;
                queues.insert(name, queue(Terms { visibility_ms, receives_max: Some(of_row.retry.receives_max()) }));
            }
        }
        Self(Arc::new(Parts { database, clock, prefix, queues, consumers, secrets, post, metrics, outbox }))
    }

    pub(crate) fn database(&self) -> &Database {
        &self.0.database
    }

    /// The mails that were kept, oldest first; none if they go to an SMTP server.
    pub(crate) fn mails(&self) -> Vec<Mail> {
        match &self.0.post {
            Post::Kept(mailbox) => mailbox.mails(),
            Post::Smtp(_) => vec![],
        }
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.0.prefix
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.0.clock.now().as_millisecond()
    }

    /// The bell of a queue.
    pub(crate) fn bell(&self, queue: &str) -> Arc<Notify> {
        self.0.queues.get(queue).map(|queue| Arc::clone(&queue.bell)).unwrap_or_default()
    }

    /// The bell of the outbox's stream.
    pub(crate) fn outbox(&self) -> &Notify {
        &self.0.outbox
    }

    /// The terms of a queue; `None` if there is no such queue.
    pub(crate) fn terms(&self, queue: &str) -> Option<Terms> {
        Some(*self.0.queues.get(queue)?.terms.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn ring(&self, queue: &str) {
        if let Some(queue) = self.0.queues.get(queue) {
            queue.bell.notify_one();
        }
    }

    /// Answers a request of an AWS client. `target` is the header `X-Amz-Target`: service and operation.
    pub(crate) async fn answer(&self, target: &str, path: &str, body: &[u8]) -> Reply {
        match target.split_once('.') {
            Some((service, operation)) if service.starts_with("DynamoDB") => self.dynamodb(operation, body).await,
            Some(("AmazonSQS", operation)) => self.sqs(operation, body),
            Some(("AWSEvents", "PutEvents")) => self.put_events(body),
            Some(("secretsmanager", "GetSecretValue")) => self.secret(body),
            None if path == "/v2/email/outbound-emails" => self.send_email(body).await,
            _ => refused("UnknownOperationException", &format!("{target} is not served here")),
        }
    }

    async fn dynamodb(&self, operation: &str, body: &[u8]) -> Reply {
        let answer = self.0.database.call(operation, body).await;
        if answer.outbox_records > 0 {
            self.0.outbox.notify_one();
        }
        (answer.status, answer.body)
    }

    fn secret(&self, body: &[u8]) -> Reply {
        let request: Value = serde_json::from_slice(body).unwrap_or_default();
        let name = request["SecretId"].as_str().unwrap_or_default();
        match self.0.secrets.get(name) {
            Some(text) => (200, json!({ "Name": name, "SecretString": text }).to_string()),
            None => refused("ResourceNotFoundException", "there is no such secret"),
        }
    }
}

/// An error in the words of AWS's JSON protocols.
fn refused(code: &str, message: &str) -> Reply {
    (400, json!({ "__type": code, "message": message }).to_string())
}

/// The database failed: the client tries again.
fn failed(error: &embedded::Error) -> Reply {
    tracing::error!(%error, "the database failed");
    (500, json!({ "__type": "InternalFailure", "message": "the database failed" }).to_string())
}

impl Local for Cloud {
    fn call(&self, operation: &'static str, request: Vec<u8>) -> Answering<'_> {
        Box::pin(async move { self.dynamodb(operation, &request).await })
    }
}

impl HttpClient for Cloud {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Cloud {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let cloud = self.clone();
        HttpConnectorFuture::new(async move {
            let target = request.headers().get("x-amz-target").unwrap_or_default();
            let uri = request.uri();
            let path = uri.split_once("://").map_or(uri, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
            let body = request.body().bytes().ok_or_else(|| ConnectorError::user("a streaming body".into()))?;
            let (status, body) = cloud.answer(target, path, body).await;
            let status = StatusCode::try_from(status).map_err(|error| ConnectorError::other(error.into(), None))?;
            let mut response = HttpResponse::new(status, SdkBody::from(body));
            response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
            Ok(response)
        })
    }
}
