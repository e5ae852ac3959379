//! `POST /auth/logout`: ends the session. A session that has already ended is not an error.

use contracts::{auth::Logout, http::Nothing};
use domain::{Role, limits::GUEST_TTL_S, time::after};
use runtime::{Call, Granted, Outcome, Reply, http::Committed};
use store::{EndedGuest, keys};

pub async fn handle(deps: &Granted<Logout>, call: Call<Logout>) -> Outcome<Logout> {
    let (caller, now) = (call.principal()?, deps.now());
    let mut tx = deps.tx();
    if caller.role == Role::Guest {
        let ended = EndedGuest { session_id: caller.session_id, ends_at: after(now, GUEST_TTL_S) };
        tx.create_unless_live(&ended, now);
    } else {
        tx.remove(keys::session(caller.account_id, caller.session_id));
    }
    match call.commit(deps, tx, Reply::new(&Nothing {})).await? {
        Committed::Done(reply) => Ok(reply),
        Committed::Refused(_) => Ok(Reply::new(&Nothing {})),
    }
}

#[cfg(test)]
mod tests {
    use contracts::auth::Tokens;
    use runtime::auth;
    use testing::{TestRequest, World};

    use super::*;
    use crate::{
        fixtures::{refresh, session},
        guest,
    };

    #[tokio::test]
    async fn the_session_is_over_and_others_are_not() {
        let world = World::new().await;
        let buyer = world.buyer.account_id;
        let (here, principal) = session(&world, buyer, Some(world.tenant), Role::Customer).await;
        let (there, _) = session(&world, buyer, Some(world.tenant), Role::Customer).await;
        for _ in 0..2 {
            assert_eq!(TestRequest::new().by(&principal).send(&world.deps, handle).await.status(), 200);
        }
        assert_eq!(refresh(&world, &here.refresh_token).await.status(), 401);
        assert_eq!(refresh(&world, &there.refresh_token).await.status(), 200);
    }

    #[tokio::test]
    async fn a_guest_signs_out_too() {
        let world = World::new().await;
        let tokens: Tokens = TestRequest::new().store(&world.store.slug).send(&world.deps, guest::handle).await.ok();
        let other: Tokens = TestRequest::new().store(&world.store.slug).send(&world.deps, guest::handle).await.ok();
        let principal = auth::verify(&world.deps, &tokens.access_token).await.unwrap();
        let again: Tokens = refresh(&world, &tokens.refresh_token).await.ok();
        for _ in 0..2 {
            assert_eq!(TestRequest::new().by(&principal).send(&world.deps, handle).await.status(), 200);
        }
        for token in [tokens.refresh_token, again.refresh_token] {
            assert_eq!(refresh(&world, &token).await.problem(), (401, "invalid_refresh_token".into()));
        }
        assert_eq!(refresh(&world, &other.refresh_token).await.status(), 200);
    }

    #[tokio::test]
    async fn needs_a_token() {
        let world = World::new().await;
        assert_eq!(TestRequest::new().send(&world.deps, handle).await.status(), 401);
    }
}
