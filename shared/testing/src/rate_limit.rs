//! Tests of clients' rate limits, through the front door of endpoints of each class.

use contracts::{auth::Login, carts::ApplyCoupon, http::Page, orders, payments::WebhookPaystack, problems};
use domain::{
    AccountId, RateRuleId,
    rate::{Limit, RateRule, RateRules, RuleClass, Subject},
    tenant::{Plan, Tenant},
};
use runtime::{
    Boot, Call, Granted, Outcome, Principal,
    http::{Problem, RateLimits, Reply},
};
use serde_json::json;
use store::keys;
use ulid::Ulid;

use crate::{TestDeps, TestRequest, World, http::Answer};

const FLOOD: usize = 400;

/// A process with the usual limits that has served nobody yet.
fn process(world: &World) -> TestDeps {
    process_with(world, 1)
}

fn process_with(world: &World, client_rate_factor: u32) -> TestDeps {
    let configured = world.deps.configured(|config| config.client_rate_factor = client_rate_factor);
    TestDeps::new(Boot { rate_limits: RateLimits::default(), ..configured.boot().clone() })
}

fn buyer(world: &World, number: u128) -> Principal {
    Principal { account_id: AccountId::from_ulid(Ulid(number)), ..world.buyer.clone() }
}

fn address(number: usize) -> String {
    format!("198.51.{}.{}", number / 256, number % 256)
}

async fn list(deps: &TestDeps, world: &World, by: &Principal) -> Answer {
    async fn handle(_: &Granted<orders::List>, _: Call<orders::List>) -> Outcome<orders::List> {
        Ok(Reply::new(&Page { items: vec![], next_cursor: None }))
    }
    TestRequest::new().by(by).store(&world.store.slug).send(deps, handle).await
}

async fn place(deps: &TestDeps, world: &World, by: &Principal, address: &str) -> Answer {
    async fn handle(_: &Granted<orders::Place>, _: Call<orders::Place>) -> Outcome<orders::Place> {
        Err(Problem::new(&problems::CART_EMPTY, "the cart is empty"))
    }
    let body = json!({ "customer": { "name": "Ada Obi", "email": "ada@example.com" } });
    let request = TestRequest::new().by(by).store(&world.store.slug).from(address).key("key").json(body);
    request.send(deps, handle).await
}

/// Orders of as many addresses and accounts. Returns how many were let through.
async fn flood(process: &TestDeps, world: &World) -> usize {
    let mut served = 0;
    for number in 0..FLOOD {
        let answer = place(process, world, &buyer(world, number as u128), &address(number)).await;
        assert!([409, 429].contains(&answer.status()));
        served += usize::from(answer.status() == 409);
    }
    served
}

async fn guess_coupon(deps: &TestDeps, world: &World, by: &Principal, address: &str) -> u16 {
    async fn handle(_: &Granted<ApplyCoupon>, _: Call<ApplyCoupon>) -> Outcome<ApplyCoupon> {
        Err(Problem::invalid_field("/code", "unknown", "the store has no such coupon"))
    }
    let request = TestRequest::new().by(by).store(&world.store.slug).from(address).json(json!({ "code": "SAVE10" }));
    request.send(deps, handle).await.status()
}

async fn log_in(deps: &TestDeps, request: TestRequest) -> Answer {
    async fn handle(_: &Granted<Login>, _: Call<Login>) -> Outcome<Login> {
        Err(Problem::new(&problems::INVALID_CREDENTIALS, "e-mail address or password is wrong"))
    }
    request.json(json!({ "email": "ada@example.com", "password": "a quiet green bicycle" })).send(deps, handle).await
}

fn told(answer: &Answer) -> [Option<&str>; 3] {
    ["ratelimit-policy", "ratelimit", "retry-after"].map(|name| answer.0.header(name))
}

async fn set_rule(world: &World, class: RuleClass, subject: Subject, per_minute: u32, burst: u32) {
    let now = world.deps.now();
    let (id, limit) = (world.deps.id(RateRuleId::from_ulid), Limit { per_minute, burst });
    let rules = RateRules { rules: vec![RateRule { id, class, subject, limit, created_at: now, updated_at: now }] };
    let mut tx = world.deps.tx();
    tx.create(world.tenant, &rules);
    world.deps.db.commit(tx).await.unwrap();
}

#[tokio::test]
async fn whoever_only_looks_around_costs_nothing() {
    let world = World::new().await;
    let process = process(&world);
    for _ in 0..20 {
        assert_eq!(list(&process, &world, &world.buyer).await.status(), 200);
    }
    // The name of the store was looked up, once.
    assert_eq!(world.dynamo.take_calls(), [("GetItem".to_owned(), 1)].into());
}

#[tokio::test]
async fn a_hundred_reads_of_one_buyer_cost_four_writes() {
    let world = World::new().await;
    let process = process(&world);
    for _ in 0..100 {
        assert_eq!(list(&process, &world, &world.buyer).await.status(), 200);
    }
    let calls = world.dynamo.take_calls();
    // Reads: the store, the tenant with its rules, and a bucket before each write.
    assert_eq!(calls, [("GetItem".to_owned(), 7), ("TransactWriteItems".to_owned(), 4)].into());
}

#[tokio::test]
async fn an_address_signs_in_twenty_times_at_once_and_then_once_a_second() {
    let world = World::new().await;
    let process = process(&world);
    for left in (0..20).rev() {
        let answer = log_in(&process, TestRequest::new()).await;
        assert_eq!(answer.status(), 401);
        let standing = format!("\"auth\";r={left};t={}", 20 - left);
        assert_eq!(told(&answer), [Some("\"auth\";q=60;w=60"), Some(&*standing), None]);
    }
    // What the client says of its address does not matter.
    let refused = log_in(&process, TestRequest::new().header("x-forwarded-for", "192.0.2.1")).await;
    assert_eq!(refused.problem(), (429, "rate_limited".to_owned()));
    assert_eq!(refused.0.header("content-type"), Some("application/problem+json"));
    assert_eq!(told(&refused), [Some("\"auth\";q=60;w=60"), Some("\"auth\";r=0;t=1"), Some("1")]);
    assert_eq!(log_in(&process, TestRequest::new().from("192.0.2.1")).await.status(), 401);

    world.clock.advance_s(1);
    assert_eq!(log_in(&process, TestRequest::new()).await.status(), 401);
    assert_eq!(log_in(&process, TestRequest::new()).await.status(), 429);
}

/// What the bucket holds, and what a process lets through by itself.
const ORDERS_OF_AN_ACCOUNT: usize = 10 + 2;
const ORDERS_OF_AN_ADDRESS: usize = 30 + 2;

#[tokio::test]
async fn an_account_has_its_limit_at_whatever_addresses() {
    let world = World::new().await;
    let process = process(&world);
    for number in 0..ORDERS_OF_AN_ACCOUNT {
        assert_eq!(place(&process, &world, &world.buyer, &address(number)).await.status(), 409, "{number}");
    }
    assert_eq!(place(&process, &world, &world.buyer, &address(FLOOD)).await.status(), 429);
    assert_eq!(place(&process, &world, &buyer(&world, 1), &address(FLOOD)).await.status(), 409);
}

/// Whoever guesses can be a new guest each time.
#[tokio::test]
async fn coupon_codes_are_tried_no_faster_than_orders_are_placed() {
    let world = World::new().await;
    let process = process(&world);
    for number in 0..ORDERS_OF_AN_ACCOUNT {
        assert_eq!(guess_coupon(&process, &world, &world.buyer, &address(number)).await, 422, "{number}");
    }
    assert_eq!(guess_coupon(&process, &world, &world.buyer, &address(FLOOD)).await, 429);
    for number in 0..ORDERS_OF_AN_ADDRESS {
        assert_eq!(guess_coupon(&process, &world, &buyer(&world, number as u128), "192.0.2.1").await, 422, "{number}");
    }
    assert_eq!(guess_coupon(&process, &world, &buyer(&world, FLOOD as u128), "192.0.2.1").await, 429);
}

#[tokio::test]
async fn an_operator_multiplies_all_limits_or_lifts_them() {
    let world = World::new().await;
    let served = async |factor: u32, of: &str| {
        let process = process_with(&world, factor);
        let mut served = 0;
        while served < 100 && log_in(&process, TestRequest::new().from(of)).await.status() != 429 {
            served += 1;
        }
        served
    };
    assert_eq!(served(1, "192.0.2.1").await, 20);
    assert_eq!(served(2, "192.0.2.2").await, 40);
    assert_eq!(served(0, "192.0.2.3").await, 100);
    // And tenants' rules with them.
    set_rule(&world, RuleClass::Checkout, Subject::Tenant, 1, 1).await;
    assert_eq!(flood(&process_with(&world, 0), &world).await, FLOOD);
}

#[tokio::test]
async fn processes_share_what_is_left() {
    let world = World::new().await;
    let processes = [process(&world), process(&world)];
    for number in 0..20 {
        assert_eq!(log_in(&processes[number % 2], TestRequest::new()).await.status(), 401);
    }
    for process in &processes {
        assert_eq!(log_in(process, TestRequest::new()).await.status(), 429);
    }
}

#[tokio::test]
async fn a_flood_that_is_refused_costs_nothing() {
    let world = World::new().await;
    let process = process(&world);
    for _ in 0..21 {
        log_in(&process, TestRequest::new()).await;
    }
    world.dynamo.take_calls();
    for _ in 0..1_000 {
        assert_eq!(log_in(&process, TestRequest::new()).await.status(), 429);
    }
    assert!(world.dynamo.take_calls().is_empty());
}

#[tokio::test]
async fn the_flood_of_one_tenant_leaves_another_alone() {
    let world = World::new().await;
    let neighbour = world.neighbour().await;
    let process = process(&world);
    // What the bucket holds, and what a process lets through by itself.
    assert_eq!(flood(&process, &world).await, 300 + 10);
    assert_eq!(place(&process, &neighbour, &buyer(&neighbour, 1), &address(1)).await.status(), 409);
}

#[tokio::test]
async fn a_larger_plan_has_larger_limits() {
    let world = World::new().await;
    let tenant = world.deps.db.get::<Tenant>(&keys::tenant(world.tenant)).await.unwrap().unwrap();
    let mut tx = world.deps.tx();
    tx.update(world.tenant, &Tenant { plan: Plan::Pro, ..tenant.value }, tenant.version);
    world.deps.db.commit(tx).await.unwrap();
    let process = process(&world);
    assert_eq!(flood(&process, &world).await, FLOOD);
}

#[tokio::test]
async fn a_rule_holds_within_a_minute_and_only_for_its_tenant() {
    let world = World::new().await;
    let neighbour = world.neighbour().await;
    let process = process(&world);
    for _ in 0..10 {
        assert_eq!(place(&process, &world, &world.buyer, "192.0.2.1").await.status(), 409);
    }
    set_rule(&world, RuleClass::Checkout, Subject::Address, 2, 2).await;
    world.clock.advance_s(60);
    let mut statuses = vec![];
    for number in 0..5 {
        statuses.push(place(&process, &world, &buyer(&world, number), "192.0.2.1").await.status());
    }
    // Two that the process lets through by itself, and the two of the rule.
    assert_eq!(statuses, [409, 409, 409, 409, 429]);
    let refused = place(&process, &world, &world.buyer, "192.0.2.1").await;
    assert_eq!(told(&refused), [Some("\"checkout\";q=2;w=60"), Some("\"checkout\";r=0;t=30"), Some("30")]);
    assert_eq!(place(&process, &neighbour, &neighbour.buyer, "192.0.2.1").await.status(), 409);
    assert_eq!(place(&process, &world, &world.buyer, "192.0.2.2").await.status(), 409);
}

#[tokio::test]
async fn a_rule_of_accounts_takes_the_place_of_the_platforms_limit() {
    for (burst, served) in [(2, 2 + 2), (20, 20 + 2)] {
        let world = World::new().await;
        set_rule(&world, RuleClass::Checkout, Subject::Account, burst, burst).await;
        let process = process(&world);
        for number in 0..served {
            assert_eq!(place(&process, &world, &world.buyer, &address(number)).await.status(), 409, "{number}");
        }
        assert_eq!(place(&process, &world, &world.buyer, &address(FLOOD)).await.status(), 429);
    }
}

#[tokio::test]
async fn a_tenant_can_have_less_than_its_plan() {
    let world = World::new().await;
    set_rule(&world, RuleClass::Checkout, Subject::Tenant, 20, 20).await;
    let process = process(&world);
    assert_eq!(flood(&process, &world).await, 20 + 10);
}

/// A rule for the tenant is no way around its plan.
#[tokio::test]
async fn a_rule_gives_a_tenant_no_more_than_its_plan() {
    let world = World::new().await;
    set_rule(&world, RuleClass::Checkout, Subject::Tenant, 1_000_000, 1_000_000).await;
    let process = process(&world);
    assert_eq!(flood(&process, &world).await, 300 + 10);
}

#[tokio::test]
async fn webhooks_are_not_counted() {
    async fn handle(_: &Granted<WebhookPaystack>, _: Call<WebhookPaystack>) -> Outcome<WebhookPaystack> {
        Err(Problem::new(&problems::INVALID_SIGNATURE, "the signature is wrong"))
    }
    let world = World::new().await;
    let process = process(&world);
    for _ in 0..2_000 {
        let answer = TestRequest::new().json(json!({})).send(&process, handle).await;
        assert_eq!((answer.status(), told(&answer)), (401, [None; 3]));
    }
    assert!(world.dynamo.take_calls().is_empty());
}

/// A limit protects: it must not be what fails.
#[tokio::test]
async fn without_the_database_nobody_is_refused() {
    let world = World::new().await;
    let process = process(&world);
    world.dynamo.is_away(true);
    for _ in 0..40 {
        assert_eq!(log_in(&process, TestRequest::new()).await.status(), 401);
    }
}
