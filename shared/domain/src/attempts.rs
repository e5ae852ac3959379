//! Attempts that are counted for an e-mail address, whether it has an account or not: wrong passwords, and codes that
//! were sent there. Guessing gets slow, and a stranger who guesses does not lock the owner out: each client has a smaller
//! limit of its own, and a client that once gave the right password is not held up by what others do.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::{Timestamp, time::after};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// Wrong passwords.
    Passwords,
    /// E-mails with a code. A code can be tried five times, so this also limits the guesses of codes.
    Codes,
}

impl Counted {
    /// The name in keys.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passwords => "passwords",
            Self::Codes => "codes",
        }
    }

    /// The limit of one client.
    const fn of_client(self) -> Pace {
        match self {
            Self::Passwords => Pace { burst: 10, every_s: 15 * 60 },
            Self::Codes => Pace { burst: 5, every_s: 4 * 3_600 },
        }
    }

    /// The limit of all unknown clients together.
    const fn of_all(self) -> Pace {
        match self {
            Self::Passwords => Pace { burst: 30, every_s: 10 * 60 },
            Self::Codes => Pace { burst: 12, every_s: 2 * 3_600 },
        }
    }
}

/// So many attempts at once, and then one more each time that so many seconds have passed.
#[derive(Debug, Clone, Copy)]
struct Pace {
    burst: u32,
    every_s: i64,
}

impl Pace {
    /// Takes one attempt of those that are complete again at `full_at`: when they are complete after that, or the seconds
    /// to wait.
    fn take(self, full_at: Timestamp, now: Timestamp) -> Result<Timestamp, i64> {
        let next = after(full_at.max(now), self.every_s);
        let wait = next.duration_since(now) - SignedDuration::from_secs(i64::from(self.burst) * self.every_s);
        if wait.is_positive() { Err(wait.as_secs() + i64::from(wait.subsec_nanos() > 0)) } else { Ok(next) }
    }
}

/// Attempts of all clients for one e-mail address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempts {
    /// When the attempts of all unknown clients together are complete again.
    pub full_at: Timestamp,
    /// The clients, the one that was seen last at the end.
    pub clients: Vec<Client>,
}

/// The attempts of one client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// What the client is recognised by.
    pub id: String,
    /// When its attempts are complete again.
    pub full_at: Timestamp,
    /// Until when it counts as known, because it gave the right password or code.
    pub known_until: Timestamp,
}

/// Clients that are kept; of more, unknown ones are forgotten first.
const CLIENTS_MAX: usize = 20;
/// How long a client counts as known.
const KNOWN_S: i64 = 30 * 24 * 3_600;

impl Attempts {
    /// Counts one attempt of a client, which may be known for other reasons than an earlier success.
    ///
    /// # Errors
    /// The seconds to wait, if there were too many.
    pub fn one_more(mut self, counted: Counted, client: &str, is_known: bool, now: Timestamp) -> Result<Self, i64> {
        let mut client = self.take_client(client);
        client.full_at = counted.of_client().take(client.full_at, now)?;
        if !is_known && client.known_until <= now {
            self.full_at = counted.of_all().take(self.full_at, now)?;
        }
        Ok(self.with(client, now))
    }

    /// A client gave the right password or code: it is known from now on, and its earlier attempts are forgotten.
    pub fn trusting(mut self, client: &str, now: Timestamp) -> Self {
        let client = Client { full_at: now, known_until: after(now, KNOWN_S), ..self.take_client(client) };
        self.with(client, now)
    }

    /// Whether the client gave the right password or code lately.
    pub fn know(&self, client: &str, now: Timestamp) -> bool {
        self.clients.iter().any(|known| known.id == client && known.known_until > now)
    }

    /// When nothing is left to remember.
    pub fn ends_at(&self) -> Timestamp {
        let clients = self.clients.iter().map(|client| client.full_at.max(client.known_until));
        clients.fold(self.full_at, Timestamp::max)
    }

    fn take_client(&mut self, id: &str) -> Client {
        let never = Timestamp::default();
        match self.clients.iter().position(|client| client.id == id) {
            Some(at) => self.clients.remove(at),
            None => Client { id: id.to_owned(), full_at: never, known_until: never },
        }
    }

    fn with(mut self, client: Client, now: Timestamp) -> Self {
        self.clients.retain(|client| client.full_at.max(client.known_until) > now);
        if self.clients.len() >= CLIENTS_MAX {
            let unknown = self.clients.iter().position(|client| client.known_until <= now);
            self.clients.remove(unknown.unwrap_or(0));
        }
        self.clients.push(client);
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;
    const DAY_S: i64 = 24 * 3_600;

    /// Attempts that pass within a day, if every client tries again as soon as it is let in.
    fn in_a_day(counted: Counted, clients: &[&str], from: Attempts) -> (usize, Attempts) {
        let (mut attempts, mut passed) = (from, 0);
        let mut next_s = vec![0; clients.len()];
        while let Some((which, at_s)) = next_s.iter().copied().enumerate().min_by_key(|(_, at_s)| *at_s) {
            if at_s >= DAY_S {
                break;
            }
            match attempts.clone().one_more(counted, clients[which], false, after(NOW, at_s)) {
                Ok(next) => {
                    attempts = next;
                    passed += 1;
                }
                Err(wait_s) => next_s[which] += wait_s,
            }
        }
        (passed, attempts)
    }

    #[test]
    fn codes_are_limited_to_tens_and_passwords_to_hundreds_a_day() {
        let many: Vec<String> = (0..100).map(|at| at.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(in_a_day(Counted::Codes, &["one"], Attempts::default()).0, 5 + 5);
        assert_eq!(in_a_day(Counted::Codes, &many, Attempts::default()).0, 12 + 11);
        assert_eq!(in_a_day(Counted::Passwords, &["one"], Attempts::default()).0, 10 + 95);
        assert_eq!(in_a_day(Counted::Passwords, &many, Attempts::default()).0, 30 + 143);
    }

    #[test]
    fn one_stranger_leaves_the_owner_attempts_and_many_do_not_hold_up_who_is_known() {
        let (_, after_one) = in_a_day(Counted::Codes, &["stranger"], Attempts::default());
        assert!(after_one.one_more(Counted::Codes, "owner", false, after(NOW, DAY_S)).is_ok());
        let strangers: Vec<String> = (0..100).map(|at| at.to_string()).collect();
        let strangers: Vec<&str> = strangers.iter().map(String::as_str).collect();
        let known = Attempts::default().trusting("owner", NOW);
        let (_, after_many) = in_a_day(Counted::Passwords, &strangers, known);
        let now = after(NOW, DAY_S - 1);
        assert!(after_many.clone().one_more(Counted::Passwords, "new", false, now).is_err());
        assert!(after_many.one_more(Counted::Passwords, "owner", false, now).is_ok());
    }

    proptest! {
        #[test]
        fn waiting_as_long_as_told_is_enough_and_a_second_less_is_not(
            times in prop::collection::vec((0_i64..3_600, 0_usize..3), 1..80),
            codes: bool,
        ) {
            let counted = if codes { Counted::Codes } else { Counted::Passwords };
            let (mut attempts, mut now) = (Attempts::default(), NOW);
            for (wait_s, client) in times {
                now = after(now, wait_s);
                let client = ["a", "b", "c"][client];
                match attempts.clone().one_more(counted, client, false, now) {
                    Ok(next) => attempts = next,
                    Err(wait_s) => {
                        // Both limits may be reached, one after the other.
                        let sooner = attempts.clone().one_more(counted, client, false, after(now, wait_s - 1));
                        prop_assert!(wait_s > 0 && sooner.is_err());
                    }
                }
                prop_assert!(attempts.ends_at() > now && attempts.clients.len() <= CLIENTS_MAX);
            }
        }
    }
}
