//! `POST /auth/login`: signs in with e-mail and password. A request that names a store signs in as a customer of its
//! tenant; without a store, as a member of a tenant's team. Unknown addresses and wrong passwords take equal time and
//! get the same answer.

use contracts::{auth::Login, problems};
use domain::{Role, TenantId, account::Account, attempts::Counted, tenant::Membership, text::normalize_email};
use identity::{
    addresses, password,
    sessions::{self, Subject},
};
use runtime::{Call, Deps, Granted, Outcome, Problem, Reply, claims::StoreRef};
use store::{CustomerRecord, SortOrder, Tx, keys};

use crate::people::customer;

/// At most this many memberships are read to find the tenant that the person joined first.
const MEMBERSHIPS_MAX: i32 = 100;

pub async fn handle(deps: &Granted<Login>, call: Call<Login>) -> Outcome<Login> {
    if call.store.is_some() && call.body.tenant_id.is_some() {
        let detail = "at a store one signs in as a customer: give a store or a tenant, not both";
        return Err(Problem::invalid_field("/tenant_id", "invalid", detail));
    }
    let email = normalize_email(&call.body.email);
    let address = addresses::find(deps, &email, Counted::Passwords, &call.raw.source_ip).await?;
    let failed = address.counter.one_more(deps.now())?;
    let account = addresses::account(deps, address.account_id).await?.map(|account| account.value);
    let hash = account.as_ref().and_then(|account| account.password_hash.as_deref());
    let is_right = password::verify(&call.body.password, hash);
    let mut tx = deps.tx();
    let Some(account) = account.filter(|_| is_right) else {
        // Written before the result is returned, so that attempts made at once are not more attempts.
        address.counter.write(&mut tx, &failed);
        deps.db.commit(tx).await?;
        return Err(Problem::new(&problems::INVALID_CREDENTIALS, "the e-mail address or the password is wrong"));
    };
    address.counter.write(&mut tx, &address.counter.trusting(deps.now()));
    let subject = match call.store {
        Some(store) => as_customer(deps, &mut tx, store, &account).await?,
        None => as_team(deps, &account, call.body.tenant_id).await?,
    };
    let (session, tokens) = sessions::open(deps, subject).await?;
    tx.create((), &session);
    call.commit(deps, tx, Reply::new(&tokens)).await?.or_changed()
}

/// Writes the tenant's own record of the customer at the first sign-in.
async fn as_customer(deps: &Deps, tx: &mut Tx, store: StoreRef, account: &Account) -> Result<Subject, Problem> {
    let tenant = store.tenant_id;
    if deps.db.get::<CustomerRecord>(&keys::customer(tenant, account.id)).await?.is_none() {
        tx.create(tenant, &customer(account, deps.now()));
    }
    Ok(Subject::of(account, Some(tenant), Role::Customer))
}

async fn as_team(deps: &Deps, account: &Account, wanted: Option<TenantId>) -> Result<Subject, Problem> {
    let list = keys::memberships(account.id);
    let (found, _) = deps.db.list::<Membership>(&list, SortOrder::Ascending, MEMBERSHIPS_MAX, None).await?;
    let mut memberships = found.into_iter().map(|membership| membership.value);
    let membership = match wanted {
        // Must not reveal whether a tenant exists that the person does not work for.
        Some(tenant) => Some(memberships.find(|held| held.tenant_id == tenant).ok_or_else(Problem::not_found)?),
        None => memberships.min_by_key(|held| held.joined_at),
    };
    let tenant_id = membership.as_ref().map(|membership| membership.tenant_id);
    Ok(Subject::of(account, tenant_id, membership.map_or(Role::Customer, |membership| membership.role)))
}

#[cfg(test)]
mod tests {
    use contracts::auth::Tokens;
    use runtime::auth;
    use serde_json::json;
    use testing::{TestRequest, World};

    use super::*;
    use crate::fixtures::{EMAIL, PASSWORD, account, credentials, join, log_in, take_cost};

    #[tokio::test]
    async fn at_a_store_one_is_its_customer() {
        let world = World::new().await;
        let neighbour = world.neighbour().await;
        let person = account(&world, EMAIL, Some(PASSWORD)).await;
        join(&world, person.id, world.tenant, Role::Owner).await;
        for at in [&world, &neighbour, &world] {
            let request = credentials("ADA@example.com", PASSWORD).store(&at.store.slug);
            let tokens: Tokens = request.send(&world.deps, handle).await.ok();
            let buyer = auth::verify(&world.deps, &tokens.access_token).await.unwrap();
            assert_eq!((buyer.tenant_id, buyer.role), (Some(at.tenant), Role::Customer));
            let key = keys::customer(at.tenant, person.id);
            assert_eq!(world.deps.db.get::<CustomerRecord>(&key).await.unwrap().unwrap().version, 1);
        }
        let by_host = credentials(EMAIL, PASSWORD).header("host", "bobs-books.localhost:8000");
        assert_eq!(by_host.send(&world.deps, handle).await.ok::<Tokens>().tenant_id, Some(neighbour.tenant));
        let nowhere = credentials(EMAIL, PASSWORD).store("nobodys-store").send(&world.deps, handle).await;
        assert_eq!(nowhere.problem(), (404, "store_not_found".into()));
    }

    #[tokio::test]
    async fn a_password_is_the_same_however_it_is_typed() {
        let world = World::new().await;
        account(&world, EMAIL, Some("caf\u{E9} au lait")).await;
        for same in ["caf\u{E9} au lait", "cafe\u{301} au lait", " caf\u{E9} au lait\n"] {
            assert_eq!(log_in(&world, EMAIL, same).await.status(), 200, "{same:?}");
        }
        for other in ["cafe au lait", "Caf\u{E9} au lait", "caf\u{E9}  au lait"] {
            assert_eq!(log_in(&world, EMAIL, other).await.status(), 401, "{other:?}");
        }
    }

    #[tokio::test]
    async fn wrong_passwords_and_unknown_addresses_are_told_alike() {
        let world = World::new().await;
        account(&world, EMAIL, Some(PASSWORD)).await;
        account(&world, "no-password@example.com", None).await;
        let mut seen = vec![];
        for email in [EMAIL, "no-password@example.com", "unknown@example.com"] {
            take_cost(&world);
            let mut answers = vec![];
            for _ in 0..11 {
                answers.push(log_in(&world, email, "not the password").await.problem());
            }
            seen.push((answers, take_cost(&world)));
        }
        assert_eq!(seen[0].0[0], (401, "invalid_credentials".to_owned()));
        assert_eq!((&seen[0].0[10], seen[0].1.1), (&(429, "too_soon".to_owned()), 10));
        assert!(seen.iter().all(|one| *one == seen[0]), "{seen:?}");
    }

    #[tokio::test]
    async fn guessing_gets_slow_and_does_not_lock_the_owner_out() {
        let world = World::new().await;
        account(&world, EMAIL, Some(PASSWORD)).await;
        let from =
            async |ip: &str, password: &str| credentials(EMAIL, password).from(ip).send(&world.deps, handle).await;
        assert_eq!(from("192.0.2.1", PASSWORD).await.status(), 200);
        for network in 0..3 {
            for _ in 0..10 {
                assert_eq!(from(&format!("198.51.100.{network}"), "a guess").await.status(), 401);
            }
            // Even the right password is not told while a client has to wait.
            let refused = from(&format!("198.51.100.{network}"), PASSWORD).await;
            assert_eq!(refused.problem(), (429, "too_soon".into()));
            assert!(refused.0.header("retry-after").is_some());
        }
        // All strangers together have used up their attempts; whoever signed in before has not.
        assert_eq!(from("203.0.113.50", PASSWORD).await.status(), 429);
        assert_eq!(from("192.0.2.1", PASSWORD).await.status(), 200);
        world.clock.advance_s(600);
        assert_eq!(from("203.0.113.50", PASSWORD).await.status(), 200);
    }

    #[tokio::test]
    async fn guesses_at_once_are_not_more_guesses() {
        let world = World::new().await;
        account(&world, EMAIL, Some(PASSWORD)).await;
        let (wrong, right) = tokio::join!(log_in(&world, EMAIL, "a guess"), log_in(&world, EMAIL, PASSWORD));
        let statuses = [wrong.status(), right.status()];
        assert!(matches!(statuses, [401, 409 | 200] | [409, 200]), "{statuses:?}");
        let key = keys::attempts(EMAIL, Counted::Passwords);
        let counted = world.deps.db.get::<store::EmailAttempts>(&key).await.unwrap().unwrap();
        let written = statuses.iter().filter(|status| **status != 409).count();
        assert_eq!(counted.version, u64::try_from(written).unwrap());
    }

    #[tokio::test]
    async fn the_team_gets_the_tenant_it_joined_first_or_the_one_it_names() {
        let world = World::new().await;
        let neighbour = world.neighbour().await;
        let person = account(&world, EMAIL, Some(PASSWORD)).await;
        let none: Tokens = log_in(&world, EMAIL, PASSWORD).await.ok();
        assert_eq!((none.tenant_id, none.role), (None, Role::Customer));
        join(&world, person.id, neighbour.tenant, Role::Staff).await;
        world.clock.advance_s(1);
        join(&world, person.id, world.tenant, Role::Owner).await;
        let first: Tokens = log_in(&world, EMAIL, PASSWORD).await.ok();
        assert_eq!((first.tenant_id, first.role), (Some(neighbour.tenant), Role::Staff));
        let named = |tenant| json!({ "email": EMAIL, "password": PASSWORD, "tenant_id": tenant });
        let second = TestRequest::new().json(named(world.tenant)).send(&world.deps, handle).await;
        assert_eq!(second.ok::<Tokens>().role, Role::Owner);
        let request = TestRequest::new().json(named(world.tenant)).store(&world.store.slug);
        assert_eq!(request.send(&world.deps, handle).await.fields()[0].0, "/tenant_id");
    }

    #[tokio::test]
    async fn a_tenant_one_does_not_work_for_is_like_none() {
        let world = World::new().await;
        let neighbour = world.neighbour().await;
        let person = account(&world, EMAIL, Some(PASSWORD)).await;
        join(&world, person.id, world.tenant, Role::Owner).await;
        for tenant in [neighbour.tenant, world.deps.id(TenantId::from_ulid)] {
            let body = json!({ "email": EMAIL, "password": PASSWORD, "tenant_id": tenant });
            let answer = TestRequest::new().json(body).send(&world.deps, handle).await;
            assert_eq!(answer.problem(), (404, "not_found".into()));
        }
    }

    #[tokio::test]
    async fn an_old_token_that_comes_along_does_not_matter() {
        let world = World::new().await;
        account(&world, EMAIL, Some(PASSWORD)).await;
        let request = credentials(EMAIL, PASSWORD).header("authorization", "Bearer expired.long.ago");
        assert_eq!(request.send(&world.deps, handle).await.status(), 200);
    }
}
