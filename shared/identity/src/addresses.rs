//! What is stored for an e-mail address. Reading takes the same calls whether the address has an account or not, so that
//! timing does not reveal which addresses have one.

use domain::{AccountId, account::Account, attempts::Counted};
use runtime::Deps;
use store::{EmailClaim, StoreError, Versioned, keys};

use crate::attempts::Counter;

/// Whose an e-mail address is, and what is counted for it.
#[derive(Debug, Clone)]
pub struct Address {
    /// The account, if there is one.
    pub account_id: Option<AccountId>,
    /// What is counted for the address.
    pub counter: Counter,
}

/// Reads what is stored for a normalised e-mail address, for the client at an IP address. One batched read.
///
/// # Errors
/// [`StoreError`]: the call failed, or an item cannot be read.
pub async fn find(deps: &Deps, email: &str, counted: Counted, source_ip: &str) -> Result<Address, StoreError> {
    let claim = keys::email(email);
    let wanted = [vec![claim.clone()], Counter::keys(email, counted)].concat();
    let mut found = deps.db.batch_get(&wanted).await?;
    let claim = found.take::<EmailClaim>(&claim)?;
    let counter = Counter::found(&mut found, counted, email, source_ip, deps.now())?;
    Ok(Address { account_id: claim.map(|claim| claim.value.account_id), counter })
}

/// The account of an address. Without one, an id that nobody has is read.
///
/// # Errors
/// [`StoreError`]: the call failed, or the item cannot be read.
pub async fn account(deps: &Deps, id: Option<AccountId>) -> Result<Option<Versioned<Account>>, StoreError> {
    deps.db.get(&keys::account(id.unwrap_or_else(|| deps.id(AccountId::from_ulid)))).await
}
