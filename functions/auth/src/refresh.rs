//! `POST /auth/refresh`: exchanges a refresh token for new tokens.
//!
//! A person's refresh token can be used once. Whoever uses it again within the grace period gets the same next token. If
//! a token that the session issued is used later, it or its successor was stolen, so the session ends. A token that no
//! session issued says nothing about the session, and is only refused. A guest's token is signed, and stays good.

use contracts::{auth::Refresh, problems};
use domain::{
    account::{Account, RefreshCheck, Session},
    tenant::Membership,
};
use identity::sessions::{self, RefreshToken};
use runtime::{
    Call, Deps, Granted, Outcome, Problem, Reply, Tries,
    auth::{self, TokenError},
    retry,
};
use store::{CommitError, EndedGuest, Key, Versioned, keys};

pub async fn handle(deps: &Granted<Refresh>, call: Call<Refresh>) -> Outcome<Refresh> {
    match RefreshToken::parse(&call.body.refresh_token) {
        Some(token) => person(deps, &call, &token).await,
        None => guest(deps, &call.body.refresh_token).await,
    }
}

async fn person(deps: &Deps, call: &Call<Refresh>, token: &RefreshToken) -> Outcome<Refresh> {
    // Of two concurrent requests with the same token, the second is refused, reads again, and then falls within the
    // grace period.
    retry!(Tries::FEW_RIVALS, {
        let Found { session, password_version } = find(deps, token).await?;
        let newest = token.newest(&session.value).ok_or_else(invalid)?;
        let check = session.value.check(token.generation, password_version, deps.now());
        let key = keys::session(token.account_id, token.session_id);
        match check {
            RefreshCheck::Invalid => return Err(invalid()),
            RefreshCheck::Reuse => return Err(ended(deps, key).await?),
            RefreshCheck::Rotate | RefreshCheck::Repeat => {}
        }
        let Some(current) = with_role(deps, session.value).await? else { return Err(ended(deps, key).await?) };
        let mut tx = deps.tx();
        let (current, newest) = if check == RefreshCheck::Rotate {
            let next = newest.next(&current);
            let rotated = current.rotate(next.hash(), deps.now());
            tx.update((), &rotated, session.version);
            (rotated, next)
        } else {
            (current, newest)
        };
        let tokens = sessions::tokens_of(deps, &current, &newest).await?;
        call.commit(deps, tx, Reply::new(&tokens)).await?.into()
    })
}

struct Found {
    session: Versioned<Session>,
    /// The account's.
    password_version: u32,
}

async fn find(deps: &Deps, token: &RefreshToken) -> Result<Found, Problem> {
    let (session, account) = (keys::session(token.account_id, token.session_id), keys::account(token.account_id));
    let mut found = deps.db.batch_get(&[session.clone(), account.clone()]).await?;
    let session = found.take::<Session>(&session)?.ok_or_else(invalid)?;
    let account = found.take::<Account>(&account)?.ok_or_else(invalid)?;
    Ok(Found { session, password_version: account.value.password_version })
}

/// For staff, the session with the current role of their membership; `None` without a membership.
async fn with_role(deps: &Deps, session: Session) -> Result<Option<Session>, Problem> {
    let Some(tenant) = session.tenant_id.filter(|_| session.role.is_staff()) else { return Ok(Some(session)) };
    let membership = deps.db.get::<Membership>(&keys::membership(session.account_id, tenant)).await?;
    Ok(membership.map(|membership| Session { role: membership.value.role, ..session }))
}

/// Ends a session, unless it has ended by now.
async fn ended(deps: &Deps, session: Key) -> Result<Problem, Problem> {
    let mut tx = deps.tx();
    tx.remove(session);
    match deps.db.commit(tx).await {
        Ok(()) | Err(CommitError::Refused(_)) => Ok(invalid()),
        Err(error) => Err(error.into()),
    }
}

async fn guest(deps: &Deps, token: &str) -> Outcome<Refresh> {
    let guest = auth::verify_guest_refresh(deps, token).await.map_err(|error| match error {
        TokenError::Invalid(_) | TokenError::Expired => invalid(),
        TokenError::Secret(error) => error.into(),
    })?;
    if deps.db.get::<EndedGuest>(&keys::ended_guest(guest.session_id)).await?.is_some() {
        return Err(invalid());
    }
    Ok(Reply::new(&sessions::tokens_of_guest(deps, &guest).await?))
}

fn invalid() -> Problem {
    Problem::new(&problems::INVALID_REFRESH_TOKEN, "this refresh token is not good, or not any more; sign in again")
}

#[cfg(test)]
mod tests {
    use contracts::{auth::Tokens, table::Table};
    use domain::{
        Role,
        limits::{REFRESH_GRACE_S, REFRESH_TOKEN_TTL_S},
    };
    use testing::World;

    use crate::fixtures::{join, refresh, session};

    const REFUSED: (u16, &str) = (401, "invalid_refresh_token");

    async fn customer(world: &World) -> String {
        session(world, world.buyer.account_id, Some(world.tenant), Role::Customer).await.0.refresh_token
    }

    async fn is_refused(world: &World, token: &str) -> bool {
        let (status, code) = refresh(world, token).await.problem();
        (status, code.as_str()) == REFUSED
    }

    #[tokio::test]
    async fn rotates_with_one_read_and_one_write() {
        let world = World::new().await;
        let first = customer(&world).await;
        world.dynamo.take_calls();
        let second: Tokens = refresh(&world, &first).await.ok();
        let calls = world.dynamo.take_calls();
        assert_eq!(calls, [("BatchGetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)].into());
        assert_eq!((second.tenant_id, second.role), (Some(world.tenant), Role::Customer));
        assert_ne!(second.refresh_token, first);
        let third: Tokens = refresh(&world, &second.refresh_token).await.ok();
        let session_of = |token: &str| token.split('.').nth(1).unwrap().to_owned();
        assert_eq!(session_of(&third.refresh_token), session_of(&first));
    }

    #[tokio::test]
    async fn two_tabs_at_once_get_the_same_next_token() {
        let world = World::new().await;
        let first = customer(&world).await;
        let (one, two) = tokio::join!(refresh(&world, &first), refresh(&world, &first));
        let (one, two): (Tokens, Tokens) = (one.ok(), two.ok());
        assert_eq!(one.refresh_token, two.refresh_token);
        world.clock.advance_s(REFRESH_GRACE_S - 1);
        let lost: Tokens = refresh(&world, &first).await.ok();
        assert_eq!(lost.refresh_token, one.refresh_token);
        world.clock.advance_s(200);
        let (one, two) = tokio::join!(refresh(&world, &one.refresh_token), refresh(&world, &two.refresh_token));
        let (one, two): (Tokens, Tokens) = (one.ok(), two.ok());
        assert_eq!(one.refresh_token, two.refresh_token);
        assert_eq!(refresh(&world, &one.refresh_token).await.status(), 200);
    }

    #[tokio::test]
    async fn an_old_token_ends_the_session_however_old() {
        let world = World::new().await;
        for age in [1, 2, 30] {
            let first = customer(&world).await;
            let mut newest = first.clone();
            for _ in 0..age {
                newest = refresh(&world, &newest).await.ok::<Tokens>().refresh_token;
            }
            world.clock.advance_s(REFRESH_GRACE_S);
            assert!(is_refused(&world, &first).await);
            assert!(is_refused(&world, &newest).await);
        }
    }

    #[tokio::test]
    async fn what_no_session_issued_is_refused_and_ends_none() {
        let world = World::new().await;
        let first = customer(&world).await;
        let token = refresh(&world, &first).await.ok::<Tokens>().refresh_token;
        world.clock.advance_s(60);
        let parts: Vec<&str> = token.split('.').collect();
        let [account, session, _, secret] = parts[..] else { panic!("{token}") };
        let first_secret = first.rsplit('.').next().unwrap();
        for wrong in [
            "x".to_owned(),
            "....".to_owned(),
            secret.to_owned(),
            format!("{session}.{secret}"),
            format!("{account}.{session}.0.{}", "A".repeat(43)),
            // Secrets that were issued, under numbers that they did not have.
            format!("{account}.{session}.0.{secret}"),
            format!("{account}.{session}.1.{first_secret}"),
            format!("{account}.{session}.2.{secret}"),
            format!("{account}.{session}.4294967295.{secret}"),
            format!("{account}.{session}.1.{secret}x"),
            format!("{account}.{session}.1.{secret}.x"),
            format!("acc_00000000000000000000000001.{session}.1.{secret}"),
            format!("{account}.ses_00000000000000000000000001.1.{secret}"),
        ] {
            assert!(is_refused(&world, &wrong).await, "{wrong}");
        }
        assert_eq!(refresh(&world, &token).await.status(), 200);
    }

    #[tokio::test]
    async fn what_is_stored_is_no_token() {
        let world = World::new().await;
        let first = customer(&world).await;
        let second = refresh(&world, &first).await.ok::<Tokens>().refresh_token;
        let kept = world.dynamo.items(Table::Accounts).iter().map(ToString::to_string).collect::<String>();
        for token in [first, second] {
            assert!(!kept.contains(token.rsplit('.').next().unwrap()));
        }
    }

    #[tokio::test]
    async fn lives_thirty_days_after_the_last_use() {
        let world = World::new().await;
        let first = customer(&world).await;
        world.clock.advance_s(REFRESH_TOKEN_TTL_S - 1);
        let second: Tokens = refresh(&world, &first).await.ok();
        world.clock.advance_s(REFRESH_TOKEN_TTL_S);
        assert!(is_refused(&world, &second.refresh_token).await);
    }

    #[tokio::test]
    async fn the_team_has_the_role_it_has_by_now() {
        let world = World::new().await;
        let (account, tenant) = (world.owner.account_id, world.tenant);
        let membership = join(&world, account, tenant, Role::Staff).await;
        let (tokens, _) = session(&world, account, Some(tenant), Role::Manager).await;
        let tokens: Tokens = refresh(&world, &tokens.refresh_token).await.ok();
        assert_eq!(tokens.role, Role::Staff);

        let mut tx = world.deps.tx();
        tx.delete(store::keys::membership(account, membership.tenant_id), 1);
        world.deps.db.commit(tx).await.unwrap();
        assert!(is_refused(&world, &tokens.refresh_token).await);
        // It has ended for good.
        join(&world, account, tenant, Role::Staff).await;
        assert!(is_refused(&world, &tokens.refresh_token).await);
    }
}
