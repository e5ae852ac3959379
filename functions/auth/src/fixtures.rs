//! Test helpers: a buyer who registers, and accounts that already exist.

use std::collections::BTreeMap;

use contracts::auth::{Tokens, VerificationSent};
use domain::{AccountId, Role, TenantId, account::Account, tenant::Membership};
use identity::password;
use identity::sessions::{self, Subject};
use runtime::Principal;
use runtime::auth;
use serde_json::json;
use store::keys;
use testing::{TestRequest, World, http::Answer};

use crate::{forgot_password, login, refresh, register};

pub(crate) const EMAIL: &str = "ada@example.com";
pub(crate) const PASSWORD: &str = "a quiet green bicycle";

/// The code in the last e-mail.
pub(crate) fn sent_code(world: &World) -> String {
    let text = world.aws.last_mail().text;
    text.lines().find(|line| line.len() == 6 && line.parse::<u32>().is_ok()).unwrap().to_owned()
}

pub(crate) async fn register(world: &World, email: &str, password: &str) -> Answer {
    let body = json!({ "email": email, "password": password, "full_name": "Ada Obi" });
    TestRequest::new().store(&world.store.slug).json(body).send(&world.deps, register::handle).await
}

/// The token in the answer to a request for a code.
pub(crate) fn token_of(answer: &Answer) -> String {
    answer.ok::<VerificationSent>().verification_token
}

pub(crate) fn credentials(email: &str, password: &str) -> TestRequest {
    TestRequest::new().json(json!({ "email": email, "password": password }))
}

pub(crate) async fn log_in(world: &World, email: &str, password: &str) -> Answer {
    credentials(email, password).send(&world.deps, login::handle).await
}

pub(crate) async fn refresh(world: &World, token: &str) -> Answer {
    let body = json!({ "refresh_token": token });
    TestRequest::new().json(body).send(&world.deps, refresh::handle).await
}

/// Creates an account. Tests that need no password leave it out, because hashing is slow.
pub(crate) async fn account(world: &World, email: &str, password: Option<&str>) -> Account {
    write_account(world, world.deps.id(AccountId::from_ulid), email, password).await
}

async fn write_account(world: &World, id: AccountId, email: &str, password: Option<&str>) -> Account {
    let hash = password.map(|password| password::hash(password, [1; 16]).unwrap());
    world.account(Account::new(id, email.into(), "Ada Obi".into(), hash, world.deps.now())).await
}

pub(crate) async fn join(world: &World, account_id: AccountId, tenant_id: TenantId, role: Role) -> Membership {
    let membership = Membership { tenant_id, account_id, role, joined_at: world.deps.now() };
    let mut tx = world.deps.tx();
    tx.create((), &membership);
    world.deps.db.commit(tx).await.unwrap();
    membership
}

/// Writes a session directly, without signing in, and the account, unless there is one.
pub(crate) async fn session(
    world: &World,
    account_id: AccountId,
    tenant_id: Option<TenantId>,
    role: Role,
) -> (Tokens, Principal) {
    let account = match world.deps.db.get::<Account>(&keys::account(account_id)).await.unwrap() {
        Some(account) => account.value,
        None => write_account(world, account_id, &format!("{account_id}@example.com"), None).await,
    };
    let (session, tokens) = sessions::open(&world.deps, Subject::of(&account, tenant_id, role)).await.unwrap();
    let mut tx = world.deps.tx();
    tx.create((), &session);
    world.deps.db.commit(tx).await.unwrap();
    let principal = auth::verify(&world.deps, &tokens.access_token).await.unwrap();
    (tokens, principal)
}

pub(crate) async fn forgot(world: &World, email: &str) -> Answer {
    TestRequest::new().json(json!({ "email": email })).send(&world.deps, forgot_password::handle).await
}

/// What requests have cost since the last call: calls to the database by kind, password hashes, and mails.
pub(crate) fn take_cost(world: &World) -> (BTreeMap<String, u32>, u32, usize) {
    (world.dynamo.take_calls(), password::take_runs(), world.aws.take_mails().len())
}
