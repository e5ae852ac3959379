//! The stream of the outbox table: a batch of records in, and events to send on. Either all of a batch is dealt with,
//! or it comes again as a whole: sending an event twice is harmless, as every consumer has an inbox.
//!
//! A record that cannot be read would come again and again and hold up all behind it, so it is logged and left; it
//! stays in the outbox until that forgets it.

use lambda_runtime::{LambdaEvent, service_fn};
use serde::Deserialize;
use serde_json::Value;
use store::OutboxRecord;

use crate::{
    boot::{self, Exit, FromBoot},
    consumer::StepError,
    deps::Deps,
    handler::Handler,
    telemetry,
};

/// What Lambda calls a stream's function with.
#[derive(Debug, Deserialize)]
struct Batch {
    /// Each is read by itself, so that one cannot spoil the others.
    #[serde(rename = "Records")]
    records: Vec<Value>,
}

/// Runs the outbox's relay until Lambda stops it.
pub fn serve_stream<D, H>(handler: H) -> Exit
where
    D: FromBoot + AsRef<Deps>,
    H: for<'a> Handler<'a, D, Vec<OutboxRecord>, Result<(), StepError>> + 'static,
{
    boot::run(|deps: D| {
        Box::pin(async move {
            let (deps, handler) = (&deps, &handler);
            lambda_runtime::run(service_fn(async |event: LambdaEvent<Batch>| {
                // On the heap: nested in the runtime's own futures it is deeper than the compiler will lay out.
                let handled = Box::pin(handle_records(deps, handler, &event.payload.records));
                handled.await.map_err(lambda_runtime::Error::from)
            }))
            .await
        })
    })
}

/// Deals with a batch of the stream's records.
pub async fn handle_records<D, H>(deps: &D, handler: &H, records: &[Value]) -> Result<(), StepError>
where
    D: AsRef<Deps>,
    H: for<'a> Handler<'a, D, Vec<OutboxRecord>, Result<(), StepError>>,
{
    let core = deps.as_ref();
    let (mut events, mut poison) = (vec![], 0_u32);
    for record in records {
        match OutboxRecord::from_stream(record) {
            Ok(event) => events.extend(event),
            Err(error) => {
                poison += 1;
                tracing::error!(%error, key = %record["dynamodb"]["Keys"], "poison");
            }
        }
    }
    let function = &core.config.function_name;
    if poison > 0 {
        telemetry::count(function, "poison", f64::from(poison), "Count", core.now());
    }
    if let Some(oldest) = events.iter().map(|event| event.time).min() {
        let age_ms = core.now().as_millisecond() - oldest.as_millisecond();
        #[expect(clippy::cast_precision_loss, reason = "an age in milliseconds")]
        telemetry::count(function, "outbox_age", age_ms as f64, "Milliseconds", core.now());
    }
    let result = handler.call(deps, events).await;
    if let Err(error) = &result {
        tracing::warn!(%error, "the batch will come again");
    }
    result
}
