//! Notifications: one record for each reference, kind and audience.

use aws_sdk_dynamodb::types::AttributeValue;
use contracts::table::Table;
use domain::{
    EventId, NotificationId, StoreId, TenantId, Timestamp, limits::UNPAID_MAILS_PER_DAY_MAX, text::normalize_email,
    time::after,
};
use serde::{Deserialize, Serialize};

use crate::{
    entity::{Entity, TTL_ATTRIBUTE, number, text},
    keys::{self, Key},
    tx::{Op, Part, Tx},
};

/// Why a message is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotSent {
    /// The store has sent the address as many messages about unpaid orders today as it can.
    TooMany,
    /// Mails to the address bounced, or their recipient complained.
    Suppressed,
}

/// A message to a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// Id of the notification.
    pub id: NotificationId,
    /// The event that caused it.
    pub event_id: EventId,
    /// `ORDER_CONFIRMATION`, …
    pub kind: String,
    /// `buyer` or `seller`.
    pub audience: String,
    /// What the message is about: mostly the id of an order.
    pub reference: String,
    /// The e-mail address.
    pub recipient: String,
    /// The subject of the mail.
    pub subject: String,
    /// When a function last began to send it.
    pub claimed_at: Timestamp,
    /// When it was sent; `None` until then.
    pub sent_at: Option<Timestamp>,
    /// Why it is never sent, if so.
    #[serde(default)]
    pub not_sent: Option<NotSent>,
    /// When the notification was created.
    pub created_at: Timestamp,
}

impl Entity for Notification {
    type Owner = TenantId;
    const TABLE: Table = Table::Notifications;
    const KIND: &'static str = "notification";

    fn key(&self, tenant: TenantId) -> Key {
        keys::notification(tenant, &self.reference, &self.kind, &self.audience)
    }
}

impl Tx {
    /// Counts a mail about an unpaid order; refused if the store has sent the address as many today as it can.
    pub fn count_unpaid_mail(&mut self, tenant: TenantId, store: StoreId, recipient: &str, now: Timestamp) -> Op {
        let max = (":max", number(UNPAID_MAILS_PER_DAY_MAX));
        let condition = "attribute_not_exists(pk) OR mails < :max";
        self.move_unpaid_mails(keys::unpaid_mails(tenant, store, &day(now), recipient), '+', now, condition, Some(max))
    }

    /// Takes back the count that was made `at` this time, because the mail was not sent. Never refused.
    pub fn uncount_unpaid_mail(&mut self, tenant: TenantId, store: StoreId, recipient: &str, at: Timestamp) -> Op {
        self.move_unpaid_mails(keys::unpaid_mails(tenant, store, &day(at), recipient), '-', at, "", None)
    }

    fn move_unpaid_mails(
        &mut self,
        key: Key,
        sign: char,
        at: Timestamp,
        condition: &str,
        max: Option<(&'static str, AttributeValue)>,
    ) -> Op {
        let ends = after(at, UNPAID_MAILS_TTL_S).as_second();
        let mut values =
            vec![(":kind", text("unpaid_mails")), (":zero", number(0)), (":one", number(1)), (":ends", number(ends))];
        values.extend(max);
        let expression = format!(
            "SET kind = :kind, #schema = :one, version = if_not_exists(version, :zero) + :one, \
             mails = if_not_exists(mails, :zero) {sign} :one, {TTL_ATTRIBUTE} = :ends"
        );
        self.push(Part::Update { key, expression, condition: condition.to_owned(), values })
    }

    /// Records that no mail is to be sent to an address, whatever was recorded of it before.
    pub fn suppress(&mut self, email: &str, reason: SuppressionReason, now: Timestamp) -> Op {
        self.replace((), &SuppressedAddress { email: normalize_email(email), reason, since: now }, 1)
    }

    /// Takes an address off the list, if it is on it: its owner has proved that mails arrive and are wanted.
    pub fn unsuppress(&mut self, email: &str) -> Op {
        self.remove_if_any(keys::suppressed_address(email))
    }
}

/// The count of a day is kept this long.
const UNPAID_MAILS_TTL_S: i64 = 2 * 24 * 3_600;

fn day(at: Timestamp) -> String {
    at.strftime("%F").to_string()
}

/// An address that the platform sends no notifications to. One list for all tenants: the mail service closes the
/// platform's account if mails to such addresses go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuppressedAddress {
    /// The e-mail address, normalised.
    pub email: String,
    /// Why.
    pub reason: SuppressionReason,
    /// Since when.
    pub since: Timestamp,
}

/// Why no notifications are sent to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuppressionReason {
    /// A mail came back for good: there is no such mailbox.
    Bounced,
    /// The recipient called a mail unwanted.
    Complained,
}

impl Entity for SuppressedAddress {
    type Owner = ();
    const TABLE: Table = Table::Accounts;
    const KIND: &'static str = "suppressed_address";

    fn key(&self, (): ()) -> Key {
        keys::suppressed_address(&self.email)
    }
}
