//! The audit trail: one chain of entries per tenant. Each entry contains the hash of the entry before it, so that a
//! later change or removal of an entry can be detected.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{EventId, Timestamp};

/// The previous hash of the first entry.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// How important an audit entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Normal operation.
    Info,
    /// Something that a person may want to look at.
    Warning,
    /// Something that a person must look at.
    Critical,
}

impl Severity {
    const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// One entry of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Position in the chain: 1 for the first entry, without gaps.
    pub sequence: u64,
    /// The event that the entry records.
    pub event_id: EventId,
    /// What happened: `order.created`, `payment.completed`, …
    pub action: String,
    /// How important the entry is.
    pub severity: Severity,
    /// Id of the aggregate that the event is about.
    pub resource: String,
    /// Shared by everything that one request caused.
    pub correlation_id: String,
    /// The event's data, as canonical JSON text.
    pub after: String,
    /// When the event happened.
    pub at: Timestamp,
    /// Hash of the entry before, in hexadecimal; [`GENESIS`] for the first.
    pub previous_hash: String,
    /// Hash of this entry, in hexadecimal.
    pub hash: String,
}

/// The end of the chain. The next entry is appended here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Sequence number of the last entry; 0 for an empty chain.
    pub sequence: u64,
    /// Hash of the last entry.
    pub hash: String,
}

impl Default for Head {
    fn default() -> Self {
        Self { sequence: 0, hash: GENESIS.to_owned() }
    }
}

/// An event to be recorded, before it has a place in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// The event.
    pub event_id: EventId,
    /// What happened: `order.created`, …
    pub action: String,
    /// How important it is.
    pub severity: Severity,
    /// Id of the aggregate that the event is about.
    pub resource: String,
    /// Shared by everything that one request caused.
    pub correlation_id: String,
    /// The event's data, as canonical JSON text.
    pub after: String,
    /// When the event happened.
    pub at: Timestamp,
}

impl Head {
    /// Appends a fact to the chain. Returns the new entry and the new end of the chain.
    pub fn append(self, fact: Fact) -> (AuditEntry, Self) {
        let mut entry = AuditEntry {
            sequence: self.sequence + 1,
            event_id: fact.event_id,
            action: fact.action,
            severity: fact.severity,
            resource: fact.resource,
            correlation_id: fact.correlation_id,
            after: fact.after,
            at: fact.at,
            previous_hash: self.hash,
            hash: String::new(),
        };
        entry.hash = entry.digest();
        let head = Self { sequence: entry.sequence, hash: entry.hash.clone() };
        (entry, head)
    }
}

impl AuditEntry {
    /// SHA-256 of every field except the hash itself. Each field is preceded by its length, so that two different
    /// entries never have the same input.
    fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        let fields = [
            self.sequence.to_string(),
            self.event_id.to_string(),
            self.action.clone(),
            self.severity.name().to_owned(),
            self.resource.clone(),
            self.correlation_id.clone(),
            self.after.clone(),
            self.at.to_string(),
            self.previous_hash.clone(),
        ];
        for field in fields {
            hasher.update((field.len() as u64).to_be_bytes());
            hasher.update(field.as_bytes());
        }
        crate::text::hex(&hasher.finalize())
    }
}

/// Verifies a chain from its start. Returns the sequence number of the first entry that is missing or wrong; `None` if
/// the chain is intact. To notice missing entries at the end, compare with the [`Head`].
pub fn first_break<'a>(entries: impl IntoIterator<Item = &'a AuditEntry>) -> Option<u64> {
    let mut head = Head::default();
    for entry in entries {
        let follows = entry.sequence == head.sequence + 1 && entry.previous_hash == head.hash;
        if !follows || entry.hash != entry.digest() {
            return Some(head.sequence + 1);
        }
        head = Head { sequence: entry.sequence, hash: entry.hash.clone() };
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ulid::Ulid;

    use super::*;

    fn chain(length: u64) -> Vec<AuditEntry> {
        let mut head = Head::default();
        (0..length)
            .map(|index| {
                let (entry, next) = std::mem::take(&mut head).append(Fact {
                    event_id: EventId::from_ulid(Ulid(u128::from(index))),
                    action: "order.created".into(),
                    severity: Severity::Info,
                    resource: format!("ord_{index}"),
                    correlation_id: "c".into(),
                    after: "{}".into(),
                    at: Timestamp::UNIX_EPOCH,
                });
                head = next;
                entry
            })
            .collect()
    }

    proptest! {
        #[test]
        fn any_change_shows(length in 1..20_u64, at in 0..20_usize, kind in 0..4_u8) {
            let mut entries = chain(length);
            prop_assert_eq!(first_break(&entries), None);
            let at = at % entries.len();
            match kind {
                0 => entries[at].after.push(' '),
                1 => entries[at].severity = Severity::Critical,
                2 if at + 1 < entries.len() => { entries.remove(at); }
                2 => return Ok(()), // cutting the end off is seen by comparing with the head
                _ => { let copy = entries[at].clone(); entries.insert(at, copy); }
            }
            prop_assert!(first_break(&entries).is_some());
        }
    }
}
