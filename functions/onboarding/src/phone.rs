//! `POST /onboarding/{id}/phone`: stores a phone number and sends a code to confirm it. There is no SMS provider, so
//! the code goes to the verified e-mail address.

use contracts::onboarding::{GivePhone, Progress};
use identity::{attempts::Counter, codes};
use mail::{Email, Mailer};
use runtime::{Call, Granted, Outcome, Reply};

use crate::step::{find, phone_context};

pub async fn handle(deps: &Granted<GivePhone, Mailer>, call: Call<GivePhone>) -> Outcome<GivePhone> {
    let found = find(deps, &call).await?;
    let (code, kept) = codes::new(deps, &phone_context(found.value.id));
    let next = found.value.phone_given(call.body.phone.clone(), kept, deps.now())?;
    let counter = Counter::of_codes(deps, &next.email, &call.raw.source_ip).await?;
    let counted = counter.one_more(deps.now())?;

    let mut tx = deps.tx();
    tx.update((), &next, found.version);
    counter.write(&mut tx, &counted);
    let reply = call.commit(deps, tx, Reply::new(&Progress::from(&next))).await?.or_changed()?;
    let email = Email::with_code(&next.email, &code, "confirm your phone number");
    codes::send(deps, &deps.extra, &email, &counter).await?;
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
    async fn codes_are_counted_with_the_addresss_others_unless_one_could_not_be_sent() {
        let world = World::new().await;
        let seller = Seller::identified(&world, EMAIL).await;
        world.aws.mail_is_away(true);
        assert_eq!(give(&seller, PHONE).await.status(), 503);
        world.aws.mail_is_away(false);
        for _ in 0..4 {
            assert_eq!(give(&seller, PHONE).await.status(), 200);
        }
        assert_eq!(give(&seller, PHONE).await.problem(), (429, "too_soon".into()));
    }
}
