//! Functions that a schedule calls, and functions that an operator calls.

use contracts::Function;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    boot::{Boot, Erased, erase},
    granted::{Extra, Granted},
    handler::Handler,
    steps::StepError,
};

/// Such a function with its types erased: JSON in, JSON out. A schedule's input is ignored.
pub(crate) type Invocations = Erased<Value, Result<Value, StepError>>;

pub(crate) fn start<F, X, H, I, O>(boot: &Boot, handler: H) -> Invocations
where
    F: Function,
    X: Extra,
    I: DeserializeOwned + Send + 'static,
    O: Serialize + 'static,
    H: for<'a> Handler<'a, Granted<F, X>, I, Result<O, StepError>> + 'static,
{
    let state = (Granted::<F, X>::from_boot(boot), handler);
    erase(state, move |state, input| async move {
        let input = serde_json::from_value(input).map_err(StepError::poison)?;
        let output = state.1.call(&state.0, input).await?;
        serde_json::to_value(output).map_err(StepError::poison)
    })
}
