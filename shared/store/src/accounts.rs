//! Accounts, e-mail addresses, sessions, one-time codes, memberships.

use contracts::table::Table;
use domain::{
    AccountId, Timestamp,
    account::{Account, ONE_TIME_CODE_PAUSE_S, OneTimeCode, Session},
    tenant::Membership,
    time::after,
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
    /// The account.
    pub account_id: AccountId,
    /// The purpose.
    pub purpose: String,
    /// The code.
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

/// Records that a code was recently sent to an e-mail address for a purpose. It is created together with the code;
/// while it has not expired, creating another is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodePause {
    /// The e-mail address, normalised.
    pub email: String,
    /// The purpose of the code.
    pub purpose: String,
    /// When the code was sent.
    pub sent_at: Timestamp,
}

impl Entity for CodePause {
    type Owner = ();
    const TABLE: Table = Table::Accounts;
    const KIND: &'static str = "code_pause";

    fn key(&self, (): ()) -> Key {
        keys::code_pause(&self.email, &self.purpose)
    }

    fn ends_at(&self) -> Option<Timestamp> {
        Some(after(self.sent_at, ONE_TIME_CODE_PAUSE_S))
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
