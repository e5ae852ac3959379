//! `POST /onboarding/{id}/phone`: stores a phone number and sends a code to confirm it. There is no SMS provider, so
//! the code goes to the verified e-mail address.

use contracts::onboarding::{GivePhone, Progress};
use identity::codes;
use mail::{Email, Mailer};
use runtime::{Call, Granted, Outcome, Reply, http::Committed};
use store::{CodePause, CommitError};

use crate::step::{find, phone_context};

pub async fn handle(deps: &Granted<GivePhone, Mailer>, call: Call<GivePhone>) -> Outcome<GivePhone> {
    let found = find(deps, &call).await?;
    let (code, kept) = codes::new(deps, &phone_context(found.value.id));
    let next = found.value.phone_given(call.body.phone.clone(), kept, deps.now())?;
    let pause = CodePause { email: next.email.clone(), purpose: "phone".to_owned(), sent_at: deps.now() };

    let mut tx = deps.tx();
    tx.update((), &next, found.version);
    let paused = tx.create_unless_live(&pause, deps.now());
    let reply = match call.commit(deps, tx, Reply::new(&Progress::from(&next))).await? {
        Committed::Done(reply) => reply,
        Committed::Refused(refused) if refused.contains(paused) => return Err(codes::too_soon()),
        Committed::Refused(refused) => return Err(CommitError::Refused(refused).into()),
    };
    let email = Email::with_code(&next.email, &code, "confirm your phone number");
    codes::send(deps, &deps.extra, &email, &pause).await?;
    Ok(reply)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use testing::{World, http::Answer};

    use super::*;
    use crate::fixtures::{EMAIL, Seller};

    const PHONE: &str = "+2348012345678";

    async fn give(seller: &Seller, phone: &str) -> Answer {
        seller.request().json(json!({ "phone": phone })).send(&seller.world.deps, handle).await
    }

    #[tokio::test]
    async fn the_code_goes_to_the_proved_address() {
        let world = World::new().await;
        let seller = Seller::identified(&world, EMAIL).await;
        assert_eq!(give(&seller, PHONE).await.status(), 200);
        let mails = world.aws.take_mails();
        assert_eq!((mails.len(), mails[1].to.as_str()), (2, "ada@example.com"));
        assert!(mails[1].text.contains("confirm your phone number"));
    }

    #[tokio::test]
    async fn is_not_asked_for_before_the_password() {
        let world = World::new().await;
        let seller = Seller::proved(&world, EMAIL).await;
        assert_eq!(give(&seller, PHONE).await.problem(), (409, "invalid_state".into()));
        assert_eq!(give(&seller, "0801").await.status(), 422);
        assert_eq!(world.aws.take_mails().len(), 1);
    }

    #[tokio::test]
    async fn codes_are_a_minute_apart_unless_one_could_not_be_sent() {
        let world = World::new().await;
        let seller = Seller::identified(&world, EMAIL).await;
        world.aws.mail_is_away(true);
        assert_eq!(give(&seller, PHONE).await.status(), 503);
        world.aws.mail_is_away(false);
        assert_eq!(give(&seller, PHONE).await.status(), 200);
        assert_eq!(give(&seller, PHONE).await.problem(), (429, "too_soon".into()));
    }
}
