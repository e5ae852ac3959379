//! The platform's own functions: who may come in, events on their way to the bus, health, documentation.

pub mod authorizer;
pub mod docs;
pub mod health;
pub mod openapi;
pub mod outbox_relay;

mod bus;

runtime::functions! {
    serve_http: docs, health, openapi;
    serve_stream: outbox_relay;
    serve_authorizer: authorizer;
}
