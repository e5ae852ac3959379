//! Telling people what happened.

use crate::{events, steps};

steps! {
    /// Tells buyers and sellers by e-mail what happened.
    // SES starts an account at 14 mails a second. Of a refund only the order knows whom to tell.
    OnEvent = "notifications-on-event" on events::Notable {
        batch: 5, concurrency: 5, timeout_s: 60, retry: DEPENDENCY,
        tables: [Notifications: Put Delete, Tenants: Get, Orders: Get, Requests: Put], emits: [NotificationSent],
        grants: [SendEmail],
    }
}
