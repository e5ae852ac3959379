//! Notifications: people are told what happened, by e-mail.

pub mod on_event;

mod letters;
mod mail;

runtime::functions! {
    serve_consumer: on_event;
}
