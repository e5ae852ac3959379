//! Accounts, e-mail addresses and what is counted for them, sessions, verifications, memberships.

use contracts::table::Table;
use domain::{
    AccountId, SessionId, Timestamp,
    account::{Account, Session, Verification},
    attempts::{Attempts, Counted},
    tenant::Membership,
};
use serde::{Deserialize, Serialize};

use crate::{
    entity::Entity,
    keys::{self, Key},
    tx::{Op, Tx},
};

impl Entity for Account {
    type Owner = ();
    const TABLE: Table = Table::Accounts;
    const KIND: &'static str = "account";

    fn key(&self, (): ()) -> Key {
        keys::account(self.id)
    }
}

/// Reserves an e-mail address for an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailClaim {
    /// The e-mail address, normalised.
    pub email: String,
    /// The account.
    pub account_id: AccountId,
}

impl Entity for EmailClaim {
    type Owner = ();
    const TABLE: Table = Table::Accounts;
    const KIND: &'static str = "email_claim";

    fn key(&self, (): ()) -> Key {
        keys::email(&self.email)
    }
}

impl Tx {
    /// Creates an account, and claims its e-mail address. Returns the claim's operation, which is refused if another
    /// account has the address.
    pub fn create_account(&mut self, account: &Account) -> Op {
        self.create((), account);
        self.create((), &EmailClaim { email: account.email.clone(), account_id: account.id })
    }
}

impl Entity for Session {
    type Owner = ();
    const TABLE: Table = Table::Accounts;
    const KIND: &'static str = "session";

    fn key(&self, (): ()) -> Key {
        keys::session(self.account_id, self.id)
    }

    fn ends_at(&self) -> Option<Timestamp> {
        Some(self.expires_at)
    }
}

/// Records that a guest has signed out: its refresh tokens are no longer accepted. They are signed, and no session is
/// stored for a guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedGuest {
    /// The guest's session.
    pub session_id: SessionId,
    /// When the last refresh token of the session has expired.
    pub ends_at: Timestamp,
}

impl Entity for EndedGuest {
    type Owner = ();
    const TABLE: Table = Table::Accounts;
    const KIND: &'static str = "ended_guest";

    fn key(&self, (): ()) -> Key {
        keys::ended_guest(self.session_id)
    }

    fn ends_at(&self) -> Option<Timestamp> {
        Some(self.ends_at)
    }
}

impl Entity for Verification {
    type Owner = ();
    const TABLE: Table = Table::Accounts;
    const KIND: &'static str = "verification";

    fn key(&self, (): ()) -> Key {
        keys::verification(self.id)
    }

    fn ends_at(&self) -> Option<Timestamp> {
        Some(self.code.expires_at)
    }
}

/// What is counted for an e-mail address, whether it has an account or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailAttempts {
    /// The e-mail address, normalised.
    pub email: String,
    /// What is counted.
    pub counted: Counted,
    /// The attempts.
    pub attempts: Attempts,
}

impl Entity for EmailAttempts {
    type Owner = ();
    const TABLE: Table = Table::Accounts;
    const KIND: &'static str = "email_attempts";

    fn key(&self, (): ()) -> Key {
        keys::attempts(&self.email, self.counted)
    }

    fn ends_at(&self) -> Option<Timestamp> {
        Some(self.attempts.ends_at())
    }
}

impl Entity for Membership {
    type Owner = ();
    const TABLE: Table = Table::Accounts;
    const KIND: &'static str = "membership";

    fn key(&self, (): ()) -> Key {
        keys::membership(self.account_id, self.tenant_id)
    }
}
