//! E-mail, through SES.

use std::fmt;

use aws_sdk_sesv2::{
    error::ProvideErrorMetadata,
    types::{Body, Content, Destination, EmailContent, Message},
};
use aws_types::SdkConfig;

use crate::boot::{Boot, FromBoot};

/// A message to one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    pub to: String,
    pub subject: String,
    pub text: String,
    pub html: String,
}

impl Email {
    /// A message that brings a one-time code. It holds nothing that a stranger could have put in: whoever types
    /// somebody else's address must not be able to write to them.
    pub fn with_code(to: &str, code: &str, what_for: &str) -> Self {
        let minutes = domain::limits::ONE_TIME_CODE_TTL_S / 60;
        let asked = format!("Somebody, hopefully you, asked for a code to {what_for}. Your code is:");
        let advice = format!(
            "It is good for {minutes} minutes. Give it to nobody. If you did not ask for it, you need do nothing."
        );
        Self {
            to: to.to_owned(),
            subject: "Your SellEasi code".to_owned(),
            text: format!("{asked}\n\n{code}\n\n{advice}\n"),
            html: format!("<p>{asked}</p><p style=\"font-size:2em\"><strong>{code}</strong></p><p>{advice}</p>"),
        }
    }
}

/// What SES says, by its code: its messages quote addresses, which no log may hold.
#[derive(Debug, thiserror::Error)]
#[error("the e-mail was not sent: {0}")]
pub struct EmailError(pub String);

/// Sends e-mail from the platform's address.
#[derive(Clone)]
pub struct Mailer {
    route: Route,
    from: String,
}

#[derive(Clone)]
enum Route {
    Ses(aws_sdk_sesv2::Client),
    /// For tests: keeps what is sent.
    Kept(std::sync::Arc<std::sync::Mutex<Vec<Email>>>),
    /// For tests: sends nothing.
    Away,
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mailer({})", self.from)
    }
}

impl FromBoot for Mailer {
    fn from_boot(boot: &Boot) -> Self {
        Self::from_sdk(&boot.sdk, boot.config.mail_from.clone())
    }
}

impl Mailer {
    fn from_sdk(sdk: &SdkConfig, from: String) -> Self {
        Self { route: Route::Ses(aws_sdk_sesv2::Client::new(sdk)), from }
    }

    /// A mailer for tests, and the box it puts everything into.
    pub fn kept() -> (Self, std::sync::Arc<std::sync::Mutex<Vec<Email>>>) {
        let sent = std::sync::Arc::default();
        (Self { route: Route::Kept(std::sync::Arc::clone(&sent)), from: "shop@example.com".into() }, sent)
    }

    /// A mailer for tests that fails.
    pub fn away() -> Self {
        Self { route: Route::Away, from: "shop@example.com".into() }
    }

    pub async fn send(&self, email: &Email) -> Result<(), EmailError> {
        let client = match &self.route {
            Route::Ses(client) => client,
            Route::Kept(sent) => {
                sent.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(email.clone());
                return Ok(());
            }
            Route::Away => return Err(EmailError("away".into())),
        };
        let content = |text: &str| Content::builder().data(text).charset("UTF-8").build();
        let failed = |error: &dyn fmt::Display| EmailError(error.to_string());
        let body = Body::builder()
            .text(content(&email.text).map_err(|error| failed(&error))?)
            .html(content(&email.html).map_err(|error| failed(&error))?)
            .build();
        let message =
            Message::builder().subject(content(&email.subject).map_err(|error| failed(&error))?).body(body).build();
        client
            .send_email()
            .from_email_address(&self.from)
            .destination(Destination::builder().to_addresses(&email.to).build())
            .content(EmailContent::builder().simple(message).build())
            .send()
            .await
            .map_err(|error| EmailError(error.code().unwrap_or("no answer").to_owned()))?;
        Ok(())
    }
}
