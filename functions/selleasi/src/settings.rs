//! Settings: a TOML file, and over it the environment. `selleasi.example.toml` has all of them with their defaults.

use std::{collections::BTreeMap, fs, net::SocketAddr, path::Path};

use embedded::Durability;
use runtime::Config;
use serde::Deserialize;

use crate::cloud::QUEUE_URLS;

/// The environment of the process, in the names of tables, queues and secrets.
pub(crate) const ENVIRONMENT: &str = "local";
/// Settings in the environment: `SELLEASI_SET_LISTEN` is `listen`, `SELLEASI_SET_PAYSTACK__SECRET_KEY` is `secret_key`
/// in `[paystack]`.
const VARIABLES: &str = "SELLEASI_SET_";

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// Where clients are served.
    pub(crate) listen: SocketAddr,
    /// Whether a proxy in front adds the client's address to `X-Forwarded-For`; its last entry is believed then.
    pub(crate) behind_proxy: bool,
    /// Where the operator reads the mailbox and the metrics, and calls functions. On this machine only.
    pub(crate) operator: SocketAddr,
    /// The address that clients use.
    pub(crate) public_url: String,
    /// Stores are at `<slug>.<base domain>`.
    pub(crate) base_domain: String,
    /// Origins of pages that may call the API; `*` for all.
    pub(crate) cors_origins: Vec<String>,
    /// The sender of mails.
    pub(crate) mail_from: String,
    /// `full` or `relaxed`.
    pub(crate) durability: Durability,
    /// Seconds between two looks for timers that are due.
    pub(crate) timers_every_s: u64,
    /// Seconds after which an open payment is asked about again; the last one repeats.
    pub(crate) reconcile_schedule_s: Vec<u32>,
    /// How many times the usual rate limits a client has; 0 for none at all.
    pub(crate) client_rate_factor: u32,
    /// Seconds between two tries of a message at the most.
    pub(crate) retry_longest_s: u32,
    /// The payment provider.
    pub(crate) paystack: Paystack,
    /// The server that mails go to; without it they are kept in the mailbox.
    pub(crate) smtp: Option<Smtp>,
}

#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Smtp {
    /// `smtps://user:password@host`, or `smtp://host?tls=required`.
    pub(crate) url: String,
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Smtp")
    }
}

#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Paystack {
    /// The base of Paystack's API.
    pub(crate) base_url: String,
    /// The secret key of the account.
    pub(crate) secret_key: String,
}

impl std::fmt::Debug for Paystack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Paystack").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

/// The sandbox Paystack of this machine, which takes this key and is nobody's secret.
impl Default for Paystack {
    fn default() -> Self {
        Self { base_url: "http://127.0.0.1:8010".to_owned(), secret_key: "sk_test_local_sandbox".to_owned() }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8000)),
            behind_proxy: false,
            operator: SocketAddr::from(([127, 0, 0, 1], 8001)),
            public_url: "http://localhost:8000".to_owned(),
            base_domain: "localhost".to_owned(),
            cors_origins: vec!["http://localhost:3000".to_owned()],
            mail_from: "SellEasi <no-reply@selleasi.test>".to_owned(),
            durability: Durability::Full,
            timers_every_s: 1,
            reconcile_schedule_s: vec![60, 300, 900, 3_600],
            client_rate_factor: 1,
            retry_longest_s: 900,
            paystack: Paystack::default(),
            smtp: None,
        }
    }
}

/// The settings cannot be read, or are wrong. Names the setting.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Wrong(String);

impl Settings {
    /// From a file, if there is one, and from variables of the environment.
    ///
    /// # Errors
    /// [`Wrong`].
    pub(crate) fn load(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Wrong> {
        let mut table = match file {
            None => toml::Table::new(),
            Some(path) => {
                let shown = path.display();
                let text = fs::read_to_string(path).map_err(|error| Wrong(format!("{shown}: {error}")))?;
                text.parse().map_err(|error| Wrong(format!("{shown}: {error}")))?
            }
        };
        let variables: BTreeMap<_, _> = variables.into_iter().collect();
        for (name, text) in &variables {
            if let Some(setting) = name.strip_prefix(VARIABLES) {
                set(&mut table, &setting.to_lowercase(), text);
            }
        }
        let settings: Self = table.try_into().map_err(|error| Wrong(format!("the settings are not right: {error}")))?;
        settings.checked()
    }

    fn checked(self) -> Result<Self, Wrong> {
        if !self.operator.ip().is_loopback() {
            return Err(Wrong(format!("operator: {} is not an address of this machine alone", self.operator)));
        }
        if self.timers_every_s == 0 {
            return Err(Wrong("timers_every_s: expected 1 or more".to_owned()));
        }
        if self.reconcile_schedule_s.is_empty() || self.reconcile_schedule_s.contains(&0) {
            return Err(Wrong("reconcile_schedule_s: expected numbers of 1 or more".to_owned()));
        }
        Ok(self)
    }

    /// The configuration of a function, as its template sets it.
    pub(crate) fn config(&self, function: &str) -> Config {
        let secret = |name: &str| secret_name(name);
        let queue_url_prefix = format!("{QUEUE_URLS}{}", prefix());
        Config {
            environment: ENVIRONMENT.to_owned(),
            base_domain: self.base_domain.clone(),
            public_base_url: self.public_url.clone(),
            mail_from: self.mail_from.clone(),
            event_bus: "selleasi".to_owned(),
            paystack_base_url: self.paystack.base_url.clone(),
            token_keys_secret: secret("token-keys"),
            signing_key_secret: secret("signing-key"),
            cursor_key_secret: secret("cursor-key"),
            paystack_secret: secret("paystack"),
            queue_url: format!("{queue_url_prefix}{function}"),
            dead_letters_url: format!("{queue_url_prefix}{function}-dlq"),
            queue_url_prefix,
            reconcile_schedule_s: self.reconcile_schedule_s.clone(),
            retry_longest_s: Some(self.retry_longest_s),
            client_rate_factor: self.client_rate_factor,
            // One machine has one clock.
            clock_skew_max_s: 0,
            function_name: String::new(),
        }
    }
}

/// What the names of tables and queues begin with.
pub(crate) fn prefix() -> String {
    Config { environment: ENVIRONMENT.to_owned(), ..Config::default() }.table_prefix()
}

/// The name of a secret.
pub(crate) fn secret_name(name: &str) -> String {
    format!("selleasi/{ENVIRONMENT}/{name}")
}

/// A value as TOML where it can be read as one, and as text otherwise.
fn set(table: &mut toml::Table, setting: &str, text: &str) {
    if let Some((section, rest)) = setting.split_once("__") {
        let inner = table.entry(section).or_insert_with(|| toml::Table::new().into());
        if let Some(inner) = inner.as_table_mut() {
            set(inner, rest, text);
        }
        return;
    }
    let read: Option<toml::Value> =
        format!("value = {text}").parse::<toml::Table>().ok().and_then(|mut one| one.remove("value"));
    table.insert(setting.to_owned(), read.unwrap_or_else(|| text.into()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Result<Settings, Wrong> {
        Settings::load(None, variables.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())))
    }

    #[test]
    fn the_environment_is_over_the_file_and_the_file_over_the_defaults() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("selleasi.toml");
        fs::write(
            &path,
            "base_domain = \"shops.example\"\nmail_from = \"a@b.example\"\n[paystack]\nsecret_key = \"sk\"\n",
        )
        .unwrap();
        let variables = [
            ("SELLEASI_SET_BASE_DOMAIN", "market.example"),
            ("SELLEASI_SET_RETRY_LONGEST_S", "10"),
            ("SELLEASI_SET_PAYSTACK__BASE_URL", "http://127.0.0.1:1"),
            ("SELLEASI_SET_RECONCILE_SCHEDULE_S", "[1, 2]"),
            ("SELLEASI_PORT", "another program's"),
        ];
        let variables = variables.map(|(name, text)| (name.to_owned(), text.to_owned()));
        let settings = Settings::load(Some(&path), variables).unwrap();
        let wanted = Settings {
            base_domain: "market.example".into(),
            mail_from: "a@b.example".into(),
            retry_longest_s: 10,
            reconcile_schedule_s: vec![1, 2],
            paystack: Paystack { base_url: "http://127.0.0.1:1".into(), secret_key: "sk".into() },
            ..Settings::default()
        };
        assert_eq!(settings, wanted);
    }

    #[test]
    fn the_example_shows_every_setting_with_its_default() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("selleasi.example.toml");
        assert_eq!(Settings::load(Some(&path), []).unwrap(), Settings::default());
        let text = fs::read_to_string(path).unwrap();
        let settings = format!("{:?}", Settings::default());
        for name in settings.split([' ', '{']).filter_map(|word| word.strip_suffix(':')) {
            assert!(text.contains(&format!("{name} = ")) || text.contains(&format!("[{name}]")), "{name}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (name, text, told) in [
            ("SELLEASI_SET_LISTEN", "here", "listen"),
            ("SELLEASI_SET_LISTENS", "127.0.0.1:1", "listens"),
            ("SELLEASI_SET_OPERATOR", "0.0.0.0:8001", "operator"),
            ("SELLEASI_SET_TIMERS_EVERY_S", "0", "timers_every_s"),
            ("SELLEASI_SET_DURABILITY", "some", "durability"),
        ] {
            let error = with(&[(name, text)]).unwrap_err().to_string();
            assert!(error.contains(told), "{name}={text}: {error}");
        }
    }
}
