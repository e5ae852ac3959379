//! Time arithmetic. The current time is always an argument.

use crate::Timestamp;

/// `now` plus a number of seconds, capped at [`Timestamp::MAX`].
pub fn after(now: Timestamp, seconds: i64) -> Timestamp {
    now.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}
