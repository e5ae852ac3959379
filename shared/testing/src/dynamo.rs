//! DynamoDB in the process: the real SDK client, with a connector that hands each request to `dynoxide`, an
//! independent implementation over SQLite, without a socket. Every call is counted by its operation.
//! Unlike AWS it is never throttled, its indexes are never behind, and it has no conflicts, because transactions run
//! one after the other. The tests in `contract` check that it and MiniStack behave as the store expects, and inject
//! the answers that only AWS gives.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use aws_sdk_dynamodb::{
    Client,
    config::{
        BehaviorVersion, Credentials, IdentityCache, Region, SharedHttpClient, StalledStreamProtectionConfig,
        retry::RetryConfig, timeout::TimeoutConfig,
    },
};
use aws_smithy_async::rt::sleep::{AsyncSleep, Sleep, TokioSleep};
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
use contracts::table::Table;
use dynoxide::{Database, DynoxideError};
use serde_json::{Value, json};
use store::Db;

/// The start of table names in tests.
pub const PREFIX: &str = "selleasi-test-";

/// A sleep that does not wait: a retry runs as soon as other tasks had their turn.
#[derive(Debug)]
struct NoWait;

impl AsyncSleep for NoWait {
    fn sleep(&self, _: Duration) -> Sleep {
        Sleep::new(tokio::task::yield_now())
    }
}

/// An embedded database with all tables.
#[derive(Clone)]
pub struct Embedded {
    database: Arc<Database>,
    calls: Arc<Mutex<BTreeMap<String, u32>>>,
    is_away: Arc<AtomicBool>,
}

impl std::fmt::Debug for Embedded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Embedded")
    }
}

impl Default for Embedded {
    fn default() -> Self {
        Self::new()
    }
}

impl Embedded {
    /// An empty database with the tables of the templates.
    pub fn new() -> Self {
        let database = Database::memory().unwrap();
        let embedded = Self { database: Arc::new(database), calls: Arc::default(), is_away: Arc::default() };
        for table in Table::ALL {
            embedded.execute("CreateTable", table_definition(PREFIX, table).to_string().as_bytes()).unwrap();
        }
        embedded
    }

    /// A new client of this database, without a gate.
    pub fn db(&self) -> Db {
        let config = client_config(SharedHttpClient::new(self.clone()))
            // The database answers at once, so no timer is needed and any executor works.
            .sleep_impl(NoWait)
            .identity_cache(IdentityCache::no_cache())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        Db::new(Client::from_conf(config), PREFIX)
    }

    /// The number of calls by operation, since the last call of this function.
    pub fn take_calls(&self) -> BTreeMap<String, u32> {
        std::mem::take(&mut self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether it answers the product's calls with an error from now on.
    pub fn is_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::SeqCst);
    }

    /// Every item of a table, as DynamoDB JSON. For assertions only: the product never scans.
    pub fn items(&self, table: Table) -> Vec<Value> {
        let request = json!({ "TableName": format!("{PREFIX}{}", table.name()) });
        let answer = self.execute("Scan", request.to_string().as_bytes()).unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        answer["Items"].as_array().cloned().unwrap_or_default()
    }

    /// Runs an operation of DynamoDB's HTTP interface: takes and returns a JSON body.
    ///
    /// # Errors
    /// DynamoDB's error.
    pub fn execute(&self, operation: &str, body: &[u8]) -> Result<String, DynoxideError> {
        macro_rules! run {
            ($method:ident) => {{
                let request = serde_json::from_slice(body).map_err(|error| unreadable(&error.to_string()))?;
                let answer = self.database.$method(request)?;
                serde_json::to_string(&answer).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
            }};
        }
        match operation {
            "CreateTable" => run!(create_table),
            "GetItem" => run!(get_item),
            "BatchGetItem" => run!(batch_get_item),
            "Query" => run!(query),
            "Scan" => run!(scan),
            "TransactWriteItems" => run!(transact_write_items),
            // Other operations are left out on purpose: the product does not use them.
            other => Err(DynoxideError::ValidationException(format!("the product does not call {other}"))),
        }
    }
}

/// The error for a request that cannot be parsed. dynoxide marks those that DynamoDB answers with
/// `ValidationException`.
fn unreadable(message: &str) -> DynoxideError {
    match message.split_once(':') {
        Some((mark, detail)) if mark.starts_with("VALIDATION") => DynoxideError::ValidationException(detail.to_owned()),
        _ => DynoxideError::SerializationException(message.to_owned()),
    }
}

/// The SDK's configuration over an HTTP client, without retries.
pub(crate) fn client_config(http: SharedHttpClient) -> aws_sdk_dynamodb::config::Builder {
    aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .sleep_impl(TokioSleep::new())
        .http_client(http)
}

/// The keys and indexes of the templates, as `CreateTable` takes them.
pub fn table_definition(prefix: &str, table: Table) -> Value {
    let mut attributes = vec!["pk".to_owned(), "sk".to_owned()];
    let mut indexes = vec![];
    for index in 1..=table.indexes() {
        let (pk, sk) = (format!("gsi{index}pk"), format!("gsi{index}sk"));
        indexes.push(json!({
            "IndexName": format!("gsi{index}"),
            "KeySchema": key_schema(&pk, &sk),
            "Projection": { "ProjectionType": "ALL" },
        }));
        attributes.extend([pk, sk]);
    }
    let mut definition = json!({
        "TableName": format!("{prefix}{}", table.name()),
        "KeySchema": key_schema("pk", "sk"),
        "AttributeDefinitions": attributes
            .iter()
            .map(|name| json!({ "AttributeName": name, "AttributeType": "S" }))
            .collect::<Vec<_>>(),
        "BillingMode": "PAY_PER_REQUEST",
    });
    if !indexes.is_empty() {
        definition["GlobalSecondaryIndexes"] = json!(indexes);
    }
    definition
}

fn key_schema(pk: &str, sk: &str) -> Value {
    json!([{ "AttributeName": pk, "KeyType": "HASH" }, { "AttributeName": sk, "KeyType": "RANGE" }])
}

impl HttpClient for Embedded {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Embedded {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        *self.calls.lock().unwrap_or_else(PoisonError::into_inner).entry(operation.clone()).or_default() += 1;
        let execute = |body: &[u8]| {
            if self.is_away.load(Ordering::SeqCst) {
                return Err(DynoxideError::InternalServerError("away".into()));
            }
            self.execute(&operation, body)
        };
        let answer = request
            .body()
            .bytes()
            .ok_or_else(|| ConnectorError::user("a streaming body".into()))
            .map(execute)
            .and_then(|answer| {
                let (status, body) = match answer {
                    Ok(body) => (200, body),
                    Err(error) => (error.status_code(), error.to_json()),
                };
                let status = StatusCode::try_from(status).map_err(|error| ConnectorError::other(error.into(), None))?;
                let mut response = HttpResponse::new(status, SdkBody::from(body));
                response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
                Ok(response)
            });
        HttpConnectorFuture::ready(answer)
    }
}
