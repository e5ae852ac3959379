//! The stream of the outbox table. A batch is either processed completely or delivered again as a whole; sending an
//! event twice is harmless, because every consumer has an inbox.
//! A record that cannot be read would be delivered again and again and block all records behind it. So it is logged,
//! counted as a fault and skipped; it stays in the outbox until its TTL ends.

use contracts::Function;
use serde_json::Value;
use store::OutboxRecord;

use crate::{
    boot::{Boot, Erased, erase},
    deps::Deps,
    granted::{Extra, Granted},
    handler::Handler,
    steps::StepError,
    telemetry,
};

/// The stream's function with its types erased: takes the records of a batch.
pub(crate) type Records = Erased<Vec<Value>, Result<(), StepError>>;

pub(crate) fn start<F, X, H>(boot: &Boot, handler: H) -> Records
where
    F: Function,
    X: Extra,
    H: for<'a> Handler<'a, Granted<F, X>, Vec<OutboxRecord>, Result<(), StepError>> + 'static,
{
    let state = (Granted::<F, X>::from_boot(boot), handler);
    erase(state, move |state, records: Vec<Value>| async move {
        let (deps, handler) = &*state;
        let result = handler.call(deps, read(deps, &records)).await;
        if let Err(error) = &result {
            tracing::warn!(%error, "the batch will come again");
        }
        result
    })
}

/// The events of a batch's records.
fn read(core: &Deps, records: &[Value]) -> Vec<OutboxRecord> {
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
    if poison > 0 {
        telemetry::count(&core.config, "faults", poison, core.now());
    }
    events
}
