//! One-time codes: making, checking and sending them.

use domain::account::OneTimeCode;
use mail::{Email, Mailer};
use runtime::{Deps, Problem};

use crate::{
    attempts::Counter,
    password::{hash_secret, one_time_code, same},
};

/// A new code (six digits) and its record, which holds only a hash. `context` names the owner and the purpose; the
/// code is valid only with the same context.
pub fn new(deps: &Deps, context: &str) -> (String, OneTimeCode) {
    let code = one_time_code(deps.random());
    let kept = OneTimeCode::new(hash_secret(context, &code), deps.now());
    (code, kept)
}

/// Whether `given` matches the stored code, in constant time. Expiry and attempts are checked by
/// [`OneTimeCode::check`].
pub fn is_right(kept: &OneTimeCode, context: &str, given: &str) -> bool {
    same(&kept.hash, &hash_secret(context, given))
}

/// Sends the mail with a code that was committed before. If sending fails, it does not count as sent.
///
/// # Errors
/// 503 `unavailable` if the mail could not be sent.
pub async fn send(deps: &Deps, mailer: &Mailer, email: &Email, counter: &Counter) -> Result<(), Problem> {
    let Err(error) = mailer.send(email).await else { return Ok(()) };
    counter.give_back(deps).await;
    Err(Problem::unavailable(&error))
}
