//! The wire: what goes over HTTP and over the bus, and the one table of endpoints and consumers from which the
//! infrastructure, its permissions and the API's documentation are generated. Knows no AWS SDK and does no I/O.

pub mod check;
pub mod events;
pub mod http;
pub mod table;

pub mod orders;
pub mod payments;
pub mod platform;
pub mod products;

pub use table::{Consumer, Endpoint, Spec};

/// Every endpoint, in the order of the documentation.
pub fn endpoints() -> Vec<&'static Spec> {
    [products::ENDPOINTS, orders::ENDPOINTS, payments::ENDPOINTS, platform::ENDPOINTS].concat()
}

/// Every consumer of events.
pub fn consumers() -> Vec<&'static Consumer> {
    [orders::CONSUMERS, payments::CONSUMERS, platform::CONSUMERS].concat()
}
