"""The text that scripts/new-function writes: small functions that do something simple, rightly, with tests that can
fail. `{{` and `}}` are braces of Rust's."""

BIN = """\
//! The Lambda `{name}`.

fn main() -> runtime::Exit {{
    {service}::mains::{verb}()
}}
"""

ROW = {
    "read": """\
    /// Show the store's name
    {type} = {method} "{path}" => "{name}" {{
        access: {access}, store: Required, idempotency: None,
        path: {path_type}, query: Nothing, body: Nothing, reply: 200 {reply},
        tables: [Tenants: Get], emits: [],{problems}
    }}
""",
    "write": """\
    /// {does}
    {type} = {method} "{path}" => "{name}" {{
        access: {access}, store: Required, idempotency: {idempotency},
        path: {path_type}, query: Nothing, body: {body_type}, reply: 200 {reply},
        tables: [Tenants: Get Put], emits: [],{problems}
    }}
""",
    "consumer": """\
    /// Records that the event was received.
    {type} = "{name}" on events::{event} {{
        retry: STEP,
        tables: [Requests: Put], emits: [],
    }}
""",
    "timer": """\
    /// Runs once a day, three times in all.
    {type} = "{name}" about {subject} {{
        retry: STEP,
        tables: [Timers: Put], emits: [],
    }}
""",
}

PATH = """\
/// The path of `{name}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct {path_type} {{
{path_fields}}}

"""

REPLY = """\
/// The reply of `{name}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct {reply} {{
{path_fields}    /// The store's {field}.
    pub {field}: {field_type},
}}

"""

BODY = """\
/// The body of `{name}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct {body_type} {{
    /// The store's new description.
    #[garde(length(chars, min = 1, max = DESCRIPTION_MAX), custom(check::paragraph))]
    pub description: String,
}}

"""

HANDLER = {
    "read": """\
//! `{verb_upper} {path}`: the store's name. One read.

use contracts::{service}::{{{type}, {reply}}};
use domain::store::Store;
use runtime::{{Call, Granted, Outcome, Problem, Reply}};
use store::keys;

pub async fn handle(deps: &Granted<{type}>, call: Call<{type}>) -> Outcome<{type}> {{
    let at = call.store()?;
    let store = deps.db.get::<Store>(&keys::store(at.tenant_id, at.store_id)).await?.ok_or_else(Problem::not_found)?;
    Ok(Reply::new(&{reply} {{ {path_values}name: store.value.name }}))
}}

#[cfg(test)]
mod tests {{
    {test_domain}use testing::{{TestRequest, World}};

    use super::*;

    fn request(world: &World) -> TestRequest {{
        TestRequest::new(){by}.store(&world.store.slug){path_calls}
    }}

    #[tokio::test]
    async fn shows_the_stores_name() {{
        let world = World::new().await;
        let shown: {reply} = request(&world).send(&world.deps, handle).await.ok();
        assert_eq!(shown.name, world.store.name);
    }}

    #[tokio::test]
    async fn a_store_that_is_gone_is_not_found() {{
        let world = World::new().await;
        let mut tx = world.deps.tx();
        tx.remove(keys::store(world.tenant, world.store.id));
        world.deps.db.commit(tx).await.unwrap();
        let answer = request(&world).send(&world.deps, handle).await;
        assert_eq!(answer.problem(), (404, "not_found".into()));
    }}
}}
""",
    "write": """\
//! `{verb_upper} {path}`: the store's description. One read and one transaction.

use contracts::{service}::{{{type}, {reply}}};
use domain::store::Store;
use runtime::{{Call, Granted, Outcome, Problem, Reply}};
use store::keys;

pub async fn handle(deps: &Granted<{type}>, call: Call<{type}>) -> Outcome<{type}> {{
    let at = call.store()?;
    let found = deps.db.get::<Store>(&keys::store(at.tenant_id, at.store_id)).await?.ok_or_else(Problem::not_found)?;
    call.expect_version(found.version)?;
    let description = {description};
    let store = Store {{ description: description.clone(), updated_at: deps.now(), ..found.value }};
    let mut tx = deps.tx();
    tx.update(at.tenant_id, &store, found.version);
    let reply = {reply} {{ {path_values}description }};
    call.commit(deps, tx, Reply::new(&reply).etag(found.version + 1)).await?.or_changed()
}}

#[cfg(test)]
mod tests {{
    {test_domain}{test_json}use testing::{{TestRequest, World, everything}};

    use super::*;

    fn request(world: &World) -> TestRequest {{
        TestRequest::new(){by}.store(&world.store.slug){path_calls}{json_call}
    }}

    async fn stored(world: &World) -> Store {{
        world.deps.db.get(&keys::store(world.tenant, world.store.id)).await.unwrap().unwrap().value
    }}

    #[tokio::test]
    async fn changes_the_store_and_answers_with_the_change() {{
        let world = World::new().await;
        world.clock.advance_s(1);
        let answer: {reply} = request(&world).send(&world.deps, handle).await.ok();
        assert_eq!(answer.description.as_deref(), {described});
        let stored = stored(&world).await;
        assert_eq!((stored.description, stored.updated_at), (answer.description, world.deps.now()));
    }}

    #[tokio::test]
    async fn another_version_than_there_is_changes_nothing() {{
        let world = World::new().await;
        let before = everything(&world);
        let answer = request(&world).header("if-match", "\\"7\\"").send(&world.deps, handle).await;
        assert_eq!(answer.problem(), (412, "version_mismatch".into()));
        assert_eq!(everything(&world), before);
    }}
}}
""",
    "consumer": """\
//! `{event_type}`: recorded once.

use contracts::{{
    events::{{Envelope, {event}}},
    {service}::{type},
}};
use runtime::{{Granted, StepCommit, StepError}};

pub async fn handle(deps: &Granted<{type}>, event: Envelope<{event}>) -> Result<(), StepError> {{
    // The step's effect goes into this transaction too, so that an event that comes twice has one effect.
    let tx = deps.received(&event).tx(deps);
    match tx.commit().await? {{
        StepCommit::Done => Ok(()),
        StepCommit::Refused(_) => Err(StepError::retry("what was read has changed")),
    }}
}}

#[cfg(test)]
mod tests {{
    use contracts::table::Table;
    use testing::{{World, everything}};

    use super::*;

    fn event() -> Envelope<{event}> {{
        serde_json::from_str(include_str!("../../../events/bus/{event_type}.v1.json")).unwrap()
    }}

    #[tokio::test]
    async fn an_event_that_comes_twice_has_one_effect() {{
        let world = World::new().await;
        handle(&world.deps.granted(), event()).await.unwrap();
        assert_eq!(world.dynamo.items(Table::Requests).len(), 1);
        let before = everything(&world);
        handle(&world.deps.granted(), event()).await.unwrap();
        assert_eq!(everything(&world), before);
    }}
}}
""",
    "timer": """\
//! A timer that runs once a day, a few times.

use contracts::{{{service}::{type}, timers::Due}};
use domain::{{{subject}, time::after}};
use runtime::{{Granted, StepError}};

/// How often it runs.
const TIMES: u32 = 3;
/// From one run to the next.
const WAIT_S: i64 = 24 * 3_600;

pub async fn handle(deps: &Granted<{type}>, due: Due<{subject}>) -> Result<(), StepError> {{
    let attempt = due.attempt + 1;
    if attempt >= TIMES {{
        return Ok(());
    }}
    let mut tx = deps.due(&due).tx(deps);
    tx.set_timer::<{type}>(Due {{ attempt, due_at: after(deps.now(), WAIT_S), ..due }});
    tx.commit().await.map(drop)
}}

#[cfg(test)]
mod tests {{
    use runtime::events::Cause;
    use testing::{{World, timers}};

    use super::*;

    fn due(world: &World, attempt: u32) -> Due<{subject}> {{
        let cause = Cause {{ correlation_id: "req-1".into(), causation_id: None, traceparent: None }};
        let subject = world.deps.id({subject}::from_ulid);
        Due {{ attempt, ..world.deps.timer(&cause, world.tenant, subject, world.deps.now()) }}
    }}

    #[tokio::test]
    async fn it_runs_again_a_day_later() {{
        let world = World::new().await;
        let due = due(&world, 0);
        handle(&world.deps.granted(), due.clone()).await.unwrap();
        let next = after(world.deps.now(), WAIT_S);
        assert_eq!(timers(&world), [("{name}".to_owned(), due.subject.to_string(), next)]);
    }}

    #[tokio::test]
    async fn the_last_run_leaves_no_timer_behind() {{
        let world = World::new().await;
        handle(&world.deps.granted(), due(&world, TIMES - 1)).await.unwrap();
        assert_eq!(timers(&world), []);
    }}
}}
""",
}

DOES = {
    "read": "shows the store's name",
    "write": "changes the store's description",
    "consumer": "records that the event was received",
    "timer": "runs once a day, three times in all",
}
CALLS = {"read": "1 read", "write": "1 read, 1 transaction", "consumer": "1 transaction", "timer": "1 transaction"}
WHERE = {"read": "store by key", "write": "store by key", "consumer": "inbox", "timer": "timer by key"}

CARGO = """\
[package]
name = "{service}"
version.workspace = true
edition.workspace = true
rust-version.workspace = true
license.workspace = true
publish.workspace = true
# The bins are compositions of one line; what they run is tested in the library.
autotests = false

[lints]
workspace = true

[dependencies]

[dev-dependencies]
"""

LIB = """\
//! {Service}: its functions, one file each.

runtime::functions! {{
}}
"""

README = """\
# {Service}

| function | does | calls |
|---|---|---|
"""
