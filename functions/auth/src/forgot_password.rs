//! `POST /auth/password/forgot`: sends a code to reset a password. An address without an account gets the same answer
//! after the same work; only its owner is informed, by e-mail.

use contracts::auth::ForgotPassword;
use domain::{account::VerificationPurpose, text::normalize_email};
use identity::addresses;
use mail::{Email, Mailer};
use runtime::{Call, Granted, Outcome};

use crate::verification::{self, CODES};

pub async fn handle(deps: &Granted<ForgotPassword, Mailer>, call: Call<ForgotPassword>) -> Outcome<ForgotPassword> {
    let email = normalize_email(&call.body.email);
    let address = addresses::find(deps, &email, CODES, &call.raw.source_ip).await?;
    let counted = address.counter.one_more(deps.now())?;
    let account = addresses::account(deps, address.account_id).await?;
    let purpose = VerificationPurpose::ResetPassword {
        password_version: account.map_or(0, |account| account.value.password_version),
    };
    let message = |code: &str| match address.account_id {
        Some(_) => Email::with_code(&email, code, "reset your password"),
        None => no_account(&email),
    };
    verification::begin(deps, &call, &address, counted, purpose, message).await
}

fn no_account(to: &str) -> Email {
    let told = "Somebody, hopefully you, asked to reset the password of a SellEasi account with this address. There is \
                none; perhaps you registered with another address.";
    Email::notice(to, "You have no SellEasi account with this address", told, "If it was not you, you need do nothing.")
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use testing::{TestRequest, World};

    use crate::fixtures::{EMAIL, PASSWORD, account, forgot, log_in, register, take_cost, token_of};

    #[tokio::test]
    async fn known_and_unknown_addresses_take_the_same_way() {
        let world = World::new().await;
        account(&world, EMAIL, None).await;
        let mut seen = vec![];
        for email in [EMAIL, "unknown@example.com"] {
            take_cost(&world);
            let answer = forgot(&world, email).await;
            assert_eq!(world.aws.last_mail().to, email);
            seen.push((answer.status(), token_of(&answer).len(), take_cost(&world)));
        }
        assert_eq!(seen[0], seen[1]);
        assert_eq!((seen[0].0, seen[0].2.2), (202, 1));
    }

    #[tokio::test]
    async fn only_the_owner_is_told_by_mail() {
        let world = World::new().await;
        account(&world, EMAIL, None).await;
        forgot(&world, "ADA@example.com").await;
        assert!(world.aws.last_mail().text.contains("a code to reset your password"));
        forgot(&world, "unknown@example.com").await;
        assert!(world.aws.last_mail().text.contains("There is none") && !world.aws.last_mail().text.contains("code"));
    }

    /// Strangers can use up what all unknown clients have together, and not what the owner's has.
    #[tokio::test]
    async fn where_the_owner_signs_in_a_code_can_be_had_whatever_strangers_ask_for() {
        let world = World::new().await;
        account(&world, EMAIL, Some(PASSWORD)).await;
        assert_eq!(log_in(&world, EMAIL, PASSWORD).await.status(), 200);
        let ask = |number: u8| {
            let request = TestRequest::new().from(&format!("198.51.100.{number}"));
            request.json(json!({ "email": EMAIL })).send(&world.deps, super::handle)
        };
        let mut strangers = vec![];
        for number in 0..13 {
            strangers.push(ask(number).await.status());
        }
        assert_eq!(strangers, [vec![202; 12], vec![429]].concat());
        assert_eq!(forgot(&world, EMAIL).await.status(), 202);
    }

    #[tokio::test]
    async fn codes_of_all_kinds_are_counted_together() {
        let world = World::new().await;
        for _ in 0..3 {
            assert_eq!(forgot(&world, EMAIL).await.status(), 202);
        }
        for _ in 0..2 {
            assert_eq!(register(&world, EMAIL, "a quiet green bicycle").await.status(), 202);
        }
        assert_eq!(forgot(&world, EMAIL).await.problem(), (429, "too_soon".into()));
        assert_eq!(world.aws.take_mails().len(), 5);
    }
}
