//! Trying again against others: reading, deciding and committing until nobody was faster.

use crate::{http::Problem, steps::StepError};

/// How often something is tried before it is left to whoever called: a queue that delivers again, or a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tries(u32);

impl Tries {
    /// For what few change at once: an order, a payment, a cart, a session. Two tabs, or two messages at a time.
    pub const FEW_RIVALS: Self = Self(4);
    /// For what everybody who buys changes too: stock that is counted, a coupon that sells.
    pub const MANY_RIVALS: Self = Self(8);

    /// Once for each try.
    pub const fn range(self) -> std::ops::Range<u32> {
        0..self.0
    }
}

/// What became of one try.
#[derive(Debug)]
pub enum Try<T> {
    Done(T),
    /// Somebody else changed it between reading and writing: it is to be read again.
    Lost,
}

/// An error that says that others kept being faster.
pub trait Contended {
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

/// Runs a block until it is done: `retry!(Tries::FEW_RIVALS, { … })`, where the block is a [`Try`], and `?` and `return`
/// leave the function around it. When every try was lost, the result is [`Contended`]'s error.
///
/// A macro, since a future that borrows from an async closure cannot be shown to be `Send` for every lifetime, as a
/// handler's must be.
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
