//! Answers.

use std::marker::PhantomData;

use contracts::Endpoint;

/// An answer, ready to go out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawReply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
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

    pub(crate) fn with_header(mut self, name: &'static str, value: String) -> Self {
        self.headers.retain(|(held, _)| *held != name);
        self.headers.push((name, value));
        self
    }

    /// Bytes of the body in Lambda's reply, where it is a JSON string.
    pub(crate) fn size(&self) -> usize {
        let in_json = |byte: &u8| match byte {
            b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
            0..0x20 => 6,
            _ => 1,
        };
        self.body.iter().map(in_json).sum()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(held, _)| *held == name).map(|(_, value)| value.as_str())
    }
}

/// An endpoint's good answer. Serialised at once, so that what is kept for a repetition is what is sent, to the byte.
#[derive(Debug, Clone)]
pub struct Reply<E> {
    raw: RawReply,
    endpoint: PhantomData<fn() -> E>,
}

impl<E: Endpoint> Reply<E> {
    /// The endpoint's status, with this body.
    pub fn new(body: &E::Reply) -> Self {
        // Replies are plain structs with string keys, which always serialise.
        let json = serde_json::to_vec(body).unwrap_or_default();
        Self::from_raw(RawReply::new(E::ROUTE.status, "application/json", json))
    }

    /// The endpoint's status, with text that is not JSON.
    pub fn text(content_type: &'static str, text: impl Into<String>) -> Self {
        Self::from_raw(RawReply::new(E::ROUTE.status, content_type, text.into().into_bytes()))
    }

    /// Tells the version of what is shown, for `If-Match`.
    pub fn etag(self, version: u64) -> Self {
        self.header("etag", format!("\"{version}\""))
    }

    pub fn header(self, name: &'static str, value: impl Into<String>) -> Self {
        Self::from_raw(self.raw.with_header(name, value.into()))
    }

    pub(crate) fn from_raw(raw: RawReply) -> Self {
        Self { raw, endpoint: PhantomData }
    }

    pub(crate) fn as_raw(&self) -> &RawReply {
        &self.raw
    }

    pub fn into_raw(self) -> RawReply {
        self.raw
    }
}
