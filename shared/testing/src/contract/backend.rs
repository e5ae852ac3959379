//! The databases that the contract is tested on.

use std::{
    fmt,
    future::ready,
    sync::{Arc, Barrier, Mutex},
    thread,
    time::Duration,
};

use aws_sdk_dynamodb::{
    Client,
    config::{SharedHttpClient, retry::RetryConfig},
};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::{
    client::{
        http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        orchestrator::HttpRequest,
        runtime_components::RuntimeComponents,
    },
    http::Request,
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use contracts::table::Table;
use embedded::dynamo::{Answer, Tables};
use runtime::{Entropy, deps::SystemEntropy};
use rusqlite::Connection;
use serde_json::{Value, json};
use store::{
    Db, Key,
    local::{Answering, Local},
};
use ulid::Ulid;

use super::in_front::response;
use crate::dynamo::{Embedded, PREFIX, client_config, table_definition};

/// An emulated DynamoDB and the tables a test has in it.
#[derive(Clone)]
pub(super) struct Backend {
    kind: Kind,
    prefix: String,
}

#[derive(Clone)]
enum Kind {
    /// Created with all tables.
    Dynoxide(Embedded),
    /// Created with all tables.
    Sqlite(Sqlite),
    /// Created with all tables.
    Local(Sqlite),
    MiniStack {
        endpoint: String,
    },
}

impl Backend {
    pub(super) fn dynoxide() -> Self {
        Self { kind: Kind::Dynoxide(Embedded::new()), prefix: PREFIX.to_owned() }
    }

    pub(super) fn sqlite() -> Self {
        Self { kind: Kind::Sqlite(Sqlite::new()), prefix: PREFIX.to_owned() }
    }

    /// The same, called without the SDK's client, as in the one process.
    pub(super) fn local() -> Self {
        Self { kind: Kind::Local(Sqlite::new()), prefix: PREFIX.to_owned() }
    }

    /// On the running MiniStack, with table names that no other test has, in this run or another.
    pub(super) fn ministack() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "where a test finds its database, not a function's configuration"
        )]
        let endpoint = std::env::var("SELLEASI_AWS_URL");
        let endpoint = endpoint.expect("SELLEASI_AWS_URL says where MiniStack is, as in http://127.0.0.1:4566");
        Self { kind: Kind::MiniStack { endpoint }, prefix: format!("selleasi-contract-{}-", random()) }
    }

    /// A client with its own connections, like another function's.
    pub(super) fn db(&self) -> Db {
        let db = self.db_behind(|http| http);
        match &self.kind {
            Kind::Local(sqlite) => db.within(Arc::new(sqlite.clone())),
            _ => db,
        }
    }

    /// As [`Self::db`], with its HTTP client wrapped by `wrap`.
    pub(super) fn db_behind(&self, wrap: impl FnOnce(SharedHttpClient) -> SharedHttpClient) -> Db {
        let config = match &self.kind {
            Kind::Dynoxide(embedded) => client_config(wrap(SharedHttpClient::new(embedded.clone()))),
            Kind::Sqlite(sqlite) | Kind::Local(sqlite) => client_config(wrap(SharedHttpClient::new(sqlite.clone()))),
            Kind::MiniStack { endpoint } => client_config(wrap(Builder::new().build_http())).endpoint_url(endpoint),
        };
        // Retries as the product does, with shorter pauses.
        let retry = RetryConfig::standard().with_max_attempts(4).with_initial_backoff(Duration::from_millis(10));
        Db::new(Client::from_conf(config.retry_config(retry).build()), &self.prefix)
    }

    /// Runs `run` `many` times concurrently, each with its own thread, runtime and connections, as separate functions
    /// would.
    pub(super) fn at_once<T: Send>(&self, many: usize, run: impl AsyncFn(usize, Db) -> T + Sync) -> Vec<T> {
        let ready = Barrier::new(many);
        thread::scope(|scope| {
            let threads: Vec<_> = (0..many)
                .map(|number| {
                    let (ready, run) = (&ready, &run);
                    scope.spawn(move || {
                        block_on(async {
                            let db = self.db();
                            ready.wait();
                            run(number, db).await
                        })
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }

    // Where MiniStack accepts what AWS refuses; see "Not like AWS" in localstack/README.md.

    /// Whether a batch may have more than 100 keys, as long as no table has.
    pub(super) fn counts_keys_for_each_table(&self) -> bool {
        matches!(self.kind, Kind::MiniStack { .. })
    }

    /// Whether an update may set one path twice, and may lack its verb.
    pub(super) fn hardly_checks_updates(&self) -> bool {
        matches!(self.kind, Kind::MiniStack { .. })
    }

    // What the product's own database leaves to the others.

    /// Whether any word may be a name in an expression. DynamoDB's list has 573 that may not; it would only be needed
    /// here if an expression were not tested on the others.
    pub(super) fn has_no_reserved_words(&self) -> bool {
        matches!(self.kind, Kind::Sqlite(_) | Kind::Local(_))
    }

    pub(super) fn table_name(&self, table: Table) -> String {
        format!("{}{}", self.prefix, table.name())
    }

    /// The whole item under a key as the wire has it, or null.
    pub(super) async fn raw_item(&self, key: &Key) -> Value {
        let (table, pk, sk) = key.parts();
        let answer = self
            .raw(
                "GetItem",
                &json!({
                    "TableName": self.table_name(table),
                    "Key": { "pk": { "S": pk }, "sk": { "S": sk } },
                    "ConsistentRead": true,
                }),
            )
            .await
            .unwrap();
        answer["Item"].clone()
    }

    pub(super) async fn create_tables(&self) {
        if let Kind::MiniStack { .. } = self.kind {
            for table in Table::ALL {
                self.raw("CreateTable", &table_definition(&self.prefix, table)).await.unwrap();
            }
        }
    }

    /// Ignores missing tables: a test may end before it has created them.
    pub(super) async fn delete_tables(&self) {
        if let Kind::MiniStack { .. } = self.kind {
            for table in Table::ALL {
                let name = json!({ "TableName": self.table_name(table) });
                if let Err(error) = self.raw("DeleteTable", &name).await {
                    eprintln!("{name} is left behind: {error}");
                }
            }
        }
    }

    /// Sends a request without the SDK. An error is the text of the answer.
    pub(super) async fn raw(&self, operation: &str, request: &Value) -> Result<Value, String> {
        let answer = match &self.kind {
            Kind::Dynoxide(embedded) => {
                embedded.execute(operation, request.to_string().as_bytes()).map_err(|error| error.to_json())?
            }
            Kind::Sqlite(sqlite) | Kind::Local(sqlite) => {
                let Answer { status, body, .. } = sqlite.execute(operation, request.to_string().as_bytes());
                if status == 200 { body } else { return Err(body) }
            }
            Kind::MiniStack { endpoint } => post(endpoint, operation, request).await?,
        };
        serde_json::from_str(&answer).map_err(|error| error.to_string())
    }
}

/// The database of the product's one process, in memory.
#[derive(Clone)]
struct Sqlite(Arc<(Mutex<Connection>, Tables)>);

impl Sqlite {
    fn new() -> Self {
        let connection = Connection::open_in_memory().unwrap();
        embedded::dynamo::create(&connection).unwrap();
        Self(Arc::new((Mutex::new(connection), Tables::new(PREFIX))))
    }

    fn execute(&self, operation: &str, body: &[u8]) -> Answer {
        let (connection, tables) = &*self.0;
        embedded::dynamo::execute(&connection.lock().unwrap(), tables, operation, body)
    }
}

impl Local for Sqlite {
    fn call(&self, operation: &'static str, request: Vec<u8>) -> Answering<'_> {
        let Answer { status, body, .. } = self.execute(operation, &request);
        Box::pin(ready((status, body)))
    }
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sqlite")
    }
}

impl HttpClient for Sqlite {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Sqlite {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap();
        let answer = self.execute(target.rsplit('.').next().unwrap(), request.body().bytes().unwrap());
        HttpConnectorFuture::ready(Ok(response(answer.status, answer.body)))
    }
}

async fn post(endpoint: &str, operation: &str, request: &Value) -> Result<String, String> {
    let mut http: HttpRequest = Request::new(SdkBody::from(request.to_string()));
    http.set_method("POST").unwrap();
    http.set_uri(endpoint).unwrap();
    http.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    http.headers_mut().insert("x-amz-target", format!("DynamoDB_20120810.{operation}"));
    let answer = Connector::builder().build_http().call(http).await.map_err(|error| format!("{error:?}"))?;
    let good = answer.status().is_success();
    let body = ByteStream::new(answer.into_body()).collect().await.map_err(|error| error.to_string())?;
    let body = String::from_utf8_lossy(&body.to_vec()).into_owned();
    if good { Ok(body) } else { Err(body) }
}

/// Runs on its own single-threaded runtime, as a function does.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Truly random, unlike everything else in tests: MiniStack outlives a run, and remembers its tokens.
pub(super) fn random() -> Ulid {
    let mut bytes = [0; 16];
    SystemEntropy.fill(&mut bytes);
    Ulid(u128::from_be_bytes(bytes))
}
