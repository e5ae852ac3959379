//! Queues, with what SQS has of them: delays, visibility, receive counts and dead letters. They are in the database of
//! the items, so that what is written after a message is never on disk without it.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

/// The end of the name of a queue's dead-letter queue.
pub const DEAD_LETTERS: &str = "-dlq";

/// A message to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// The text.
    pub body: String,
    /// Why it is a dead letter; empty otherwise.
    pub reason: String,
    /// Milliseconds until it can be received.
    pub delay_ms: i64,
}

impl NewMessage {
    /// A message that can be received at once.
    pub fn now(body: impl Into<String>) -> Self {
        Self { body: body.into(), reason: String::new(), delay_ms: 0 }
    }
}

/// A message that was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its number, which no other has.
    pub id: i64,
    /// The text.
    pub body: String,
    /// Why it is a dead letter; empty otherwise.
    pub reason: String,
    /// When it was first sent, in milliseconds since 1970. A dead letter keeps this time.
    pub sent_ms: i64,
    /// How often it was received, this time included.
    pub receives: u32,
}

impl Message {
    /// What the receiver shows to delete the message or to change when it comes again. Another one for each receive.
    pub fn receipt(&self) -> String {
        format!("{}-{}", self.id, self.receives)
    }
}

/// How a queue gives its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Milliseconds until a message that was received and not deleted comes again.
    pub visibility_ms: i64,
    /// A message received so often is moved to the dead letters instead of being given again; `None` for a queue without
    /// dead letters.
    pub receives_max: Option<u32>,
}

/// What a receive gave.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// The messages, in the order in which they became visible.
    pub messages: Vec<Message>,
    /// How many became dead letters instead.
    pub dead: usize,
}

/// What is in a queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Depth {
    /// Messages that can be received now.
    pub visible: u32,
    /// Messages that were received and not deleted yet.
    pub in_flight: u32,
    /// Messages that wait for their time.
    pub delayed: u32,
    /// When the oldest was sent, in milliseconds since 1970.
    pub oldest_sent_ms: Option<i64>,
}

pub(crate) fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS message (
           id INTEGER PRIMARY KEY AUTOINCREMENT,
           queue TEXT NOT NULL,
           body TEXT NOT NULL,
           reason TEXT NOT NULL,
           sent_ms INTEGER NOT NULL,
           visible_ms INTEGER NOT NULL,
           receives INTEGER NOT NULL DEFAULT 0,
           is_in_flight INTEGER NOT NULL DEFAULT 0
         );
         CREATE INDEX IF NOT EXISTS message_in_turn ON message (queue, visible_ms, id);",
    )
}

pub(crate) fn send(connection: &Connection, queue: &str, message: &NewMessage, now_ms: i64) -> rusqlite::Result<i64> {
    let sql = "INSERT INTO message (queue, body, reason, sent_ms, visible_ms) VALUES (?1, ?2, ?3, ?4, ?5)";
    let visible_ms = now_ms + message.delay_ms;
    connection.prepare_cached(sql)?.insert(params![queue, message.body, message.reason, now_ms, visible_ms])
}

pub(crate) fn receive(
    connection: &Connection,
    queue: &str,
    at_most: usize,
    terms: Terms,
    now_ms: i64,
) -> rusqlite::Result<Received> {
    let sql = "SELECT id, body, reason, sent_ms, receives FROM message WHERE queue = ?1 AND visible_ms <= ?2
               ORDER BY visible_ms, id LIMIT ?3";
    let mut select = connection.prepare_cached(sql)?;
    let found = select.query_map(params![queue, now_ms, i64::try_from(at_most).unwrap_or(i64::MAX)], |row| {
        Ok(Message {
            id: row.get(0)?,
            body: row.get(1)?,
            reason: row.get(2)?,
            sent_ms: row.get(3)?,
            receives: row.get::<_, u32>(4)?.saturating_add(1),
        })
    })?;
    let mut received = Received::default();
    for message in found.collect::<rusqlite::Result<Vec<_>>>()? {
        if terms.receives_max.is_some_and(|max| message.receives > max) {
            let sql = "UPDATE message SET queue = ?2, visible_ms = ?3, receives = 0, is_in_flight = 0 WHERE id = ?1";
            connection.prepare_cached(sql)?.execute(params![message.id, format!("{queue}{DEAD_LETTERS}"), now_ms])?;
            received.dead += 1;
            continue;
        }
        let sql = "UPDATE message SET visible_ms = ?2, receives = ?3, is_in_flight = 1 WHERE id = ?1";
        let again_ms = now_ms + terms.visibility_ms;
        connection.prepare_cached(sql)?.execute(params![message.id, again_ms, message.receives])?;
        received.messages.push(message);
    }
    Ok(received)
}

/// The parts of a receipt: the message and how often it had been received.
fn parse(receipt: &str) -> Option<(i64, u32)> {
    let (id, receives) = receipt.split_once('-')?;
    Some((id.parse().ok()?, receives.parse().ok()?))
}

/// Whether there was such a message. One that came again since then is left alone.
pub(crate) fn delete(connection: &Connection, queue: &str, receipt: &str) -> rusqlite::Result<bool> {
    let Some((id, receives)) = parse(receipt) else { return Ok(false) };
    let sql = "DELETE FROM message WHERE id = ?1 AND queue = ?2 AND receives = ?3";
    Ok(connection.prepare_cached(sql)?.execute(params![id, queue, receives])? > 0)
}

pub(crate) fn hold_back(
    connection: &Connection,
    queue: &str,
    receipt: &str,
    wait_ms: i64,
    now_ms: i64,
) -> rusqlite::Result<bool> {
    let Some((id, receives)) = parse(receipt) else { return Ok(false) };
    let sql = "UPDATE message SET visible_ms = ?4, is_in_flight = 0 WHERE id = ?1 AND queue = ?2 AND receives = ?3";
    Ok(connection.prepare_cached(sql)?.execute(params![id, queue, receives, now_ms + wait_ms])? > 0)
}

/// Lets everything that was in flight come again at once: who had it is gone.
pub(crate) fn return_in_flight(connection: &Connection, now_ms: i64) -> rusqlite::Result<usize> {
    connection.execute("UPDATE message SET visible_ms = ?1, is_in_flight = 0 WHERE is_in_flight = 1", [now_ms])
}

/// When the next message of a queue can be received; `None` if it is empty.
pub(crate) fn next_visible_ms(connection: &Connection, queue: &str) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT visible_ms FROM message WHERE queue = ?1 ORDER BY visible_ms LIMIT 1";
    connection.prepare_cached(sql)?.query_row([queue], |row| row.get(0)).optional()
}

pub(crate) fn depths(connection: &Connection, now_ms: i64) -> rusqlite::Result<BTreeMap<String, Depth>> {
    let sql = "SELECT queue, SUM(visible_ms <= ?1), SUM(visible_ms > ?1 AND is_in_flight),
                      SUM(visible_ms > ?1 AND NOT is_in_flight), MIN(sent_ms) FROM message GROUP BY queue";
    let mut select = connection.prepare_cached(sql)?;
    let rows = select.query_map([now_ms], |row| {
        let depth =
            Depth { visible: row.get(1)?, in_flight: row.get(2)?, delayed: row.get(3)?, oldest_sent_ms: row.get(4)? };
        Ok((row.get(0)?, depth))
    })?;
    rows.collect()
}

/// Removes what was sent before `sent_ms`. Returns how many.
pub(crate) fn forget(connection: &Connection, sent_ms: i64) -> rusqlite::Result<usize> {
    connection.execute("DELETE FROM message WHERE sent_ms < ?1", [sent_ms])
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms = Terms { visibility_ms: 1_000, receives_max: Some(2) };

    fn queues() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        create(&connection).unwrap();
        connection
    }

    fn bodies(received: &Received) -> Vec<&str> {
        received.messages.iter().map(|message| message.body.as_str()).collect()
    }

    #[test]
    fn a_message_is_out_of_sight_while_it_is_worked_on_and_comes_again_until_it_is_deleted() {
        let db = queues();
        send(&db, "a", &NewMessage::now("one"), 0).unwrap();
        send(&db, "a", &NewMessage { delay_ms: 5, ..NewMessage::now("two") }, 0).unwrap();
        send(&db, "b", &NewMessage::now("other"), 0).unwrap();
        let first = receive(&db, "a", 10, TERMS, 0).unwrap();
        assert_eq!(bodies(&first), ["one"]);
        assert_eq!(bodies(&receive(&db, "a", 10, TERMS, 5).unwrap()), ["two"]);
        assert_eq!(receive(&db, "a", 10, TERMS, 999).unwrap(), Received::default());
        assert_eq!(next_visible_ms(&db, "a").unwrap(), Some(1_000));
        let again = receive(&db, "a", 10, TERMS, 1_000).unwrap();
        assert_eq!((bodies(&again), again.messages[0].receives, again.messages[0].sent_ms), (vec!["one"], 2, 0));
        // Who had it first is too late.
        assert!(!delete(&db, "a", &first.messages[0].receipt()).unwrap());
        assert!(!delete(&db, "b", &again.messages[0].receipt()).unwrap(), "of another queue");
        assert!(delete(&db, "a", &again.messages[0].receipt()).unwrap());
        assert_eq!(next_visible_ms(&db, "a").unwrap(), Some(1_005));
    }

    #[test]
    fn what_is_held_back_comes_when_it_was_told_to() {
        let db = queues();
        send(&db, "a", &NewMessage::now("one"), 0).unwrap();
        let receipt = receive(&db, "a", 1, TERMS, 0).unwrap().messages[0].receipt();
        assert!(hold_back(&db, "a", &receipt, 9_000, 10).unwrap());
        let depth = depths(&db, 10).unwrap()["a"];
        assert_eq!(depth, Depth { visible: 0, in_flight: 0, delayed: 1, oldest_sent_ms: Some(0) });
        assert_eq!(receive(&db, "a", 1, TERMS, 9_009).unwrap(), Received::default());
        assert_eq!(bodies(&receive(&db, "a", 1, TERMS, 9_010).unwrap()), ["one"]);
        assert!(!hold_back(&db, "a", &receipt, 0, 9_010).unwrap(), "it was received once more since");
    }

    #[test]
    fn what_came_too_often_is_a_dead_letter_with_the_time_it_was_sent_at() {
        let db = queues();
        send(&db, "a", &NewMessage::now("one"), 7).unwrap();
        for times in 1..=2 {
            assert_eq!(receive(&db, "a", 1, TERMS, times * 10_000).unwrap().messages.len(), 1);
        }
        assert_eq!(receive(&db, "a", 1, TERMS, 30_000).unwrap(), Received { messages: vec![], dead: 1 });
        let terms = Terms { receives_max: None, ..TERMS };
        for times in 4..10 {
            let letters = receive(&db, "a-dlq", 1, terms, times * 10_000).unwrap().messages;
            assert_eq!((letters[0].sent_ms, letters[0].receives), (7, u32::try_from(times).unwrap() - 3));
        }
    }

    #[test]
    fn what_was_in_flight_when_the_process_ended_comes_at_once_and_what_was_held_back_does_not() {
        let db = queues();
        for body in ["in flight", "held back", "waiting"] {
            send(&db, "a", &NewMessage::now(body), 0).unwrap();
        }
        let taken = receive(&db, "a", 2, TERMS, 0).unwrap().messages;
        hold_back(&db, "a", &taken[1].receipt(), 60_000, 0).unwrap();
        assert_eq!(return_in_flight(&db, 1).unwrap(), 1);
        let mut now = bodies(&receive(&db, "a", 9, TERMS, 1).unwrap()).join(", ");
        now.push('.');
        assert_eq!(now, "waiting, in flight.");
    }

    #[test]
    fn what_is_older_than_queues_keep_anything_is_forgotten() {
        let db = queues();
        send(&db, "a", &NewMessage::now("one"), 0).unwrap();
        send(&db, "a", &NewMessage::now("two"), 1).unwrap();
        assert_eq!(forget(&db, 1).unwrap(), 1);
        assert_eq!(bodies(&receive(&db, "a", 9, TERMS, 1).unwrap()), ["two"]);
    }
}
