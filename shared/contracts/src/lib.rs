//! The wire: what goes over HTTP and over the bus, and the one table of endpoints and consumers from which the
//! infrastructure, its permissions and the API's documentation are generated. Knows no AWS SDK and does no I/O.

#![expect(clippy::unnecessary_wraps, reason = "eserde writes such functions for fields that are read by a function")]

pub mod check;
pub mod events;
pub mod gate;
pub mod http;
mod macros;
pub mod patch;
pub mod problems;
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

pub use row::{Consumer, Endpoint, Function, Row, Timer};

/// Every function there is: endpoints in the order of the documentation, then what is called with messages, then what
/// neither requests nor messages call.
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

/// Every endpoint, in the order of the documentation.
pub fn endpoints() -> Vec<&'static Row> {
    rows().into_iter().filter(|row| row.route().is_some()).collect()
}

/// Every function that is called with messages.
pub fn steps() -> Vec<&'static Row> {
    rows().into_iter().filter(|row| row.queue().is_some()).collect()
}
