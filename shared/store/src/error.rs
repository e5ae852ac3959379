//! What can go wrong between here and DynamoDB.

use std::fmt::Display;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use contracts::gate::NotGranted;

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
    /// DynamoDB will refuse this call however often it is made: a permission is missing, a table is not there, or the
    /// request is malformed. A fault of ours, or of a deployment; trying again does not help.
    #[error("DynamoDB refuses the call: {0}")]
    Fault(String),
    /// The function's row does not grant what it did.
    #[error(transparent)]
    NotGranted(#[from] NotGranted),
}

/// Errors that say that the call is wrong, not that DynamoDB is away ("Error handling with DynamoDB").
const FAULTS: [&str; 9] = [
    "AccessDeniedException",
    "IncompleteSignatureException",
    "InvalidSignatureException",
    "ItemCollectionSizeLimitExceededException",
    "MissingAuthenticationTokenException",
    "ResourceNotFoundException",
    "SerializationException",
    "UnrecognizedClientException",
    "ValidationException",
];

impl StoreError {
    pub(crate) fn corrupt(kind: &'static str, detail: &dyn Display) -> Self {
        Self::Corrupt { kind, detail: detail.to_string() }
    }

    pub(crate) fn sdk<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Self {
        let code = error.code().unwrap_or("no answer");
        let detail = format!("{code}: {}", error.message().unwrap_or_default());
        if FAULTS.contains(&code) { Self::Fault(detail) } else { Self::Unavailable(detail) }
    }
}
