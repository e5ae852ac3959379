//! Functions with their types erased, so that one process (a test, the simulator) can host any of them.

use aws_lambda_events::sqs::{SqsBatchResponse, SqsMessage};
use contracts::{Consumer, Endpoint, Function, Reported, Row, Timer, events::Envelope, timers::Due};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use store::OutboxRecord;

use crate::{
    authorizer,
    boot::{Boot, Erased},
    granted::{Extra, Granted},
    handler::Handler,
    http::{self, Call, Outcome, RawReply, RawRequest},
    schedule,
    steps::{self, StepError},
    stream,
};

/// A function that can be started from any [`Boot`].
pub struct Hosted {
    /// The function's row in the contracts.
    pub row: &'static Row,
    start: Box<dyn Fn(&Boot) -> Running + Send + Sync>,
}

impl Hosted {
    fn new(row: &'static Row, start: impl Fn(&Boot) -> Running + Send + Sync + 'static) -> Self {
        Self { row, start: Box::new(start) }
    }

    /// Makes the function's dependencies, as Lambda does at a cold start.
    pub fn start(&self, boot: &Boot) -> Running {
        (self.start)(boot)
    }
}

/// A started function, by what calls it, with its input and output.
pub enum Running {
    /// Requests to an endpoint.
    Http(Erased<RawRequest, RawReply>),
    /// Messages of its queue. The response lists the messages that must be delivered again.
    Queue(Erased<Vec<SqsMessage>, SqsBatchResponse>),
    /// Records of the outbox table's stream.
    Stream(Erased<Vec<Value>, Result<(), StepError>>),
    /// Called by a schedule or by an operator, with a JSON document.
    Invoked(Erased<Value, Result<Value, StepError>>),
    /// The value of `Authorization`; returns the principal of a valid token.
    Authorizer(Erased<String, Result<authorizer::Caller, String>>),
}

/// A message as Lambda hands it over. `sent_ms` is in milliseconds since 1970; `receives` counts this time too.
pub fn message(id: String, receipt: String, body: String, sent_ms: i64, receives: u32) -> SqsMessage {
    let mut message = SqsMessage::default();
    message.message_id = Some(id);
    message.receipt_handle = Some(receipt);
    message.body = Some(body);
    message.attributes = [
        ("SentTimestamp".to_owned(), sent_ms.to_string()),
        ("ApproximateReceiveCount".to_owned(), receives.to_string()),
    ]
    .into();
    message
}

/// Hosts an endpoint.
pub fn http<E, X, H>(handler: H) -> Hosted
where
    E: Endpoint,
    X: Extra,
    H: for<'a> Handler<'a, Granted<E, X>, Call<E>, Outcome<E>> + Copy + 'static,
{
    Hosted::new(E::ROW, move |boot| Running::Http(http::start(boot, handler)))
}

/// Hosts a consumer that handles events one by one.
pub fn consumer<C, X, H>(handler: H) -> Hosted
where
    C: Consumer,
    X: Extra,
    H: for<'a> Handler<'a, Granted<C, X>, Envelope<C::Event>, Result<(), StepError>> + Copy + 'static,
{
    Hosted::new(C::ROW, move |boot| Running::Queue(steps::start_consumer(boot, handler)))
}

/// Hosts a consumer that handles a whole batch; it returns one result for each event, in their order.
pub fn batch<C, X, H>(handler: H) -> Hosted
where
    C: Consumer,
    X: Extra,
    H: for<'a> Handler<'a, Granted<C, X>, Vec<Envelope<C::Event>>, Vec<Result<(), StepError>>> + Copy + 'static,
{
    Hosted::new(C::ROW, move |boot| Running::Queue(steps::start_batch(boot, handler)))
}

/// Hosts a function that timers call.
pub fn timer<T, X, H>(handler: H) -> Hosted
where
    T: Timer,
    X: Extra,
    H: for<'a> Handler<'a, Granted<T, X>, Due<T::Subject>, Result<(), StepError>> + Copy + 'static,
{
    Hosted::new(T::ROW, move |boot| Running::Queue(steps::start_timer(boot, handler)))
}

/// Hosts a function that the mail service's reports call.
pub fn reports<R, X, H>(handler: H) -> Hosted
where
    R: Reported,
    X: Extra,
    H: for<'a> Handler<'a, Granted<R, X>, R::Report, Result<(), StepError>> + Copy + 'static,
{
    Hosted::new(R::ROW, move |boot| Running::Queue(steps::start_reports(boot, handler)))
}

/// Hosts the function of the outbox table's stream.
pub fn stream<F, X, H>(handler: H) -> Hosted
where
    F: Function,
    X: Extra,
    H: for<'a> Handler<'a, Granted<F, X>, Vec<OutboxRecord>, Result<(), StepError>> + Copy + 'static,
{
    Hosted::new(F::ROW, move |boot| Running::Stream(stream::start(boot, handler)))
}

/// Hosts a function that a schedule or an operator calls. Input and output are JSON.
pub fn invoked<F, X, H, I, O>(handler: H) -> Hosted
where
    F: Function,
    X: Extra,
    I: DeserializeOwned + Send + 'static,
    O: Serialize + 'static,
    H: for<'a> Handler<'a, Granted<F, X>, I, Result<O, StepError>> + Copy + 'static,
{
    Hosted::new(F::ROW, move |boot| Running::Invoked(schedule::start(boot, handler)))
}

/// Hosts the authorizer.
pub fn authorizer<F, H, E>(handler: H) -> Hosted
where
    F: Function,
    E: std::fmt::Display + Send + 'static,
    H: for<'a> Handler<'a, Granted<F>, String, Result<authorizer::Caller, E>> + Copy + 'static,
{
    Hosted::new(F::ROW, move |boot| Running::Authorizer(authorizer::start(boot, handler)))
}
