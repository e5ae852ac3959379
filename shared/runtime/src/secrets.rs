//! Secrets from Secrets Manager, kept in the process for a while, so that a rotation is noticed and a warm request
//! makes no call.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use aws_types::SdkConfig;
use domain::Timestamp;
use serde::de::DeserializeOwned;

/// A rotated key is noticed within this time; both old and new are valid for longer.
const KEPT_S: i64 = 300;

#[derive(Debug, thiserror::Error)]
#[error("secret {name:?} is unavailable: {detail}")]
pub struct SecretError {
    pub name: String,
    pub detail: String,
}

/// Reads secrets by name.
#[derive(Clone)]
pub struct Secrets(Arc<Inner>);

struct Inner {
    source: Source,
    kept: Mutex<HashMap<String, (Timestamp, String)>>,
}

enum Source {
    Manager(aws_sdk_secretsmanager::Client),
    /// For tests: what the secrets are.
    Fixed(HashMap<String, String>),
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

impl Secrets {
    pub(crate) fn from_sdk(sdk: &SdkConfig) -> Self {
        Self::new(Source::Manager(aws_sdk_secretsmanager::Client::new(sdk)))
    }

    pub fn fixed(secrets: impl IntoIterator<Item = (String, String)>) -> Self {
        Self::new(Source::Fixed(secrets.into_iter().collect()))
    }

    fn new(source: Source) -> Self {
        Self(Arc::new(Inner { source, kept: Mutex::default() }))
    }

    /// The secret, which is a JSON document, as `T`.
    pub async fn get<T: DeserializeOwned>(&self, name: &str, now: Timestamp) -> Result<T, SecretError> {
        let text = self.text(name, now).await?;
        // The error of a secret that cannot be read must not quote it.
        serde_json::from_str(&text)
            .map_err(|_| SecretError { name: name.to_owned(), detail: "not the expected JSON".into() })
    }

    async fn text(&self, name: &str, now: Timestamp) -> Result<String, SecretError> {
        let failed = |detail: String| SecretError { name: name.to_owned(), detail };
        let client = match &self.0.source {
            Source::Fixed(secrets) => return secrets.get(name).cloned().ok_or_else(|| failed("not there".into())),
            Source::Manager(client) => client,
        };
        if let Some((read_at, text)) = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner).get(name)
            && domain::time::after(*read_at, KEPT_S) > now
        {
            return Ok(text.clone());
        }
        let answer = client.get_secret_value().secret_id(name).send().await;
        let answer = answer.map_err(|error| failed(error.into_service_error().to_string()))?;
        let text = answer.secret_string.ok_or_else(|| failed("empty".into()))?;
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), (now, text.clone()));
        Ok(text)
    }
}
