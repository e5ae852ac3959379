//! What a function does is held against its row: by every handle that reaches the outside (tables, secrets, mail, bus,
//! queues), wherever the function runs. On AWS the function's role says the same; a unit test, the simulator and the
//! one process have no roles, so here is where a row that is wrong is found.

use std::{fmt, sync::Arc};

use crate::{
    Row,
    row::Grant,
    table::{Action, Table},
};

/// Something that a row has to grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Use {
    Table(Table, Action),
    Grant(Grant),
    /// Committing an event of this type.
    Emit(&'static str),
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table(table, action) => write!(f, "{} {}", table.name(), action.iam()),
            Self::Grant(grant) => write!(f, "grant {grant:?}"),
            Self::Emit(event_type) => write!(f, "emit {event_type}"),
        }
    }
}

/// A function did what its row does not grant: a fault of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{function} may not: {what}; its row does not grant it")]
pub struct NotGranted {
    pub function: &'static str,
    pub what: Use,
}

/// Is told of everything that a function does, and whether its row grants it.
pub type Witness = Arc<dyn Fn(&'static Row, Use, bool) + Send + Sync>;

/// Lets pass what a function's row grants.
#[derive(Clone, Default)]
pub struct Gate {
    row: Option<&'static Row>,
    witness: Option<Witness>,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gate({})", self.row.map_or("open", |row| row.function))
    }
}

impl Gate {
    /// Lets everything pass: for what furnishes tests and moves data, never for a function.
    pub fn open() -> Self {
        Self::default()
    }

    /// Of the function with this row.
    pub fn of(row: &'static Row) -> Self {
        Self { row: Some(row), witness: None }
    }

    /// The same, with somebody told.
    pub fn witnessed(self, witness: Witness) -> Self {
        Self { witness: Some(witness), ..self }
    }

    /// The same witness at another function's gate.
    pub fn before(&self, row: &'static Row) -> Self {
        Self { row: Some(row), witness: self.witness.clone() }
    }

    /// # Errors
    /// [`NotGranted`], naming function and use.
    pub fn pass(&self, what: Use) -> Result<(), NotGranted> {
        let Some(row) = self.row else { return Ok(()) };
        let is_granted = match what {
            Use::Table(table, action) => row.may(table, action),
            Use::Grant(grant) => row.has(grant),
            Use::Emit(event_type) => row.emits.contains(&event_type),
        };
        if let Some(witness) = &self.witness {
            witness(row, what, is_granted);
        }
        if is_granted { Ok(()) } else { Err(NotGranted { function: row.function, what }) }
    }
}
