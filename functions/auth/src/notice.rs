//! What an account's owner is told by e-mail after a change.

use mail::{Email, Mailer};
use runtime::With;

/// Tells that the password was changed. The change is done, so it does not fail if the mail cannot be sent.
pub(crate) async fn password_changed(deps: &With<Mailer>, to: &str) {
    let told = "The password of your SellEasi account was changed, and you were signed out on all other devices.";
    let advice = "If it was not you, reset the password at once: ask for a code where you sign in.";
    if let Err(error) = deps.extra.send(&Email::notice(to, "Your SellEasi password was changed", told, advice)).await {
        tracing::error!(%error, "the owner was not told of a changed password");
    }
}
