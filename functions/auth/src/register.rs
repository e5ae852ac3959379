//! `POST /auth/register`: asks to register a buyer. An address that already has an account gets the same answer after the
//! same work; only its owner is informed, by e-mail.

use contracts::auth::Register;
use domain::{account::VerificationPurpose, text::normalize_email};
use identity::{addresses, password};
use mail::{Email, Mailer};
use runtime::{Call, Granted, Outcome, Problem};

use crate::verification::{self, CODES};

pub async fn handle(deps: &Granted<Register, Mailer>, call: Call<Register>) -> Outcome<Register> {
    let (email, body) = (normalize_email(&call.body.email), &call.body);
    let address = addresses::find(deps, &email, CODES, &call.raw.source_ip).await?;
    let counted = address.counter.one_more(deps.now())?;
    let purpose = VerificationPurpose::Register {
        full_name: body.full_name.clone(),
        phone: body.phone.clone(),
        password_hash: password::hash(&body.password, deps.random()).map_err(|error| Problem::internal(&error))?,
    };
    let message = |code: &str| match address.account_id {
        Some(_) => have_account(&email),
        None => Email::with_code(&email, code, "register"),
    };
    verification::begin(deps, &call, &address, counted, purpose, message).await
}

fn have_account(to: &str) -> Email {
    let told =
        "Somebody, hopefully you, tried to register with this address. You have an account already: just sign in.";
    Email::notice(to, "You have a SellEasi account already", told, "If it was not you, you need do nothing.")
}

#[cfg(test)]
mod tests {
    use contracts::table::Table;
    use domain::account::Account;
    use store::keys;
    use testing::{TestRequest, World};

    use super::*;
    use crate::fixtures::{EMAIL, PASSWORD, account, register, sent_code, take_cost, token_of};

    #[tokio::test]
    async fn a_code_is_sent_and_nothing_readable_kept() {
        let world = World::new().await;
        let answer = register(&world, "Ada@Example.com", PASSWORD).await;
        assert_eq!((answer.status(), answer.json()["status"].as_str()), (202, Some("verification_sent")));
        assert_eq!(world.aws.last_mail().to, EMAIL);
        let kept = world.dynamo.items(Table::Accounts).iter().map(ToString::to_string).collect::<String>();
        assert!(kept.contains("$argon2id$") && !kept.contains(PASSWORD));
        assert!(!kept.contains(&format!("\"{}\"", sent_code(&world))));
        let token = answer.json()["verification_token"].as_str().unwrap().to_owned();
        assert!(!kept.contains(token.split_once('.').unwrap().1));
    }

    #[tokio::test]
    async fn known_and_unknown_addresses_take_the_same_way() {
        let world = World::new().await;
        let before = account(&world, "known@example.com", None).await;
        // Fills the cache of store names, so that it does not add a call to the first of them.
        register(&world, "first@example.com", PASSWORD).await;
        let mut seen = vec![];
        for email in ["known@example.com", "unknown@example.com"] {
            take_cost(&world);
            let answer = register(&world, email, PASSWORD).await;
            seen.push((answer.status(), token_of(&answer).len(), take_cost(&world)));
        }
        assert_eq!(seen[0], seen[1]);
        assert_eq!((seen[0].2.1, seen[0].2.2), (1, 1));
        let kept = world.deps.db.get::<Account>(&keys::account(before.id)).await.unwrap().unwrap();
        assert_eq!(kept.value, before);
    }

    #[tokio::test]
    async fn who_has_an_account_is_told_by_mail() {
        let world = World::new().await;
        account(&world, EMAIL, None).await;
        assert_eq!(register(&world, EMAIL, PASSWORD).await.status(), 202);
        assert!(world.aws.last_mail().text.contains("You have an account already"));
        assert!(!world.aws.last_mail().text.contains("code"));
    }

    #[tokio::test]
    async fn an_address_gets_few_codes_and_a_stranger_does_not_use_them_up() {
        let world = World::new().await;
        let body = serde_json::json!({ "email": EMAIL, "password": PASSWORD, "full_name": "Eve" });
        let by = async |ip: &str| {
            let request = TestRequest::new().from(ip).store(&world.store.slug).json(body.clone());
            request.send(&world.deps, handle).await
        };
        for _ in 0..5 {
            assert_eq!(by("192.0.2.1").await.status(), 202);
        }
        let refused = by("192.0.2.1").await;
        assert_eq!(refused.problem(), (429, "too_soon".into()));
        assert_eq!(refused.0.header("retry-after"), Some("14400"));
        assert_eq!(world.aws.take_mails().len(), 5);
        assert_eq!(by("198.51.100.1").await.status(), 202);
        world.clock.advance_s(14_400);
        assert_eq!(by("192.0.2.1").await.status(), 202);
    }

    #[tokio::test]
    async fn what_could_not_be_sent_does_not_count() {
        let world = World::new().await;
        world.aws.mail_is_away(true);
        for _ in 0..6 {
            assert_eq!(register(&world, EMAIL, PASSWORD).await.problem(), (503, "unavailable".into()));
        }
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
