//! Secrets from Secrets Manager. They are cached in the process for a limited time: most requests make no call, and a
//! rotation is still noticed.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use aws_sdk_secretsmanager::error::DisplayErrorContext;
use aws_types::SdkConfig;
use domain::Timestamp;
use serde::de::DeserializeOwned;

/// How long a secret is cached. After a rotation, old and new keys are both valid for longer than this.
const KEPT_S: i64 = 300;

/// A secret cannot be read or used. It never quotes the secret.
#[derive(Debug, thiserror::Error)]
#[error("secret {name:?} is unavailable: {detail}")]
pub struct SecretError {
    /// The secret's name in Secrets Manager.
    pub name: String,
    /// The reason, for logs.
    pub detail: String,
}

impl SecretError {
    pub(crate) fn new(name: &str, detail: impl ToString) -> Self {
        Self { name: name.to_owned(), detail: detail.to_string() }
    }
}

/// Reads secrets by name. Clones share the cache.
#[derive(Clone)]
pub struct Secrets(Arc<Inner>);

struct Inner {
    sdk: SdkConfig,
    /// Made at the first use: most functions read no secret.
    manager: OnceLock<aws_sdk_secretsmanager::Client>,
    /// Cached texts by name, each with its expiry.
    kept: Mutex<HashMap<String, (Timestamp, String)>>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

impl Secrets {
    /// An empty cache. The client is made at the first use.
    pub fn new(sdk: &SdkConfig) -> Self {
        Self(Arc::new(Inner { sdk: sdk.clone(), manager: OnceLock::new(), kept: Mutex::default() }))
    }

    /// Reads a secret, which is a JSON document, as `T`.
    ///
    /// # Errors
    /// [`SecretError`]: the secret cannot be read, or is not a `T`.
    pub async fn get<T: DeserializeOwned>(&self, name: &str, now: Timestamp) -> Result<T, SecretError> {
        let text = self.text(name, now).await?;
        // serde's error is dropped because it may quote the secret.
        serde_json::from_str(&text).map_err(|_| SecretError::new(name, "not the expected JSON"))
    }

    async fn text(&self, name: &str, now: Timestamp) -> Result<String, SecretError> {
        if let Some((good_until, text)) = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner).get(name)
            && *good_until > now
        {
            return Ok(text.clone());
        }
        let manager = self.0.manager.get_or_init(|| aws_sdk_secretsmanager::Client::new(&self.0.sdk));
        let answer = manager.get_secret_value().secret_id(name).send().await;
        let answer = answer.map_err(|error| SecretError::new(name, DisplayErrorContext(error)))?;
        let text = answer.secret_string.ok_or_else(|| SecretError::new(name, "empty"))?;
        let good_until = domain::time::after(now, KEPT_S);
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), (good_until, text.clone()));
        Ok(text)
    }
}
