//! The wire: what goes over HTTP and over the bus, and the one table of endpoints and consumers from which the
//! infrastructure, its permissions and the API's documentation are generated. Knows no AWS SDK and does no I/O.

#![expect(clippy::unnecessary_wraps, reason = "eserde writes such functions for fields that are read by a function")]

pub mod check;
pub mod events;
pub mod http;
pub mod patch;
pub mod problems;
pub mod table;

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

pub use table::{Consumer, Endpoint, Spec};

/// Every endpoint, in the order of the documentation.
pub fn endpoints() -> Vec<&'static Spec> {
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
        notifications::ENDPOINTS,
        audit::ENDPOINTS,
        platform::ENDPOINTS,
    ]
    .concat()
}

/// Every consumer of events.
pub fn consumers() -> Vec<&'static Consumer> {
    [
        inventory::CONSUMERS,
        coupons::CONSUMERS,
        orders::CONSUMERS,
        payments::CONSUMERS,
        notifications::CONSUMERS,
        audit::CONSUMERS,
        platform::CONSUMERS,
    ]
    .concat()
}
