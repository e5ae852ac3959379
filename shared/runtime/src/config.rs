//! Configuration, read from the environment once, at boot. Nothing else reads the environment.

use contracts::row::Grant;
use domain::limits::CLOCK_SKEW_MAX_S;

/// What the templates tell a function about where it runs. A value that a function's template does not set is empty.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// `dev`, `prod`, `local`: part of the name of every resource.
    pub environment: String,
    /// Under which stores have their host names: `<slug>.<base domain>`.
    pub base_domain: String,
    /// Where the API is reached: the issuer and audience of tokens, and the start of links.
    pub public_base_url: String,
    pub mail_from: String,
    pub event_bus: String,
    pub paystack_base_url: String,
    /// The public halves of the keys that sign tokens.
    pub token_keys_secret: String,
    /// The private half of the key that signs tokens.
    pub signing_key_secret: String,
    pub cursor_key_secret: String,
    pub paystack_secret: String,
    /// The queue that calls the function, and its dead letters.
    pub queue_url: String,
    pub dead_letters_url: String,
    /// What the addresses of all functions' queues start with, before the function's name.
    pub queue_url_prefix: String,
    /// When a payment is asked about again, in seconds after the time before; the last one repeats.
    pub reconcile_schedule_s: Vec<u32>,
    /// Seconds between two tries of a message at the most, where that is less than what its function's row says.
    pub retry_longest_s: Option<u32>,
    /// How far two machines' clocks may be apart, in seconds.
    pub clock_skew_max_s: i64,
    pub function_name: String,
}

impl Config {
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
            clock_skew_max_s: text("CLOCK_SKEW_MAX_S").parse().unwrap_or(CLOCK_SKEW_MAX_S),
            function_name: text("AWS_LAMBDA_FUNCTION_NAME"),
        }
    }

    /// The name of the secret that a grant lets read; empty for a grant of something else.
    pub fn secret(&self, grant: Grant) -> &str {
        match grant {
            Grant::TokenKeys => &self.token_keys_secret,
            Grant::SigningKey => &self.signing_key_secret,
            Grant::CursorKey => &self.cursor_key_secret,
            Grant::Paystack => &self.paystack_secret,
            Grant::SendEmail | Grant::PutEvents | Grant::SendTimers | Grant::ReadDeadLetters | Grant::Redrive => "",
        }
    }

    pub fn table_prefix(&self) -> String {
        format!("selleasi-{}-", self.environment)
    }
}

/// `60,300` as numbers; what is no number is left out, and an empty schedule is one minute.
fn schedule(text: &str) -> Vec<u32> {
    let steps: Vec<u32> =
        text.split(',').filter_map(|step| step.trim().parse().ok()).filter(|step| *step > 0).collect();
    if steps.is_empty() { vec![60] } else { steps }
}
