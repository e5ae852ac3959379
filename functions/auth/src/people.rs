//! What the functions know of people: whose an e-mail address is, and what a tenant notes of a buyer.

use domain::{AccountId, Timestamp, account::Account, order::Customer};
use runtime::{Deps, Problem};
use store::{CustomerRecord, EmailClaim, keys};

/// What a registration's code is for.
pub(crate) const REGISTER: &str = "register";

/// The account with an e-mail address; for an unknown address an id that nobody has yet, so that what follows is the
/// same work.
pub(crate) async fn id_of(deps: &Deps, email: &str) -> Result<AccountId, Problem> {
    let claim = deps.db.get::<EmailClaim>(&keys::email(email)).await?;
    Ok(claim.map_or_else(|| deps.id(AccountId::from_ulid), |claim| claim.value.account_id))
}

/// What a tenant notes of an account that buys from it.
pub(crate) fn customer(account: &Account, now: Timestamp) -> CustomerRecord {
    CustomerRecord {
        account_id: account.id,
        customer: Customer {
            name: account.full_name.clone(),
            email: account.email.clone(),
            phone: account.phone.clone(),
        },
        since: now,
    }
}

pub(crate) fn code_context(id: AccountId) -> String {
    format!("register:{id}")
}

/// One answer for unknown addresses and for codes that are wrong, expired or used up.
pub(crate) fn wrong_code() -> Problem {
    let detail = "the code is wrong, has expired or was tried too often; registering again sends another";
    Problem::invalid_field("/code", "wrong", detail)
}
