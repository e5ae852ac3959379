//! Notifications of buyers and sellers.

use crate::{events, steps};

steps! {
    /// Notifies buyers and sellers by e-mail.
    // SES limits a new account to 14 mails a second, so few calls run at once. Orders are read because the event of a
    // refund does not contain the customer.
    OnEvent = "notifications-on-event" on events::Notable {
        batch: 5, concurrency: 5, timeout_s: 60, retry: DEPENDENCY,
        tables: [Notifications: Put Delete, Tenants: Get, Orders: Get, Requests: Put], emits: [NotificationSent],
        grants: [SendEmail],
    }
}
