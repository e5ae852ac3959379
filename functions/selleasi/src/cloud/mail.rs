//! SES: mails go to the mailbox, where the person who tries the product out reads them.

use std::{
    collections::VecDeque,
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Write},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Cloud, Reply, refused};

/// Mails that are shown; older ones are only in the file.
const SHOWN_MAX: usize = 10_000;

/// A mail that was sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Mail {
    /// In milliseconds since 1970.
    pub(crate) sent_ms: i64,
    pub(crate) to: Vec<String>,
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

/// The mails, in a file with a line of JSON for each. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Mailbox(Arc<Mutex<Contents>>);

#[derive(Debug)]
struct Contents {
    file: File,
    mails: VecDeque<Mail>,
}

impl Mailbox {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).read(true).open(path)?;
        let mut mails = VecDeque::new();
        for line in BufReader::new(&file).lines() {
            // A line may be cut off where the process ended.
            if let Ok(mail) = serde_json::from_str(&line?) {
                mails.push_back(mail);
            }
        }
        let skip = mails.len().saturating_sub(SHOWN_MAX);
        mails.drain(..skip);
        Ok(Self(Arc::new(Mutex::new(Contents { file, mails }))))
    }

    fn put(&self, mail: Mail) -> io::Result<()> {
        let mut contents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut line = serde_json::to_vec(&mail)?;
        line.push(b'\n');
        contents.file.write_all(&line)?;
        if contents.mails.len() == SHOWN_MAX {
            contents.mails.pop_front();
        }
        contents.mails.push_back(mail);
        Ok(())
    }

    /// Oldest first.
    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).mails.iter().cloned().collect()
    }
}

impl Cloud {
    #[expect(clippy::unused_async, reason = "an SMTP server is waited for")]
    pub(super) async fn send_email(&self, body: &[u8]) -> Reply {
        let request: Value = serde_json::from_slice(body).unwrap_or_default();
        let simple = &request["Content"]["Simple"];
        let text = |value: &Value| value["Data"].as_str().unwrap_or_default().to_owned();
        let to = request["Destination"]["ToAddresses"].as_array().into_iter().flatten();
        let mail = Mail {
            sent_ms: self.now_ms(),
            to: to.filter_map(|address| address.as_str().map(str::to_owned)).collect(),
            subject: text(&simple["Subject"]),
            text: text(&simple["Body"]["Text"]),
            html: text(&simple["Body"]["Html"]),
        };
        if mail.to.is_empty() {
            return refused("BadRequestException", "there is no recipient");
        }
        match self.mailbox().put(mail) {
            Ok(()) => (200, json!({ "MessageId": crate::random_id() }).to_string()),
            Err(error) => {
                tracing::error!(%error, "the mailbox cannot be written");
                (500, json!({ "message": "the mailbox cannot be written" }).to_string())
            }
        }
    }
}
