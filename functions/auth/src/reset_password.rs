//! `POST /auth/password/reset`: replaces a forgotten password, with the token of the request for a code and the code.

use contracts::{auth::ResetPassword, http::Nothing};
use domain::{account::VerificationPurpose, attempts::Counted};
use identity::{addresses, password};
use mail::Mailer;
use runtime::{Call, Granted, Outcome, Problem, Reply};
use store::keys;

use crate::{
    notice,
    verification::{self, wrong_code},
};

pub async fn handle(deps: &Granted<ResetPassword, Mailer>, call: Call<ResetPassword>) -> Outcome<ResetPassword> {
    let (body, now) = (&call.body, deps.now());
    // Hashed before the code is checked, so that the time does not tell a right code from a wrong one.
    let hash = password::hash(&body.new_password, deps.random()).map_err(|error| Problem::internal(&error))?;
    let is_reset = |purpose: &VerificationPurpose| matches!(purpose, VerificationPurpose::ResetPassword { .. });
    let found = verification::check(deps, &body.verification_token, &body.code, is_reset).await?;
    let email = &found.value.email;
    let address = addresses::find(deps, email, Counted::Passwords, &call.raw.source_ip).await?;
    // Without an account no code was sent, and this one was guessed.
    let account = addresses::account(deps, address.account_id).await?.ok_or_else(wrong_code)?;
    // A code that was sent before the password was last replaced is none any more.
    if found.value.purpose != (VerificationPurpose::ResetPassword { password_version: account.value.password_version })
    {
        return Err(wrong_code());
    }

    let mut tx = deps.tx();
    tx.delete(keys::verification(found.value.id), found.version);
    tx.unsuppress(email);
    tx.update((), &account.value.password_changed(hash, now), account.version);
    // Whoever can read the mailbox need not wait for the end of what others guessed; and who knew the old password is
    // no longer known.
    address.counter.write(&mut tx, &address.counter.starting_over(now));
    let reply = call.commit(deps, tx, Reply::new(&Nothing {})).await?.or_changed()?;
    notice::password_changed(deps, email).await;
    Ok(reply)
}

#[cfg(test)]
mod tests {
    use contracts::auth::Tokens;
    use domain::Role;
    use serde_json::json;
    use store::SuppressionReason;
    use testing::{TestRequest, World, http::Answer};

    use super::*;
    use crate::fixtures::{
        EMAIL, PASSWORD, account, credentials, forgot, log_in, refresh, register, sent_code, session, take_cost,
        token_of,
    };
    use crate::login;

    const NEW: &str = "a louder red tricycle";

    async fn reset(world: &World, token: &str, code: &str) -> Answer {
        let body = json!({ "verification_token": token, "code": code, "new_password": NEW });
        TestRequest::new().json(body).send(&world.deps, handle).await
    }

    #[tokio::test]
    async fn replaces_the_password_ends_all_sessions_and_tells_the_owner() {
        let world = World::new().await;
        let person = account(&world, EMAIL, Some(PASSWORD)).await;
        let (tokens, _) = session(&world, person.id, None, Role::Customer).await;
        let token = token_of(&forgot(&world, EMAIL).await);
        let code = sent_code(&world);
        assert_eq!(reset(&world, &token, &code).await.status(), 200);
        assert!(world.aws.last_mail().to == EMAIL && world.aws.last_mail().subject.contains("password was changed"));
        assert_eq!(refresh(&world, &tokens.refresh_token).await.status(), 401);
        assert_eq!(log_in(&world, EMAIL, PASSWORD).await.status(), 401);
        let tokens: Tokens = log_in(&world, EMAIL, NEW).await.ok();
        assert_eq!(refresh(&world, &tokens.refresh_token).await.status(), 200);
        assert_eq!(reset(&world, &token, &code).await.status(), 422);
    }

    #[tokio::test]
    async fn a_code_from_before_the_last_reset_is_none_any_more() {
        let world = World::new().await;
        account(&world, EMAIL, Some(PASSWORD)).await;
        let first = token_of(&forgot(&world, EMAIL).await);
        let first_code = sent_code(&world);
        let second = token_of(&forgot(&world, EMAIL).await);
        assert_eq!(reset(&world, &second, &sent_code(&world)).await.status(), 200);
        assert_eq!(reset(&world, &first, &first_code).await.status(), 422);
    }

    #[tokio::test]
    async fn whoever_proves_an_address_takes_it_off_the_list_of_suppressed_ones() {
        let world = World::new().await;
        account(&world, EMAIL, Some(PASSWORD)).await;
        world.suppress(EMAIL, SuppressionReason::Complained).await;
        let token = token_of(&forgot(&world, EMAIL).await);
        assert_eq!(reset(&world, &token, &sent_code(&world)).await.status(), 200);
        assert!(!world.is_suppressed(EMAIL).await);
    }

    #[tokio::test]
    async fn stands_though_the_owner_cannot_be_told() {
        let world = World::new().await;
        account(&world, EMAIL, Some(PASSWORD)).await;
        let token = token_of(&forgot(&world, EMAIL).await);
        let code = sent_code(&world);
        world.aws.mail_is_away(true);
        assert_eq!(reset(&world, &token, &code).await.status(), 200);
        assert_eq!(log_in(&world, EMAIL, NEW).await.status(), 200);
    }

    #[tokio::test]
    async fn a_code_counts_with_the_token_of_its_request_only_and_five_times() {
        let world = World::new().await;
        account(&world, EMAIL, Some(PASSWORD)).await;
        let mine = token_of(&forgot(&world, EMAIL).await);
        let my_code = sent_code(&world);
        let theirs = token_of(&forgot(&world, EMAIL).await);
        let registration = token_of(&register(&world, "eve@example.com", PASSWORD).await);
        let refused = reset(&world, &registration, &sent_code(&world)).await;
        assert_eq!(refused.fields(), [("/code".into(), "wrong".into())]);
        for _ in 0..6 {
            assert_eq!(reset(&world, &theirs, &my_code).await.json(), refused.json());
        }
        // What strangers try with their token costs the owner no try.
        assert_eq!(reset(&world, &mine, &my_code).await.status(), 200);
    }

    #[tokio::test]
    async fn unknown_addresses_take_the_same_way_with_every_code() {
        let world = World::new().await;
        account(&world, EMAIL, Some(PASSWORD)).await;
        let mut seen = vec![];
        for email in [EMAIL, "unknown@example.com"] {
            let token = token_of(&forgot(&world, email).await);
            take_cost(&world);
            let mut answers = vec![];
            for _ in 0..6 {
                answers.push(reset(&world, &token, "000000").await.json());
            }
            // And whoever tries the new password afterwards.
            answers.push(log_in(&world, email, NEW).await.json());
            seen.push((answers, take_cost(&world)));
        }
        assert_eq!(seen[0], seen[1]);
    }

    #[tokio::test]
    async fn ends_the_wait_that_others_have_caused() {
        let world = World::new().await;
        account(&world, EMAIL, Some(PASSWORD)).await;
        for _ in 0..11 {
            log_in(&world, EMAIL, "a guess").await;
        }
        assert_eq!(log_in(&world, EMAIL, PASSWORD).await.status(), 429);
        let token = token_of(&forgot(&world, EMAIL).await);
        assert_eq!(reset(&world, &token, &sent_code(&world)).await.status(), 200);
        assert_eq!(log_in(&world, EMAIL, NEW).await.status(), 200);
    }

    #[tokio::test]
    async fn who_knew_the_old_password_is_a_stranger_again() {
        let world = World::new().await;
        account(&world, EMAIL, Some(PASSWORD)).await;
        let from = async |ip: &str, password: &str| {
            credentials(EMAIL, password).from(ip).send(&world.deps, login::handle).await.status()
        };
        assert_eq!(from("192.0.2.66", PASSWORD).await, 200);
        let token = token_of(&forgot(&world, EMAIL).await);
        assert_eq!(reset(&world, &token, &sent_code(&world)).await.status(), 200);
        for network in 0..3 {
            for _ in 0..10 {
                assert_eq!(from(&format!("198.51.100.{network}"), "a guess").await, 401);
            }
        }
        assert_eq!(from("192.0.2.66", "a guess").await, 429);
        assert_eq!(log_in(&world, EMAIL, NEW).await.status(), 200);
    }
}
