//! `POST /onboarding`: begins an onboarding and sends a code to the e-mail address. The address is not looked up, so
//! the answer cannot reveal whether it has an account.

use contracts::onboarding::{Start, StartOnboarding, Started};
use domain::{
    AccountId, OnboardingId, TenantId,
    account::OneTimeCode,
    limits::ONBOARDING_TTL_S,
    onboarding::{Onboarding, Step},
    text::normalize_email,
    time::after,
};
use identity::{attempts::Counter, codes, sessions::new_secret};
use mail::{Email, Mailer};
use runtime::{Call, Deps, Granted, Outcome, Reply};

use crate::step::{email_context, hash_token};

pub async fn handle(deps: &Granted<Start, Mailer>, call: Call<Start>) -> Outcome<Start> {
    let (id, token) = (deps.id(OnboardingId::from_ulid), new_secret(deps));
    let (code, kept) = codes::new(deps, &email_context(id));
    let onboarding = begin(deps, &call.body, id, &token, kept);
    let counter = Counter::of_codes(deps, &onboarding.email, &call.raw.source_ip).await?;
    let counted = counter.one_more(deps.now())?;

    let mut tx = deps.tx();
    tx.create((), &onboarding);
    counter.write(&mut tx, &counted);
    let reply =
        Reply::new(&Started { id, onboarding_token: token, step: onboarding.step, expires_at: onboarding.expires_at });
    let reply = call.commit(deps, tx, reply).await?.or_changed()?;
    let email = Email::with_code(&onboarding.email, &code, "open a store");
    codes::send(deps, &deps.extra, &email, &counter).await?;
    Ok(reply)
}

fn begin(deps: &Deps, body: &StartOnboarding, id: OnboardingId, token: &str, email_code: OneTimeCode) -> Onboarding {
    let now = deps.now();
    Onboarding {
        id,
        token_hash: hash_token(token),
        tenant_id: deps.id(TenantId::from_ulid),
        account_id: deps.id(AccountId::from_ulid),
        email: normalize_email(&body.email),
        full_name: body.full_name.clone(),
        tenant_name: body.tenant_name.clone(),
        kind: body.kind,
        step: Step::VerifyEmail,
        email_code,
        password_hash: None,
        proved_account: None,
        phone: None,
        phone_code: None,
        phone_verified: false,
        profile: None,
        created_at: now,
        expires_at: after(now, ONBOARDING_TTL_S),
        updated_at: now,
    }
}

#[cfg(test)]
mod tests {
    use contracts::table::Table;
    use domain::attempts::Counted;
    use serde_json::json;
    use testing::{TestRequest, World};

    use super::*;
    use crate::fixtures::{EMAIL, Seller, begin, registered};

    #[tokio::test]
    async fn neither_code_nor_token_is_kept() {
        let world = World::new().await;
        let seller = Seller::begun(&world, EMAIL).await;
        assert_eq!(world.aws.last_mail().to, "ada@example.com");
        assert_eq!(seller.token.len(), 43);
        let code = format!("\"{}\"", seller.code());
        for item in Table::ALL.iter().flat_map(|table| world.dynamo.items(*table)) {
            let item = item.to_string();
            assert!(!item.contains(&seller.token) && !item.contains(&code), "{item}");
        }
    }

    #[tokio::test]
    async fn a_known_address_is_like_any_other() {
        let world = World::new().await;
        registered(&world, "something else").await;
        world.dynamo.take_calls();
        Seller::begun(&world, EMAIL).await;
        let known = world.dynamo.take_calls();
        Seller::begun(&world, "eve@example.com").await;
        assert_eq!(known, world.dynamo.take_calls());
        assert_eq!(known, [("BatchGetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)].into());
    }

    /// Strangers can use up what all unknown clients have together, and not what the owner's has.
    #[tokio::test]
    async fn whoever_signed_in_lately_gets_a_code_whatever_strangers_ask_for() {
        let world = World::new().await;
        let from = |number: u8| {
            let request = TestRequest::new().from(&format!("198.51.100.{number}"));
            let body = json!({ "email": EMAIL, "full_name": "Ada", "tenant_name": "Ada", "kind": "individual" });
            request.json(body).send(&world.deps, handle)
        };
        let owner = 200;
        let counter = Counter::new(None, Counted::Passwords, &normalize_email(EMAIL), &format!("198.51.100.{owner}"));
        let mut tx = world.deps.tx();
        counter.write(&mut tx, &counter.trusting(world.deps.now()));
        world.deps.db.commit(tx).await.unwrap();
        let mut strangers = vec![];
        for number in 0..13 {
            strangers.push(from(number).await.status());
        }
        assert_eq!(strangers, [vec![201; 12], vec![429]].concat());
        assert_eq!(from(owner).await.status(), 201);
    }

    #[tokio::test]
    async fn an_address_gets_few_codes() {
        let world = World::new().await;
        for _ in 0..5 {
            assert_eq!(begin(&world, "ada@EXAMPLE.com").await.status(), 201);
        }
        let refused = begin(&world, EMAIL).await;
        assert_eq!(refused.problem(), (429, "too_soon".into()));
        assert_eq!(refused.0.header("retry-after"), Some("14400"));
        assert_eq!(world.aws.take_mails().len(), 5);
        assert_eq!(begin(&world, "eve@example.com").await.status(), 201);
        world.clock.advance_s(14_400);
        assert_eq!(begin(&world, EMAIL).await.status(), 201);
    }

    #[tokio::test]
    async fn what_could_not_be_sent_does_not_count() {
        let world = World::new().await;
        world.aws.mail_is_away(true);
        for _ in 0..6 {
            assert_eq!(begin(&world, EMAIL).await.problem(), (503, "unavailable".into()));
        }
        world.aws.mail_is_away(false);
        assert_eq!(begin(&world, EMAIL).await.status(), 201);
        assert_eq!(world.aws.take_mails().len(), 1);
    }

    #[tokio::test]
    async fn every_wrong_field_is_told() {
        let world = World::new().await;
        let body = r#"{"email": "ada", "full_name": " ", "tenant_name": "Ada", "kind": "individual"}"#;
        let answer = TestRequest::new().body(body).send(&world.deps, handle).await;
        let mut fields: Vec<_> = answer.fields().into_iter().map(|(pointer, _)| pointer).collect();
        fields.sort();
        assert_eq!((answer.status(), fields), (422, vec!["/email".to_owned(), "/full_name".to_owned()]));
    }
}
