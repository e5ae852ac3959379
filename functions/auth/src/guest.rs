//! `POST /auth/guest`: tokens for a guest of a store. A guest has no account and no session in the database, only the ids
//! in its tokens, so that anonymous calls write nothing.

use contracts::auth::Guest;
use domain::{AccountId, Role, SessionId};
use identity::sessions;
use runtime::{Call, Granted, Outcome, Principal, Reply};

pub async fn handle(deps: &Granted<Guest>, call: Call<Guest>) -> Outcome<Guest> {
    let guest = Principal {
        tenant_id: Some(call.store()?.tenant_id),
        account_id: deps.id(AccountId::from_ulid),
        role: Role::Guest,
        session_id: deps.id(SessionId::from_ulid),
    };
    Ok(Reply::new(&sessions::tokens_of_guest(deps, &guest).await?))
}

#[cfg(test)]
mod tests {
    use contracts::auth::Tokens;
    use domain::limits::GUEST_TTL_S;
    use runtime::auth;
    use testing::{TestRequest, World, world::everything};

    use super::*;
    use crate::fixtures::refresh;

    #[tokio::test]
    async fn a_guest_belongs_to_the_store() {
        let world = World::new().await;
        let tokens: Tokens = TestRequest::new().store(&world.store.slug).send(&world.deps, handle).await.ok();
        let guest = auth::verify(&world.deps, &tokens.access_token).await.unwrap();
        assert_eq!(
            (guest.tenant_id, guest.role, guest.account_id),
            (Some(world.tenant), Role::Guest, tokens.account_id)
        );
        assert_eq!(guest_of(&world, &tokens.refresh_token).await, Some(guest));
        // One is not good for the other's purpose.
        assert!(auth::verify(&world.deps, &tokens.refresh_token).await.is_err());
        assert_eq!(guest_of(&world, &tokens.access_token).await, None);
    }

    async fn guest_of(world: &World, refresh_token: &str) -> Option<Principal> {
        auth::verify_guest_refresh(&world.deps, refresh_token).await.ok()
    }

    #[tokio::test]
    async fn costs_no_write() {
        let world = World::new().await;
        let before = everything(&world);
        for _ in 0..3 {
            let request = TestRequest::new().store(&world.store.slug);
            let tokens: Tokens = request.send(&world.deps, handle).await.ok();
            refresh(&world, &tokens.refresh_token).await.ok::<Tokens>();
        }
        assert_eq!(everything(&world), before);
    }

    #[tokio::test]
    async fn is_the_same_guest_after_a_refresh() {
        let world = World::new().await;
        let tokens: Tokens = TestRequest::new().store(&world.store.slug).send(&world.deps, handle).await.ok();
        world.clock.advance_s(20 * 24 * 3_600);
        let again: Tokens = refresh(&world, &tokens.refresh_token).await.ok();
        assert_eq!(
            (again.account_id, again.role, again.tenant_id),
            (tokens.account_id, Role::Guest, Some(world.tenant))
        );
        // Thirty days after the last use, it is over.
        world.clock.advance_s(20 * 24 * 3_600);
        let again: Tokens = refresh(&world, &again.refresh_token).await.ok();
        assert_eq!(refresh(&world, &tokens.refresh_token).await.problem(), (401, "invalid_refresh_token".into()));
        world.clock.advance_s(GUEST_TTL_S);
        assert_eq!(refresh(&world, &again.refresh_token).await.status(), 401);
    }

    #[tokio::test]
    async fn there_are_guests_of_open_stores_only() {
        let world = World::new().await;
        assert_eq!(TestRequest::new().send(&world.deps, handle).await.problem(), (400, "store_missing".into()));
        let unknown = TestRequest::new().store("nobodys-store").send(&world.deps, handle).await;
        assert_eq!(unknown.problem(), (404, "store_not_found".into()));
    }
}
