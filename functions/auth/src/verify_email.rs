//! `POST /auth/verify-email`: the registration's token and the code from the e-mail verify the address. The buyer then has
//! an account, is a customer of the store's tenant, and signed in.

use contracts::{auth::VerifyEmail, events::AccountRegistered};
use domain::{
    AccountId, Role,
    account::{Account, VerificationPurpose},
};
use identity::sessions::{self, Subject};
use runtime::{Call, Granted, Outcome, Reply, http::Committed};
use store::{CommitError, keys};

use crate::{
    people::customer,
    verification::{self, wrong_code},
};

pub async fn handle(deps: &Granted<VerifyEmail>, call: Call<VerifyEmail>) -> Outcome<VerifyEmail> {
    let (tenant, now) = (call.store()?.tenant_id, deps.now());
    let is_registration = |purpose: &VerificationPurpose| matches!(purpose, VerificationPurpose::Register { .. });
    let (token, code) = (&call.body.verification_token, &call.body.code);
    let found = verification::check(deps, token, code, is_registration).await?;
    let VerificationPurpose::Register { full_name, phone, password_hash } = found.value.purpose else {
        return Err(wrong_code());
    };
    let id = deps.id(AccountId::from_ulid);
    let account = Account { phone, ..Account::new(id, found.value.email, full_name, Some(password_hash), now) };
    let (session, tokens) = sessions::open(deps, Subject::of(&account, Some(tenant), Role::Customer)).await?;
    let mut tx = deps.tx();
    tx.delete(keys::verification(found.value.id), found.version);
    let claim = tx.create_account(&account);
    tx.create((), &session);
    tx.unsuppress(&account.email);
    tx.create(tenant, &customer(&account, now));
    tx.emit(&deps.event(&call.cause, tenant, account.id, 1, AccountRegistered { account_id: account.id }));
    match call.commit(deps, tx, Reply::new(&tokens)).await? {
        Committed::Done(reply) => Ok(reply),
        // The address has an account: it had one before, and no code was sent, or another registration was faster.
        Committed::Refused(refused) if refused.contains(claim) => Err(wrong_code()),
        Committed::Refused(refused) => Err(CommitError::Refused(refused).into()),
    }
}

#[cfg(test)]
mod tests {
    use contracts::{auth::Tokens, table::Table};
    use runtime::auth;
    use serde_json::json;
    use store::{CustomerRecord, SuppressionReason};
    use testing::{TestRequest, World, http::Answer};

    use super::*;
    use crate::fixtures::{EMAIL, PASSWORD, account, log_in, register, sent_code, take_cost, token_of};

    async fn verify(world: &World, token: &str, code: &str) -> Answer {
        let body = json!({ "verification_token": token, "code": code });
        TestRequest::new().store(&world.store.slug).json(body).send(&world.deps, handle).await
    }

    fn wrong(code: &str) -> &'static str {
        if code == "000000" { "000001" } else { "000000" }
    }

    #[tokio::test]
    async fn makes_a_customer_of_this_tenant_and_signs_in() {
        let world = World::new().await;
        let neighbour = world.neighbour().await;
        let token = token_of(&register(&world, "ADA@example.com", PASSWORD).await);
        world.suppress(EMAIL, SuppressionReason::Complained).await;
        let tokens: Tokens = verify(&world, &token, &sent_code(&world)).await.ok();
        assert!(!world.is_suppressed(EMAIL).await, "whoever proves an address takes it off the list");
        let buyer = auth::verify(&world.deps, &tokens.access_token).await.unwrap();
        assert_eq!((buyer.tenant_id, buyer.role), (Some(world.tenant), Role::Customer));
        let record = async |tenant| {
            world.deps.db.get::<CustomerRecord>(&keys::customer(tenant, buyer.account_id)).await.unwrap()
        };
        assert_eq!(record(world.tenant).await.unwrap().value.customer.email, EMAIL);
        assert!(record(neighbour.tenant).await.is_none());
        let events = world.dynamo.items(Table::Outbox);
        assert_eq!(events.len(), 1);
        assert!(events[0].to_string().contains("ACCOUNT_REGISTERED"));
        assert_eq!(log_in(&world, EMAIL, PASSWORD).await.status(), 200);
        // The code can be used only once.
        assert_eq!(verify(&world, &token, &sent_code(&world)).await.status(), 422);
    }

    #[tokio::test]
    async fn there_is_one_answer_to_everything_that_is_wrong() {
        let world = World::new().await;
        let token = token_of(&register(&world, EMAIL, PASSWORD).await);
        let code = sent_code(&world);
        let (id, secret) = token.split_once('.').unwrap();
        let unknown = verify(&world, &format!("ver_00000000000000000000000001.{secret}"), &code).await;
        assert_eq!((unknown.status(), unknown.fields()), (422, vec![("/code".into(), "wrong".into())]));
        for other in ["x", ".", id, secret, &format!("{id}."), &format!("{id}.{secret}x")] {
            assert_eq!(verify(&world, other, &code).await.json(), unknown.json(), "{other}");
        }
        for _ in 0..5 {
            assert_eq!(verify(&world, &token, wrong(&code)).await.json(), unknown.json());
        }
        // Even the right code is refused after too many attempts.
        assert_eq!(verify(&world, &token, &code).await.json(), unknown.json());
        let token = token_of(&register(&world, EMAIL, PASSWORD).await);
        world.clock.advance_s(600);
        // The code has expired.
        assert_eq!(verify(&world, &token, &sent_code(&world)).await.json(), unknown.json());
    }

    #[tokio::test]
    async fn tries_at_once_are_not_more_tries() {
        let world = World::new().await;
        let token = token_of(&register(&world, EMAIL, PASSWORD).await);
        let code = sent_code(&world);
        let mut told = 0;
        for _ in 0..3 {
            let (one, two) = tokio::join!(verify(&world, &token, wrong(&code)), verify(&world, &token, wrong(&code)));
            told += [one, two].iter().filter(|answer| answer.status() == 422).count();
        }
        for _ in told..5 {
            assert_eq!(verify(&world, &token, wrong(&code)).await.status(), 422);
        }
        assert_eq!(verify(&world, &token, &code).await.status(), 422);
    }

    #[tokio::test]
    async fn an_account_that_is_there_is_treated_like_one_to_come() {
        let world = World::new().await;
        account(&world, EMAIL, None).await;
        let mut costs = vec![];
        for email in [EMAIL, "new@example.com"] {
            let token = token_of(&register(&world, email, PASSWORD).await);
            take_cost(&world);
            assert_eq!(verify(&world, &token, "000000").await.status(), 422);
            // Whoever registers and then signs in learns nothing either.
            let signed_in = log_in(&world, email, PASSWORD).await;
            assert_eq!(signed_in.problem(), (401, "invalid_credentials".into()));
            costs.push(take_cost(&world));
        }
        assert_eq!(costs[0], costs[1]);
    }

    #[tokio::test]
    async fn no_code_opens_an_account_that_is_there() {
        let world = World::new().await;
        let token = token_of(&register(&world, EMAIL, "another password").await);
        let code = sent_code(&world);
        account(&world, EMAIL, Some(PASSWORD)).await;
        assert_eq!(verify(&world, &token, &code).await.status(), 422);
        assert_eq!(log_in(&world, EMAIL, "another password").await.status(), 401);
        assert_eq!(log_in(&world, EMAIL, PASSWORD).await.status(), 200);
    }

    #[tokio::test]
    async fn a_strangers_registration_neither_takes_over_nor_locks_out() {
        let world = World::new().await;
        let mine = token_of(&register(&world, EMAIL, PASSWORD).await);
        let my_code = sent_code(&world);
        let theirs = token_of(&register(&world, EMAIL, "the stranger's password").await);
        let their_code = sent_code(&world);
        // The stranger has no code, and the owner's code is not one of the stranger's request.
        for code in [&my_code, wrong(&their_code)] {
            assert_eq!(verify(&world, &theirs, code).await.status(), 422);
        }
        assert_eq!(verify(&world, &mine, &their_code).await.status(), 422);
        assert_eq!(verify(&world, &mine, &my_code).await.status(), 200);
        assert_eq!(log_in(&world, EMAIL, "the stranger's password").await.status(), 401);
        assert_eq!(log_in(&world, EMAIL, PASSWORD).await.status(), 200);
        assert_eq!(verify(&world, &theirs, &their_code).await.status(), 422);
    }
}
