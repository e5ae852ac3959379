//! The audit trail: per tenant, a chain in which each entry holds the hash of the one before it, so that nothing can
//! be changed or left out later without it showing.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{EventId, Timestamp};

/// The hash before the first entry.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Info,
    Warning,
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

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// From 1, without gaps.
    pub sequence: u64,
    pub event_id: EventId,
    /// `order.created`, `payment.completed`, …
    pub action: String,
    pub severity: Severity,
    pub resource: String,
    pub correlation_id: String,
    /// The event's data, as its canonical JSON text.
    pub after: String,
    pub at: Timestamp,
    pub previous_hash: String,
    pub hash: String,
}

/// The end of the chain: what the next entry continues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    pub sequence: u64,
    pub hash: String,
}

impl Default for Head {
    fn default() -> Self {
        Self { sequence: 0, hash: GENESIS.to_owned() }
    }
}

/// What happened, before it has a place in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    pub event_id: EventId,
    pub action: String,
    pub severity: Severity,
    pub resource: String,
    pub correlation_id: String,
    pub after: String,
    pub at: Timestamp,
}

impl Head {
    /// Adds a fact: the entry, and the chain's new end.
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
    /// Every field but the hash itself, each with its length before it, so that no two entries read alike.
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

/// Where a chain, read from its start, is broken: the sequence number that should have been there and right.
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
