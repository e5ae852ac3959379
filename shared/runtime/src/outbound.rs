//! Calls to providers' HTTP APIs, with the same HTTP stack as the AWS clients.

use std::{fmt, time::Duration};

use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::{
    Connector,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::{
    client::{
        http::{HttpConnector, HttpConnectorSettings, SharedHttpConnector},
        orchestrator::HttpRequest,
    },
    http::Request,
};
use aws_smithy_types::body::SdkBody;

use crate::boot::Boot;

/// Time limits for a provider to accept a connection, and to answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const READ_TIMEOUT: Duration = Duration::from_secs(6);

/// A complete response, with any status.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The complete body.
    pub body: Vec<u8>,
}

/// There was no complete response. Whether the request took effect is unknown.
#[derive(Debug, thiserror::Error)]
#[error("no answer: {0}")]
pub struct NoAnswer(pub String);

/// An HTTP client for one provider.
#[derive(Clone)]
pub struct Outbound(SharedHttpConnector);

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outbound")
    }
}

impl Default for Outbound {
    fn default() -> Self {
        let settings =
            HttpConnectorSettings::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(READ_TIMEOUT).build();
        let connector = Connector::builder()
            .connector_settings(settings)
            .sleep_impl(TokioSleep::new())
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build();
        Self(SharedHttpConnector::new(connector))
    }
}

impl Outbound {
    /// The client of `boot`, or a new one over TLS.
    pub fn from_boot(boot: &Boot) -> Self {
        boot.outbound.clone().unwrap_or_default()
    }
}

impl Outbound {
    /// A client over another connector: in tests, a provider in the same process.
    pub fn over(connector: impl HttpConnector + 'static) -> Self {
        Self(SharedHttpConnector::new(connector))
    }

    /// Sends a request with a bearer token and a JSON body (or none). Never retries, because only the caller knows
    /// whether a repetition is harmless.
    ///
    /// # Errors
    /// [`NoAnswer`] if there is no complete response. A response with an error status is not an error.
    pub async fn send(
        &self,
        method: &'static str,
        url: &str,
        bearer: &str,
        body: Option<String>,
    ) -> Result<Answer, NoAnswer> {
        let no_answer = |error: &dyn fmt::Display| NoAnswer(error.to_string());
        let mut request: HttpRequest = Request::new(body.map_or_else(SdkBody::empty, SdkBody::from));
        request.set_method(method).map_err(|error| no_answer(&error))?;
        request.set_uri(url).map_err(|error| no_answer(&error))?;
        let headers = request.headers_mut();
        headers.try_insert("authorization", format!("Bearer {bearer}")).map_err(|error| no_answer(&error))?;
        headers.insert("content-type", "application/json");
        headers.insert("accept", "application/json");
        let response = self.0.call(request).await.map_err(|error| NoAnswer(format!("{error:?}")))?;
        let status = response.status().as_u16();
        let body = aws_smithy_types::byte_stream::ByteStream::new(response.into_body()).collect().await;
        Ok(Answer { status, body: body.map_err(|error| no_answer(&error))?.to_vec() })
    }
}
