//! One-time codes: making, checking and sending them.

use contracts::problems;
use domain::account::{ONE_TIME_CODE_PAUSE_S, OneTimeCode};
use mail::{Email, Mailer};
use runtime::{Deps, Problem};
use store::{CodePause, Entity};

use crate::password::{hash_secret, one_time_code, same};

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

/// Sends the mail with a code that was committed before. If sending fails, the pause that was committed with the code
/// is removed, so that the client can request another code at once.
///
/// # Errors
/// 503 `unavailable` if the mail could not be sent.
pub async fn send(deps: &Deps, mailer: &Mailer, email: &Email, pause: &CodePause) -> Result<(), Problem> {
    let Err(error) = mailer.send(email).await else { return Ok(()) };
    let mut tx = deps.tx();
    tx.remove(pause.key(()));
    // If this fails too, the client only has to wait for the pause to end.
    let _ = deps.db.commit(tx).await;
    Err(Problem::unavailable(&error))
}

/// 429 `too_soon`: a code was sent to this address less than a minute ago. Sets `Retry-After`.
pub fn too_soon() -> Problem {
    let detail = "a code was sent to this address a moment ago; another one can be sent a minute after it";
    Problem::new(&problems::TOO_SOON, detail).retry_after_s(ONE_TIME_CODE_PAUSE_S)
}
