//! Checks the request handling that all endpoints share, with each endpoint's own sample request: the store that staff
//! need not name, the optional token, the stored answer of an idempotency key, and the limit of how often one may ask.

use std::{collections::HashMap, path::Path};

use contracts::{
    Row,
    row::{Access, Idempotency, StoreScope},
};
use domain::{
    AccountId, Role,
    rate::{Bucket, Subject},
    time::after,
};
use runtime::{
    Boot, Hosted, Principal, Running,
    claims::ClaimCache,
    http::{RateLimits, RawRequest},
};
use serde_json::Value;
use store::{BucketOf, RateBucket};
use testing::World;

use crate::functions;

/// The sample request of an endpoint, made by `principal`.
pub(crate) fn sample(row: &Row, principal: Option<Principal>) -> RawRequest {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../events/api/{}.json", row.function));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let event: Value = serde_json::from_str(&text).unwrap();
    let texts = |of: &Value| -> HashMap<String, String> {
        let pairs = of.as_object().into_iter().flatten();
        pairs.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
    };
    let mut headers = texts(&event["headers"]);
    for name in ["x-store", "host", "authorization"] {
        headers.remove(name);
    }
    RawRequest {
        request_id: "req-1".into(),
        path: event["rawPath"].as_str().unwrap_or_default().into(),
        path_parameters: texts(&event["pathParameters"]),
        query: event["rawQueryString"].as_str().unwrap_or_default().into(),
        headers,
        body: event["body"].as_str().unwrap_or_default().into(),
        source_ip: "203.0.113.7".into(),
        principal,
        token_expired: false,
    }
}

/// Sends a request, and returns the answer's status and problem code.
async fn send(world: &World, hosted: &Hosted, request: RawRequest) -> (u16, String) {
    code_of(send_raw(world, hosted, request).await)
}

fn code_of((status, body): (u16, Value)) -> (u16, String) {
    (status, body["code"].as_str().unwrap_or_default().to_owned())
}

/// Sends a request, and returns the answer's status and body.
pub(crate) async fn send_raw(world: &World, hosted: &Hosted, request: RawRequest) -> (u16, Value) {
    // An empty cache for every request, as in a new process that has not read the store yet.
    send_to(&Boot { claims: ClaimCache::default(), ..world.deps.boot().clone() }, hosted, request).await
}

async fn send_to(process: &Boot, hosted: &Hosted, request: RawRequest) -> (u16, Value) {
    let Running::Http(endpoint) = hosted.start(process) else { panic!("not an endpoint") };
    let reply = endpoint(request).await;
    (reply.status, serde_json::from_slice(&reply.body).unwrap_or_default())
}

pub(crate) fn endpoints(wanted: impl Fn(&Row) -> bool) -> Vec<Hosted> {
    functions().into_iter().filter(|hosted| hosted.row.route().is_some() && wanted(hosted.row)).collect()
}

pub(crate) fn needs_staff(row: &Row) -> bool {
    matches!(row.route().unwrap().access, Access::Needs(permission) if permission.roles().contains(&Role::Owner))
}

#[tokio::test]
async fn staff_of_a_tenant_with_one_store_need_not_name_it() {
    let world = World::new().await;
    let endpoints = endpoints(|row| row.route().unwrap().store == StoreScope::Required && needs_staff(row));
    assert!(!endpoints.is_empty());
    for hosted in endpoints {
        let (status, code) = send(&world, &hosted, sample(hosted.row, Some(world.owner.clone()))).await;
        let listed = status < 400 || hosted.row.problems().iter().any(|listed| listed.name == code);
        assert!(listed && code != "store_missing", "{}: {status} {code}", hosted.row.function);
    }
}

#[tokio::test]
async fn whoever_buys_names_the_store() {
    let world = World::new().await;
    for hosted in endpoints(|row| row.route().unwrap().store == StoreScope::Required && !needs_staff(row)) {
        let buyer = matches!(hosted.row.route().unwrap().access, Access::Needs(_)).then(|| world.buyer.clone());
        let buyer = buyer.map(|buyer| Principal { role: Role::Customer, ..buyer });
        let mut request = sample(hosted.row, buyer);
        assert_eq!(
            send(&world, &hosted, request.clone()).await,
            (400, "store_missing".into()),
            "{}",
            hosted.row.function
        );
        request.headers.insert("x-store".into(), world.store.slug.clone());
        let (status, code) = send(&world, &hosted, request).await;
        assert!(!code.starts_with("store_"), "{}: {status} {code}", hosted.row.function);
    }
}

#[tokio::test]
async fn where_a_token_is_optional_it_is_read_and_says_whose_store_is_meant() {
    let world = World::new().await;
    let token = identity::sessions::issue(&world.deps, &world.owner).await.unwrap();
    let endpoints = endpoints(|row| row.route().unwrap().access == Access::PublicOrToken);
    assert!(!endpoints.is_empty());
    for hosted in &endpoints {
        let mut request = sample(hosted.row, None);
        assert_eq!(send(&world, hosted, request.clone()).await, (400, "store_missing".into()));
        for scheme in ["Bearer", "bearer", "BEARER "] {
            request.headers.insert("authorization".into(), format!("{scheme} {token}"));
            let (status, code) = send(&world, hosted, request.clone()).await;
            assert!(status < 400 || code == "not_found", "{}: {status} {code}", hosted.row.function);
        }
        for wrong in [format!("Bearer {token}x"), format!("bearer {token}x"), "Bearer".into(), "bearer ".into()] {
            request.headers.insert("authorization".into(), wrong);
            assert_eq!(send(&world, hosted, request.clone()).await, (401, "unauthorized".into()));
        }
    }
    world.clock.advance_s(16 * 60);
    for hosted in &endpoints {
        let mut request = sample(hosted.row, None);
        request.headers.insert("authorization".into(), format!("bearer {token}"));
        assert_eq!(send(&world, hosted, request).await, (401, "token_expired".into()));
    }
}

/// Where the authorizer let a request through without a principal, nothing is done but the answer.
#[tokio::test]
async fn without_a_valid_token_nothing_is_looked_at() {
    let world = World::new().await;
    let endpoints = endpoints(|row| matches!(row.route().unwrap().access, Access::Needs(_)));
    assert!(!endpoints.is_empty());
    for hosted in endpoints {
        // Everything else is wrong as well.
        let mut request = sample(hosted.row, None);
        request.body = vec![b'['; 300 * 1024];
        request.query = "colour=red".into();
        request.headers.insert("x-store".into(), world.store.slug.clone());
        world.dynamo.take_calls();
        for (token_expired, code) in [(false, "unauthorized"), (true, "token_expired")] {
            let answer = send(&world, &hosted, RawRequest { token_expired, ..request.clone() }).await;
            assert_eq!(answer, (401, code.into()), "{}", hosted.row.function);
        }
        assert!(world.dynamo.take_calls().is_empty(), "{}", hosted.row.function);
    }
}

#[tokio::test]
async fn a_path_that_is_no_text_is_a_bad_request() {
    let world = World::new().await;
    let endpoints = endpoints(|row| row.route().unwrap().path.contains('{'));
    assert!(!endpoints.is_empty());
    for hosted in endpoints {
        let role = if needs_staff(hosted.row) { Role::Owner } else { Role::Customer };
        let mut request = sample(hosted.row, Some(Principal { role, ..world.owner.clone() }));
        request.headers.insert("x-store".into(), world.store.slug.clone());
        request.path = format!("{}/\u{fffd}", request.path);
        request.path_parameters.values_mut().for_each(|value| value.push('\u{fffd}'));
        assert_eq!(send(&world, &hosted, request).await, (400, "invalid_path".into()), "{}", hosted.row.function);
    }
}

/// A refused request may repeat one that succeeded before, so the stored answer of its key is looked up.
#[tokio::test]
async fn a_refused_request_looks_for_the_answer_to_its_key() {
    let world = World::new().await;
    let endpoints = endpoints(|row| row.route().unwrap().idempotency != Idempotency::None);
    assert!(!endpoints.is_empty());
    for hosted in endpoints {
        let role = if needs_staff(hosted.row) { Role::Owner } else { Role::Customer };
        let mut request = sample(hosted.row, Some(Principal { role, ..world.owner.clone() }));
        request.headers.insert("x-store".into(), world.store.slug.clone());
        request.headers.insert("idempotency-key".into(), format!("key of {}", hosted.row.function).replace(' ', "-"));
        // Some requests need no existing data: they succeed the first time, and most are refused the second time
        // because the name they use is taken by then. All other requests name something that does not exist.
        if send(&world, &hosted, request.clone()).await.0 < 400 {
            // Whether it changed something or not, its key is used.
            let mut other = request.clone();
            other.headers.insert("if-match".into(), "\"999\"".into());
            let answer = send(&world, &hosted, other).await;
            assert_eq!(answer, (422, "idempotency_key_reused".into()), "{}", hosted.row.function);
            request.headers.insert("idempotency-key".into(), "another".into());
        }
        world.dynamo.take_calls();
        let (status, code) = send(&world, &hosted, request).await;
        if status >= 400 {
            assert!(hosted.row.problems().iter().any(|listed| listed.name == code), "{}: {code}", hosted.row.function);
            assert!(world.dynamo.take_calls().contains_key("GetItem"), "{}: {status} {code}", hosted.row.function);
        }
    }
}

/// A process that has served nobody yet, with the usual rate limits.
fn process(world: &World) -> Boot {
    let mut boot = world.deps.boot().clone();
    boot.config.client_rate_factor = 1;
    Boot { claims: ClaimCache::default(), rate_limits: RateLimits::default(), ..boot }
}

/// Sends a request as often as a process lets through without looking, and once more. The last answer.
async fn send_until_counted(process: &Boot, hosted: &Hosted, request: &RawRequest) -> (u16, String) {
    for _ in 0..hosted.row.route().unwrap().rate.lease(Subject::Address).free {
        send_to(process, hosted, request.clone()).await;
    }
    code_of(send_to(process, hosted, request.clone()).await)
}

/// Also uses what every row is granted for it.
#[tokio::test]
async fn whoever_asks_too_often_is_refused_for_a_while() {
    let world = World::new().await;
    let endpoints = endpoints(|row| row.route().unwrap().rate.is_limited());
    assert!(!endpoints.is_empty());
    for hosted in endpoints {
        let route = hosted.row.route().unwrap();
        // Somebody else each time, who has not used up a limit at other endpoints.
        let role = if needs_staff(hosted.row) { Role::Owner } else { Role::Customer };
        let account_id = world.deps.id(AccountId::from_ulid);
        let principal = matches!(route.access, Access::Needs(_));
        let principal = principal.then(|| Principal { role, account_id, ..world.owner.clone() });
        let mut request = sample(hosted.row, principal);
        if route.store != StoreScope::None {
            request.headers.insert("x-store".into(), world.store.slug.clone());
        }
        let (_, code) = send_until_counted(&process(&world), &hosted, &request).await;
        assert_ne!(code, "rate_limited", "{}", hosted.row.function);

        let (tenant, subject, id) = (None, Subject::Address, request.source_ip.clone());
        let of = BucketOf { tenant, subject, id, class: route.rate };
        let emptied = Bucket { full_at: after(world.deps.now(), 24 * 3_600) };
        let version = world.deps.db.get::<RateBucket>(&of.key()).await.unwrap().map(|held| held.version);
        let mut tx = world.deps.tx();
        tx.save((), &RateBucket::new(&of, emptied), version);
        world.deps.db.commit(tx).await.unwrap();
        let refused = send_until_counted(&process(&world), &hosted, &request).await;
        assert_eq!(refused, (429, "rate_limited".to_owned()), "{}", hosted.row.function);

        let mut tx = world.deps.tx();
        tx.remove(of.key());
        world.deps.db.commit(tx).await.unwrap();
    }
}
