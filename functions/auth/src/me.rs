//! `GET /auth/me`: one's own account.

use contracts::auth::{Account as AccountView, Me};
use domain::account::Account;
use runtime::{Call, Deps, Outcome, Problem, Reply};
use store::keys;

pub async fn handle(deps: &Deps, call: Call<Me>) -> Outcome<Me> {
    let found = deps.db.get::<Account>(&keys::account(call.principal()?.account_id)).await?;
    let found = found.ok_or_else(Problem::not_found)?;
    Ok(Reply::new(&AccountView::new(found.value, found.version)).etag(found.version))
}
