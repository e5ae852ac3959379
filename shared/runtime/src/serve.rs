//! Running one function in Lambda. There is one entry for each kind, so that a bin links only what it uses. Types are
//! erased, so that the code that runs a function is compiled once, in this crate.

use aws_lambda_events::sqs::SqsEvent;
use contracts::{Consumer, Endpoint, Function, Reported, Timer, events::Envelope, timers::Due};
use lambda_runtime::{LambdaEvent, service_fn};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use store::OutboxRecord;

use crate::{
    authorizer,
    boot::{self, Exit, Served},
    granted::{Extra, Granted},
    handler::Handler,
    http::{self, Call, Outcome},
    schedule,
    steps::{self, Batches, StepError},
    stream,
};

/// Runs an endpoint in Lambda.
pub fn http<E, X, H>(handler: H) -> Exit
where
    E: Endpoint,
    X: Extra,
    H: for<'a> Handler<'a, Granted<E, X>, Call<E>, Outcome<E>> + 'static,
{
    boot::run(E::ROW, Box::new(|boot| Box::pin(http::serve(E::ROW, boot.clock.clone(), http::start(boot, handler)))))
}

/// Runs a consumer that handles events one by one.
pub fn consumer<C, X, H>(handler: H) -> Exit
where
    C: Consumer,
    X: Extra,
    H: for<'a> Handler<'a, Granted<C, X>, Envelope<C::Event>, Result<(), StepError>> + 'static,
{
    boot::run(C::ROW, Box::new(|boot| Box::pin(messages(steps::start_consumer(boot, handler)))))
}

/// Runs a consumer that handles a whole batch; it returns one result for each event, in their order.
pub fn batch<C, X, H>(handler: H) -> Exit
where
    C: Consumer,
    X: Extra,
    H: for<'a> Handler<'a, Granted<C, X>, Vec<Envelope<C::Event>>, Vec<Result<(), StepError>>> + 'static,
{
    boot::run(C::ROW, Box::new(|boot| Box::pin(messages(steps::start_batch(boot, handler)))))
}

/// Runs a function that timers call.
pub fn timer<T, X, H>(handler: H) -> Exit
where
    T: Timer,
    X: Extra,
    H: for<'a> Handler<'a, Granted<T, X>, Due<T::Subject>, Result<(), StepError>> + 'static,
{
    boot::run(T::ROW, Box::new(|boot| Box::pin(messages(steps::start_timer(boot, handler)))))
}

/// Runs a function that the mail service's reports call.
pub fn reports<R, X, H>(handler: H) -> Exit
where
    R: Reported,
    X: Extra,
    H: for<'a> Handler<'a, Granted<R, X>, R::Report, Result<(), StepError>> + 'static,
{
    boot::run(R::ROW, Box::new(|boot| Box::pin(messages(steps::start_reports(boot, handler)))))
}

async fn messages(batches: Batches) -> Served {
    let batches = &batches;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<SqsEvent>| {
        Ok::<_, lambda_runtime::Error>(batches(event.payload.records).await)
    }))
    .await
}

/// Lambda's event for a DynamoDB stream.
#[derive(Debug, Deserialize)]
struct Batch {
    /// Not parsed yet: each record is read separately, so that a bad one does not fail the others.
    #[serde(rename = "Records")]
    records: Vec<Value>,
}

/// Runs the function of the outbox table's stream. An error makes Lambda deliver the whole batch again.
pub fn stream<F, X, H>(handler: H) -> Exit
where
    F: Function,
    X: Extra,
    H: for<'a> Handler<'a, Granted<F, X>, Vec<OutboxRecord>, Result<(), StepError>> + 'static,
{
    boot::run(
        F::ROW,
        Box::new(|boot| {
            let records = stream::start(boot, handler);
            Box::pin(async move {
                let records = &records;
                lambda_runtime::run(service_fn(async |event: LambdaEvent<Batch>| {
                    records(event.payload.records).await.map_err(lambda_runtime::Error::from)
                }))
                .await
            })
        }),
    )
}

/// Runs a function that a schedule or an operator calls. Input and output are JSON.
pub fn invoked<F, X, H, I, O>(handler: H) -> Exit
where
    F: Function,
    X: Extra,
    I: DeserializeOwned + Send + 'static,
    O: Serialize + 'static,
    H: for<'a> Handler<'a, Granted<F, X>, I, Result<O, StepError>> + 'static,
{
    boot::run(
        F::ROW,
        Box::new(|boot| {
            let invoke = schedule::start(boot, handler);
            Box::pin(async move {
                let invoke = &invoke;
                lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
                    invoke(event.payload).await.map_err(lambda_runtime::Error::from)
                }))
                .await
            })
        }),
    )
}

/// Runs the authorizer.
pub fn authorizer<F, H, E>(handler: H) -> Exit
where
    F: Function,
    E: std::fmt::Display + Send + 'static,
    H: for<'a> Handler<'a, Granted<F>, String, Result<authorizer::Caller, E>> + 'static,
{
    boot::run(F::ROW, Box::new(|boot| Box::pin(authorizer::serve(authorizer::start(boot, handler)))))
}
