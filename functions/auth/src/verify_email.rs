//! `POST /auth/verify-email`: the code that was sent proves the address: the buyer is registered, a customer of the
//! store's tenant, and signed in.

use contracts::{auth::VerifyEmail, events::AccountRegistered};
use domain::{
    Role,
    account::{Account, CodeCheck},
    text::normalize_email,
};
use runtime::{
    Call, Deps, Outcome, Problem, Reply, codes,
    sessions::{self, Bearer},
};
use store::{AccountCode, CustomerRecord, Tx, Versioned, keys};

use crate::people::{REGISTER, code_context, customer, id_of, wrong_code};

pub async fn handle(deps: &Deps, call: Call<VerifyEmail>) -> Outcome<VerifyEmail> {
    let found = find(deps, &call).await?;
    let (Some(account), Some(kept)) = (found.account, found.code) else { return Err(wrong_code()) };
    let is_right = codes::is_right(&kept.value.code, &code_context(account.value.id), &call.body.code);
    // A code is kept for those who have an account too, and is good for nothing there.
    let is_right = is_right && !account.value.email_verified;
    let (code, check) = kept.value.code.check(is_right, deps.now());

    let mut tx = deps.tx();
    tx.update((), &AccountCode { code, ..kept.value }, kept.version);
    if check == CodeCheck::Right {
        return finish(deps, &call, tx, account, found.is_customer).await;
    }
    // Written though the code is wrong: the try is spent before its result is told.
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
    let bearer =
        Bearer { account_id: verified.id, tenant_id: Some(tenant), store_id: None, role: Role::Customer };
    let (session, tokens) = sessions::open(deps, bearer).await?;
    tx.update((), &verified, account.version);
    tx.create((), &session);
    if !is_customer {
        tx.create(tenant, &customer(&verified, now));
    }
    let event = AccountRegistered { account_id: verified.id };
    tx.emit(&deps.event(&call.cause, tenant, verified.id, account.version + 1, event));
    call.commit(deps, tx, Reply::new(&tokens)).await?.or_changed()
}
