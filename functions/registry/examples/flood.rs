//! One tenant's flood and another tenant's waiting times, in one process over the embedded database: alone, beside the
//! flood, and beside it without rate limits. Fails where the limits leave the other's p99 at more than twice its own.

#![allow(clippy::unwrap_used, reason = "a measurement, which should stop where it cannot be made")]

use std::{
    collections::HashMap,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use runtime::{
    Boot, Running,
    boot::Erased,
    deps::SystemClock,
    http::{RateLimits, RawReply, RawRequest},
};
use testing::{TestDeps, World};

/// Requests of the neighbour, one each twenty milliseconds.
const REQUESTS: usize = 500;
const PAUSE: Duration = Duration::from_millis(20);
/// The flood comes from so many addresses, for each address has a limit of its own.
const ADDRESSES: u64 = 2_000;
const FLOOD_RPS: u64 = 4_000;
/// A tenant's limit is a burst first: it is used up before anything is measured.
const BEFORE: Duration = Duration::from_secs(5);

type Endpoint = Arc<Erased<RawRequest, RawReply>>;

fn endpoint(world: &World, client_rate_factor: u32) -> Endpoint {
    let deps: TestDeps = world.deps.clocked(Arc::new(SystemClock));
    let mut boot = deps.boot().clone();
    boot.config.client_rate_factor = client_rate_factor;
    let boot = Boot { rate_limits: RateLimits::default(), ..boot };
    let list = registry::functions().into_iter().find(|hosted| hosted.row.function == "products-list").unwrap();
    let Running::Http(endpoint) = list.start(&boot) else { panic!("products-list is no endpoint") };
    Arc::new(endpoint)
}

fn request(world: &World, address: u64) -> RawRequest {
    RawRequest {
        request_id: "req".into(),
        path: "/products".into(),
        headers: HashMap::from([("x-store".to_owned(), world.store.slug.clone())]),
        source_ip: format!("10.{}.{}.1", address / 256, address % 256),
        ..RawRequest::default()
    }
}

/// Requests of many clients, however long each takes.
async fn flood(endpoint: Endpoint, world: World, is_over: Arc<AtomicBool>, refused: Arc<AtomicU64>) -> u64 {
    let mut interval = tokio::time::interval(Duration::from_micros(1_000_000 / FLOOD_RPS));
    let mut sent = 0;
    while !is_over.load(Ordering::Relaxed) {
        interval.tick().await;
        let (endpoint, refused) = (Arc::clone(&endpoint), Arc::clone(&refused));
        let request = request(&world, sent % ADDRESSES);
        tokio::spawn(async move {
            if endpoint(request).await.status == 429 {
                refused.fetch_add(1, Ordering::Relaxed);
            }
        });
        sent += 1;
    }
    sent
}

/// Milliseconds that the neighbour waits for each of its requests, ascending.
#[expect(clippy::disallowed_methods, reason = "measures time")]
async fn waits(endpoint: &Endpoint, neighbour: &World) -> Vec<f64> {
    let mut waits = vec![];
    for number in 0..REQUESTS {
        tokio::time::sleep(PAUSE).await;
        let started = Instant::now();
        let reply = endpoint(request(neighbour, 60_000 + number as u64)).await;
        assert_eq!(reply.status, 200);
        waits.push(started.elapsed().as_secs_f64() * 1_000.0);
    }
    waits.sort_by(f64::total_cmp);
    waits
}

async fn beside_a_flood(world: &World, neighbour: &World, client_rate_factor: u32) -> (Vec<f64>, u64, u64) {
    let endpoint = endpoint(world, client_rate_factor);
    let (is_over, refused) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let flood = tokio::spawn(flood(Arc::clone(&endpoint), world.clone(), Arc::clone(&is_over), Arc::clone(&refused)));
    tokio::time::sleep(BEFORE).await;
    let waits = waits(&endpoint, neighbour).await;
    is_over.store(true, Ordering::Relaxed);
    (waits, flood.await.unwrap(), refused.load(Ordering::Relaxed))
}

fn p99(waits: &[f64]) -> f64 {
    waits[waits.len() * 99 / 100]
}

fn show(what: &str, waits: &[f64], sent: u64, refused: u64) {
    println!("{what:30} {:9.2} {:9.2} {sent:9} {refused:9}", waits[waits.len() / 2], p99(waits));
}

#[tokio::main]
async fn main() -> ExitCode {
    let world = World::new().await;
    let neighbour = world.neighbour().await;
    for at in [&world, &neighbour] {
        for number in 0..20 {
            at.product(&format!("Book {number}"), 1_000, 5).await;
        }
    }
    println!("{:30} {:>9} {:>9} {:>9} {:>9}", "the neighbour, ms", "median", "p99", "flood", "refused");
    let alone = waits(&endpoint(&world, 1), &neighbour).await;
    show("alone", &alone, 0, 0);
    let (limited, sent, refused) = beside_a_flood(&world, &neighbour, 1).await;
    show("beside the flood", &limited, sent, refused);
    let (unlimited, sent, refused) = beside_a_flood(&world, &neighbour, 0).await;
    show("beside it, without limits", &unlimited, sent, refused);
    if p99(&limited) <= 2.0 * p99(&alone) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
