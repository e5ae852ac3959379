//! Helpers of all steps: finding the onboarding, judging a code, saving.

use contracts::{
    Endpoint,
    onboarding::{OnboardingPath, Progress},
    problems,
};
use domain::{OnboardingId, account::CodeCheck, onboarding::Onboarding};
use identity::password::{hash_secret, same};
use runtime::{Call, Deps, Outcome, Problem, Reply};
use store::{Tx, Versioned, keys};

/// The onboarding that a call names. Without the right `X-Onboarding-Token`, or after it has expired, the answer is
/// 404.
pub(crate) async fn find<E>(deps: &Deps, call: &Call<E>) -> Result<Versioned<Onboarding>, Problem>
where
    E: Endpoint<Path = OnboardingPath>,
{
    let token = call.raw.header("x-onboarding-token").unwrap_or_default();
    let found = deps.db.get::<Onboarding>(&keys::onboarding(call.path.id)).await?;
    found
        .filter(|found| found.value.is_live(deps.now()) && same(&found.value.token_hash, &hash_token(token)))
        .ok_or_else(Problem::not_found)
}

/// Writes the next version of an onboarding that was read at `version`.
pub(crate) async fn save<E>(deps: &Deps, call: &Call<E>, next: &Onboarding, version: u64) -> Outcome<E>
where
    E: Endpoint<Reply = Progress>,
{
    save_in(deps.tx(), deps, call, next, version).await
}

/// The same, in a transaction with what the caller put there.
pub(crate) async fn save_in<E>(mut tx: Tx, deps: &Deps, call: &Call<E>, next: &Onboarding, version: u64) -> Outcome<E>
where
    E: Endpoint<Reply = Progress>,
{
    tx.update((), next, version);
    call.commit(deps, tx, Reply::new(&Progress::from(next))).await?.or_changed()
}

/// Returns `reply` if the code was right, otherwise the problem. The caller has already written the attempt.
pub(crate) fn judge<E>(check: CodeCheck, reply: Reply<E>, how_to_get_another: &str) -> Outcome<E> {
    match check {
        CodeCheck::Right => Ok(reply),
        CodeCheck::Wrong { tries_left } => {
            Err(Problem::invalid_field("/code", "wrong", format!("this is not the code; tries left: {tries_left}")))
        }
        CodeCheck::Dead => {
            let detail = format!("the code has expired or was tried too often; {how_to_get_another}");
            Err(Problem::new(&problems::CODE_DEAD, detail))
        }
    }
}

pub(crate) fn slug_taken(slug: &str) -> Problem {
    Problem::new(&problems::SLUG_TAKEN, format!("another store is called {slug}; choose another store_slug"))
}

pub(crate) fn hash_token(token: &str) -> String {
    hash_secret("onboarding", token)
}

/// The hash context of an onboarding's e-mail codes: a code is valid for this onboarding only.
pub(crate) fn email_context(id: OnboardingId) -> String {
    format!("email:{id}")
}

pub(crate) fn phone_context(id: OnboardingId) -> String {
    format!("phone:{id}")
}
