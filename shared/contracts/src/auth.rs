//! To be written.

use crate::{Consumer, Spec};

/// This service's rows.
pub const ENDPOINTS: &[&Spec] = &[];

/// This service's consumers.
pub const CONSUMERS: &[&Consumer] = &[];
