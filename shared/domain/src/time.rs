//! Arithmetic on moments. What time it is comes in as an argument, here as everywhere.

use crate::Timestamp;

/// `now` plus a number of seconds, at the latest the end of time.
pub fn after(now: Timestamp, seconds: i64) -> Timestamp {
    now.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}
