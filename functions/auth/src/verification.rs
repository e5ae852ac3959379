//! Verifications: an e-mail address is proved with a code that was sent there, and with the token that the request for
//! the code returned. Both are needed, so nobody's request affects another request for the same address.

use contracts::{Endpoint, auth::VerificationSent};
use domain::{
    VerificationId,
    account::{CodeCheck, Verification, VerificationPurpose},
    attempts::Counted,
};
use identity::{
    addresses::Address,
    codes,
    password::{hash_secret, same},
    sessions::new_secret,
};
use mail::{Email, Mailer};
use runtime::{Call, Deps, Outcome, Problem, Reply, With};
use store::{EmailAttempts, Versioned, keys};

/// What an address is counted by, here.
pub(crate) const CODES: Counted = Counted::Codes;

/// Stores a new verification, and sends the mail that `message` makes of its code.
pub(crate) async fn begin<E: Endpoint<Reply = VerificationSent>>(
    deps: &With<Mailer>,
    call: &Call<E>,
    address: &Address,
    counted: EmailAttempts,
    purpose: VerificationPurpose,
    message: impl FnOnce(&str) -> Email,
) -> Outcome<E> {
    let (id, secret) = (deps.id(VerificationId::from_ulid), new_secret(deps));
    let (code, kept) = codes::new(deps, &context(id));
    let secret_hash = hash_secret("verification", &secret);
    let verification = Verification { id, secret_hash, email: counted.email.clone(), code: kept, purpose };
    let mut tx = deps.tx();
    tx.create((), &verification);
    address.counter.write(&mut tx, &counted);
    let sent =
        VerificationSent { status: "verification_sent".to_owned(), verification_token: format!("{id}.{secret}") };
    let reply = call.commit(deps, tx, Reply::new(&sent)).await?.or_changed()?;
    codes::send(deps, &deps.extra, &message(&code), &address.counter).await?;
    Ok(reply)
}

/// The verification that a token and a code belong to. The caller deletes it in the transaction of what it allows. A
/// wrong code costs one of its tries.
///
/// # Errors
/// 422: [`wrong_code`].
pub(crate) async fn check(
    deps: &Deps,
    token: &str,
    code: &str,
    is_wanted: impl FnOnce(&VerificationPurpose) -> bool,
) -> Result<Versioned<Verification>, Problem> {
    let (id, secret) = token.split_once('.').ok_or_else(wrong_code)?;
    let id: VerificationId = id.parse().map_err(|_| wrong_code())?;
    let found = deps.db.get::<Verification>(&keys::verification(id)).await?;
    let is_theirs = |kept: &Verification| same(&kept.secret_hash, &hash_secret("verification", secret));
    let found = found.filter(|found| is_theirs(&found.value) && is_wanted(&found.value.purpose));
    let found = found.ok_or_else(wrong_code)?;
    let is_right = codes::is_right(&found.value.code, &context(id), code);
    let (spent, check) = found.value.code.clone().check(is_right, deps.now());
    if check == CodeCheck::Right {
        return Ok(found);
    }
    // Written before the result is returned, so that tries made at once are not more tries.
    let mut tx = deps.tx();
    tx.update((), &Verification { code: spent, ..found.value }, found.version);
    deps.db.commit(tx).await?;
    Err(wrong_code())
}

/// The same answer to everything that is wrong with a code, and to the right code of an address that cannot be
/// registered or has no account, so that it reveals nothing.
pub(crate) fn wrong_code() -> Problem {
    let detail = "the code is wrong, has expired, was used or tried too often, or belongs to another request; ask for \
                  another one, or sign in if you have an account";
    Problem::invalid_field("/code", "wrong", detail)
}

fn context(id: VerificationId) -> String {
    format!("verification:{id}")
}
