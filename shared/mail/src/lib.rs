//! E-mail, through SES.

use aws_sdk_sesv2::{
    error::ProvideErrorMetadata,
    types::{Body, Content, Destination, EmailContent, Message},
};
use contracts::row::Grant;

use runtime::{Boot, Extra};

/// An e-mail to one person, as text and as HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    /// The recipient's address.
    pub to: String,
    /// Plain text.
    pub subject: String,
    /// The plain-text body.
    pub text: String,
    /// The HTML body. Values in it must already be escaped.
    pub html: String,
}

impl Email {
    /// A message of two paragraphs, which must not contain user input.
    pub fn notice(to: &str, subject: &str, told: &str, advice: &str) -> Self {
        Self {
            to: to.to_owned(),
            subject: subject.to_owned(),
            text: format!("{told}\n\n{advice}\n"),
            html: format!("<p>{told}</p><p>{advice}</p>"),
        }
    }

    /// A message with a one-time code. `what_for` completes "a code to …" and must not be user input: anybody can
    /// enter somebody else's address, and must not be able to send them a text.
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

/// The e-mail was not sent: SES's error code and HTTP status, where it answered. SES's message is dropped because it
/// quotes addresses, which must not be logged.
#[derive(Debug, thiserror::Error)]
#[error("the e-mail was not sent: {}", self.0.as_deref().unwrap_or("no answer"))]
pub struct EmailError(Option<String>, Option<u16>);

impl EmailError {
    /// Whether SES refused the message. After a 5xx, or without an answer, the message may have been sent.
    pub fn is_refusal(&self) -> bool {
        self.0.is_some() && self.1.is_some_and(|status| status < 500)
    }

    /// Whether SES will never accept this message, because of its content or its address.
    pub fn is_final(&self) -> bool {
        matches!(self.0.as_deref(), Some("BadRequestException" | "MessageRejected"))
    }
}

/// Sends e-mail from the platform's address.
#[derive(Debug, Clone)]
pub struct Mailer {
    client: aws_sdk_sesv2::Client,
    from: String,
    /// Makes SES report what becomes of a mail.
    configuration_set: String,
}

impl Extra for Mailer {
    const GRANTS: &'static [Grant] = &[Grant::SendEmail];

    fn from_boot(boot: &Boot) -> Self {
        Self {
            client: aws_sdk_sesv2::Client::new(&boot.sdk),
            from: boot.config.mail_from.clone(),
            configuration_set: boot.config.mail_configuration_set(),
        }
    }
}

impl Mailer {
    /// Sends an e-mail.
    ///
    /// # Errors
    /// [`EmailError`]: SES refused the message, or did not answer.
    pub async fn send(&self, email: &Email) -> Result<(), EmailError> {
        let content = |text: &str| Content::builder().data(text).charset("UTF-8").build();
        let failed = |_| EmailError(Some("BadRequestException".to_owned()), Some(400));
        let body = Body::builder()
            .text(content(&email.text).map_err(failed)?)
            .html(content(&email.html).map_err(failed)?)
            .build();
        let message = Message::builder().subject(content(&email.subject).map_err(failed)?).body(body).build();
        self.client
            .send_email()
            .from_email_address(&self.from)
            .configuration_set_name(&self.configuration_set)
            .destination(Destination::builder().to_addresses(&email.to).build())
            .content(EmailContent::builder().simple(message).build())
            .send()
            .await
            .map_err(|error| {
                let status = error.raw_response().map(|response| response.status().as_u16());
                EmailError(error.code().map(str::to_owned), status)
            })?;
        Ok(())
    }
}
