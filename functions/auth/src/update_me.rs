//! `PATCH /auth/me`: changes one's own account.

use contracts::{
    auth::{Account as AccountView, UpdateMe},
    patch,
};
use domain::account::Account;
use runtime::{Call, Deps, Outcome, Problem, Reply};
use store::{Versioned, keys};

pub async fn handle(deps: &Deps, call: Call<UpdateMe>) -> Outcome<UpdateMe> {
    let found = deps.db.get::<Account>(&keys::account(call.principal()?.account_id)).await?;
    let Versioned { value: mut account, version } = found.ok_or_else(Problem::not_found)?;
    call.expect_version(version)?;
    let mut changed = vec![];
    let body = &call.body;
    patch::set(&mut account.full_name, body.full_name.clone(), "full_name", &mut changed);
    patch::set(&mut account.avatar_url, body.avatar_url.clone(), "avatar_url", &mut changed);
    let before = changed.len();
    patch::set(&mut account.phone, body.phone.clone(), "phone", &mut changed);
    if changed.is_empty() {
        return Ok(Reply::new(&AccountView::new(account, version)).etag(version));
    }
    // Another number is not verified because the last one was.
    account.phone_verified &= changed.len() == before;
    account.updated_at = deps.now();
    let mut tx = deps.tx();
    tx.update((), &account, version);
    let reply = Reply::new(&AccountView::new(account, version + 1)).etag(version + 1);
    call.commit(deps, tx, reply).await?.or_changed()
}
