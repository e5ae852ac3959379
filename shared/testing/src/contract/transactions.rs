//! Transactions are atomic, and a refusal names the part that caused it.

use domain::{
    AccountId,
    catalog::{Product, ProductStatus},
    stock::Stock,
};
use store::{EmailClaim, ProductSlugClaim, keys};
use ulid::Ulid;

use super::{
    backend::Backend,
    fixtures::{TENANT, VARIANT, at, claim, claim_key, commit, product, refused, stock, tx, units},
};

fn email() -> EmailClaim {
    EmailClaim { email: "ada@example.com".into(), account_id: AccountId::from_ulid(Ulid(1)) }
}

pub(super) async fn all_parts_happen_over_several_tables(backend: Backend) {
    let db = backend.db();
    commit(&db, |tx| {
        tx.create(TENANT, &claim(1));
        tx.create(TENANT, &claim(2));
        tx.create(TENANT, &stock(VARIANT, 5, 0));
    })
    .await;
    let mut all = tx();
    all.create((), &email());
    all.remove(claim_key(1));
    all.check(claim_key(2), 1);
    all.reserve_stock(TENANT, VARIANT, 2, at(1));
    all.create(TENANT, &product(1, ProductStatus::Draft));
    assert_eq!(all.len(), 5);
    db.commit(all).await.unwrap();

    assert_eq!(db.get::<EmailClaim>(&keys::email("ada@example.com")).await.unwrap().unwrap().value, email());
    assert_eq!(db.get::<ProductSlugClaim>(&claim_key(1)).await.unwrap(), None);
    assert_eq!(db.get::<ProductSlugClaim>(&claim_key(2)).await.unwrap().unwrap().version, 1);
    assert_eq!(units(&db, VARIANT).await, (5, 2, 3));
    let product = product(1, ProductStatus::Draft);
    assert_eq!(db.get::<Product>(&keys::product(TENANT, product.id)).await.unwrap().unwrap().value, product);
}

pub(super) async fn one_refused_part_leaves_all_the_others_undone(backend: Backend) {
    let db = backend.db();
    commit(&db, |tx| {
        tx.create(TENANT, &claim(1));
        tx.create(TENANT, &claim(2));
        tx.create(TENANT, &claim(3));
        tx.create(TENANT, &stock(VARIANT, 5, 0));
    })
    .await;
    let before = backend.raw_item(&keys::stock(TENANT, VARIANT)).await;
    // The part that is refused comes first, in the middle and last.
    for position in 0..5 {
        let mut tx = tx();
        let mut bad = None;
        for part in 0..5 {
            if part == position {
                bad = Some(tx.create(TENANT, &claim(3)));
            }
            match part {
                0 => _ = tx.create((), &email()),
                1 => _ = tx.remove(claim_key(1)),
                2 => _ = tx.update(TENANT, &claim(2), 1),
                3 => _ = tx.reserve_stock(TENANT, VARIANT, 2, at(1)),
                _ => _ = tx.create(TENANT, &product(1, ProductStatus::Draft)),
            }
        }
        assert!(refused(&db, tx).await.contains(bad.unwrap()));
        assert_eq!(db.get::<EmailClaim>(&keys::email("ada@example.com")).await.unwrap(), None);
        for number in [1, 2] {
            assert_eq!(db.get::<ProductSlugClaim>(&claim_key(number)).await.unwrap().unwrap().version, 1);
        }
        assert_eq!(backend.raw_item(&keys::stock(TENANT, VARIANT)).await, before);
        let product = keys::product(TENANT, product(1, ProductStatus::Draft).id);
        assert_eq!(db.get::<Product>(&product).await.unwrap(), None);
    }
}

pub(super) async fn a_refusal_names_each_refused_part_and_no_other(backend: Backend) {
    let db = backend.db();
    commit(&db, |tx| {
        for taken in [2, 5, 6] {
            tx.create(TENANT, &claim(taken));
        }
        tx.create(TENANT, &stock(VARIANT, 5, 0));
    })
    .await;
    let mut tx = tx();
    let good = [tx.create(TENANT, &claim(1))];
    let taken = tx.create(TENANT, &claim(2));
    let good = [good[0], tx.create(TENANT, &claim(3))];
    let gone = tx.remove(claim_key(4));
    let stale = tx.update(TENANT, &claim(5), 7);
    let short = tx.reserve_stock(TENANT, VARIANT, 6, at(1));
    let good = [good[0], good[1], tx.check(claim_key(6), 1)];
    let absent = tx.check(claim_key(7), 1);
    let good = [good[0], good[1], good[2], tx.create((), &email())];

    let refused = refused(&db, tx).await;
    for op in [taken, gone, stale, short, absent] {
        assert!(refused.contains(op), "{op:?} of {refused:?}");
    }
    for op in good {
        assert!(!refused.contains(op), "{op:?} of {refused:?}");
        assert_eq!(refused.found::<ProductSlugClaim>(op).unwrap(), None);
    }
    assert_eq!(refused.found::<ProductSlugClaim>(taken).unwrap().unwrap().value, claim(2));
    assert_eq!(refused.found::<ProductSlugClaim>(stale).unwrap().unwrap().value, claim(5));
    assert_eq!(refused.found::<Stock>(short).unwrap().unwrap().value, stock(VARIANT, 5, 0));
    for op in [gone, absent] {
        assert_eq!(refused.found::<ProductSlugClaim>(op).unwrap(), None);
    }
}
