//! `POST /auth/verify-email`: the code from the e-mail verifies the address. The buyer is then registered, a customer
//! of the store's tenant, and signed in.

use contracts::{auth::VerifyEmail, events::AccountRegistered};
use domain::{
    Role,
    account::{Account, CodeCheck},
    text::normalize_email,
};
use identity::codes;
use identity::sessions::{self, Subject};
use runtime::{Call, Deps, Granted, Outcome, Problem, Reply};
use store::{AccountCode, CustomerRecord, Tx, Versioned, keys};

use crate::people::{REGISTER, code_context, customer, id_of, wrong_code};

pub async fn handle(deps: &Granted<VerifyEmail>, call: Call<VerifyEmail>) -> Outcome<VerifyEmail> {
    let found = find(deps, &call).await?;
    let (Some(account), Some(kept)) = (found.account, found.code) else { return Err(wrong_code()) };
    let is_right = codes::is_right(&kept.value.code, &code_context(account.value.id), &call.body.code);
    // Verified accounts also have a code record (see `register`); their code is never accepted.
    let is_right = is_right && !account.value.email_verified;
    let (code, check) = kept.value.code.check(is_right, deps.now());

    let mut tx = deps.tx();
    tx.update((), &AccountCode { code, ..kept.value }, kept.version);
    if check == CodeCheck::Right {
        return finish(deps, &call, tx, account, found.is_customer).await;
    }
    // Written even when the code is wrong: the attempt must be counted before its result is returned.
    deps.db.commit(tx).await?;
    Err(wrong_code())
}

struct Found {
    account: Option<Versioned<Account>>,
    code: Option<Versioned<AccountCode>>,
    is_customer: bool,
}

async fn find(deps: &Deps, call: &Call<VerifyEmail>) -> Result<Found, Problem> {
    let id = id_of(deps, &normalize_email(&call.body.email)).await?;
    let (account, code) = (keys::account(id), keys::code(id, REGISTER));
    let customer = keys::customer(call.store()?.tenant_id, id);
    let mut found = deps.db.batch_get(&[account.clone(), code.clone(), customer.clone()]).await?;
    Ok(Found {
        account: found.take(&account)?,
        code: found.take(&code)?,
        is_customer: found.take::<CustomerRecord>(&customer)?.is_some(),
    })
}

async fn finish(
    deps: &Deps,
    call: &Call<VerifyEmail>,
    mut tx: Tx,
    account: Versioned<Account>,
    is_customer: bool,
) -> Outcome<VerifyEmail> {
    let (tenant, now) = (call.store()?.tenant_id, deps.now());
    let verified = Account { email_verified: true, updated_at: now, ..account.value };
    let subject = Subject { account_id: verified.id, tenant_id: Some(tenant), store_id: None, role: Role::Customer };
    let (session, tokens) = sessions::open(deps, subject).await?;
    tx.update((), &verified, account.version);
    tx.create((), &session);
    tx.unsuppress(&verified.email);
    if !is_customer {
        tx.create(tenant, &customer(&verified, now));
    }
    let event = AccountRegistered { account_id: verified.id };
    tx.emit(&deps.event(&call.cause, tenant, verified.id, account.version + 1, event));
    call.commit(deps, tx, Reply::new(&tokens)).await?.or_changed()
}

#[cfg(test)]
mod tests {
    use contracts::{auth::Tokens, table::Table};
    use runtime::auth;
    use serde_json::json;
    use store::{SuppressedAddress, SuppressionReason};
    use testing::{TestRequest, World, http::Answer};

    use super::*;
    use crate::fixtures::{EMAIL, PASSWORD, account, log_in, register, sent_code};

    async fn verify(world: &World, email: &str, code: &str) -> Answer {
        let body = json!({ "email": email, "code": code });
        TestRequest::new().store(&world.store.slug).json(body).send(&world.deps, handle).await
    }

    fn wrong(code: &str) -> &'static str {
        if code == "000000" { "000001" } else { "000000" }
    }

    #[tokio::test]
    async fn makes_a_customer_of_this_tenant_and_signs_in() {
        let world = World::new().await;
        let neighbour = world.neighbour().await;
        register(&world, EMAIL, PASSWORD).await;
        let mut tx = world.deps.tx();
        tx.suppress(EMAIL, SuppressionReason::Complained, world.deps.now());
        world.deps.db.commit(tx).await.unwrap();
        let tokens: Tokens = verify(&world, "ADA@example.com", &sent_code(&world)).await.ok();
        let suppressed = world.deps.db.get::<SuppressedAddress>(&keys::suppressed_address(EMAIL)).await.unwrap();
        assert_eq!(suppressed, None, "whoever proves an address takes it off the list");
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
        assert_eq!(verify(&world, EMAIL, &sent_code(&world)).await.status(), 422);
    }

    #[tokio::test]
    async fn there_is_one_answer_to_every_wrong_code() {
        let world = World::new().await;
        register(&world, EMAIL, PASSWORD).await;
        let code = sent_code(&world);
        let unknown = verify(&world, "eve@example.com", &code).await;
        assert_eq!((unknown.status(), unknown.fields()), (422, vec![("/code".into(), "wrong".into())]));
        for _ in 0..5 {
            assert_eq!(verify(&world, EMAIL, wrong(&code)).await.json(), unknown.json());
        }
        // Even the right code is refused after too many attempts.
        assert_eq!(verify(&world, EMAIL, &code).await.json(), unknown.json());
        world.clock.advance_s(60);
        register(&world, EMAIL, PASSWORD).await;
        assert_eq!(verify(&world, EMAIL, &code).await.json(), unknown.json());
        world.clock.advance_s(600);
        // The code has expired.
        assert_eq!(verify(&world, EMAIL, &sent_code(&world)).await.json(), unknown.json());
    }

    #[tokio::test]
    async fn an_account_that_is_there_is_treated_like_one_to_come() {
        let world = World::new().await;
        account(&world, EMAIL, None, true).await;
        let mut calls = vec![];
        for email in [EMAIL, "new@example.com"] {
            register(&world, email, PASSWORD).await;
            world.dynamo.take_calls();
            assert_eq!(verify(&world, email, "000000").await.status(), 422);
            calls.push(world.dynamo.take_calls());
        }
        assert_eq!(calls[0], calls[1]);
    }

    #[tokio::test]
    async fn no_code_opens_an_account_that_is_there() {
        let world = World::new().await;
        let person = account(&world, EMAIL, None, true).await;
        let (right, code) = codes::new(&world.deps, &code_context(person.id));
        let mut tx = world.deps.tx();
        tx.create((), &AccountCode { account_id: person.id, purpose: REGISTER.to_owned(), code });
        world.deps.db.commit(tx).await.unwrap();
        assert_eq!(verify(&world, EMAIL, &right).await.status(), 422);
    }

    #[tokio::test]
    async fn registering_again_takes_the_place_of_what_was_given() {
        let world = World::new().await;
        register(&world, EMAIL, "the first password").await;
        world.clock.advance_s(60);
        register(&world, EMAIL, PASSWORD).await;
        assert_eq!(verify(&world, EMAIL, &sent_code(&world)).await.status(), 200);
        assert_eq!(log_in(&world, EMAIL, "the first password").await.status(), 401);
        assert_eq!(log_in(&world, EMAIL, PASSWORD).await.status(), 200);
    }
}
