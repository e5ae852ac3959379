//! `POST /auth/password/change`: replaces the caller's password, which has to be given. All other sessions end.

use contracts::{auth::ChangePassword, http::Nothing};
use domain::{
    account::{Account, Session},
    attempts::Counted,
};
use identity::{attempts::Counter, password};
use mail::Mailer;
use runtime::{Call, Granted, Outcome, Problem, Reply};
use store::keys;

use crate::notice;

pub async fn handle(deps: &Granted<ChangePassword, Mailer>, call: Call<ChangePassword>) -> Outcome<ChangePassword> {
    let (caller, body, now) = (call.principal()?, &call.body, deps.now());
    let account = deps.db.get::<Account>(&keys::account(caller.account_id)).await?.ok_or_else(Problem::not_found)?;
    let (email, session) = (&account.value.email, keys::session(caller.account_id, caller.session_id));
    let attempts = keys::attempts(email, Counted::Passwords);
    let mut found = deps.db.batch_get(&[session.clone(), attempts.clone()]).await?;
    // An access token stays valid for minutes after its session has ended.
    let session = found.take::<Session>(&session)?;
    let session = session.filter(|session| session.value.is_live(account.value.password_version, now));
    let session = session.ok_or_else(Problem::unauthorized)?;
    let counter = Counter::in_session(found.take(&attempts)?, email, caller.session_id);
    let failed = counter.one_more(now)?;

    let mut tx = deps.tx();
    if !password::verify(&body.current_password, account.value.password_hash.as_deref()) {
        // Written before the result is returned, so that attempts made at once are not more attempts.
        counter.write(&mut tx, &failed);
        deps.db.commit(tx).await?;
        return Err(Problem::invalid_field("/current_password", "wrong", "this is not the present password"));
    }
    let hash = password::hash(&body.new_password, deps.random()).map_err(|error| Problem::internal(&error))?;
    let changed = account.value.clone().password_changed(hash, now);
    let kept = Session { password_version: changed.password_version, ..session.value };
    tx.update((), &changed, account.version);
    tx.update((), &kept, session.version);
    counter.write(&mut tx, &counter.starting_over(now));
    let reply = call.commit(deps, tx, Reply::new(&Nothing {})).await?.or_changed()?;
    notice::password_changed(deps, email).await;
    Ok(reply)
}

#[cfg(test)]
mod tests {
    use domain::Role;
    use runtime::Principal;
    use serde_json::json;
    use testing::{TestRequest, World, http::Answer};

    use super::*;
    use crate::{
        fixtures::{EMAIL, PASSWORD, account, credentials, log_in, refresh, session},
        login, logout, switch_tenant,
    };

    const NEW: &str = "a louder red tricycle";

    async fn change(world: &World, by: &Principal, current: &str) -> Answer {
        let body = json!({ "current_password": current, "new_password": NEW });
        TestRequest::new().by(by).json(body).send(&world.deps, handle).await
    }

    #[tokio::test]
    async fn replaces_the_password_ends_all_other_sessions_and_tells_the_owner() {
        let world = World::new().await;
        let person = account(&world, EMAIL, Some(PASSWORD)).await;
        let (here, caller) = session(&world, person.id, None, Role::Customer).await;
        let (there, other) = session(&world, person.id, None, Role::Customer).await;
        assert_eq!(change(&world, &caller, PASSWORD).await.status(), 200);
        assert!(world.aws.last_mail().to == EMAIL && world.aws.last_mail().subject.contains("password was changed"));
        assert_eq!(refresh(&world, &there.refresh_token).await.status(), 401);
        assert_eq!(refresh(&world, &here.refresh_token).await.status(), 200);
        assert_eq!(log_in(&world, EMAIL, PASSWORD).await.status(), 401);
        assert_eq!(log_in(&world, EMAIL, NEW).await.status(), 200);
        // The access token of a session that has ended opens nothing new, and changes nothing.
        assert_eq!(change(&world, &other, NEW).await.status(), 401);
        let body = json!({ "tenant_id": world.tenant });
        let switched = TestRequest::new().by(&other).json(body).send(&world.deps, switch_tenant::handle).await;
        assert_eq!(switched.status(), 401);
    }

    #[tokio::test]
    async fn needs_the_present_password_and_slows_guessing() {
        let world = World::new().await;
        let person = account(&world, EMAIL, Some(PASSWORD)).await;
        let (_, caller) = session(&world, person.id, None, Role::Customer).await;
        let (_, other) = session(&world, person.id, None, Role::Customer).await;
        for _ in 0..10 {
            assert_eq!(change(&world, &caller, NEW).await.fields(), [("/current_password".into(), "wrong".into())]);
        }
        assert_eq!(change(&world, &caller, PASSWORD).await.problem(), (429, "too_soon".into()));
        // Neither another session nor signing in is held up by it.
        assert_eq!(change(&world, &other, NEW).await.status(), 422);
        assert_eq!(log_in(&world, EMAIL, PASSWORD).await.status(), 200);
        assert!(world.aws.take_mails().is_empty());
    }

    #[tokio::test]
    async fn what_strangers_guess_does_not_hold_up_who_is_signed_in() {
        let world = World::new().await;
        let person = account(&world, EMAIL, Some(PASSWORD)).await;
        let (_, caller) = session(&world, person.id, None, Role::Customer).await;
        for network in 0..3 {
            for _ in 0..10 {
                let guess = credentials(EMAIL, "a guess").from(&format!("198.51.100.{network}"));
                guess.send(&world.deps, login::handle).await;
            }
        }
        assert_eq!(log_in(&world, EMAIL, PASSWORD).await.status(), 429);
        assert_eq!(change(&world, &caller, PASSWORD).await.status(), 200);
    }

    #[tokio::test]
    async fn needs_a_live_session_of_a_person() {
        let world = World::new().await;
        let person = account(&world, EMAIL, Some(PASSWORD)).await;
        let (_, caller) = session(&world, person.id, None, Role::Customer).await;
        TestRequest::new().by(&caller).send(&world.deps, logout::handle).await;
        assert_eq!(change(&world, &caller, PASSWORD).await.status(), 401);
        assert_eq!(change(&world, &world.buyer, PASSWORD).await.status(), 403);
    }
}
