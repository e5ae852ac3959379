//! The rules of the shop, and nothing else: orders, payments, reservations and prices, and the changes each of them
//! allows. This crate must not know AWS, HTTP, JSON, a clock or randomness: time, ids and random bytes come in as
//! arguments, so every rule can be tested with plain values and replayed exactly.

#![warn(missing_docs)]

pub mod account;
pub mod attempts;
pub mod audit;
pub mod books;
pub mod cart;
pub mod catalog;
pub mod client;
pub mod coupon;
pub mod guard;
pub mod ids;
pub mod ledger;
pub mod limits;
pub mod money;
pub mod onboarding;
pub mod order;
pub mod password;
pub mod payment;
pub mod permission;
pub mod pricing;
pub mod rate;
pub mod reservation;
pub mod stock;
pub mod store;
pub mod tenant;
pub mod text;
pub mod time;

pub use ids::{
    AccountId, CartId, CouponId, EventId, LedgerEntryId, MovementId, NotificationId, OnboardingId, OrderId, PaymentId,
    ProductId, RateRuleId, RefundId, ReturnId, SessionId, StoreId, TenantId, VariantId, VerificationId,
};
pub use jiff::Timestamp;
pub use money::{Currency, Money, MoneyError};
pub use permission::{Permission, Role};

/// The current state does not allow the requested change. Users see this text, as the `detail` of a problem.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot {event} while {state}")]
pub struct InvalidTransition {
    /// The current state: a status name (`pending`) or a clause that fits behind "while".
    pub state: &'static str,
    /// The requested change: a verb that fits behind "cannot", or the name of an event that only the log sees.
    pub event: &'static str,
}
