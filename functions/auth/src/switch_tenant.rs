//! `POST /auth/switch-tenant`: opens a new session, with its own tokens, for another tenant of the same person.

use contracts::auth::SwitchTenant;
use domain::{
    account::{Account, Session},
    tenant::Membership,
};
use identity::sessions::{self, Subject};
use runtime::{Call, Granted, Outcome, Problem, Reply};
use store::keys;

pub async fn handle(deps: &Granted<SwitchTenant>, call: Call<SwitchTenant>) -> Outcome<SwitchTenant> {
    let (principal, tenant) = (call.principal()?, call.body.tenant_id);
    let (id, session) = (principal.account_id, keys::session(principal.account_id, principal.session_id));
    let (account, membership) = (keys::account(id), keys::membership(id, tenant));
    let mut found = deps.db.batch_get(&[session.clone(), account.clone(), membership.clone()]).await?;
    let account = found.take::<Account>(&account)?.ok_or_else(Problem::unauthorized)?.value;
    // An access token stays valid for minutes after its session has ended. It must not open a new session of thirty
    // days.
    let is_live = |held: &Session| held.is_live(account.password_version, deps.now());
    let current = found.take::<Session>(&session)?.filter(|held| is_live(&held.value));
    let current = current.ok_or_else(Problem::unauthorized)?;
    let membership = found.take::<Membership>(&membership)?.ok_or_else(Problem::not_found)?.value;

    let (opened, tokens) = sessions::open(deps, Subject::of(&account, Some(tenant), membership.role)).await?;
    let mut tx = deps.tx();
    tx.check(session, current.version);
    tx.create((), &opened);
    call.commit(deps, tx, Reply::new(&tokens)).await?.or_changed()
}

#[cfg(test)]
mod tests {
    use contracts::auth::Tokens;
    use domain::{Role, TenantId};
    use runtime::Principal;
    use runtime::auth;
    use serde_json::json;
    use testing::{TestRequest, World, http::Answer};

    use super::*;
    use crate::{
        fixtures::{join, refresh, session},
        logout,
    };

    async fn switch(world: &World, principal: &Principal, tenant: TenantId) -> Answer {
        TestRequest::new().by(principal).json(json!({ "tenant_id": tenant })).send(&world.deps, handle).await
    }

    #[tokio::test]
    async fn goes_to_another_tenant_of_ones_own() {
        let world = World::new().await;
        let neighbour = world.neighbour().await;
        let account = world.owner.account_id;
        join(&world, account, neighbour.tenant, Role::Viewer).await;
        let (before, principal) = session(&world, account, Some(world.tenant), Role::Customer).await;
        world.dynamo.take_calls();
        let switched: Tokens = switch(&world, &principal, neighbour.tenant).await.ok();
        let calls = world.dynamo.take_calls();
        assert_eq!(calls, [("BatchGetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)].into());
        let there = auth::verify(&world.deps, &switched.access_token).await.unwrap();
        assert_eq!((there.tenant_id, there.role, there.account_id), (Some(neighbour.tenant), Role::Viewer, account));
        assert_eq!(refresh(&world, &before.refresh_token).await.status(), 200);
    }

    #[tokio::test]
    async fn a_tenant_of_others_is_like_none() {
        let world = World::new().await;
        let neighbour = world.neighbour().await;
        let (_, principal) = session(&world, world.owner.account_id, Some(world.tenant), Role::Owner).await;
        for tenant in [neighbour.tenant, world.deps.id(TenantId::from_ulid)] {
            assert_eq!(switch(&world, &principal, tenant).await.problem(), (404, "not_found".into()));
        }
    }

    #[tokio::test]
    async fn a_token_that_outlived_its_session_opens_no_other() {
        let world = World::new().await;
        let account = world.owner.account_id;
        join(&world, account, world.tenant, Role::Owner).await;
        let (_, principal) = session(&world, account, Some(world.tenant), Role::Owner).await;
        TestRequest::new().by(&principal).send(&world.deps, logout::handle).await;
        assert_eq!(switch(&world, &principal, world.tenant).await.status(), 401);
        assert_eq!(switch(&world, &world.buyer, world.tenant).await.status(), 403);
    }
}
