//! Error answers (RFC 9457). Internal errors are logged and never shown to the caller, who gets the request's id
//! instead.

use std::collections::HashMap;

use contracts::{
    http::{FieldError, Problem as Wire},
    problems::{self, Code},
};
use domain::{InvalidTransition, Permission};
use store::{CommitError, StoreError};

use crate::{http::RawReply, secrets::SecretError};

/// A problem tells at most this many wrong fields.
pub(crate) const ERRORS_MAX: usize = 100;
/// And about this much of them, since a field's name may be as long as the body.
const ERRORS_BYTES_MAX: usize = 64 * 1024;

/// An error answer: a code with its HTTP status, a detail for people, and the fields that are wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem(Box<Parts>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Parts {
    code: &'static Code,
    detail: String,
    errors: Vec<FieldError>,
    retry_after_s: Option<u32>,
}

impl Problem {
    /// `detail` is a sentence for people. It is shown to the caller, so it must hold nothing secret.
    pub fn new(code: &'static Code, detail: impl Into<String>) -> Self {
        Self(Box::new(Parts { code, detail: detail.into(), errors: vec![], retry_after_s: None }))
    }

    /// 401 `unauthorized`: there is no valid access token.
    pub fn unauthorized() -> Self {
        Self::new(&problems::UNAUTHORIZED, "a valid access token is needed")
    }

    /// 401 `token_expired`: the access token was valid, and is too old now.
    pub fn token_expired() -> Self {
        Self::new(&problems::TOKEN_EXPIRED, "the access token has expired; get a new one with POST /auth/refresh")
    }

    /// 403 `forbidden`: the caller's role lacks this permission.
    pub fn forbidden(permission: Permission) -> Self {
        Self::new(&problems::FORBIDDEN, format!("this needs the permission {}", permission.name()))
    }

    /// 404 `not_found`. Used for ids that do not exist and for ids of other tenants alike, so that it reveals nothing.
    pub fn not_found() -> Self {
        Self::new(&problems::NOT_FOUND, "there is nothing here under that id")
    }

    /// 422: the request is well-formed, but these fields are wrong.
    pub fn invalid(errors: impl IntoIterator<Item = FieldError>) -> Self {
        let (errors, are_all) = told(errors);
        let names: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
        let more = if are_all { "" } else { "; there are more, which are not told" };
        Self(Box::new(Parts {
            code: &problems::INVALID_FIELDS,
            detail: format!("these fields are not right: {}{more}", names.join(", ")),
            errors,
            retry_after_s: None,
        }))
    }

    /// As [`Problem::invalid`], for one field that breaks a rule which only the handler can check.
    pub fn invalid_field(pointer: &str, code: &str, detail: impl Into<String>) -> Self {
        let error = FieldError { pointer: pointer.to_owned(), code: code.to_owned(), detail: detail.into() };
        Self::invalid([error])
    }

    /// 409 `busy`: concurrent requests kept changing the same records. Nothing was written; the client may retry after
    /// 1 s.
    pub fn busy() -> Self {
        let mut problem = Self::new(&problems::BUSY, "too many changes at once; nothing was done, try again");
        problem.0.retry_after_s = Some(1);
        problem
    }

    /// 503 `unavailable`: a dependency does not answer. Logs `error`; the client may retry after 1 s.
    pub fn unavailable(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "unavailable");
        let mut problem = Self::new(&problems::UNAVAILABLE, "temporarily unavailable; try again");
        problem.0.retry_after_s = Some(1);
        problem
    }

    /// 500 `internal`: logs `error`, and shows the caller nothing of it.
    pub fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "internal error");
        Self::new(&problems::INTERNAL, "something went wrong on our side; it was logged under the request id")
    }

    /// Replaces the list of wrong fields.
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.0.errors = told(errors).0;
        self
    }

    /// Sets `Retry-After`, in seconds. A negative number sets none.
    pub fn retry_after_s(mut self, seconds: i64) -> Self {
        self.0.retry_after_s = u32::try_from(seconds).ok();
        self
    }

    pub(crate) fn because(mut self, detail: &str) -> Self {
        detail.clone_into(&mut self.0.detail);
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.0.code.status
    }

    /// The problem's code, as listed in `contracts::problems`.
    pub fn code(&self) -> &'static Code {
        self.0.code
    }

    /// The wrong fields; empty for most codes.
    pub fn errors(&self) -> &[FieldError] {
        &self.0.errors
    }

    /// The reply, without `x-request-id`.
    pub fn into_raw(self, request_id: &str) -> RawReply {
        let parts = *self.0;
        let wire = Wire {
            r#type: "about:blank".to_owned(),
            title: title(parts.code.status).to_owned(),
            status: parts.code.status,
            code: parts.code.name.to_owned(),
            detail: parts.detail,
            request_id: request_id.to_owned(),
            errors: parts.errors,
        };
        let body = serde_json::to_vec(&wire).unwrap_or_default();
        let reply = RawReply::new(parts.code.status, "application/problem+json", body);
        match parts.retry_after_s {
            Some(seconds) => reply.with_header("retry-after", seconds.to_string()),
            None => reply,
        }
    }
}

/// Each field and code once, with all that is told of it, and of very many or very long errors the first; with whether
/// these are all.
fn told(errors: impl IntoIterator<Item = FieldError>) -> (Vec<FieldError>, bool) {
    let (mut told, mut places, mut bytes) = (Vec::<FieldError>::new(), HashMap::new(), 0);
    for error in errors {
        bytes += error.pointer.len() + error.detail.len();
        let place = *places.entry((error.pointer.clone(), error.code.clone())).or_insert(told.len());
        if !told.is_empty() && (place == ERRORS_MAX || bytes > ERRORS_BYTES_MAX) {
            return (told, false);
        }
        match told.get_mut(place) {
            None => told.push(error),
            Some(same) if same.detail.split("; ").any(|detail| detail == error.detail) => {}
            Some(same) => same.detail = format!("{}; {}", same.detail, error.detail),
        }
    }
    (told, true)
}

/// The reason phrase of a status (RFC 9110).
fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
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
            StoreError::Corrupt { .. } | StoreError::Fault(_) | StoreError::NotGranted(_) => Self::internal(&error),
        }
    }
}

impl From<CommitError> for Problem {
    /// Use it when every condition is a version check: a refusal means a concurrent update (409 `changed`).
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Refused(_) => Self::new(&problems::CHANGED, "it was changed meanwhile; read it and try again"),
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
        Self::new(&problems::INVALID_STATE, error.to_string())
    }
}
