//! Types that all endpoints share: pages of lists, problems, and [`Nothing`].

use serde::{Deserialize, Serialize};

/// No path parameters, no query parameters, no request body, or an empty response.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// Request headers that pages of other origins may send.
pub const CORS_ALLOW_HEADERS: [&str; 7] =
    ["authorization", "content-type", "idempotency-key", "if-match", "traceparent", "x-onboarding-token", "x-store"];
/// Reply headers that pages of other origins may read.
pub const CORS_EXPOSE_HEADERS: [&str; 5] = ["etag", "ratelimit", "ratelimit-policy", "retry-after", "x-request-id"];
/// Methods that pages of other origins may use.
pub const CORS_ALLOW_METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
/// How long a browser may keep the answer to a preflight, in seconds.
pub const CORS_MAX_AGE_S: u16 = 3_600;

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Page<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// Send it as `cursor` to get the next page. Null on the last page.
    pub next_cursor: Option<String>,
}

/// Items per page, unless the request says otherwise.
pub const LIMIT_DEFAULT: u8 = 20;
/// The largest number of items per page.
pub const LIMIT_MAX: u8 = 100;

/// The largest number of items on a page: 1 to 100; 20 by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8")]
pub struct Limit(u8);

impl Limit {
    /// The number of items, for a query.
    pub fn get(self) -> i32 {
        i32::from(self.0)
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(LIMIT_DEFAULT)
    }
}

impl TryFrom<u8> for Limit {
    type Error = String;

    fn try_from(limit: u8) -> Result<Self, String> {
        let is_allowed = (1..=LIMIT_MAX).contains(&limit);
        if is_allowed { Ok(Self(limit)) } else { Err(format!("expected a whole number from 1 to {LIMIT_MAX}")) }
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Limit {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Limit".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT })
    }
}

/// The query of a list without filters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    /// Items per page.
    #[serde(default)]
    pub limit: Limit,
    /// The `next_cursor` of the previous page.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// An error in one field of the request body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FieldError {
    /// JSON Pointer (RFC 6901) to the field.
    pub pointer: String,
    /// A stable code, for programs.
    pub code: String,
    /// An explanation, for people.
    pub detail: String,
}

/// An error response (RFC 9457), sent as `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Problem {
    /// Always `about:blank`: problems are distinguished by `code`.
    pub r#type: String,
    /// The reason phrase of the HTTP status.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// A stable code, for programs.
    pub code: String,
    /// An explanation, for people.
    pub detail: String,
    /// Id of the request, for support.
    pub request_id: String,
    /// The wrong fields of the request body, each error once. At most 100 and about 64 KiB of them; `detail` says if
    /// there are more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}
