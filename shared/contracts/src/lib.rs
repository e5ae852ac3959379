//! The wire: bodies of HTTP requests and responses, events on the bus, and the rows of all functions. The
//! infrastructure, its permissions and the API's description are generated from the rows. Knows no AWS SDK and does no
//! I/O.

#![warn(missing_docs)]
#![expect(clippy::unnecessary_wraps, reason = "eserde writes such functions for fields that are read by a function")]

pub mod check;
pub mod events;
pub mod gate;
pub mod http;
mod macros;
pub mod patch;
pub mod problems;
pub mod rate;
pub mod row;
pub mod table;
pub mod timers;

pub mod audit;
pub mod auth;
pub mod carts;
pub mod coupons;
pub mod inventory;
pub mod notifications;
pub mod onboarding;
pub mod orders;
pub mod payments;
pub mod platform;
pub mod products;
pub mod stores;
pub mod tenants;

pub use row::{Consumer, Endpoint, Function, Reported, Row, Timer};

/// The rows of all functions: endpoints in the sequence of the documentation, then functions that receive messages,
/// then all others.
pub fn rows() -> Vec<&'static Row> {
    [
        onboarding::ENDPOINTS,
        auth::ENDPOINTS,
        stores::ENDPOINTS,
        products::ENDPOINTS,
        inventory::ENDPOINTS,
        coupons::ENDPOINTS,
        carts::ENDPOINTS,
        orders::ENDPOINTS,
        payments::ENDPOINTS,
        tenants::ENDPOINTS,
        platform::ENDPOINTS,
        inventory::STEPS,
        coupons::STEPS,
        orders::STEPS,
        payments::STEPS,
        notifications::STEPS,
        audit::STEPS,
        platform::OPERATIONS,
    ]
    .concat()
}

/// The rows of all endpoints, in the sequence of the documentation.
pub fn endpoints() -> Vec<&'static Row> {
    rows().into_iter().filter(|row| row.route().is_some()).collect()
}

/// The rows of all functions that receive messages from a queue.
pub fn steps() -> Vec<&'static Row> {
    rows().into_iter().filter(|row| row.queue().is_some()).collect()
}
