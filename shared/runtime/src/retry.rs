//! Trying again against others: reading, deciding and committing until nobody was faster.

/// How often something is tried before it is left to whoever called: a queue that delivers again, or a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tries(u32);

impl Tries {
    /// For aggregates that few change at once: an order, a payment, a cart, a session.
    pub const FEW_RIVALS: Self = Self(4);
    /// For what everybody of a store changes: stock that is counted, a coupon that sells.
    pub const MANY_RIVALS: Self = Self(8);

    pub const fn count(self) -> u32 {
        self.0
    }
}

/// What became of one try.
#[derive(Debug)]
pub enum Try<T> {
    Done(T),
    /// Somebody else changed it between reading and writing: it is to be read again.
    Lost,
}

/// Runs `attempt` until it is done, at most so often; `None` when every try was lost.
///
/// # Errors
/// The first error of an attempt.
pub async fn retry<T, E>(tries: Tries, mut attempt: impl AsyncFnMut() -> Result<Try<T>, E>) -> Result<Option<T>, E> {
    for _ in 0..tries.0 {
        if let Try::Done(done) = attempt().await? {
            return Ok(Some(done));
        }
    }
    Ok(None)
}
