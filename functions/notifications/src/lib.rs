//! Notifications: people are told what happened, by e-mail.

pub mod on_event;

mod letters;
mod mail;

runtime::functions! {
    consumer: on_event;
}
