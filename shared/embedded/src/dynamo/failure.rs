//! Errors of calls, as DynamoDB's wire interface writes them.

use serde_json::json;

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// A mistake in the request.
    #[error("{0}")]
    Invalid(String),
    #[error("Requested resource not found: Table: {0} not found")]
    NoTable(String),
    /// The token of another transaction.
    #[error("The request token was used for another transaction")]
    OtherTransaction,
    /// Conditions did not hold, or an update could not be made. One reason for each part.
    #[error("Transaction cancelled, please refer cancellation reasons for specific reasons [{}]", codes(.0))]
    Cancelled(Vec<Reason>),
    /// The database failed: a full disk, for instance.
    #[error(transparent)]
    Database(#[from] rusqlite::Error),
    #[error("a stored item cannot be read: {0}")]
    Corrupt(serde_json::Error),
}

impl Failure {
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(message.into())
    }

    /// The status and the body of the answer.
    pub(super) fn answer(&self) -> (u16, String) {
        let (status, name) = match self {
            Self::Invalid(_) => (400, "com.amazon.coral.validate#ValidationException"),
            Self::NoTable(_) => (400, "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"),
            Self::OtherTransaction => (400, "com.amazonaws.dynamodb.v20120810#IdempotentParameterMismatchException"),
            Self::Cancelled(reasons) => {
                let name = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
                let reasons: Vec<_> = reasons.iter().map(Reason::json).collect();
                let (name, message) = (json!(name), json!(self.to_string()));
                let reasons = reasons.join(",");
                let body = format!(r#"{{"__type":{name},"Message":{message},"CancellationReasons":[{reasons}]}}"#);
                return (400, body);
            }
            Self::Database(_) | Self::Corrupt(_) => (500, "com.amazonaws.dynamodb.v20120810#InternalServerError"),
        };
        (status, json!({ "__type": name, "message": self.to_string() }).to_string())
    }
}

/// What became of one part of a cancelled transaction.
#[derive(Debug)]
pub(super) enum Reason {
    /// Nothing was wrong with it.
    None,
    /// Its condition did not hold. With the stored item's JSON, if that was asked for and there is one.
    Refused(Option<String>),
    /// Its update cannot be made.
    Invalid(String),
}

impl Reason {
    fn code(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Refused(_) => "ConditionalCheckFailed",
            Self::Invalid(_) => "ValidationError",
        }
    }

    fn json(&self) -> String {
        let code = json!(self.code());
        let message = match self {
            Self::None => return format!(r#"{{"Code":{code}}}"#),
            Self::Refused(_) => "The conditional request failed",
            Self::Invalid(message) => message,
        };
        let item = match self {
            Self::Refused(Some(item)) => format!(r#","Item":{item}"#),
            _ => String::new(),
        };
        format!(r#"{{"Code":{code},"Message":{}{item}}}"#, json!(message))
    }
}

fn codes(reasons: &[Reason]) -> String {
    reasons.iter().map(Reason::code).collect::<Vec<_>>().join(", ")
}
