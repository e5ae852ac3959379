//! `POST /auth/guest`: a store's guest. No account is behind it: the token's subject is all there is.

use contracts::auth::Guest;
use domain::{AccountId, Role};
use runtime::{
    Call, Deps, Outcome, Reply,
    sessions::{self, Bearer},
};

pub async fn handle(deps: &Deps, call: Call<Guest>) -> Outcome<Guest> {
    let store = call.store()?;
    let bearer = Bearer {
        account_id: deps.id(AccountId::from_ulid),
        tenant_id: Some(store.tenant_id),
        store_id: Some(store.store_id),
        role: Role::Guest,
    };
    let (session, tokens) = sessions::open(deps, bearer).await?;
    let mut tx = deps.tx();
    tx.create((), &session);
    call.commit(deps, tx, Reply::new(&tokens)).await?.or_changed()
}
