//! DynamoDB: keys, items, transactions. Concrete on purpose: there is one database, and tests run against a real one
//! in the process. Knows what is stored where; knows no HTTP and decides nothing about the shop.
//!
//! Every write is conditional, on a version or on not being there yet, and goes through [`Tx`]: the SDK repeats a
//! write whose answer was lost, and DynamoDB repeats nothing that has happened already.

pub mod db;
pub mod entity;
pub mod keys;
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
mod tenants;

pub use accounts::{AccountCode, CodePause, EmailClaim};
pub use catalog::{ProductSlugClaim, SkuClaim};
pub use coupons::CouponCodeClaim;
pub use db::{Db, Position, SortOrder};
pub use entity::{Entity, Versioned};
pub use error::StoreError;
pub use idempotency::StoredAnswer;
pub use keys::Key;
pub use notifications::Notification;
pub use orders::TimelineEntry;
pub use outbox::OutboxRecord;
pub use payments::WebhookDelivery;
pub use tenants::{CustomerRecord, StoreClaim};
pub use timers::TimerRecord;
pub use tx::{CommitError, Op, Refused, Tx};
