//! `POST /auth/refresh`: new tokens for a refresh token, which is good once. An old one that comes back after the grace
//! was stolen, or its successor was: the session ends.

use contracts::auth::Refresh;
use domain::{
    account::{RefreshCheck, Session},
    tenant::Membership,
};
use runtime::{Call, Deps, Outcome, Problem, Reply, http::Committed, sessions};
use store::keys;

use crate::people::TRIES;

pub async fn handle(deps: &Deps, call: Call<Refresh>) -> Outcome<Refresh> {
    let token = &call.body.refresh_token;
    let key = keys::session(sessions::named_session(token).ok_or_else(invalid)?);
    for _ in 0..TRIES {
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
            Committed::Done(reply) => return Ok(reply),
            // Two at once with one token: the second one comes within the grace.
            Committed::Refused(_) => {}
        }
    }
    Err(Problem::busy())
}

/// Who works for a tenant has the role that it gives them by now; who works there no more has no session.
async fn with_role(deps: &Deps, session: Session) -> Result<Session, Problem> {
    let Some(tenant) = session.tenant_id.filter(|_| session.role.is_staff()) else { return Ok(session) };
    let membership = deps.db.get::<Membership>(&keys::membership(session.account_id, tenant)).await?;
    Ok(match membership {
        Some(membership) => Session { role: membership.value.role, ..session },
        None => session.revoke(),
    })
}

fn invalid() -> Problem {
    Problem::new(401, "invalid_refresh_token", "this refresh token is not good, or not any more; sign in again")
}
