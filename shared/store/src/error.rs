//! What can go wrong between here and DynamoDB.

use std::fmt::Display;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// Reading or writing failed, which says nothing about the data. A condition that does not hold is no such failure: it
/// is a [`CommitError::Refused`](crate::CommitError::Refused).
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// DynamoDB could not be reached, or throttled the call; the SDK's retries are used up.
    #[error("DynamoDB is unavailable: {0}")]
    Unavailable(String),
    /// An item is not what its kind says. A bug, or a migration forgotten.
    #[error("a stored {kind} cannot be read: {detail}")]
    Corrupt { kind: &'static str, detail: String },
}

impl StoreError {
    pub(crate) fn corrupt(kind: &'static str, detail: &dyn Display) -> Self {
        Self::Corrupt { kind, detail: detail.to_string() }
    }

    pub(crate) fn sdk<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Self {
        let code = error.code().unwrap_or("no answer");
        Self::Unavailable(format!("{code}: {}", error.message().unwrap_or_default()))
    }
}
