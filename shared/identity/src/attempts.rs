//! Counting attempts for an e-mail address: wrong passwords, and codes that are sent. What is counted is read before the
//! attempt and written at that version with its result, so attempts made at once are not more attempts.

use contracts::problems;
use domain::{
    SessionId, Timestamp,
    attempts::{Attempts, Counted},
    client::network,
};
use runtime::{Deps, Problem};
use store::{EmailAttempts, Key, StoreError, Tx, Versioned, db::Found, keys};

use crate::password::hash_secret;

/// What is counted for an e-mail address, and the client that makes the next attempt.
#[derive(Debug, Clone)]
pub struct Counter {
    record: EmailAttempts,
    version: Option<u64>,
    client: String,
    is_known: bool,
}

impl Counter {
    /// The counter of an address with what was found of it, for the client at an IP address.
    pub fn new(found: Option<Versioned<EmailAttempts>>, counted: Counted, email: &str, source_ip: &str) -> Self {
        Self::of(found, counted, email, client_at(email, source_ip), false)
    }

    /// The same, for a client that is known if it signed in lately, as `passwords` has it: strangers who ask for codes do
    /// not hold it up.
    pub fn knowing(self, passwords: Option<&EmailAttempts>, now: Timestamp) -> Self {
        let is_known = passwords.is_some_and(|passwords| passwords.attempts.know(&self.client, now));
        Self { is_known: self.is_known || is_known, ..self }
    }

    /// The counter of passwords with what was found of it, for whoever is signed in. Attempts are counted by session, and
    /// what others guess elsewhere holds nobody up who is signed in.
    pub fn in_session(found: Option<Versioned<EmailAttempts>>, email: &str, session: SessionId) -> Self {
        Self::of(found, Counted::Passwords, email, session.to_string(), true)
    }

    /// Reads the counter of the codes for an address, and whether the client at an IP address is known. One batched read.
    ///
    /// # Errors
    /// [`StoreError`]: the call failed, or an item cannot be read.
    pub async fn of_codes(deps: &Deps, email: &str, source_ip: &str) -> Result<Self, StoreError> {
        let mut found = deps.db.batch_get(&Self::keys(email, Counted::Codes)).await?;
        Self::found(&mut found, Counted::Codes, email, source_ip, deps.now())
    }

    /// The keys of what [`Counter::found`] takes.
    pub(crate) fn keys(email: &str, counted: Counted) -> Vec<Key> {
        let mut keys = vec![keys::attempts(email, counted)];
        if counted != Counted::Passwords {
            keys.push(keys::attempts(email, Counted::Passwords));
        }
        keys
    }

    /// The counter of an address out of a batched read of its keys, and whether the client at an IP address is known.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if an item cannot be read.
    pub(crate) fn found(
        found: &mut Found,
        counted: Counted,
        email: &str,
        source_ip: &str,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let counter = Self::new(found.take(&keys::attempts(email, counted))?, counted, email, source_ip);
        let passwords = found.take::<EmailAttempts>(&keys::attempts(email, Counted::Passwords))?;
        Ok(counter.knowing(passwords.as_ref().map(|passwords| &passwords.value), now))
    }

    fn of(
        found: Option<Versioned<EmailAttempts>>,
        counted: Counted,
        email: &str,
        client: String,
        is_known: bool,
    ) -> Self {
        let version = found.as_ref().map(|found| found.version);
        let none = || EmailAttempts { email: email.to_owned(), counted, attempts: Attempts::default() };
        Self { record: found.map_or_else(none, |found| found.value), version, client, is_known }
    }

    /// One attempt more, to be written if it fails.
    ///
    /// # Errors
    /// 429 `too_soon`, with `Retry-After`.
    pub fn one_more(&self, now: Timestamp) -> Result<EmailAttempts, Problem> {
        let (attempts, counted) = (self.record.attempts.clone(), self.record.counted);
        let attempts = attempts.one_more(counted, &self.client, self.is_known, now);
        let attempts = attempts.map_err(|wait_s| too_soon(counted, wait_s))?;
        Ok(EmailAttempts { attempts, ..self.record.clone() })
    }

    /// The client is known from now on; to be written if the attempt succeeds.
    pub fn trusting(&self, now: Timestamp) -> EmailAttempts {
        EmailAttempts { attempts: self.record.attempts.clone().trusting(&self.client, now), ..self.record.clone() }
    }

    /// The password is another: nobody but this client is known, and no wrong passwords are remembered.
    pub fn starting_over(&self, now: Timestamp) -> EmailAttempts {
        EmailAttempts { attempts: Attempts::default().trusting(&self.client, now), ..self.record.clone() }
    }

    /// Writes `next`; refused if another attempt was counted since.
    pub fn write(&self, tx: &mut Tx, next: &EmailAttempts) {
        tx.save((), next, self.version);
    }

    /// Writes what was counted before, after `next` was committed in vain.
    pub async fn give_back(&self, deps: &Deps) {
        let mut tx = deps.tx();
        tx.update((), &self.record, self.version.unwrap_or(0) + 1);
        // If this fails, the attempt stays counted.
        let _ = deps.db.commit(tx).await;
    }
}

fn too_soon(counted: Counted, wait_s: i64) -> Problem {
    let detail = match counted {
        Counted::Passwords => "too many wrong passwords for this e-mail address; wait, or reset the password",
        Counted::Codes => "too many codes were sent to this e-mail address; wait before you ask for another one",
    };
    Problem::new(&problems::TOO_SOON, detail).retry_after_s(wait_s)
}

/// What a client is recognised by: a hash of its network, so that no IP addresses are kept.
fn client_at(email: &str, source_ip: &str) -> String {
    hash_secret(email, &network(source_ip))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_its_network() {
        let email = "ada@example.com";
        assert_eq!(client_at(email, "2001:db8:1:2::1"), client_at(email, "2001:db8:1:2:ffff::2"));
        assert_ne!(client_at(email, "2001:db8:1:2::1"), client_at(email, "2001:db8:1:3::1"));
        assert_ne!(client_at(email, "192.0.2.1"), client_at(email, "192.0.2.2"));
        assert_ne!(client_at(email, "192.0.2.1"), client_at("eve@example.com", "192.0.2.1"));
    }
}
