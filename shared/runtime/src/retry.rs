//! Optimistic concurrency: read, decide and commit again until no concurrent change comes between.

use crate::{http::Problem, steps::StepError};

/// The number of tries before the caller (a queue that delivers again, or a client) has to retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tries(u32);

impl Tries {
    /// For records with few concurrent writers: an order, a payment, a cart, a session. Typically two browser tabs or
    /// two messages.
    pub const FEW_RIVALS: Self = Self(4);
    /// For records that every purchase changes: stock, a popular coupon.
    pub const MANY_RIVALS: Self = Self(8);

    /// One number for each try.
    pub const fn range(self) -> std::ops::Range<u32> {
        0..self.0
    }
}

/// The result of one try.
#[derive(Debug)]
pub enum Try<T> {
    Done(T),
    /// A concurrent change came between reading and writing: read again.
    Lost,
}

/// Errors that can report that every try was lost to concurrent changes.
pub trait Contended {
    /// The error after the last lost try.
    fn contended() -> Self;
}

impl Contended for Problem {
    fn contended() -> Self {
        Self::busy()
    }
}

impl Contended for StepError {
    fn contended() -> Self {
        Self::retry("others kept being faster")
    }
}

/// Runs a block until it is done: `retry!(Tries::FEW_RIVALS, { … })`. The block's value is a [`Try`]; `?` and `return`
/// leave the surrounding function. If every try is lost, the result is the error of [`Contended`].
/// It is a macro because a handler's future must be `Send`, and the compiler cannot prove that for a future that
/// borrows from an async closure.
#[macro_export]
macro_rules! retry {
    ($tries:expr, $attempt:block) => {
        'tries: {
            for _ in $tries.range() {
                match $attempt {
                    $crate::Try::Done(done) => break 'tries Ok(done),
                    $crate::Try::Lost => {}
                }
            }
            Err($crate::retry::Contended::contended())
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_is_tried_again_and_no_more_often_than_its_bound() {
        let mut count = 0;
        let done: Result<u32, Problem> = retry!(Tries::FEW_RIVALS, {
            count += 1;
            if count == 3 { Try::Done(count) } else { Try::Lost }
        });
        assert_eq!(done, Ok(3));
        let mut count = 0;
        let lost: Result<(), Problem> = retry!(Tries::FEW_RIVALS, {
            count += 1;
            Try::Lost
        });
        assert_eq!((lost, count), (Err(Problem::busy()), 4));
    }
}
