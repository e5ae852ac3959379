//! Notifications: people are told what happened, by e-mail.

#![expect(clippy::missing_errors_doc, reason = "a handler's errors are its row's problem codes")]

pub mod on_event;
pub mod on_mail_report;

mod mail;
mod messages;

runtime::functions! {
    consumer: on_event;
    reports: on_mail_report;
}
