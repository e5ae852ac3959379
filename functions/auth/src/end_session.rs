//! `DELETE /auth/sessions/{id}`: ends one of the caller's sessions, on a device that was lost, for example.

use contracts::{auth::EndSession, http::Nothing};
use runtime::{Call, Granted, Outcome, Problem, Reply, http::Committed};
use store::keys;

pub async fn handle(deps: &Granted<EndSession>, call: Call<EndSession>) -> Outcome<EndSession> {
    let mut tx = deps.tx();
    tx.remove(keys::session(call.principal()?.account_id, call.path.id));
    match call.commit(deps, tx, Reply::new(&Nothing {})).await? {
        Committed::Done(reply) => Ok(reply),
        Committed::Refused(_) => Err(Problem::not_found()),
    }
}

#[cfg(test)]
mod tests {
    use domain::Role;
    use runtime::Principal;
    use testing::{TestRequest, World, http::Answer};

    use super::*;
    use crate::fixtures::{refresh, session};

    async fn end(world: &World, by: &Principal, id: impl ToString) -> Answer {
        TestRequest::new().by(by).path("id", id).send(&world.deps, handle).await
    }

    #[tokio::test]
    async fn ends_that_session_and_no_other() {
        let world = World::new().await;
        let buyer = world.buyer.account_id;
        let (here, caller) = session(&world, buyer, None, Role::Customer).await;
        let (lost, there) = session(&world, buyer, None, Role::Customer).await;
        assert_eq!(end(&world, &caller, there.session_id).await.status(), 200);
        assert_eq!(refresh(&world, &lost.refresh_token).await.status(), 401);
        assert_eq!(refresh(&world, &here.refresh_token).await.status(), 200);
        assert_eq!(end(&world, &caller, there.session_id).await.problem(), (404, "not_found".into()));
    }

    #[tokio::test]
    async fn anothers_session_is_like_none() {
        let world = World::new().await;
        let (_, caller) = session(&world, world.buyer.account_id, None, Role::Customer).await;
        let (theirs, other) = session(&world, world.owner.account_id, Some(world.tenant), Role::Customer).await;
        for id in [other.session_id.to_string(), "ses_00000000000000000000000001".into(), "x".into()] {
            assert_eq!(end(&world, &caller, id).await.problem(), (404, "not_found".into()));
        }
        assert_eq!(refresh(&world, &theirs.refresh_token).await.status(), 200);
        assert_eq!(end(&world, &world.buyer, other.session_id).await.status(), 403);
    }
}
