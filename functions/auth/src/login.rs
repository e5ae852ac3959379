//! `POST /auth/login`: e-mail and password. At a store one signs in as its tenant's customer, elsewhere as part of a
//! tenant's team. Unknown addresses and wrong passwords take the same work and get the same answer.

use contracts::auth::Login;
use domain::{Role, TenantId, account::Account, tenant::Membership, text::normalize_email};
use runtime::{
    Call, Deps, Outcome, Problem, Reply,
    http::StoreRef,
    password,
    sessions::{self, Bearer},
};
use store::{CustomerRecord, Tx, db::Order, keys};

use crate::people::{customer, id_of};

/// Tenants of one person that are looked at to find the one joined first.
const MEMBERSHIPS_MAX: i32 = 100;

pub async fn handle(deps: &Deps, call: Call<Login>) -> Outcome<Login> {
    if call.store.is_some() && call.body.tenant_id.is_some() {
        let detail = "at a store one signs in as a customer: give a store or a tenant, not both";
        return Err(Problem::invalid_field("/tenant_id", "invalid", detail));
    }
    let account = check_password(deps, &call).await?;
    if !account.email_verified {
        return Err(Problem::new(403, "email_unverified", "finish the registration first, with the code sent by e-mail"));
    }
    let mut tx = deps.tx();
    let bearer = match call.store {
        Some(store) => as_customer(deps, &mut tx, store, &account).await?,
        None => as_team(deps, &account, call.body.tenant_id).await?,
    };
    let (session, tokens) = sessions::open(deps, bearer).await?;
    tx.create((), &session);
    call.commit(deps, tx, Reply::new(&tokens)).await?.or_changed()
}

async fn check_password(deps: &Deps, call: &Call<Login>) -> Result<Account, Problem> {
    let id = id_of(deps, &normalize_email(&call.body.email)).await?;
    let account = deps.db.get::<Account>(&keys::account(id)).await?.map(|account| account.value);
    let hash = account.as_ref().and_then(|account| account.password_hash.as_deref());
    let is_right = password::verify(&call.body.password, hash);
    account
        .filter(|_| is_right)
        .ok_or_else(|| Problem::new(401, "invalid_credentials", "the e-mail address or the password is wrong"))
}

/// The tenant gets its own record of the customer at the first sign-in.
async fn as_customer(deps: &Deps, tx: &mut Tx, store: StoreRef, account: &Account) -> Result<Bearer, Problem> {
    let tenant = store.tenant_id;
    if deps.db.get::<CustomerRecord>(&keys::customer(tenant, account.id)).await?.is_none() {
        tx.create(tenant, &customer(account, deps.now()));
    }
    Ok(Bearer { account_id: account.id, tenant_id: Some(tenant), store_id: None, role: Role::Customer })
}

async fn as_team(deps: &Deps, account: &Account, wanted: Option<TenantId>) -> Result<Bearer, Problem> {
    let list = keys::memberships(account.id);
    let (found, _) = deps.db.list::<Membership>(&list, Order::Ascending, MEMBERSHIPS_MAX, None).await?;
    let mut memberships = found.into_iter().map(|membership| membership.value);
    let membership = match wanted {
        // A tenant that one does not work for is like one that does not exist.
        Some(tenant) => Some(memberships.find(|held| held.tenant_id == tenant).ok_or_else(Problem::not_found)?),
        None => memberships.min_by_key(|held| held.joined_at),
    };
    Ok(Bearer {
        account_id: account.id,
        tenant_id: membership.as_ref().map(|membership| membership.tenant_id),
        store_id: None,
        role: membership.map_or(Role::Customer, |membership| membership.role),
    })
}
