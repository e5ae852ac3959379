//! `POST /auth/switch-tenant`: tokens for another tenant of the same person, in a session of their own.

use contracts::auth::SwitchTenant;
use domain::{account::Session, tenant::Membership};
use runtime::{
    Call, Deps, Outcome, Problem, Reply,
    sessions::{self, Bearer},
};
use store::keys;

pub async fn handle(deps: &Deps, call: Call<SwitchTenant>) -> Outcome<SwitchTenant> {
    let (principal, tenant) = (call.principal()?, call.body.tenant_id);
    let (session, membership) =
        (keys::session(principal.session_id), keys::membership(principal.account_id, tenant));
    let mut found = deps.db.batch_get(&[session.clone(), membership.clone()]).await?;
    // An access token outlives its session by minutes, which must not become another thirty days.
    let current = found.take::<Session>(&session)?.filter(|held| held.value.is_live(deps.now()));
    let current = current.ok_or_else(Problem::unauthorized)?;
    let membership = found.take::<Membership>(&membership)?.ok_or_else(Problem::not_found)?.value;

    let bearer = Bearer {
        account_id: principal.account_id,
        tenant_id: Some(tenant),
        store_id: None,
        role: membership.role,
    };
    let (opened, tokens) = sessions::open(deps, bearer).await?;
    let mut tx = deps.tx();
    tx.check(session, current.version);
    tx.create((), &opened);
    call.commit(deps, tx, Reply::new(&tokens)).await?.or_changed()
}
