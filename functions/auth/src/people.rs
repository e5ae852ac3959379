//! Helpers about people: finding the account of an e-mail address, and a tenant's record of a buyer.

use domain::{AccountId, Timestamp, account::Account, order::Customer};
use runtime::{Deps, Problem};
use store::{CustomerRecord, EmailClaim, keys};

/// The purpose under which a registration's code is stored.
pub(crate) const REGISTER: &str = "register";

/// The account id of an e-mail address. For an unknown address it is a new, unused id, so that the caller does the
/// same work and its timing reveals nothing.
pub(crate) async fn id_of(deps: &Deps, email: &str) -> Result<AccountId, Problem> {
    let claim = deps.db.get::<EmailClaim>(&keys::email(email)).await?;
    Ok(claim.map_or_else(|| deps.id(AccountId::from_ulid), |claim| claim.value.account_id))
}

/// A tenant's record of an account that buys from it.
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

/// The same answer for unknown addresses and for codes that are wrong, expired or used, so that it reveals nothing.
pub(crate) fn wrong_code() -> Problem {
    let detail = "the code is wrong, has expired or was tried too often; registering again sends another";
    Problem::invalid_field("/code", "wrong", detail)
}
