//! `POST /auth/guest`: tokens for a guest of a store. A guest has no account record, only the account id in the token.

use contracts::auth::Guest;
use domain::{AccountId, Role};
use identity::sessions::{self, Subject};
use runtime::{Call, Granted, Outcome, Reply};

pub async fn handle(deps: &Granted<Guest>, call: Call<Guest>) -> Outcome<Guest> {
    let store = call.store()?;
    let subject = Subject {
        account_id: deps.id(AccountId::from_ulid),
        tenant_id: Some(store.tenant_id),
        store_id: Some(store.store_id),
        role: Role::Guest,
    };
    let (session, tokens) = sessions::open(deps, subject).await?;
    let mut tx = deps.tx();
    tx.create((), &session);
    call.commit(deps, tx, Reply::new(&tokens)).await?.or_changed()
}

#[cfg(test)]
mod tests {
    use contracts::auth::Tokens;
    use domain::{account::Session, limits::GUEST_TTL_S, time::after};
    use runtime::auth;
    use store::keys;
    use testing::{TestRequest, World};

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
        let session = world.deps.db.get::<Session>(&keys::session(guest.session_id)).await.unwrap().unwrap().value;
        assert_eq!(session.store_id, Some(world.store.id));
        assert_eq!(session.expires_at, after(world.deps.now(), GUEST_TTL_S));
        assert!(!tokens.refresh_token.is_empty() && session.refresh_hash != tokens.refresh_token);
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
    }

    #[tokio::test]
    async fn there_are_guests_of_open_stores_only() {
        let world = World::new().await;
        assert_eq!(TestRequest::new().send(&world.deps, handle).await.problem(), (400, "store_missing".into()));
        let unknown = TestRequest::new().store("nobodys-store").send(&world.deps, handle).await;
        assert_eq!(unknown.problem(), (404, "store_not_found".into()));
    }
}
