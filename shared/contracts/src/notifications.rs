//! Notifications of buyers and sellers.

use serde::{Deserialize, Serialize};

use crate::{events, steps};

/// What the mail service reports about a mail. SES's own names; only what is used is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "eventType")]
pub enum MailReport {
    /// The mail came back.
    Bounce {
        /// How.
        bounce: Bounce,
    },
    /// The recipient called the mail unwanted.
    Complaint {
        /// Who.
        complaint: Complaint,
    },
}

/// A mail that came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bounce {
    /// `Permanent`, if no mail will ever arrive; `Transient` or `Undetermined` otherwise.
    pub bounce_type: String,
    /// Whose mailbox it is.
    pub bounced_recipients: Vec<Recipient>,
}

/// A mail that its recipient called unwanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Complaint {
    /// The recipients who may have complained.
    pub complained_recipients: Vec<Recipient>,
}

/// A recipient of a mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recipient {
    /// The address, as the mail had it, or `Name <address>`.
    pub email_address: String,
}

steps! {
    /// Notifies buyers and sellers by e-mail.
    // SES limits how many mails an account sends in a second, so few calls run at once. Orders are read because the
    // event of a refund does not contain the customer.
    OnEvent = "notifications-on-event" on events::Notable {
        batch: 5, concurrency: 5, timeout_s: 60, retry: DEPENDENCY,
        tables: [
            Notifications: Put Update Delete, Tenants: Get, Orders: Get, Accounts: Get, Requests: Put,
        ],
        emits: [NotificationSent],
        grants: [SendEmail],
    }
    /// Records the addresses whose mails came back for good, or whose owners complained: they get no more
    /// notifications.
    OnMailReport = "notifications-on-mail-report" from MailReport {
        retry: STEP,
        tables: [Accounts: Put], emits: [],
    }
}
