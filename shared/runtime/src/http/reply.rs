//! Replies, typed for handlers and raw for the wire.

use std::marker::PhantomData;

use contracts::Endpoint;

/// A reply as it is sent: status, headers and body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawReply {
    /// The HTTP status.
    pub status: u16,
    /// Names are in lower case; each occurs once.
    pub headers: Vec<(&'static str, String)>,
    /// The body, complete and not compressed.
    pub body: Vec<u8>,
}

impl RawReply {
    pub(crate) fn new(status: u16, content_type: &'static str, body: Vec<u8>) -> Self {
        let headers = vec![
            ("content-type", content_type.to_owned()),
            ("cache-control", "no-store".to_owned()),
            ("x-content-type-options", "nosniff".to_owned()),
        ];
        Self { status, headers, body }
    }

    /// Sets a header. `name` is in lower case.
    pub fn with_header(mut self, name: &'static str, value: String) -> Self {
        self.headers.retain(|(held, _)| *held != name);
        self.headers.push((name, value));
        self
    }

    /// The size of the body in Lambda's reply, where it is escaped as a JSON string.
    pub(crate) fn size(&self) -> usize {
        let in_json = |byte: &u8| match byte {
            b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
            0..0x20 => 6,
            _ => 1,
        };
        self.body.iter().map(in_json).sum()
    }

    /// The value of a header. `name` is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(held, _)| *held == name).map(|(_, value)| value.as_str())
    }
}

/// An endpoint's successful reply. It is serialised when it is made, so the reply stored for a repeated request is the
/// same, byte for byte.
#[derive(Debug, Clone)]
pub struct Reply<E> {
    raw: RawReply,
    /// Whether it was stored for a repeated request, or comes from there.
    is_stored: bool,
    endpoint: PhantomData<fn() -> E>,
}

impl<E: Endpoint> Reply<E> {
    /// A reply with the endpoint's status and this body as JSON.
    pub fn new(body: &E::Reply) -> Self {
        // Replies are plain structs with string keys, which always serialise.
        let json = serde_json::to_vec(body).unwrap_or_default();
        Self::from_raw(RawReply::new(E::ROUTE.status, "application/json", json))
    }

    /// A reply with the endpoint's status and a text that is not JSON.
    pub fn text(content_type: &'static str, text: impl Into<String>) -> Self {
        Self::from_raw(RawReply::new(E::ROUTE.status, content_type, text.into().into_bytes()))
    }

    /// Sets `ETag` to a record's version, which clients send back in `If-Match`.
    pub fn etag(self, version: u64) -> Self {
        self.header("etag", format!("\"{version}\""))
    }

    /// Sets a header, replacing an earlier value. `name` is in lower case.
    pub fn header(self, name: &'static str, value: impl Into<String>) -> Self {
        Self { raw: self.raw.with_header(name, value.into()), ..self }
    }

    pub(crate) fn from_raw(raw: RawReply) -> Self {
        Self { raw, is_stored: false, endpoint: PhantomData }
    }

    pub(crate) fn stored(self) -> Self {
        Self { is_stored: true, ..self }
    }

    pub(crate) fn is_stored(&self) -> bool {
        self.is_stored
    }

    pub(crate) fn as_raw(&self) -> &RawReply {
        &self.raw
    }

    /// The reply as it is sent.
    pub fn into_raw(self) -> RawReply {
        self.raw
    }
}
