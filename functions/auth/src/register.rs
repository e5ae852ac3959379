//! `POST /auth/register`: registers a buyer. An address that already has a verified account gets the same answer after
//! the same work; only its owner is informed, by e-mail.

use contracts::auth::{Register, RegisterBuyer, VerificationSent};
use domain::{
    AccountId, Timestamp,
    account::{Account, OneTimeCode},
    text::normalize_email,
};
use identity::codes;
use identity::password;
use mail::{Email, Mailer};
use runtime::{Call, Deps, Granted, Outcome, Problem, Reply, http::Committed};
use store::{AccountCode, CodePause, CommitError, EmailClaim, Tx, Versioned, keys};

use crate::people::{REGISTER, code_context, id_of};

pub async fn handle(deps: &Granted<Register, Mailer>, call: Call<Register>) -> Outcome<Register> {
    let now = deps.now();
    let email = normalize_email(&call.body.email);
    let hash = password::hash(&call.body.password, deps.random()).map_err(|error| Problem::internal(&error))?;
    let known = find(deps, id_of(deps, &email).await?).await?;
    let (code, kept) = codes::new(deps, &code_context(known.id));
    let pause = CodePause { email: email.clone(), purpose: REGISTER.to_owned(), sent_at: now };
    let is_member = known.account.as_ref().is_some_and(|account| account.value.email_verified);

    let mut tx = deps.tx();
    let paused = tx.create_unless_live(&pause, now);
    write_code(&mut tx, &known, kept);
    if !is_member {
        write_account(&mut tx, &known, &call.body, &email, hash, now);
    }
    let reply = Reply::new(&VerificationSent { status: "verification_sent".to_owned() });
    let reply = match call.commit(deps, tx, reply).await? {
        Committed::Done(reply) => reply,
        Committed::Refused(refused) if refused.contains(paused) => return Err(codes::too_soon()),
        Committed::Refused(refused) => return Err(CommitError::Refused(refused).into()),
    };
    let message = if is_member { have_account(&email) } else { Email::with_code(&email, &code, "register") };
    codes::send(deps, &deps.extra, &message, &pause).await?;
    Ok(reply)
}

/// The stored records of an account id, where they exist.
struct Known {
    id: AccountId,
    account: Option<Versioned<Account>>,
    code: Option<Versioned<AccountCode>>,
}

async fn find(deps: &Deps, id: AccountId) -> Result<Known, Problem> {
    let (account, code) = (keys::account(id), keys::code(id, REGISTER));
    let mut found = deps.db.batch_get(&[account.clone(), code.clone()]).await?;
    Ok(Known { id, account: found.take(&account)?, code: found.take(&code)? })
}

/// A code record is always written, also for a verified account, where the code is never accepted: both cases take
/// equal time and reveal nothing.
fn write_code(tx: &mut Tx, known: &Known, code: OneTimeCode) {
    let code = AccountCode { account_id: known.id, purpose: REGISTER.to_owned(), code };
    tx.save((), &code, known.code.as_ref().map(|code| code.version));
}

/// An account whose address was never verified belongs to nobody yet, so the new data replaces it.
fn write_account(tx: &mut Tx, known: &Known, body: &RegisterBuyer, email: &str, hash: String, now: Timestamp) {
    let account = Account {
        id: known.id,
        email: email.to_owned(),
        email_verified: false,
        full_name: body.full_name.clone(),
        phone: body.phone.clone(),
        phone_verified: false,
        avatar_url: None,
        password_hash: Some(hash),
        created_at: known.account.as_ref().map_or(now, |account| account.value.created_at),
        updated_at: now,
    };
    tx.save((), &account, known.account.as_ref().map(|account| account.version));
    if known.account.is_none() {
        tx.create((), &EmailClaim { email: email.to_owned(), account_id: known.id });
    }
}

fn have_account(to: &str) -> Email {
    let told =
        "Somebody, hopefully you, tried to register with this address. You have an account already: just sign in.";
    let advice = "If it was not you, you need do nothing.";
    Email {
        to: to.to_owned(),
        subject: "You have a SellEasi account already".to_owned(),
        text: format!("{told}\n\n{advice}\n"),
        html: format!("<p>{told}</p><p>{advice}</p>"),
    }
}

#[cfg(test)]
mod tests {
    use contracts::table::Table;
    use testing::{TestRequest, World};

    use super::*;
    use crate::fixtures::{EMAIL, PASSWORD, account, register, sent_code};

    #[tokio::test]
    async fn a_code_is_sent_and_nothing_readable_kept() {
        let world = World::new().await;
        let answer = register(&world, "Ada@Example.com", PASSWORD).await;
        assert_eq!((answer.status(), answer.json()["status"].as_str()), (202, Some("verification_sent")));
        assert_eq!(world.aws.last_mail().to, EMAIL);
        let kept = world.dynamo.items(Table::Accounts).iter().map(ToString::to_string).collect::<String>();
        assert!(kept.contains("$argon2id$") && !kept.contains(PASSWORD));
        assert!(!kept.contains(&format!("\"{}\"", sent_code(&world))));
    }

    #[tokio::test]
    async fn known_and_unknown_addresses_take_the_same_way() {
        let world = World::new().await;
        let before = account(&world, "known@example.com", None, true).await;
        account(&world, "unproved@example.com", None, false).await;
        let mut seen = vec![];
        for email in ["known@example.com", "unproved@example.com", "unknown@example.com"] {
            // The first request fills the cache of store names, so that it does not add a call to the second.
            register(&world, &format!("first-{email}"), PASSWORD).await;
            world.dynamo.take_calls();
            let answer = register(&world, email, PASSWORD).await;
            seen.push((answer.status(), answer.0.body, world.dynamo.take_calls()));
            assert_eq!(world.aws.last_mail().to, email);
            assert_eq!(register(&world, email, PASSWORD).await.problem(), (429, "too_soon".into()));
        }
        assert!(seen.iter().all(|one| *one == seen[0]), "{seen:?}");
        let kept = world.deps.db.get::<Account>(&keys::account(before.id)).await.unwrap().unwrap();
        assert_eq!(kept.value, before);
    }

    #[tokio::test]
    async fn who_has_an_account_is_told_by_mail() {
        let world = World::new().await;
        account(&world, EMAIL, None, true).await;
        assert_eq!(register(&world, EMAIL, PASSWORD).await.status(), 202);
        assert!(world.aws.last_mail().text.contains("You have an account already"));
        assert!(!world.aws.last_mail().text.contains("code"));
    }

    #[tokio::test]
    async fn what_could_not_be_sent_can_be_asked_for_again_at_once() {
        let world = World::new().await;
        world.aws.mail_is_away(true);
        assert_eq!(register(&world, EMAIL, PASSWORD).await.problem(), (503, "unavailable".into()));
        world.aws.mail_is_away(false);
        assert_eq!(register(&world, EMAIL, PASSWORD).await.status(), 202);
        assert_eq!(world.aws.take_mails().len(), 1);
    }

    #[tokio::test]
    async fn a_password_that_others_guess_is_refused() {
        let world = World::new().await;
        let invisible = "\u{200D}\u{3164}".repeat(10);
        for weak in ["1234567890", "Password123", " qwertyuiop ", "ninechars", &invisible] {
            let answer = register(&world, EMAIL, weak).await;
            assert_eq!(answer.fields(), [("/password".to_owned(), "invalid".to_owned())], "{weak:?}");
        }
        assert_eq!(register(&world, EMAIL, PASSWORD).await.status(), 202);
    }

    #[tokio::test]
    async fn every_wrong_field_is_told() {
        let world = World::new().await;
        let body = r#"{"email": "ada@", "password": "short", "full_name": "", "phone": "0801", "role": "owner"}"#;
        let request = TestRequest::new().store(&world.store.slug).body(body);
        let answer = request.send(&world.deps, handle).await;
        assert_eq!((answer.status(), answer.fields()), (422, vec![("/role".into(), "unknown".into())]));
        let body = r#"{"email": "ada@", "password": "short", "full_name": "", "phone": "0801"}"#;
        let answer = TestRequest::new().store(&world.store.slug).body(body).send(&world.deps, handle).await;
        let told: std::collections::BTreeSet<_> = answer.fields().into_iter().map(|(pointer, _)| pointer).collect();
        assert_eq!(told, ["/email", "/full_name", "/password", "/phone"].map(str::to_owned).into());
    }
}
