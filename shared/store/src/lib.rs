//! DynamoDB: keys, items and transactions. Concrete types, without an abstraction over databases: all that are used speak
//! DynamoDB's interface, over the network or in the same process. Knows how everything is stored; knows no HTTP and decides nothing about
//! the shop.
//!
//! Every write is conditional, on the item's version or on its absence, and goes through [`Tx`]. The SDK repeats a
//! transaction whose response was lost, and DynamoDB recognises the repetition by the transaction's token.

#![warn(missing_docs)]

pub mod db;
pub mod entity;
pub mod keys;
pub mod local;
pub mod stock;
pub mod timers;
pub mod tx;

mod accounts;
mod audit;
mod carts;
mod catalog;
mod coupons;
mod error;
mod idempotency;
mod inventory;
mod ledger;
mod notifications;
mod orders;
mod outbox;
mod payments;
mod rates;
mod tenants;

pub use accounts::{EmailAttempts, EmailClaim, EndedGuest};
pub use catalog::{ProductSlugClaim, SkuClaim};
pub use coupons::CouponCodeClaim;
pub use db::{Db, Position, SortOrder};
pub use entity::{Entity, Versioned};
pub use error::StoreError;
pub use idempotency::StoredAnswer;
pub use keys::Key;
pub use notifications::{NotSent, Notification, SuppressedAddress, SuppressionReason};
pub use orders::TimelineEntry;
pub use outbox::{OutboxPage, OutboxRecord};
pub use payments::WebhookDelivery;
pub use rates::{BucketOf, RateBucket};
pub use tenants::{CustomerRecord, StoreClaim};
pub use timers::TimerRecord;
pub use tx::{CommitError, Op, Refused, Tx};
