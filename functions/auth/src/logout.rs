//! `POST /auth/logout`: the session ends. That it has ended already is no error.

use contracts::{auth::Logout, http::Nothing};
use domain::account::Session;
use runtime::{Call, Deps, Outcome, Problem, Reply, http::Committed};
use store::keys;

use crate::people::TRIES;

pub async fn handle(deps: &Deps, call: Call<Logout>) -> Outcome<Logout> {
    let key = keys::session(call.principal()?.session_id);
    for _ in 0..TRIES {
        let found = deps.db.get::<Session>(&key).await?;
        let Some(session) = found.filter(|session| session.value.is_live(deps.now())) else {
            return Ok(Reply::new(&Nothing {}));
        };
        let mut tx = deps.tx();
        tx.update((), &session.value.revoke(), session.version);
        if let Committed::Done(reply) = call.commit(deps, tx, Reply::new(&Nothing {})).await? {
            return Ok(reply);
        }
        // Refreshed at the same moment: the newer token has to go too.
    }
    Err(Problem::busy())
}
