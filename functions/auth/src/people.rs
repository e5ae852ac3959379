//! A tenant's record of a buyer.

use domain::{Timestamp, account::Account, order::Customer};
use store::CustomerRecord;

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
