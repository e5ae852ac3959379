//! Accounts, e-mail addresses, sessions, one-time codes, memberships.

use contracts::table::Table;
use domain::{
    AccountId, Timestamp,
    account::{Account, OneTimeCode, Session},
    tenant::Membership,
};
use serde::{Deserialize, Serialize};

use crate::{
    entity::Entity,
    keys::{self, Key},
};

impl Entity for Account {
    type Owner = ();
    const TABLE: Table = Table::Accounts;
    const KIND: &'static str = "account";

    fn key(&self, (): ()) -> Key {
        keys::account(self.id)
    }
}

/// That an e-mail address is an account's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailClaim {
    /// Normalised.
    pub email: String,
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

impl Entity for Session {
    type Owner = ();
    const TABLE: Table = Table::Accounts;
    const KIND: &'static str = "session";

    fn key(&self, (): ()) -> Key {
        keys::session(self.id)
    }

    fn ends_at(&self) -> Option<Timestamp> {
        Some(self.expires_at)
    }
}

/// A one-time code sent to an account, for one purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountCode {
    pub account_id: AccountId,
    pub purpose: String,
    pub code: OneTimeCode,
}

impl Entity for AccountCode {
    type Owner = ();
    const TABLE: Table = Table::Accounts;
    const KIND: &'static str = "account_code";

    fn key(&self, (): ()) -> Key {
        keys::code(self.account_id, &self.purpose)
    }

    fn ends_at(&self) -> Option<Timestamp> {
        Some(self.code.expires_at)
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
