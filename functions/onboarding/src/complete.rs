//! `POST /onboarding/{id}/complete`: creates, in one transaction, everything a seller starts with: account, tenant,
//! membership as owner, an open store, and a session.

use contracts::{
    auth::{Account as AccountView, Tokens},
    events::TenantOnboarded,
    onboarding::{Complete, Completed, OpenedTenant},
    problems,
    stores::Store as StoreView,
};
use domain::{
    Role, StoreId, Timestamp,
    account::Account,
    limits::PAYMENT_WINDOW_DEFAULT_S,
    onboarding::{Onboarding, Profile, ProvedAccount, Step},
    store::{PAYMENT_METHODS, Store, StoreStatus, Tax},
    tenant::{Membership, Plan, Tenant, TenantStatus},
};
use identity::{
    addresses,
    sessions::{self, Subject},
};
use runtime::{Call, Deps, Granted, Outcome, Problem, Reply, http::Committed};
use store::{CommitError, EmailClaim, Op, StoreClaim, Tx, Versioned, keys};

use crate::step::{find, slug_taken};

pub async fn handle(deps: &Granted<Complete>, call: Call<Complete>) -> Outcome<Complete> {
    let (found, now) = (find(deps, &call).await?, deps.now());
    if found.value.step == Step::Done {
        return Err(Problem::new(
            &problems::ONBOARDING_DONE,
            "this is complete already; sign in with POST /auth/login",
        ));
    }
    let claim = deps.db.get::<EmailClaim>(&keys::email(&found.value.email)).await?;
    let account = addresses::account(deps, claim.map(|claim| claim.value.account_id)).await?;
    let owner = owner(&found.value, account, now)?;
    // If the seller proved an existing account, it becomes the owner, not the id reserved when the onboarding began.
    let onboarding = Onboarding { account_id: owner.account().id, ..found.value };
    let Some(profile) = onboarding.profile.clone() else {
        return Err(Problem::new(&problems::INVALID_STATE, "say what the store is first"));
    };
    let (tenant, store) = (tenant(&onboarding, now), store(deps, &onboarding, &profile, now));
    let subject = Subject::of(owner.account(), Some(tenant.id), Role::Owner);
    let (session, tokens) = sessions::open(deps, subject).await?;
    let done = onboarding.completed(now)?;

    let mut tx = deps.tx();
    tx.update((), &done, found.version);
    write_owner(&mut tx, &owner, &done, now);
    tx.create((), &session);
    let slug = write_store(&mut tx, &tenant, &store);
    emit(deps, &call, &mut tx, &done, &store);
    match call.commit(deps, tx, reply(tokens, tenant, store, owner)).await? {
        Committed::Done(reply) => Ok(reply),
        Committed::Refused(refused) if refused.contains(slug) => Err(slug_taken(&profile.store_slug)),
        Committed::Refused(refused) => Err(CommitError::Refused(refused).into()),
    }
}

/// The account that will own the tenant.
enum Owner {
    New(Account),
    /// An existing account whose password was given.
    Proved(Versioned<Account>),
}

impl Owner {
    fn account(&self) -> &Account {
        match self {
            Self::New(account) => account,
            Self::Proved(found) => &found.value,
        }
    }
}

/// The account of this address, or its password, may have changed since the password step, so they are checked again.
fn owner(onboarding: &Onboarding, found: Option<Versioned<Account>>, now: Timestamp) -> Result<Owner, Problem> {
    match (found, &onboarding.password_hash) {
        (Some(found), _) if onboarding.proved_account == Some(ProvedAccount::of(&found.value)) => {
            Ok(Owner::Proved(found))
        }
        (None, Some(hash)) => Ok(Owner::New(account(onboarding, hash, now))),
        _ => {
            let detail = "there is an account with this e-mail address by now; give its password again";
            Err(Problem::new(&problems::PASSWORD_NEEDED, detail))
        }
    }
}

fn account(onboarding: &Onboarding, password_hash: &str, now: Timestamp) -> Account {
    let (email, full_name) = (onboarding.email.clone(), onboarding.full_name.clone());
    let account = Account::new(onboarding.account_id, email, full_name, Some(password_hash.to_owned()), now);
    Account { phone: onboarding.phone.clone(), phone_verified: onboarding.phone_verified, ..account }
}

fn tenant(onboarding: &Onboarding, now: Timestamp) -> Tenant {
    Tenant {
        id: onboarding.tenant_id,
        name: onboarding.tenant_name.clone(),
        kind: onboarding.kind,
        plan: Plan::Free,
        status: TenantStatus::Active,
        stores: 1,
        products: 0,
        created_at: now,
        updated_at: now,
    }
}

/// The store is open at once, without tax or shipping; the seller configures these later.
fn store(deps: &Deps, onboarding: &Onboarding, profile: &Profile, now: Timestamp) -> Store {
    Store {
        id: deps.id(StoreId::from_ulid),
        name: profile.store_name.clone(),
        slug: profile.store_slug.clone(),
        description: profile.description.clone(),
        logo_url: None,
        currency: profile.currency,
        timezone: profile.timezone.clone(),
        tax: Tax { rate_basis_points: 0, inclusive: false },
        shipping_methods: vec![],
        payment_methods: PAYMENT_METHODS.map(str::to_owned).to_vec(),
        payment_window_s: PAYMENT_WINDOW_DEFAULT_S,
        support_email: None,
        seller_email: onboarding.email.clone(),
        low_stock_email: None,
        status: StoreStatus::Active,
        created_at: now,
        updated_at: now,
    }
}

fn write_owner(tx: &mut Tx, owner: &Owner, onboarding: &Onboarding, now: Timestamp) {
    match owner {
        Owner::New(account) => {
            tx.create_account(account);
        }
        Owner::Proved(found) => {
            tx.check(keys::account(found.value.id), found.version);
        }
    }
    let membership = Membership {
        tenant_id: onboarding.tenant_id,
        account_id: owner.account().id,
        role: Role::Owner,
        joined_at: now,
    };
    tx.create((), &membership);
}

/// Returns the operation that is refused if another store has taken the slug in the meantime.
fn write_store(tx: &mut Tx, tenant: &Tenant, store: &Store) -> Op {
    let (tenant_id, store_id, status) = (tenant.id, store.id, store.status);
    let claim = |name: String| StoreClaim { name, tenant_id, store_id, status, free_at: None };
    tx.create(tenant.id, tenant);
    tx.create(tenant.id, store);
    tx.create((), &claim(store.id.to_string()));
    tx.create_unless_live(&claim(store.slug.clone()), store.created_at)
}

fn emit(deps: &Deps, call: &Call<Complete>, tx: &mut Tx, onboarding: &Onboarding, store: &Store) {
    let event = TenantOnboarded {
        account_id: onboarding.account_id,
        store_id: store.id,
        email: onboarding.email.clone(),
        full_name: onboarding.full_name.clone(),
        tenant_name: onboarding.tenant_name.clone(),
        store_name: store.name.clone(),
        store_slug: store.slug.clone(),
    };
    tx.emit(&deps.event(&call.cause, onboarding.tenant_id, onboarding.tenant_id, 1, event));
}

fn reply(tokens: Tokens, tenant: Tenant, store: Store, owner: Owner) -> Reply<Complete> {
    let (account, version) = match owner {
        Owner::New(account) => (account, 1),
        Owner::Proved(found) => (found.value, found.version),
    };
    Reply::new(&Completed {
        tokens,
        tenant: OpenedTenant {
            id: tenant.id,
            name: tenant.name,
            kind: tenant.kind,
            plan: tenant.plan,
            status: tenant.status,
        },
        store: StoreView::new(store, 1),
        account: AccountView::new(account, version),
    })
}

#[cfg(test)]
mod tests {
    use contracts::{onboarding::Progress, table::Table};
    use domain::account::Session;
    use runtime::auth;
    use testing::{TestRequest, World};

    use super::*;
    use crate::fixtures::{EMAIL, PASSWORD, Seller, registered};

    async fn ready(world: &World, email: &str, slug: &str) -> Seller {
        let seller = Seller::identified(world, email).await;
        seller.profile(slug).await.ok::<Progress>();
        seller
    }

    async fn get<T: store::Entity>(world: &World, key: &store::Key) -> T {
        world.deps.db.get::<T>(key).await.unwrap().unwrap().value
    }

    #[tokio::test]
    async fn a_seller_can_sell_at_once() {
        let world = World::new().await;
        let seller = ready(&world, EMAIL, "ada-shelf").await;
        world.dynamo.take_calls();
        let done: Completed = seller.complete().await.ok();
        let calls = world.dynamo.take_calls();
        assert_eq!(calls, [("GetItem".to_owned(), 3), ("TransactWriteItems".to_owned(), 1)].into());

        let owner = auth::verify(&world.deps, &done.tokens.access_token).await.unwrap();
        let expected = (Some(done.tenant.id), done.account.id, Role::Owner);
        assert_eq!((owner.tenant_id, owner.account_id, owner.role), expected);
        assert_eq!(
            get::<Session>(&world, &keys::session(owner.account_id, owner.session_id)).await.account_id,
            done.account.id
        );
        assert_eq!(
            get::<Membership>(&world, &keys::membership(done.account.id, done.tenant.id)).await.role,
            Role::Owner
        );
        assert_eq!(get::<Tenant>(&world, &keys::tenant(done.tenant.id)).await.status, TenantStatus::Active);
        assert_eq!(get::<EmailClaim>(&world, &keys::email("ada@example.com")).await.account_id, done.account.id);
        assert_eq!((done.store.status, done.store.support_email), (StoreStatus::Active, None));
        for name in ["ada-shelf".to_owned(), done.store.id.to_string()] {
            let claim = get::<StoreClaim>(&world, &keys::store_claim(&name)).await;
            assert_eq!((claim.tenant_id, claim.status), (done.tenant.id, StoreStatus::Active));
        }
        assert!(done.account.email_verified && done.account.version == 1);
    }

    #[tokio::test]
    async fn the_shop_hears_of_it_and_no_password_stays_behind() {
        let world = World::new().await;
        let seller = ready(&world, EMAIL, "ada-shelf").await;
        let done: Completed = seller.complete().await.ok();
        let events = world.dynamo.items(Table::Outbox);
        assert_eq!(events.len(), 1);
        let event = events[0].to_string();
        assert!(event.contains("TENANT_ONBOARDED") && event.contains(&done.tenant.id.to_string()), "{event}");
        let key = keys::onboarding(seller.id.parse().unwrap());
        assert_eq!(get::<Onboarding>(&world, &key).await.password_hash, None);
        assert_eq!(seller.complete().await.problem(), (409, "onboarding_done".into()));
        assert_eq!(seller.profile("ada-other").await.problem(), (409, "invalid_state".into()));
        assert_eq!(world.dynamo.items(Table::Outbox).len(), 1);
    }

    #[tokio::test]
    async fn nothing_opens_before_every_step_is_done() {
        let world = World::new().await;
        let seller = Seller::identified(&world, EMAIL).await;
        assert_eq!(seller.complete().await.problem(), (409, "invalid_state".into()));
        let seller = ready(&world, "eve@example.com", "eves-shelf").await;
        let stranger = TestRequest::new().path("id", &seller.id).send(&world.deps, handle).await;
        assert_eq!(stranger.problem(), (404, "not_found".into()));
        assert!(world.dynamo.items(Table::Accounts).iter().all(|item| !item.to_string().contains("SESSION#")));
    }

    #[tokio::test]
    async fn of_two_with_one_name_the_second_chooses_another() {
        let world = World::new().await;
        let (ada, eve) = (ready(&world, EMAIL, "the-shelf").await, ready(&world, "eve@example.com", "the-shelf").await);
        assert_eq!(ada.complete().await.status(), 201);
        assert_eq!(eve.complete().await.problem(), (409, "slug_taken".into()));
        eve.profile("eves-shelf").await.ok::<Progress>();
        assert_eq!(eve.complete().await.ok::<Completed>().store.slug, "eves-shelf");
    }

    #[tokio::test]
    async fn an_existing_account_owns_the_new_tenant_too() {
        let world = World::new().await;
        let account = registered(&world, PASSWORD).await;
        let seller = ready(&world, EMAIL, "ada-shelf").await;
        world.dynamo.take_calls();
        let done: Completed = seller.complete().await.ok();
        let calls = world.dynamo.take_calls();
        assert_eq!(calls, [("GetItem".to_owned(), 3), ("TransactWriteItems".to_owned(), 1)].into());
        assert_eq!((done.account.id, done.account.full_name.as_str()), (account.id, "Ada the Buyer"));
        assert_eq!(get::<Account>(&world, &keys::account(account.id)).await, account);
        assert_eq!(get::<Membership>(&world, &keys::membership(account.id, done.tenant.id)).await.role, Role::Owner);
    }

    /// Whoever gave the old password may be the reason why there is a new one.
    #[tokio::test]
    async fn a_proof_ends_with_the_password_that_was_given() {
        let world = World::new().await;
        let account = registered(&world, PASSWORD).await;
        let seller = ready(&world, EMAIL, "ada-books-2").await;
        let held = world.deps.db.get::<Account>(&keys::account(account.id)).await.unwrap().unwrap();
        let mut tx = world.deps.tx();
        tx.update((), &held.value.password_changed("another hash".into(), world.deps.now()), held.version);
        world.deps.db.commit(tx).await.unwrap();
        assert_eq!(seller.complete().await.problem(), (409, "password_needed".into()));
    }

    #[tokio::test]
    async fn an_account_made_meanwhile_has_to_prove_itself() {
        let world = World::new().await;
        let seller = ready(&world, EMAIL, "ada-shelf").await;
        registered(&world, "another password").await;
        assert_eq!(seller.complete().await.problem(), (409, "password_needed".into()));
        assert_eq!(seller.password(PASSWORD).await.status(), 422);
        assert_eq!(seller.password("another password").await.status(), 200);
        assert_eq!(seller.complete().await.status(), 201);
    }
}
