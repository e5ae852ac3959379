//! Error answers (RFC 9457). What went wrong inside is logged under the request's id and never told.

use contracts::http::{FieldError, Problem as Wire};
use domain::{InvalidTransition, Permission};
use store::{CommitError, StoreError};

use crate::{http::RawReply, secrets::SecretError};

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem(Box<Parts>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Parts {
    status: u16,
    code: &'static str,
    detail: String,
    errors: Vec<FieldError>,
    retry_after_s: Option<u32>,
}

impl Problem {
    /// `code` is stable, for programs; `detail` is for people.
    pub fn new(status: u16, code: &'static str, detail: impl Into<String>) -> Self {
        Self(Box::new(Parts { status, code, detail: detail.into(), errors: vec![], retry_after_s: None }))
    }

    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(400, code, detail)
    }

    pub fn unauthorized() -> Self {
        Self::new(401, "unauthorized", "a valid access token is needed")
    }

    pub fn forbidden(permission: Permission) -> Self {
        Self::new(403, "forbidden", format!("this needs the permission {}", permission.name()))
    }

    /// For ids that do not exist and for those of other tenants alike.
    pub fn not_found() -> Self {
        Self::new(404, "not_found", "there is nothing here under that id")
    }

    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(409, code, detail)
    }

    /// Well-formed, but these fields break rules.
    pub fn invalid(errors: impl IntoIterator<Item = FieldError>) -> Self {
        let errors: Vec<_> = errors.into_iter().collect();
        let names: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
        Self::new(422, "invalid_fields", format!("these fields are not right: {}", names.join(", ")))
            .with_errors(errors)
    }

    /// One field that breaks a rule only the handler can check.
    pub fn invalid_field(pointer: &str, code: &str, detail: impl Into<String>) -> Self {
        let error = FieldError { pointer: pointer.to_owned(), code: code.to_owned(), detail: detail.into() };
        Self::invalid([error])
    }

    /// Others keep changing the same things. Nothing was done.
    pub fn busy() -> Self {
        let mut problem = Self::conflict("busy", "too many changes at once; nothing was done, try again");
        problem.0.retry_after_s = Some(1);
        problem
    }

    /// Something this needs is away. Nothing was done.
    pub fn unavailable(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "unavailable");
        let mut problem = Self::new(503, "unavailable", "temporarily unavailable; try again");
        problem.0.retry_after_s = Some(1);
        problem
    }

    pub fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "internal error");
        Self::new(500, "internal", "something went wrong on our side; it was logged under the request id")
    }

    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.0.errors = errors;
        self
    }

    /// Says when trying again makes sense.
    pub fn retry_after_s(mut self, seconds: i64) -> Self {
        self.0.retry_after_s = u32::try_from(seconds).ok();
        self
    }

    pub(crate) fn because(mut self, detail: &str) -> Self {
        detail.clone_into(&mut self.0.detail);
        self
    }

    pub fn status(&self) -> u16 {
        self.0.status
    }

    pub fn code(&self) -> &'static str {
        self.0.code
    }

    pub fn errors(&self) -> &[FieldError] {
        &self.0.errors
    }

    pub(crate) fn into_raw(self, request_id: &str) -> RawReply {
        let parts = *self.0;
        let wire = Wire {
            r#type: "about:blank".to_owned(),
            title: title(parts.status).to_owned(),
            status: parts.status,
            code: parts.code.to_owned(),
            detail: parts.detail,
            request_id: request_id.to_owned(),
            errors: parts.errors,
        };
        let body = serde_json::to_vec(&wire).unwrap_or_default();
        let reply = RawReply::new(parts.status, "application/problem+json", body);
        match parts.retry_after_s {
            Some(seconds) => reply.with_header("retry-after", seconds.to_string()),
            None => reply,
        }
    }
}

/// The status's own phrase (RFC 9110).
fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        409 => "Conflict",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::unavailable(&error),
            StoreError::Corrupt { .. } => Self::internal(&error),
        }
    }
}

impl From<CommitError> for Problem {
    /// For transactions whose conditions are only versions: somebody was faster.
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Refused(_) => Self::conflict("changed", "it was changed meanwhile; read it and try again"),
            CommitError::Busy => Self::busy(),
            CommitError::Store(error) => error.into(),
        }
    }
}

impl From<SecretError> for Problem {
    fn from(error: SecretError) -> Self {
        Self::unavailable(&error)
    }
}

impl From<InvalidTransition> for Problem {
    fn from(error: InvalidTransition) -> Self {
        Self::conflict("invalid_state", error.to_string())
    }
}
