//! Configuration, read from the environment once, at boot. Nothing else reads the environment.

use contracts::row::Grant;
use domain::limits::CLOCK_SKEW_MAX_S;

/// A function's configuration, from the environment variables that the templates set. A variable that is not set gives
/// an empty text.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// `dev`, `prod`, `local`: part of the name of every resource.
    pub environment: String,
    /// The domain of all stores' host names: `<slug>.<base domain>`.
    pub base_domain: String,
    /// The API's public URL: the issuer and audience of tokens, and the base of links.
    pub public_base_url: String,
    /// The sender address of e-mails.
    pub mail_from: String,
    /// The name of the EventBridge bus.
    pub event_bus: String,
    /// The base URL of Paystack's API.
    pub paystack_base_url: String,
    /// Name of the secret with the public keys that verify tokens.
    pub token_keys_secret: String,
    /// Name of the secret with the private key that signs tokens.
    pub signing_key_secret: String,
    /// Name of the secret with the key that authenticates cursors.
    pub cursor_key_secret: String,
    /// Name of the secret with Paystack's API key.
    pub paystack_secret: String,
    /// URL of the queue that calls the function.
    pub queue_url: String,
    /// URL of the function's dead-letter queue.
    pub dead_letters_url: String,
    /// The common start of all functions' queue URLs; a function's name completes it.
    pub queue_url_prefix: String,
    /// Pauses between checks of a pending payment, in seconds; the last one repeats.
    pub reconcile_schedule_s: Vec<u32>,
    /// Upper limit, in seconds, for the pause between two tries of a message; `None` leaves the row's policy alone.
    pub retry_longest_s: Option<u32>,
    /// How many times the usual limits a client has; 0 for no limits at all, of tenants' rules neither.
    pub client_rate_factor: u32,
    /// The largest difference expected between two machines' clocks, in seconds.
    pub clock_skew_max_s: i64,
    /// The function's name in Lambda; empty outside Lambda.
    pub function_name: String,
}

impl Config {
    /// Reads the environment. Missing or malformed values become empty or their defaults; this never fails.
    pub fn from_env() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
        let text = |name: &str| std::env::var(name).unwrap_or_default();
        Self {
            environment: text("ENVIRONMENT"),
            base_domain: text("BASE_DOMAIN"),
            public_base_url: text("PUBLIC_BASE_URL"),
            mail_from: text("MAIL_FROM"),
            event_bus: text("EVENT_BUS"),
            paystack_base_url: text("PAYSTACK_BASE_URL"),
            token_keys_secret: text("TOKEN_KEYS_SECRET"),
            signing_key_secret: text("SIGNING_KEY_SECRET"),
            cursor_key_secret: text("CURSOR_KEY_SECRET"),
            paystack_secret: text("PAYSTACK_SECRET"),
            queue_url: text("QUEUE_URL"),
            dead_letters_url: text("DEAD_LETTERS_URL"),
            queue_url_prefix: text("QUEUE_URL_PREFIX"),
            reconcile_schedule_s: schedule(&text("RECONCILE_SCHEDULE_S")),
            retry_longest_s: text("RETRY_LONGEST_S").parse().ok(),
            client_rate_factor: text("CLIENT_RATE_FACTOR").parse().unwrap_or(1),
            clock_skew_max_s: text("CLOCK_SKEW_MAX_S").parse().unwrap_or(CLOCK_SKEW_MAX_S),
            function_name: text("AWS_LAMBDA_FUNCTION_NAME"),
        }
    }

    /// The name of the secret that a grant permits reading; empty for grants that are not about secrets.
    pub fn secret(&self, grant: Grant) -> &str {
        match grant {
            Grant::TokenKeys => &self.token_keys_secret,
            Grant::SigningKey => &self.signing_key_secret,
            Grant::CursorKey => &self.cursor_key_secret,
            Grant::Paystack => &self.paystack_secret,
            Grant::SendEmail | Grant::PutEvents | Grant::SendTimers | Grant::ReadDeadLetters | Grant::Redrive => "",
        }
    }

    /// The common start of all table names: `selleasi-<environment>-`.
    pub fn table_prefix(&self) -> String {
        format!("selleasi-{}-", self.environment)
    }

    /// The name of SES's configuration set: `selleasi-<environment>`.
    pub fn mail_configuration_set(&self) -> String {
        format!("selleasi-{}", self.environment)
    }
}

/// Parses `60,300`. Anything that is not a positive number is skipped; an empty schedule becomes one pause of 60
/// seconds.
fn schedule(text: &str) -> Vec<u32> {
    let steps: Vec<u32> =
        text.split(',').filter_map(|step| step.trim().parse().ok()).filter(|step| *step > 0).collect();
    if steps.is_empty() { vec![60] } else { steps }
}
