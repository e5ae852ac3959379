//! Enforces rows: every handle to the outside (tables, secrets, mail, bus, queues) asks the gate before it acts,
//! wherever the function runs. On AWS, the function's IAM role enforces the same. Unit tests, the simulator and the
//! single process have no IAM roles, so there the gate finds a row that lacks a permission.

use std::{fmt, sync::Arc};

use crate::{
    Row,
    row::Grant,
    table::{Action, Table},
};

/// An action that needs a grant in the function's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Use {
    /// An action on a table.
    Table(Table, Action),
    /// Another permission.
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

/// A function tried an action that its row does not grant: a bug in the row or in the handler.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{function} may not: {what}; its row does not grant it")]
pub struct NotGranted {
    /// The function.
    pub function: &'static str,
    /// What it tried.
    pub what: Use,
}

/// A callback for every action of a function; the last argument says whether the row grants it.
pub type Witness = Arc<dyn Fn(&'static Row, Use, bool) + Send + Sync>;

/// Lets a function do what its row grants.
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
    /// A gate that allows everything: for test fixtures and data migrations, never for a function.
    pub fn open() -> Self {
        Self::default()
    }

    /// The gate of the function with this row.
    pub fn of(row: &'static Row) -> Self {
        Self { row: Some(row), witness: None }
    }

    /// Adds a witness to this gate.
    pub fn witnessed(self, witness: Witness) -> Self {
        Self { witness: Some(witness), ..self }
    }

    /// The gate of another function, with the same witness.
    pub fn before(&self, row: &'static Row) -> Self {
        Self { row: Some(row), witness: self.witness.clone() }
    }

    /// Asks for permission to do something.
    ///
    /// # Errors
    /// [`NotGranted`], which names the function and the action.
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
