//! Limits of how many requests a client may make: token buckets. A bucket holds up to `burst` tokens and gains
//! `per_minute` tokens a minute. It is stored as the time at which it is full again, which is all there is to know of it.

use serde::{Deserialize, Serialize};

use crate::{RateRuleId, Timestamp};

/// Whose requests are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A client's IP address; of IPv6 the network (/64), which one client has to itself.
    Address,
    /// An account, guests included.
    Account,
    /// A tenant: everybody who calls about it.
    Tenant,
}

impl Subject {
    /// Every subject.
    pub const ALL: [Self; 3] = [Self::Address, Self::Account, Self::Tenant];

    /// The name in the API and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Account => "account",
            Self::Tenant => "tenant",
        }
    }
}

/// A class of endpoints that tenants set rules for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RuleClass {
    /// Reads.
    Read,
    /// Writes that belong to no other class.
    Write,
    /// Placing and paying orders.
    Checkout,
}

/// A tenant's rule: the limit of each address or account that calls about the tenant, or of the whole tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateRule {
    /// Id of the rule.
    pub id: RateRuleId,
    /// The class of endpoints.
    pub class: RuleClass,
    /// Whose requests are counted together.
    pub subject: Subject,
    /// The limit.
    pub limit: Limit,
    /// When the rule was made.
    pub created_at: Timestamp,
    /// When the rule was changed last.
    pub updated_at: Timestamp,
}

/// The rules of a tenant: at most one for each class and subject.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateRules {
    /// Oldest first.
    pub rules: Vec<RateRule>,
}

impl RateRules {
    /// The rule for a class and a subject.
    pub fn find(&self, class: RuleClass, subject: Subject) -> Option<&RateRule> {
        self.rules.iter().find(|rule| rule.class == class && rule.subject == subject)
    }
}

/// The size of a bucket, and how fast it fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Limit {
    /// Requests a minute in the long run, 1 or more.
    pub per_minute: u32,
    /// Requests at once, 1 or more, after a time without any.
    pub burst: u32,
}

impl Limit {
    /// The same limit for `factor` times as many requests. Neither number becomes less than 1.
    pub fn times(self, factor: u32) -> Self {
        Self {
            per_minute: self.per_minute.saturating_mul(factor).max(1),
            burst: self.burst.saturating_mul(factor).max(1),
        }
    }

    /// The stricter one of two limits, each number by itself.
    pub fn min(self, other: Self) -> Self {
        Self { per_minute: self.per_minute.min(other.per_minute), burst: self.burst.min(other.burst) }
    }

    /// Microseconds until a bucket has gained `tokens`, rounded up.
    fn gains_in_us(self, tokens: u32) -> i64 {
        let per_minute = i64::from(self.per_minute.max(1));
        (60_000_000 * i64::from(tokens) + per_minute - 1) / per_minute
    }

    /// Tokens that a bucket gains in so many microseconds.
    fn gained_in(self, us: i64) -> u32 {
        u32::try_from(i128::from(us.max(0)) * i128::from(self.per_minute.max(1)) / 60_000_000).unwrap_or(u32::MAX)
    }
}

/// A bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// When it holds `burst` tokens again; in the past, it does.
    pub full_at: Timestamp,
}

/// What taking tokens gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// The bucket without them.
    pub bucket: Bucket,
    /// Tokens that were taken: as many as were wanted, or as there were.
    pub tokens: u32,
    /// Tokens that are left.
    pub left: u32,
    /// Seconds, rounded up, until the bucket holds a token again; 0 if it does.
    pub wait_s: u32,
}

impl Bucket {
    /// A bucket that holds as many tokens as it can.
    pub const fn full(now: Timestamp) -> Self {
        Self { full_at: now }
    }

    /// Takes up to `wanted` tokens.
    pub fn take(self, limit: Limit, wanted: u32, now: Timestamp) -> Taken {
        let (now_us, size_us) = (now.as_microsecond(), limit.gains_in_us(limit.burst));
        // With a limit that was made stricter meanwhile, a bucket is empty at most.
        let missing_us = (self.full_at.as_microsecond() - now_us).clamp(0, size_us);
        let held = limit.gained_in(size_us - missing_us).min(limit.burst);
        let tokens = wanted.min(held);
        let missing_us = missing_us + limit.gains_in_us(tokens);
        let left = held - tokens;
        let wait_us = if left > 0 { 0 } else { (missing_us + limit.gains_in_us(1) - size_us).max(0) };
        let full_at = Timestamp::from_microsecond(now_us.saturating_add(missing_us)).unwrap_or(self.full_at);
        let wait_s = u32::try_from((wait_us + 999_999) / 1_000_000).unwrap_or(u32::MAX);
        Taken { bucket: Self { full_at }, tokens, left, wait_s }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at_ms(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_767_225_600_000 + ms).unwrap()
    }

    const LIMIT: Limit = Limit { per_minute: 60, burst: 10 };

    #[test]
    fn a_full_bucket_gives_its_burst_and_then_what_it_gains() {
        let taken = Bucket::full(at_ms(0)).take(LIMIT, 10, at_ms(0));
        assert_eq!((taken.tokens, taken.left, taken.wait_s), (10, 0, 1));
        let early = taken.bucket.take(LIMIT, 1, at_ms(999));
        assert_eq!((early.tokens, early.left, early.wait_s), (0, 0, 1));
        let later = early.bucket.take(LIMIT, 5, at_ms(3_000));
        assert_eq!((later.tokens, later.left, later.wait_s), (3, 0, 1));
        let rested = later.bucket.take(LIMIT, 20, at_ms(3_600_000));
        assert_eq!((rested.tokens, rested.left), (10, 0));
    }

    #[test]
    fn a_stricter_limit_holds_at_once_and_its_bucket_fills_in_its_own_time() {
        let emptied = Bucket::full(at_ms(0)).take(Limit { per_minute: 1, burst: 600 }, 600, at_ms(0));
        let strict = Limit { per_minute: 6, burst: 2 };
        let taken = emptied.bucket.take(strict, 1, at_ms(0));
        assert_eq!((taken.tokens, taken.wait_s), (0, 10));
        assert_eq!(taken.bucket.take(strict, 1, at_ms(10_000)).tokens, 1);
    }

    proptest! {
        /// Whatever is asked for and when: never more than the burst and what was gained since.
        #[test]
        fn never_more_than_allowed(
            per_minute in 1..100_000_u32,
            burst in 1..10_000_u32,
            asks in prop::collection::vec((0..10_000_i64, 0..2_000_u32), 1..60),
        ) {
            let limit = Limit { per_minute, burst };
            let (mut bucket, mut ms, mut total) = (Bucket::full(at_ms(0)), 0, 0_i128);
            for (after_ms, wanted) in asks {
                ms += after_ms;
                let taken = bucket.take(limit, wanted, at_ms(ms));
                bucket = taken.bucket;
                total += i128::from(taken.tokens);
                let gained = i128::from(ms) * i128::from(per_minute) / 60_000 + i128::from(burst);
                prop_assert!(total <= gained, "{total} of {gained}");
                prop_assert!(taken.tokens <= wanted && taken.left < burst || taken.tokens == 0 && taken.left <= burst);
                prop_assert_eq!(taken.wait_s == 0, taken.left > 0);
            }
        }

        /// Who waits as long as is said gets a token.
        #[test]
        fn the_wait_is_long_enough(per_minute in 1..100_000_u32, burst in 1..10_000_u32) {
            let limit = Limit { per_minute, burst };
            let emptied = Bucket::full(at_ms(0)).take(limit, burst, at_ms(0));
            let later = emptied.bucket.take(limit, 1, at_ms(i64::from(emptied.wait_s) * 1_000));
            prop_assert_eq!(later.tokens, 1);
        }
    }
}
