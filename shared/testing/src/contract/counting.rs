//! The other conditional arithmetic: a tenant's counters that its plan limits, and carts that are released.

use domain::{
    AccountId, CartId, Currency, Money, OrderId, ProductId,
    cart::{Cart, Line},
    tenant::{Plan, Tenant, TenantKind, TenantStatus},
};
use store::{Versioned, keys};
use ulid::Ulid;

use super::{
    backend::Backend,
    fixtures::{BUYER, ORDER, STORE, TENANT, VARIANT, at, commit, refused, tx},
};

fn tenant(plan: Plan, stores: u32, products: u32) -> Tenant {
    Tenant {
        id: TENANT,
        name: "Ada".into(),
        kind: TenantKind::Individual,
        plan,
        status: TenantStatus::Active,
        stores,
        products,
        created_at: at(0),
        updated_at: at(0),
    }
}

async fn read(db: &store::Db) -> Versioned<Tenant> {
    db.get::<Tenant>(&keys::tenant(TENANT)).await.unwrap().unwrap()
}

pub(super) async fn a_plan_counts_up_to_its_limit(backend: Backend) {
    let db = backend.db();
    commit(&db, |tx| _ = tx.create(TENANT, &tenant(Plan::Free, 0, 48))).await;
    commit(&db, |tx| _ = tx.count_store(TENANT, Plan::Free, at(1))).await;
    for second in [2, 3] {
        commit(&db, |tx| _ = tx.count_product(TENANT, Plan::Free, at(second))).await;
    }
    let full = read(&db).await;
    assert_eq!(full, Versioned { value: Tenant { updated_at: at(3), ..tenant(Plan::Free, 1, 50) }, version: 4 });
    for counts_stores in [true, false] {
        let mut tx = tx();
        let op = if counts_stores {
            tx.count_store(TENANT, Plan::Free, at(4))
        } else {
            tx.count_product(TENANT, Plan::Free, at(4))
        };
        assert_eq!(refused(&db, tx).await.found::<Tenant>(op).unwrap().as_ref(), Some(&full));
    }
    commit(&db, |tx| _ = tx.uncount_store(TENANT, at(5))).await;
    commit(&db, |tx| _ = tx.count_store(TENANT, Plan::Free, at(6))).await;
    assert_eq!(read(&db).await.value.stores, 1);
}

pub(super) async fn a_plan_without_limits_only_counts(backend: Backend) {
    let db = backend.db();
    commit(&db, |tx| _ = tx.create(TENANT, &tenant(Plan::Enterprise, 70, 9_000))).await;
    commit(&db, |tx| _ = tx.count_store(TENANT, Plan::Enterprise, at(1))).await;
    commit(&db, |tx| _ = tx.count_product(TENANT, Plan::Enterprise, at(1))).await;
    let read = read(&db).await.value;
    assert_eq!((read.stores, read.products), (71, 9_001));
}

pub(super) async fn a_plan_that_changed_is_refused(backend: Backend) {
    let db = backend.db();
    commit(&db, |tx| _ = tx.create(TENANT, &tenant(Plan::Free, 0, 0))).await;
    let mut tx = tx();
    let op = tx.count_product(TENANT, Plan::Pro, at(1));
    let found = refused(&db, tx).await.found::<Tenant>(op).unwrap().unwrap();
    assert_eq!((found.value.plan, found.version), (Plan::Free, 1));
    assert_eq!(read(&db).await.version, 1);
}

pub(super) async fn nothing_is_counted_below_zero(backend: Backend) {
    let db = backend.db();
    commit(&db, |tx| _ = tx.create(TENANT, &tenant(Plan::Free, 0, 0))).await;
    let mut tx = tx();
    let op = tx.uncount_store(TENANT, at(1));
    assert!(refused(&db, tx).await.contains(op));
    assert_eq!(read(&db).await, Versioned { value: tenant(Plan::Free, 0, 0), version: 1 });
}

pub(super) async fn a_cart_is_given_back_once_and_only_if_it_is_still_that_orders(backend: Backend) {
    let (db, key) = (backend.db(), keys::cart(TENANT, STORE, BUYER));
    let line = Line {
        product_id: ProductId::from_ulid(Ulid(1)),
        variant_id: VARIANT,
        quantity: 2,
        unit_price: Money::new(100, Currency::Ngn),
        added_at: at(0),
    };
    let open = Cart::empty(CartId::from_ulid(Ulid(1)), STORE, BUYER, at(0)).add(line, at(0)).unwrap();
    let ordered = open.clone().ordered(ORDER, at(0));
    commit(&db, |tx| _ = tx.create(TENANT, &ordered)).await;

    let mut of_another = tx();
    let op = of_another.give_back_cart(TENANT, STORE, BUYER, OrderId::from_ulid(Ulid(99)), at(1));
    assert_eq!(refused(&db, of_another).await.found::<Cart>(op).unwrap().unwrap().value, ordered);

    commit(&db, |tx| _ = tx.give_back_cart(TENANT, STORE, BUYER, ORDER, at(2))).await;
    let given_back = db.get::<Cart>(&key).await.unwrap().unwrap();
    assert_eq!(given_back, Versioned { value: Cart { updated_at: at(2), ..open }, version: 2 });

    // A second time it is no order's; and there may be no cart at all, which is not made.
    let stranger = AccountId::from_ulid(Ulid(98));
    for buyer in [BUYER, stranger] {
        let mut again = tx();
        let op = again.give_back_cart(TENANT, STORE, buyer, ORDER, at(3));
        assert!(refused(&db, again).await.contains(op));
    }
    assert_eq!(db.get::<Cart>(&key).await.unwrap().unwrap(), given_back);
    assert_eq!(db.get::<Cart>(&keys::cart(TENANT, STORE, stranger)).await.unwrap(), None);
}
