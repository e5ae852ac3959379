//! Functions with their types gone, so that one process can host any of them.

use aws_lambda_events::sqs::{SqsBatchResponse, SqsMessage};
use contracts::{Consumer, Endpoint, Function, Row, Timer, events::Envelope, timers::Due};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use store::OutboxRecord;

use crate::{
    auth::Principal,
    authorizer,
    boot::{Boot, Erased},
    granted::{Extra, Granted},
    handler::Handler,
    http::{self, Call, Outcome, RawReply, RawRequest},
    schedule,
    steps::{self, StepError},
    stream,
};

/// A function that can be started in any world.
pub struct Hosted {
    pub row: &'static Row,
    start: Box<dyn Fn(&Boot) -> Running + Send + Sync>,
}

impl Hosted {
    fn new(row: &'static Row, start: impl Fn(&Boot) -> Running + Send + Sync + 'static) -> Self {
        Self { row, start: Box::new(start) }
    }

    /// Makes its dependencies, as a Lambda does at its cold start.
    pub fn start(&self, boot: &Boot) -> Running {
        (self.start)(boot)
    }
}

/// A function that runs: what it is called with, and what it gives back.
pub enum Running {
    Http(Erased<RawRequest, RawReply>),
    /// Messages of its queue; the answer names those that must come again.
    Queue(Erased<Vec<SqsMessage>, SqsBatchResponse>),
    /// Records of the outbox's stream.
    Stream(Erased<Vec<Value>, Result<(), StepError>>),
    /// The clock's tick, or what an operator gives.
    Invoked(Erased<Value, Result<Value, StepError>>),
    /// The value of `Authorization`.
    Authorizer(Erased<String, Result<Option<Principal>, String>>),
}

pub fn http<E, X, H>(handler: H) -> Hosted
where
    E: Endpoint,
    X: Extra,
    H: for<'a> Handler<'a, Granted<E, X>, Call<E>, Outcome<E>> + Copy + 'static,
{
    Hosted::new(E::ROW, move |boot| Running::Http(http::start(boot, handler)))
}

pub fn consumer<C, X, H>(handler: H) -> Hosted
where
    C: Consumer,
    X: Extra,
    H: for<'a> Handler<'a, Granted<C, X>, Envelope<C::Event>, Result<(), StepError>> + Copy + 'static,
{
    Hosted::new(C::ROW, move |boot| Running::Queue(steps::start_consumer(boot, handler)))
}

pub fn batch<C, X, H>(handler: H) -> Hosted
where
    C: Consumer,
    X: Extra,
    H: for<'a> Handler<'a, Granted<C, X>, Vec<Envelope<C::Event>>, Vec<Result<(), StepError>>> + Copy + 'static,
{
    Hosted::new(C::ROW, move |boot| Running::Queue(steps::start_batch(boot, handler)))
}

pub fn timer<T, X, H>(handler: H) -> Hosted
where
    T: Timer,
    X: Extra,
    H: for<'a> Handler<'a, Granted<T, X>, Due<T::Subject>, Result<(), StepError>> + Copy + 'static,
{
    Hosted::new(T::ROW, move |boot| Running::Queue(steps::start_timer(boot, handler)))
}

pub fn stream<F, X, H>(handler: H) -> Hosted
where
    F: Function,
    X: Extra,
    H: for<'a> Handler<'a, Granted<F, X>, Vec<OutboxRecord>, Result<(), StepError>> + Copy + 'static,
{
    Hosted::new(F::ROW, move |boot| Running::Stream(stream::start(boot, handler)))
}

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

pub fn authorizer<F, H, E>(handler: H) -> Hosted
where
    F: Function,
    E: std::fmt::Display + Send + 'static,
    H: for<'a> Handler<'a, Granted<F>, String, Result<Option<Principal>, E>> + Copy + 'static,
{
    Hosted::new(F::ROW, move |boot| Running::Authorizer(authorizer::start(boot, handler)))
}
