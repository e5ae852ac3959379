//! `POST /auth/refresh`: exchanges a refresh token for new tokens. A refresh token can be used once. If an old token
//! is used again after the grace period, it or its successor was stolen, so the session is revoked.

use contracts::{auth::Refresh, problems};
use domain::{
    account::{RefreshCheck, Session},
    tenant::Membership,
};
use identity::sessions;
use runtime::{Call, Deps, Granted, Outcome, Problem, Reply, Tries, http::Committed, retry};
use store::keys;

pub async fn handle(deps: &Granted<Refresh>, call: Call<Refresh>) -> Outcome<Refresh> {
    let token = &call.body.refresh_token;
    let key = keys::session(sessions::named_session(token).ok_or_else(invalid)?);
    // Of two concurrent requests with the same token, the second is refused, reads again, and then falls within the
    // grace period.
    retry!(Tries::FEW_RIVALS, {
        let session = deps.db.get::<Session>(&key).await?.ok_or_else(invalid)?;
        let (fresh, hash) = sessions::new_refresh_token(deps, session.value.id);
        let next = match session.value.check(sessions::is_refresh_token(token), deps.now()) {
            RefreshCheck::Rotate => with_role(deps, session.value.rotate(hash, deps.now())).await?,
            RefreshCheck::Retry => with_role(deps, session.value.retry(hash)).await?,
            RefreshCheck::Reuse => session.value.revoke(),
            RefreshCheck::Invalid => return Err(invalid()),
        };
        let tokens = sessions::tokens_of(deps, &next, fresh).await?;
        let mut tx = deps.tx();
        tx.update((), &next, session.version);
        match call.commit(deps, tx, Reply::new(&tokens)).await? {
            Committed::Done(_) if next.revoked => return Err(invalid()),
            committed => committed.into(),
        }
    })
}

/// For staff, the new tokens carry the current role of their membership; without a membership the session is revoked.
async fn with_role(deps: &Deps, session: Session) -> Result<Session, Problem> {
    let Some(tenant) = session.tenant_id.filter(|_| session.role.is_staff()) else { return Ok(session) };
    let membership = deps.db.get::<Membership>(&keys::membership(session.account_id, tenant)).await?;
    Ok(match membership {
        Some(membership) => Session { role: membership.value.role, ..session },
        None => session.revoke(),
    })
}

fn invalid() -> Problem {
    Problem::new(&problems::INVALID_REFRESH_TOKEN, "this refresh token is not good, or not any more; sign in again")
}

#[cfg(test)]
mod tests {
    use contracts::auth::Tokens;
    use domain::{Role, limits::REFRESH_TOKEN_TTL_S};
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
        assert_eq!(calls, [("GetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)].into());
        assert_eq!((second.tenant_id, second.role), (Some(world.tenant), Role::Customer));
        assert_ne!(second.refresh_token, first);
        let third: Tokens = refresh(&world, &second.refresh_token).await.ok();
        let session_of = |token: &str| token.split('.').next().unwrap().to_owned();
        assert_eq!(session_of(&third.refresh_token), session_of(&first));
    }

    #[tokio::test]
    async fn an_answer_that_got_lost_can_be_asked_for_again() {
        let world = World::new().await;
        let first = customer(&world).await;
        for _ in 0..3 {
            world.clock.advance_s(3);
            assert_eq!(refresh(&world, &first).await.status(), 200);
        }
        let (one, two) = (customer(&world).await, customer(&world).await);
        let (at_once, twice) = tokio::join!(refresh(&world, &one), refresh(&world, &one));
        assert_eq!((at_once.status(), twice.status()), (200, 200));
        assert_eq!(refresh(&world, &two).await.status(), 200);
    }

    #[tokio::test]
    async fn an_old_token_ends_the_session() {
        let world = World::new().await;
        let first = customer(&world).await;
        let second: Tokens = refresh(&world, &first).await.ok();
        world.clock.advance_s(10);
        assert!(is_refused(&world, &first).await);
        assert!(is_refused(&world, &second.refresh_token).await);
    }

    #[tokio::test]
    async fn what_is_no_token_of_a_session_is_refused() {
        let world = World::new().await;
        let token = customer(&world).await;
        let (id, secret) = token.split_once('.').unwrap();
        for wrong in ["x", ".", "ses_00000000000000000000000001.abc", secret, &format!("ACC#{id}.{secret}")] {
            assert!(is_refused(&world, wrong).await, "{wrong}");
        }
        assert_eq!(refresh(&world, &token).await.status(), 200);
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
        join(&world, account, tenant, Role::Staff).await;
        assert!(is_refused(&world, &tokens.refresh_token).await);
    }
}
