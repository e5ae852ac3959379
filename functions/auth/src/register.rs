//! `POST /auth/register`: a buyer's account begins. For an address that has an account the same work is done and the
//! same answer given; only its owner hears of it, by e-mail.

use contracts::auth::{Register, RegisterBuyer, VerificationSent};
use domain::{
    AccountId, Timestamp,
    account::{Account, OneTimeCode},
    text::normalize_email,
};
use runtime::{Call, Deps, Outcome, Problem, Reply, codes, email::Email, http::Committed, password};
use store::{AccountCode, CodePause, CommitError, EmailClaim, Tx, Versioned, keys};

use crate::{
    MailDeps,
    people::{REGISTER, code_context, id_of},
};

pub async fn handle(deps: &MailDeps, call: Call<Register>) -> Outcome<Register> {
    let (core, now) = (&deps.core, deps.core.now());
    let email = normalize_email(&call.body.email);
    let hash = password::hash(&call.body.password, core.random()).map_err(|error| Problem::internal(&error))?;
    let known = find(core, id_of(core, &email).await?).await?;
    let (code, kept) = codes::new(core, &code_context(known.id));
    let pause = CodePause { email: email.clone(), purpose: REGISTER.to_owned(), sent_at: now };
    let is_member = known.account.as_ref().is_some_and(|account| account.value.email_verified);

    let mut tx = core.tx();
    let paused = tx.create_unless_live(&pause, now);
    write_code(&mut tx, &known, kept);
    if !is_member {
        write_account(&mut tx, &known, &call.body, &email, hash, now);
    }
    let reply = Reply::new(&VerificationSent { status: "verification_sent".to_owned() });
    let reply = match call.commit(core, tx, reply).await? {
        Committed::Done(reply) => reply,
        Committed::Refused(refused) if refused.contains(paused) => return Err(codes::too_soon()),
        Committed::Refused(refused) => return Err(CommitError::Refused(refused).into()),
    };
    let message = if is_member { have_account(&email) } else { Email::with_code(&email, &code, "register") };
    codes::send(core, &deps.mailer, &message, &pause).await?;
    Ok(reply)
}

/// What there is under an account's id, if anything.
struct Known {
    id: AccountId,
    account: Option<Versioned<Account>>,
    code: Option<Versioned<AccountCode>>,
}

async fn find(deps: &Deps, id: AccountId) -> Result<Known, Problem> {
    let (account, code) = (keys::account(id), keys::code(id, REGISTER));
    let mut found = deps.db.batch_get(&[account.clone(), code.clone()]).await?;
    Ok(Known { id, account: found.take(&account)?, code: found.take(&code)? })
}

/// The code is kept for an account that needs none too, where it opens nothing: what is done with codes later takes
/// the same time for both.
fn write_code(tx: &mut Tx, known: &Known, code: OneTimeCode) {
    let code = AccountCode { account_id: known.id, purpose: REGISTER.to_owned(), code };
    tx.save((), &code, known.code.as_ref().map(|code| code.version));
}

/// An account that never proved its address is nobody's yet: what is given now takes its place.
fn write_account(tx: &mut Tx, known: &Known, body: &RegisterBuyer, email: &str, hash: String, now: Timestamp) {
    let account = Account {
        id: known.id,
        email: email.to_owned(),
        email_verified: false,
        full_name: body.full_name.clone(),
        phone: body.phone.clone(),
        phone_verified: false,
        avatar_url: None,
        password_hash: Some(hash),
        created_at: known.account.as_ref().map_or(now, |account| account.value.created_at),
        updated_at: now,
    };
    tx.save((), &account, known.account.as_ref().map(|account| account.version));
    if known.account.is_none() {
        tx.create((), &EmailClaim { email: email.to_owned(), account_id: known.id });
    }
}

fn have_account(to: &str) -> Email {
    let told = "Somebody, hopefully you, tried to register with this address. You have an account already: just sign in.";
    let advice = "If it was not you, you need do nothing.";
    Email {
        to: to.to_owned(),
        subject: "You have a SellEasi account already".to_owned(),
        text: format!("{told}\n\n{advice}\n"),
        html: format!("<p>{told}</p><p>{advice}</p>"),
    }
}
