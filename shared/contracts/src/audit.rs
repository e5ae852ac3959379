//! The record of everything that happened.

use crate::{
    Consumer, Spec,
    table::{Action, MEMORY_MB, Source, Table},
};

/// This service's rows.
pub const ENDPOINTS: &[&Spec] = &[];

pub const ON_EVENT: Consumer = Consumer {
    function: "audit-on-event",
    doc: "Records every event in its tenant's hash chain.",
    source: Source::AllEvents,
    batch: 10,
    // A tenant's chain has one end, and only one writer at a time can move it.
    concurrency: 2,
    timeout_s: 20,
    tables: &[(Table::Audit, &[Action::Get, Action::Put])],
    emits: &[],
    grants: &[],
    memory_mb: MEMORY_MB,
};

/// This service's consumers.
pub const CONSUMERS: &[&Consumer] = &[&ON_EVENT];
