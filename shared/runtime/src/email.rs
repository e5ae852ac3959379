//! E-mail, through SES.

use std::fmt;

use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message};
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

    pub async fn send(&self, email: &Email) -> Result<(), EmailError> {
        let client = match &self.route {
            Route::Ses(client) => client,
            Route::Kept(sent) => {
                sent.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(email.clone());
                return Ok(());
            }
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
            .map_err(|error| failed(&error.into_service_error()))?;
        Ok(())
    }
}
