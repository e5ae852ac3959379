//! Failures of calls to DynamoDB.

use std::fmt::Display;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use contracts::gate::NotGranted;

/// A call to DynamoDB failed. A condition that does not hold is not a failure, but a
/// [`CommitError::Refused`](crate::CommitError::Refused).
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// DynamoDB could not be reached, or throttled the call, and the SDK's retries are exhausted.
    #[error("DynamoDB is unavailable: {0}")]
    Unavailable(String),
    /// A stored item does not have the shape of its kind, because of a bug or a missing migration.
    #[error("a stored {kind} cannot be read: {detail}")]
    Corrupt {
        /// The expected kind.
        kind: &'static str,
        /// The difference.
        detail: String,
    },
    /// DynamoDB will always refuse this call: a permission or table is missing, or the request is malformed. A bug in
    /// the code or the deployment; repeating the call does not help.
    #[error("DynamoDB refuses the call: {0}")]
    Fault(String),
    /// The function's row does not grant the action.
    #[error(transparent)]
    NotGranted(#[from] NotGranted),
}

/// Error codes of [`StoreError::Fault`] (DynamoDB Developer Guide, "Error handling with DynamoDB").
const FAULTS: [&str; 10] = [
    "AccessDeniedException",
    "IdempotentParameterMismatchException",
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
        Self::answered(error.code().unwrap_or("no answer"), error.message().unwrap_or_default())
    }

    /// By the code and the message of DynamoDB's answer.
    pub(crate) fn answered(code: &str, message: &str) -> Self {
        let detail = format!("{code}: {message}");
        if FAULTS.contains(&code) { Self::Fault(detail) } else { Self::Unavailable(detail) }
    }
}
