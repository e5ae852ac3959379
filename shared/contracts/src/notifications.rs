//! Telling people what happened.

use crate::{
    Consumer, Spec,
    events::{self, Event},
    table::{Action, Grant, MEMORY_MB, Source, Table},
};

/// This service's rows.
pub const ENDPOINTS: &[&Spec] = &[];

pub const ON_EVENT: Consumer = Consumer {
    function: "notifications-on-event",
    doc: "Tells buyers and sellers by e-mail what happened.",
    source: Source::Events {
        types: &[
            events::TenantOnboarded::TYPE,
            events::OrderConfirmed::TYPE,
            events::OrderCancelled::TYPE,
            events::OrderRefunded::TYPE,
            events::OrderDispatched::TYPE,
            events::OrderDelivered::TYPE,
            events::ReturnRequested::TYPE,
            events::ReturnRejected::TYPE,
            events::RefundCompleted::TYPE,
            events::PaymentFlagged::TYPE,
            events::RefundFailed::TYPE,
        ],
        delay_s: 0,
    },
    batch: 5,
    // SES starts an account at 14 mails a second.
    concurrency: 5,
    timeout_s: 60,
    // Of a refund only the order knows whom to tell.
    tables: &[
        (Table::Notifications, &[Action::Put]),
        (Table::Tenants, &[Action::Get]),
        (Table::Orders, &[Action::Get]),
    ],
    emits: &[events::NotificationSent::TYPE],
    grants: &[Grant::SendEmail],
    memory_mb: MEMORY_MB,
};

/// This service's consumers.
pub const CONSUMERS: &[&Consumer] = &[&ON_EVENT];
