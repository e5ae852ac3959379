//! The connector under the functions' clients, and their clock, pauses and randomness: everything waits until the world
//! lets it go on.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use aws_smithy_async::{
    rt::sleep::{AsyncSleep, Sleep},
    time::TimeSource,
};
use aws_smithy_runtime_api::{
    client::{
        http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use domain::Timestamp;
use fastrand::Rng;
use runtime::{Clock, Entropy};

use crate::{
    cloud::{Answer, Cloud, Waiting},
    faults::{Fault, Faults},
};

const CLOCK_OFF_MS: i64 = 150_000;

/// Which of the two a connector leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum To {
    Aws,
    Provider,
}

/// The connector.
#[derive(Debug, Clone)]
pub(crate) struct Wire {
    pub(crate) cloud: Cloud,
    pub(crate) to: To,
}

impl HttpClient for Wire {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(Call { wire: self.clone(), request, held_back: None })
    }
}

/// A call under way: it waits for its turn, takes effect, and may have to wait once more for its answer.
struct Call {
    wire: Wire,
    request: HttpRequest,
    held_back: Option<Answer>,
}

impl Future for Call {
    type Output = Result<HttpResponse, ConnectorError>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        let cloud = self.wire.cloud.clone();
        {
            let mut state = cloud.state();
            let running = state.running.as_mut().expect("only functions under way make calls");
            if !std::mem::take(&mut running.permit) {
                running.waiting = Some(Waiting::Call);
                return Poll::Pending;
            }
        }
        let answer = if let Some(answer) = self.held_back.take() {
            answer
        } else {
            let answer = cloud.serve(&self.request, self.wire.to);
            let mut state = cloud.state();
            if state.strikes(Fault::AnswerHeldBack) {
                self.held_back = Some(answer);
                state.running.as_mut().unwrap().waiting = Some(Waiting::Call);
                return Poll::Pending;
            }
            answer
        };
        Poll::Ready(match answer {
            Answer::Lost => Err(ConnectorError::timeout("no answer".into())),
            Answer::Is(status, body) => {
                let mut response = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body));
                response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
                Ok(response)
            }
        })
    }
}

/// Pauses end when the world's time has come.
impl AsyncSleep for Cloud {
    fn sleep(&self, duration: Duration) -> Sleep {
        let until_ms = self.state().now_ms + i64::try_from(duration.as_millis()).unwrap();
        Sleep::new(Pause { cloud: self.clone(), until_ms })
    }
}

struct Pause {
    cloud: Cloud,
    until_ms: i64,
}

impl Future for Pause {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        let mut state = self.cloud.state();
        if state.now_ms >= self.until_ms {
            return Poll::Ready(());
        }
        if let Some(running) = &mut state.running {
            running.waiting = Some(Waiting::Until(self.until_ms));
        }
        Poll::Pending
    }
}

impl Clock for Cloud {
    fn now(&self) -> Timestamp {
        let state = self.state();
        let off_ms = state.running.as_ref().map_or(0, |running| running.clock_off_ms);
        Timestamp::from_millisecond(state.now_ms + off_ms).unwrap()
    }
}

impl TimeSource for Cloud {
    fn now(&self) -> std::time::SystemTime {
        let now_ms = u64::try_from(self.state().now_ms).unwrap();
        std::time::UNIX_EPOCH + Duration::from_millis(now_ms)
    }
}

impl Entropy for Cloud {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.state();
        let running = state.running.as_mut().expect("only functions under way need randomness");
        running.rng.fill(bytes);
    }
}

/// How far a function's clock is off.
pub(crate) fn clock_off_ms(faults: &mut Faults, rng: &mut Rng) -> i64 {
    let off_ms = rng.i64(-CLOCK_OFF_MS..=CLOCK_OFF_MS);
    if faults.strikes(Fault::ClockOff, rng) { off_ms } else { 0 }
}
