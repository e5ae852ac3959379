//! What one process takes: starts `selleasi` on a new directory, sends it what shoppers send, and tells how fast it was
//! answered and what each operation cost the server in processor time. The provider is in this process. Fails where
//! more is sold than there is, or where anything is answered with 5xx; the figures alone fail nothing.

#![allow(clippy::unwrap_used, reason = "a measurement, which should stop where it cannot be made")]

use std::{
    collections::BTreeMap,
    convert::Infallible,
    fs,
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, ExitCode, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use clap::{Parser, ValueEnum};
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    client::conn::http1::{SendRequest, handshake},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use testing::FakePaystack;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Barrier,
    task::JoinSet,
};

const SECRET_KEY: &str = "sk_test_load";
/// Buyers, or connections, at once.
const AT_ONCE: usize = 8;
const PRODUCTS: usize = 25;
/// Of each variant: nobody is turned away, but where that is what is looked at.
const UNITS: usize = 1_000_000;
const LAST_UNITS: usize = 10;
const BUYERS_OF_THE_LAST: usize = 64;
/// How often a buyer looks whether something has happened.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a server does nothing before its memory is looked at.
const IDLE: Duration = Duration::from_secs(2);

#[derive(Debug, Parser)]
struct Arguments {
    /// The program to start.
    #[arg(long)]
    server: PathBuf,
    /// What is measured; by default everything.
    #[arg(long, value_delimiter = ',', default_values_t = Scenario::value_variants().to_vec())]
    #[arg(value_enum)]
    scenarios: Vec<Scenario>,
    #[arg(long, default_value_t = 1_000)]
    checkouts: usize,
    #[arg(long, default_value_t = 20_000)]
    products: usize,
    #[arg(long, default_value_t = 5_000)]
    lists: usize,
    /// `full` or `relaxed`.
    #[arg(long, default_value = "full")]
    durability: String,
    /// The first port that may be used; the next free ones are.
    #[arg(long, default_value_t = 8_700)]
    port: u16,
    /// Where the server's log goes; by default nowhere.
    #[arg(long)]
    log: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scenario {
    Checkout,
    Product,
    List,
    Oversell,
}

impl std::fmt::Display for Scenario {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.to_possible_value().unwrap().get_name())
    }
}

// The server.

struct Server {
    process: Child,
    clients: SocketAddr,
    operator: SocketAddr,
    started_s: f64,
    /// Deleted with it.
    _data: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    /// Starts it, and returns when it has answered.
    #[expect(clippy::disallowed_methods, reason = "measures time")]
    async fn start(arguments: &Arguments, provider: SocketAddr) -> Self {
        let data = tempfile::tempdir().unwrap();
        let clients = free_port(provider.port() + 1);
        let operator = free_port(clients.port() + 1);
        let log = arguments.log.as_ref().map_or_else(Stdio::null, |path| fs::File::create(path).unwrap().into());
        let mut command = Command::new(&arguments.server);
        command.arg("--data").arg(data.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        for (name, value) in [
            ("LISTEN", clients.to_string()),
            ("OPERATOR", operator.to_string()),
            ("CLIENT_RATE_FACTOR", "0".to_owned()),
            ("DURABILITY", format!("{:?}", arguments.durability)),
            ("PAYSTACK__BASE_URL", format!("http://{provider}")),
            ("PAYSTACK__SECRET_KEY", SECRET_KEY.to_owned()),
        ] {
            command.env(format!("SELLEASI_SET_{name}"), value);
        }
        let started = Instant::now();
        let process = command.spawn().unwrap();
        while TcpStream::connect(clients).await.is_err() {
            assert!(started.elapsed() < PATIENCE, "the server does not listen");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(Client::of(clients).send("GET", "/health", &[], None).await.status, 200);
        Self { process, clients, operator, started_s: started.elapsed().as_secs_f64(), _data: data }
    }

    /// Processor time that it has used so far, in milliseconds. The kernel counts in hundredths of a second.
    fn cpu_ms(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap();
        // The name in parentheses may have blanks. Of the rest, user and system time are the twelfth and thirteenth.
        let rest = stat.rsplit_once(')').unwrap().1;
        let ticks: u32 = rest.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u32>().unwrap()).sum();
        f64::from(ticks) * 10.0
    }

    /// Memory that it holds, in megabytes.
    fn resident_mb(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1_024.0
    }

    /// Returns when nothing is under way any more: the queues are empty, and stay so.
    #[expect(clippy::disallowed_methods, reason = "measures time")]
    async fn comes_to_rest(&self) {
        let (mut operator, asked, mut quiet) = (Client::of(self.operator), Instant::now(), 0);
        while quiet < 3 {
            assert!(asked.elapsed() < PATIENCE, "the queues do not become empty");
            tokio::time::sleep(Duration::from_millis(50)).await;
            let metrics = operator.send("GET", "/metrics", &[], None).await.text();
            let waiting = metrics.lines().filter_map(|line| line.strip_prefix("selleasi_queue_messages")).any(|line| {
                let (labels, count) = line.rsplit_once(' ').unwrap();
                assert!(!labels.contains("-dlq") || count == "0", "there are dead letters: {line}");
                !labels.contains("delayed") && count != "0"
            });
            quiet = if waiting { 0 } else { quiet + 1 };
        }
    }

    /// The one-time code that was sent to an address.
    async fn code_sent_to(&self, email: &str) -> String {
        loop {
            let mails = Client::of(self.operator).send("GET", "/mails", &[], None).await.json();
            let found = mails.as_array().unwrap().iter().find(|mail| mail["to"][0] == *email);
            if let Some(mail) = found {
                let words = mail["text"].as_str().unwrap().split(|letter: char| !letter.is_ascii_alphanumeric());
                let code = words.into_iter().find(|word| word.len() == 6 && word.parse::<u32>().is_ok());
                return code.unwrap().to_owned();
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

fn free_port(from: u16) -> SocketAddr {
    let addresses = (from..from.saturating_add(100)).map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    addresses.into_iter().find(|address| std::net::TcpListener::bind(address).is_ok()).unwrap()
}

// The provider.

/// Serves the fake provider's API. Returns its address.
async fn serve_provider(provider: FakePaystack, from: u16) -> SocketAddr {
    let listener = TcpListener::bind(free_port(from)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let provider = provider.clone();
            let service = service_fn(move |request: Request<Incoming>| answer_as_provider(provider.clone(), request));
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}

async fn answer_as_provider(
    provider: FakePaystack,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let (status, answer) = provider.answer(head.method.as_str(), head.uri.path_and_query().unwrap().as_str(), &body);
    let response = Response::builder().status(status).header("content-type", "application/json");
    Ok(response.body(Full::from(answer.to_string())).unwrap())
}

/// Lower-case hex HMAC-SHA512 under the secret key.
fn signature(body: &str) -> String {
    let mut mac = Hmac::<sha2::Sha512>::new_from_slice(SECRET_KEY.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    domain::text::hex(&mac.finalize().into_bytes())
}

// Clients.

struct Answer {
    status: u16,
    body: Bytes,
}

impl Answer {
    fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body of a good answer.
    fn good(&self) -> Value {
        assert!(self.status < 300, "{} {}", self.status, self.text());
        self.json()
    }
}

/// One connection, which is kept.
struct Client {
    server: SocketAddr,
    connection: Option<SendRequest<Full<Bytes>>>,
    /// Answers by status.
    answers: BTreeMap<u16, usize>,
}

impl Client {
    fn of(server: SocketAddr) -> Self {
        Self { server, connection: None, answers: BTreeMap::new() }
    }

    async fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> Answer {
        if self.connection.as_ref().is_none_or(SendRequest::is_closed) {
            let stream = TcpStream::connect(self.server).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            self.connection = Some(sender);
        }
        let mut request = Request::builder().method(method).uri(path).header("host", self.server.to_string());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let request = request.body(Full::from(body.unwrap_or_default().to_owned())).unwrap();
        let connection = self.connection.as_mut().unwrap();
        connection.ready().await.unwrap();
        let response = connection.send_request(request).await.unwrap();
        let status = response.status().as_u16();
        *self.answers.entry(status).or_default() += 1;
        Answer { status, body: response.into_body().collect().await.unwrap().to_bytes() }
    }
}

/// Who signed in, at a store.
struct Caller {
    client: Client,
    authorization: String,
    store: String,
}

impl Caller {
    async fn guest(server: &Server, store: &str) -> Self {
        let mut guest =
            Self { client: Client::of(server.clients), authorization: String::new(), store: store.to_owned() };
        guest.begin_anew().await;
        guest
    }

    /// Another guest, on the same connection.
    async fn begin_anew(&mut self) {
        let tokens = self.client.send("POST", "/auth/guest", &[("x-store", &self.store)], None).await.good();
        self.authorization = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    }

    async fn send(&mut self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let key = unique();
        let mut headers = vec![("authorization", &*self.authorization), ("x-store", &*self.store)];
        if method == "POST" {
            headers.push(("idempotency-key", &key));
        }
        self.client.send(method, path, &headers, body.map(|body| body.to_string()).as_deref()).await
    }

    async fn get(&mut self, path: &str) -> Value {
        self.send("GET", path, None).await.good()
    }

    async fn post(&mut self, path: &str, body: Value) -> Value {
        self.send("POST", path, Some(body)).await.good()
    }

    async fn add(&mut self, variant: &Variant) {
        let line = json!({ "product_id": variant.product, "variant_id": variant.id, "quantity": 1 });
        self.post("/cart/items", line).await;
    }

    async fn place(&mut self) -> Answer {
        let customer = json!({ "name": "Chi Eze", "email": format!("buyer-{}@example.com", unique()) });
        self.send("POST", "/orders", Some(json!({ "customer": customer }))).await
    }
}

/// Hexadecimal digits that nobody has used.
fn unique() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).unwrap();
    domain::text::hex(&bytes)
}

// The shop.

#[derive(Clone)]
struct Variant {
    product: String,
    id: String,
}

struct Shop {
    slug: String,
    /// One of each product.
    variants: Vec<Variant>,
    /// Few units of it.
    last: Variant,
}

impl Shop {
    async fn onboard(server: &Server) -> (Self, Caller) {
        let (mut client, email) = (Client::of(server.clients), "seller@example.com");
        let start = json!({ "email": email, "full_name": "Ada Obi", "tenant_name": "Ada", "kind": "individual" });
        let headers = [("idempotency-key", &*unique())];
        let started = client.send("POST", "/onboarding", &headers, Some(&start.to_string())).await.good();
        let (id, token) = (started["id"].as_str().unwrap(), started["onboarding_token"].as_str().unwrap());
        let mut done = Value::Null;
        let profile = json!({ "store_name": "Ada Books", "store_slug": "ada-books", "currency": "NGN",
                              "timezone": "Africa/Lagos" });
        for (step, body) in [
            ("verify-email", json!({ "code": server.code_sent_to(email).await })),
            ("password", json!({ "password": "correct horse battery" })),
            ("profile", profile),
            ("complete", Value::Null),
        ] {
            let (path, key) = (format!("/onboarding/{id}/{step}"), unique());
            let headers = [("x-onboarding-token", token), ("idempotency-key", &key)];
            let body = (!body.is_null()).then(|| body.to_string());
            done = client.send("POST", &path, &headers, body.as_deref()).await.good();
        }
        let (store, slug) = (done["store"]["id"].as_str().unwrap(), done["store"]["slug"].as_str().unwrap());
        let authorization = format!("Bearer {}", done["tokens"]["access_token"].as_str().unwrap());
        let mut seller = Caller { client, authorization, store: store.to_owned() };
        seller.post(&format!("/stores/{store}/status"), json!({ "status": "active" })).await;
        let mut variants = vec![];
        for number in 0..PRODUCTS {
            variants.push(Self::product(&mut seller, &format!("Book {number}"), 3, UNITS).await);
        }
        let last = Self::product(&mut seller, "The last ones", 1, LAST_UNITS).await;
        (Self { slug: slug.to_owned(), variants, last }, seller)
    }

    /// On sale, with this many units of its first variant.
    async fn product(seller: &mut Caller, name: &str, variants: usize, units: usize) -> Variant {
        let price = json!({ "amount_minor": 450_000, "currency": "NGN" });
        let sku = |number: usize| format!("{}-{number}", name.to_uppercase().replace(' ', "-"));
        let inputs: Vec<_> =
            (0..variants).map(|number| json!({ "sku": sku(number), "name": "Paperback", "price": price })).collect();
        let made = seller.post("/products", json!({ "name": name, "variants": inputs })).await;
        let id = |value: &Value| value["id"].as_str().unwrap().to_owned();
        let variant = Variant { product: id(&made), id: id(&made["variants"][0]) };
        let stock = json!({ "delta": units, "reason": "initial" });
        seller.post(&format!("/inventory/{}/adjust", variant.id), stock).await;
        seller.post(&format!("/products/{}/status", variant.product), json!({ "status": "active" })).await;
        variant
    }
}

// Measuring.

/// What one scenario came to.
#[derive(Default)]
struct Figures {
    took_s: f64,
    waits_ms: Vec<f64>,
    cpu_ms: f64,
    answers: BTreeMap<u16, usize>,
}

impl Figures {
    fn add_answers(&mut self, answers: &BTreeMap<u16, usize>) {
        for (status, count) in answers {
            *self.answers.entry(*status).or_default() += count;
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "of thousands")]
    fn operations(&self) -> f64 {
        self.waits_ms.len() as f64
    }

    fn rate(&self) -> f64 {
        self.operations() / self.took_s
    }

    fn cpu_each_ms(&self) -> f64 {
        self.cpu_ms / self.operations()
    }

    fn percentile(&self, percent: usize) -> f64 {
        self.waits_ms[(self.waits_ms.len() * percent / 100).min(self.waits_ms.len() - 1)]
    }

    fn has_failures(&self) -> bool {
        self.answers.keys().any(|status| *status >= 500)
    }

    fn show(&self, name: Scenario, goal: &str) {
        let answers: Vec<_> = self.answers.iter().map(|(status, count)| format!("{status}: {count}")).collect();
        let (rate, cpu_ms) = (self.rate(), self.cpu_each_ms());
        let [p50, p95, p99] = [50, 95, 99].map(|percent| self.percentile(percent));
        let name = name.to_string();
        println!("{name:9} {rate:8.0} {p50:8.2} {p95:8.2} {p99:8.2} {cpu_ms:8.3}  {goal:30} {}", answers.join(", "));
    }
}

/// What everybody who buys knows.
struct Market {
    server: Server,
    provider: FakePaystack,
    shop: Shop,
}

impl Market {
    /// One operation of a scenario, the `number`th.
    async fn run(&self, scenario: Scenario, caller: &mut Caller, number: usize) {
        let variant = &self.shop.variants[number % self.shop.variants.len()];
        match scenario {
            Scenario::Checkout => self.check_out(caller, variant).await,
            Scenario::Product => self.visit(caller, &format!("/products/{}", variant.product)).await,
            Scenario::List => self.visit(caller, "/products?limit=20").await,
            Scenario::Oversell => {}
        }
    }

    /// Reads what is open to everybody, without a token.
    async fn visit(&self, visitor: &mut Caller, path: &str) {
        let answer = visitor.client.send("GET", path, &[("x-store", &self.shop.slug)], None).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// From nothing to a confirmed order, as a guest.
    async fn check_out(&self, buyer: &mut Caller, variant: &Variant) {
        buyer.begin_anew().await;
        buyer.add(variant).await;
        let order = buyer.place().await.good()["id"].as_str().unwrap().to_owned();
        let path = format!("/orders/{order}");
        let payment = format!("{path}/payment");
        let reference = loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let answer = buyer.send("GET", &payment, None).await;
            if let (200, Some(_), Value::String(reference)) =
                (answer.status, answer.json()["checkout_url"].as_str(), &answer.json()["reference"])
            {
                break reference.clone();
            }
        };
        self.provider.pay(&reference);
        let charge = json!({ "id": unique(), "reference": reference, "status": "success" });
        let webhook = json!({ "event": "charge.success", "data": charge }).to_string();
        let headers = [("x-paystack-signature", &*signature(&webhook))];
        buyer.client.send("POST", "/webhooks/paystack", &headers, Some(&webhook)).await.good();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            match buyer.get(&path).await["status"].as_str().unwrap() {
                "confirmed" => return,
                "pending" | "paid" => {}
                other => panic!("{order} is {other}"),
            }
        }
    }

    /// Lets callers do something `count` times altogether, `AT_ONCE` at once.
    #[expect(clippy::disallowed_methods, reason = "measures time")]
    async fn measure(self: &Arc<Self>, scenario: Scenario, count: usize) -> Figures {
        let (turn, mut callers) = (Arc::new(AtomicUsize::new(0)), vec![]);
        for _ in 0..AT_ONCE {
            let mut caller = Caller::guest(&self.server, &self.shop.slug).await;
            caller.client.answers.clear();
            callers.push(caller);
        }
        self.server.comes_to_rest().await;
        let (started, cpu_ms, mut under_way) = (Instant::now(), self.server.cpu_ms(), JoinSet::new());
        for mut caller in callers {
            let (market, turn) = (Arc::clone(self), Arc::clone(&turn));
            under_way.spawn(async move {
                let mut waits_ms = vec![];
                loop {
                    let number = turn.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return (waits_ms, caller.client.answers);
                    }
                    let started = Instant::now();
                    market.run(scenario, &mut caller, number).await;
                    waits_ms.push(started.elapsed().as_secs_f64() * 1_000.0);
                }
            });
        }
        let mut figures = Figures::default();
        while let Some(done) = under_way.join_next().await {
            let (waits_ms, answers) = done.unwrap();
            figures.waits_ms.extend(waits_ms);
            figures.add_answers(&answers);
        }
        figures.took_s = started.elapsed().as_secs_f64();
        self.server.comes_to_rest().await;
        figures.cpu_ms = self.server.cpu_ms() - cpu_ms;
        figures.waits_ms.sort_by(f64::total_cmp);
        figures
    }

    /// More buyers than units, all at once. Returns whether as many were sold as there are, and nothing else was said.
    #[expect(clippy::disallowed_methods, reason = "measures time")]
    async fn oversell(&self, seller: &mut Caller) -> (Figures, bool) {
        let mut buyers = vec![];
        for _ in 0..BUYERS_OF_THE_LAST {
            let mut buyer = Caller::guest(&self.server, &self.shop.slug).await;
            buyer.add(&self.shop.last).await;
            buyers.push(buyer);
        }
        self.server.comes_to_rest().await;
        let (start, cpu_ms) = (Arc::new(Barrier::new(BUYERS_OF_THE_LAST)), self.server.cpu_ms());
        let (started, mut under_way, mut figures) = (Instant::now(), JoinSet::new(), Figures::default());
        for mut buyer in buyers {
            let start = Arc::clone(&start);
            under_way.spawn(async move {
                start.wait().await;
                let started = Instant::now();
                let status = buyer.place().await.status;
                (status, started.elapsed().as_secs_f64() * 1_000.0)
            });
        }
        while let Some(done) = under_way.join_next().await {
            let (status, wait_ms) = done.unwrap();
            figures.waits_ms.push(wait_ms);
            figures.add_answers(&BTreeMap::from([(status, 1)]));
        }
        figures.took_s = started.elapsed().as_secs_f64();
        self.server.comes_to_rest().await;
        figures.cpu_ms = self.server.cpu_ms() - cpu_ms;
        figures.waits_ms.sort_by(f64::total_cmp);
        let stock = seller.get(&format!("/inventory/{}", self.shop.last.id)).await;
        let is_right = figures.answers == BTreeMap::from([(201, LAST_UNITS), (409, BUYERS_OF_THE_LAST - LAST_UNITS)])
            && (&stock["on_hand"], &stock["reserved"]) == (&json!(LAST_UNITS), &json!(LAST_UNITS));
        (figures, is_right)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let provider = FakePaystack::default();
    let address = serve_provider(provider.clone(), arguments.port).await;
    let server = Server::start(&arguments, address).await;
    tokio::time::sleep(IDLE).await;
    println!("start     {:8.3} s   (at most 0.2)", server.started_s);
    println!("idle      {:8.1} MB  (at most 50)", server.resident_mb());
    let (shop, mut seller) = Shop::onboard(&server).await;
    let market = Arc::new(Market { server, provider, shop });
    let mut is_right = true;
    println!(
        "\n{:9} {:>8} {:>8} {:>8} {:>8} {:>8}  {:30} answers",
        "", "each s", "p50 ms", "p95 ms", "p99 ms", "CPU ms", "goal"
    );
    for scenario in &arguments.scenarios {
        let (count, goal) = match scenario {
            Scenario::Checkout => (arguments.checkouts, "100 each s, 10 ms CPU"),
            Scenario::Product => (arguments.products, "2500 each s"),
            Scenario::List => (arguments.lists, "640 each s"),
            Scenario::Oversell => (0, "10 sold, 54 refused"),
        };
        let figures = if *scenario == Scenario::Oversell {
            let (figures, sold_right) = market.oversell(&mut seller).await;
            is_right &= sold_right;
            figures
        } else {
            market.measure(*scenario, count).await
        };
        is_right &= !figures.has_failures();
        figures.show(*scenario, goal);
    }
    println!("\nat the end{:8.1} MB", market.server.resident_mb());
    if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
