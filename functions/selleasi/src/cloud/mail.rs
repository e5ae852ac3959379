//! SES: mails go to an SMTP server where the settings name one, and otherwise into the mailbox, where the person who tries
//! the product out reads them.

use std::{
    collections::VecDeque,
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor, message::MultiPart};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Cloud, Reply, refused};

/// Mails that are shown; older ones are only in the file.
const SHOWN_MAX: usize = 10_000;

/// How long an SMTP server may take for each of its answers.
const SMTP_WITHIN: Duration = Duration::from_secs(10);

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
        let file = OpenOptions::new().create(true).append(true).read(true).mode(0o600).open(path)?;
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

/// Where mails go.
#[derive(Clone)]
pub(crate) enum Post {
    /// The mailbox.
    Kept(Mailbox),
    /// An SMTP server.
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
}

impl Post {
    /// The SMTP server at a URL: `smtps://user:password@host`.
    ///
    /// # Errors
    /// The URL is none of SMTP's.
    pub(crate) fn smtp(url: &str) -> Result<Self, lettre::transport::smtp::Error> {
        Ok(Self::Smtp(AsyncSmtpTransport::<Tokio1Executor>::from_url(url)?.timeout(Some(SMTP_WITHIN)).build()))
    }
}

impl Cloud {
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
        let sent = match &self.0.post {
            Post::Kept(mailbox) => mailbox.put(mail).map_err(|error| Unsent::Later(error.to_string())),
            Post::Smtp(server) => send(server, request["FromEmailAddress"].as_str().unwrap_or_default(), &mail).await,
        };
        match sent {
            Ok(()) => (200, json!({ "MessageId": crate::random_id() }).to_string()),
            Err(Unsent::Never(reason)) => {
                tracing::warn!(reason, "a mail was refused");
                refused("MessageRejected", "the mail was refused")
            }
            Err(Unsent::Later(reason)) => {
                tracing::error!(reason, "a mail could not be sent");
                (500, json!({ "message": "the mail could not be sent" }).to_string())
            }
        }
    }
}

/// Why a mail was not sent. The reasons name no addresses.
enum Unsent {
    /// It never will be: its content or its recipient is refused.
    Never(String),
    /// It may be, later; or it was, and the answer was lost.
    Later(String),
}

async fn send(server: &AsyncSmtpTransport<Tokio1Executor>, from: &str, mail: &Mail) -> Result<(), Unsent> {
    let address =
        |text: &str| text.parse::<lettre::message::Mailbox>().map_err(|_| Unsent::Never("not an address".to_owned()));
    let mut message = Message::builder().from(address(from)?).subject(&mail.subject);
    for to in &mail.to {
        message = message.to(address(to)?);
    }
    let body = MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone());
    let message = message.multipart(body).map_err(|error| Unsent::Never(error.to_string()))?;
    match server.send(message).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_permanent() => Err(Unsent::Never(status(&error))),
        Err(error) => Err(Unsent::Later(status(&error))),
    }
}

/// The server's status, without its words, which may quote addresses.
fn status(error: &lettre::transport::smtp::Error) -> String {
    error.status().map_or_else(|| "no answer".to_owned(), |code| code.to_string())
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;

    fn mail() -> Mail {
        Mail {
            sent_ms: 0,
            to: vec!["chi@example.com".to_owned()],
            subject: "Your order ✓".to_owned(),
            text: "Paid.".to_owned(),
            html: "<p>Paid.</p>".to_owned(),
        }
    }

    /// An SMTP server for one mail, which says `verdict` to its recipient; gives back what it was told.
    fn server(verdict: &'static str) -> (String, thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let told = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            stream.write_all(b"220 ready\r\n").unwrap();
            let (mut told, mut in_data) = (vec![], false);
            for line in lines {
                let Ok(line) = line else { break };
                let answer = match line.split(' ').next().unwrap_or_default() {
                    "." if in_data => "250 taken",
                    _ if in_data => "",
                    "RCPT" => verdict,
                    "DATA" => "354 go on",
                    "QUIT" => "221 bye",
                    _ => "250 fine",
                };
                in_data = answer.starts_with("354") || (in_data && answer.is_empty());
                told.push(line);
                let is_gone = !answer.is_empty() && stream.write_all(format!("{answer}\r\n").as_bytes()).is_err();
                // The client keeps the connection for the next mail.
                if is_gone || answer == "250 taken" {
                    break;
                }
            }
            told
        });
        (url, told)
    }

    async fn sent(verdict: &'static str) -> (Result<(), Unsent>, Vec<String>) {
        let (url, told) = server(verdict);
        let Post::Smtp(server) = Post::smtp(&url).unwrap() else { panic!("no server") };
        let outcome = send(&server, "SellEasi <shop@example.com>", &mail()).await;
        drop(server);
        (outcome, told.join().unwrap())
    }

    #[tokio::test]
    async fn a_mail_goes_to_the_server_that_the_settings_name() {
        let (outcome, told) = sent("250 fine").await;
        assert!(outcome.is_ok());
        for line in ["MAIL FROM:<shop@example.com>", "RCPT TO:<chi@example.com>", "To: chi@example.com"] {
            assert!(told.iter().any(|told| told.starts_with(line)), "{line}: {told:?}");
        }
        assert!(told.iter().any(|line| line.contains("multipart/alternative")), "{told:?}");
    }

    #[tokio::test]
    async fn a_server_that_refuses_for_good_is_not_asked_again() {
        assert!(matches!(sent("550 no such person").await.0, Err(Unsent::Never(_))));
        assert!(matches!(sent("451 come again").await.0, Err(Unsent::Later(_))));
        let nobody = Post::smtp("smtp://127.0.0.1:1").unwrap();
        let Post::Smtp(nobody) = nobody else { panic!("no server") };
        assert!(matches!(send(&nobody, "shop@example.com", &mail()).await, Err(Unsent::Later(_))));
        assert!(matches!(send(&nobody, "no address", &mail()).await, Err(Unsent::Never(_))));
    }

    #[test]
    fn a_mailbox_keeps_its_mails_and_gets_over_a_line_that_was_cut_off() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mails.jsonl");
        Mailbox::open(&path).unwrap().put(mail()).unwrap();
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"sent_ms\": 1, \"to\n").unwrap();
        let again = Mailbox::open(&path).unwrap();
        again.put(mail()).unwrap();
        assert_eq!(Mailbox::open(&path).unwrap().mails().len(), 2);
    }
}
