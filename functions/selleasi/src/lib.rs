//! SellEasi in one process: all functions, over an embedded database in one directory. Nothing of the shop is decided
//! here; what is here stands where AWS stands otherwise.

mod cloud;
mod decisions;
mod front;
mod host;
mod metrics;
mod operator;
mod secrets;
mod settings;
mod tools;
mod workers;

use std::{
    convert::Infallible,
    fs::{self, File},
    io,
    net::SocketAddr,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    pin::pin,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use clap::{Parser, Subcommand};
use http_body_util::Full;
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use runtime::{Clock, Entropy, deps::SystemClock, telemetry};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use crate::{
    cloud::{Cloud, Mailbox, Post},
    front::Front,
    host::Functions,
    metrics::Metrics,
    operator::Operator,
    settings::Settings,
    workers::Workers,
};

/// The system's makes threads wait for each other.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long a client may take to send a request's headers.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// How long what is under way may take when the process is to end.
const END_WITHIN: Duration = Duration::from_secs(25);

/// A shop platform in one process.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The directory of everything that is kept.
    #[arg(long, default_value = "data")]
    data: PathBuf,
    /// A file with settings; `selleasi.example.toml` shows them.
    #[arg(long)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves until it is stopped (the default).
    Serve,
    /// Writes a copy of what is kept into a new directory, also while it is served.
    Backup {
        /// The directory, which must not exist.
        to: PathBuf,
    },
    /// Brings a backup back, into a data directory without a database.
    Restore {
        /// The backup's directory.
        from: PathBuf,
    },
    /// Tells whether the books are right: ledger, stock, reservations, refunds, orders, audit. Also while they are served.
    Check,
}

/// A message for the person who started the process.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs what the command line asks for.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    telemetry::init();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<bool, Failure> {
    let settings = Settings::load(arguments.config.as_deref(), std::env::vars())?;
    let data = &arguments.data;
    match &arguments.command {
        Some(Command::Backup { to }) => tools::backup(data, to)?,
        Some(Command::Restore { from }) => tools::restore(from, data)?,
        Some(Command::Check) => return tools::check(data),
        Some(Command::Serve) | None => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(serve(data, &settings))?;
        }
    }
    Ok(true)
}

fn database_in(data: &Path) -> PathBuf {
    data.join("selleasi.db")
}

fn open(data: &Path, durability: embedded::Durability) -> Result<embedded::Database, Failure> {
    let path = database_in(data);
    embedded::Database::open(&path, &settings::prefix(), durability)
        .map_err(|error| format!("{}: {error}", path.display()).into())
}

/// Keeps the directory to this process: two would both give the same messages. The lock ends with the process.
fn lock(data: &Path) -> Result<File, Failure> {
    let file = File::create(data.join("lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(format!("{} is in use by another process", data.display()).into()),
        Err(fs::TryLockError::Error(error)) => Err(error.into()),
    }
}

async fn serve(data: &Path, settings: &Settings) -> Result<(), Failure> {
    let mut directory = fs::DirBuilder::new();
    directory.recursive(true).mode(0o700).create(data).map_err(|error| format!("{}: {error}", data.display()))?;
    let _lock = lock(data)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let secrets = secrets::load(&data.join("secrets.json"), &settings.paystack.secret_key)?;
    let key = secrets[secrets::OPERATOR]["key"].as_str().unwrap_or_default().to_owned();
    let secrets = secrets.iter().map(|(name, value)| (settings::secret_name(name), value.to_string())).collect();
    let database = open(data, settings.durability)?;
    database.return_in_flight(clock.now().as_millisecond())?;
    let metrics = Metrics::default();
    let post = match &settings.smtp {
        Some(smtp) => Post::smtp(&smtp.url).map_err(|_| "smtp.url: expected smtps://user:password@host")?,
        None => Post::Kept(Mailbox::open(&data.join("mails.jsonl"))?),
    };
    let cloud = Cloud::new(database, Arc::clone(&clock), secrets, post, metrics.clone());
    let functions = Functions::start(settings, &cloud, &clock);
    let front = Arc::new(Front::new(&functions, settings, clock, metrics.clone())?);
    let operator =
        Arc::new(Operator { cloud: cloud.clone(), functions: functions.clone(), metrics: metrics.clone(), key });

    let bind = async |address: SocketAddr| {
        TcpListener::bind(address).await.map_err(|error| format!("{address} cannot be listened on: {error}"))
    };
    let (clients, operators) = (bind(settings.listen).await?, bind(settings.operator).await?);
    let (end, ending) = watch::channel(false);
    let schedule = Duration::from_secs(settings.timers_every_s);
    let workers = tokio::spawn(Workers { functions, cloud, metrics, ending: ending.clone(), schedule }.run());
    let clients = tokio::spawn(listen(clients, ending.clone(), move |request, peer| {
        let front = Arc::clone(&front);
        async move { front.answer(request, peer).await }
    }));
    let operators = tokio::spawn(listen(operators, ending, move |request, _| {
        let operator = Arc::clone(&operator);
        async move { operator.answer(request).await }
    }));
    tracing::info!(listen = %settings.listen, operator = %settings.operator, "ready");

    stop_is_asked_for().await?;
    tracing::info!("stopping");
    end.send_replace(true);
    let all = async {
        let _ = clients.await;
        let _ = workers.await;
        let _ = operators.await;
    };
    if tokio::time::timeout(END_WITHIN, all).await.is_err() {
        // What is cut off here is as after a crash: it comes again.
        tracing::warn!("not everything ended in time");
    }
    Ok(())
}

async fn stop_is_asked_for() -> io::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

/// Serves HTTP until the process is to end, and what is under way then is answered.
async fn listen<F, Fut>(listener: TcpListener, mut ending: workers::Ending, answer: F)
where
    F: Fn(Request<Incoming>, SocketAddr) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Response<Full<Bytes>>> + Send,
{
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADERS_WITHIN);
    loop {
        let accepted = {
            let is_over = pin!(ending.wait_for(|is_over| *is_over));
            tokio::select! {
                accepted = listener.accept() => accepted,
                _ = is_over => break,
            }
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Too many open files, most likely: it is better a moment later.
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let answer = answer.clone();
        let service = service_fn(move |request| {
            let answer = answer(request, peer);
            async move { Ok::<_, Infallible>(answer.await) }
        });
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(connection);
    }
    drop(listener);
    graceful.shutdown().await;
}

/// Twenty hexadecimal digits that no other request has.
fn random_id() -> String {
    let mut bytes = [0; 10];
    runtime::deps::SystemEntropy.fill(&mut bytes);
    domain::text::hex(&bytes)
}
