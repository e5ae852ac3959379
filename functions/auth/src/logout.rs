//! `POST /auth/logout`: ends the session. A session that has already ended is not an error.

use contracts::{auth::Logout, http::Nothing};
use domain::account::Session;
use runtime::{Call, Granted, Outcome, Reply, Tries, retry};
use store::keys;

pub async fn handle(deps: &Granted<Logout>, call: Call<Logout>) -> Outcome<Logout> {
    let key = keys::session(call.principal()?.session_id);
    // If the session is refreshed at the same time, the commit is refused; the retry also revokes the new refresh
    // token.
    retry!(Tries::FEW_RIVALS, {
        let found = deps.db.get::<Session>(&key).await?;
        let Some(session) = found.filter(|session| session.value.is_live(deps.now())) else {
            return Ok(Reply::new(&Nothing {}));
        };
        let mut tx = deps.tx();
        tx.update((), &session.value.revoke(), session.version);
        call.commit(deps, tx, Reply::new(&Nothing {})).await?.into()
    })
}

#[cfg(test)]
mod tests {
    use domain::Role;
    use testing::{TestRequest, World};

    use super::*;
    use crate::fixtures::{refresh, session};

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
    async fn needs_a_token_and_one_of_a_person() {
        let world = World::new().await;
        assert_eq!(TestRequest::new().send(&world.deps, handle).await.status(), 401);
        assert_eq!(TestRequest::new().by(&world.buyer).send(&world.deps, handle).await.status(), 403);
    }
}
