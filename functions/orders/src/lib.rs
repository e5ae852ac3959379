//! Orders: their endpoints and the steps of the saga that move them, one file each.

pub mod on_payment_completed;
pub mod place;

mod transition;
