//! The platform's own functions: authorization, publishing events to the bus, timers, health, documentation, and the
//! operators' tools.

#![expect(clippy::missing_errors_doc, reason = "a handler's errors are its row's problem codes")]

pub mod authorizer;
pub mod dead_letters;
pub mod docs;
pub mod health;
pub mod openapi;
pub mod outbox_relay;
pub mod redrive;
pub mod republish;
pub mod sweep_timers;

mod bus;

runtime::functions! {
    http: docs, health, openapi;
    stream: outbox_relay;
    invoked: dead_letters, redrive, republish, sweep_timers;
    authorizer: authorizer;
}
