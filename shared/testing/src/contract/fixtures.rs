//! Fixtures of the contract's tests. Each test has its own tables, so ids may repeat between tests; tokens must not.

use contracts::events::{Envelope, Event};
use domain::{
    AccountId, Currency, EventId, Money, MovementId, OrderId, ProductId, StoreId, TenantId, Timestamp, VariantId,
    catalog::{Product, ProductStatus, Variant},
    stock::{Movement, MovementReason, Stock},
};
use store::{CommitError, Db, Key, ProductSlugClaim, Refused, StoreError, Tx, keys};
use ulid::Ulid;

use super::backend::random;

pub(super) const TENANT: TenantId = TenantId::from_ulid(Ulid(1));
pub(super) const OTHER_TENANT: TenantId = TenantId::from_ulid(Ulid(2));
pub(super) const STORE: StoreId = StoreId::from_ulid(Ulid(3));
const PRODUCT: ProductId = ProductId::from_ulid(Ulid(4));
pub(super) const BUYER: AccountId = AccountId::from_ulid(Ulid(4));
pub(super) const ORDER: OrderId = OrderId::from_ulid(Ulid(5));
pub(super) const VARIANT: VariantId = VariantId::from_ulid(Ulid(6));

/// The time this many seconds after 2026-01-01T00:00:00Z.
pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + second).unwrap()
}

pub(super) fn token() -> String {
    random().to_string()
}

/// An empty transaction with a new token.
pub(super) fn tx() -> Tx {
    Tx::new(token())
}

/// Commits the transaction that `fill` makes.
pub(super) async fn commit(db: &Db, fill: impl FnOnce(&mut Tx)) {
    let mut tx = tx();
    fill(&mut tx);
    db.commit(tx).await.unwrap();
}

/// Commits a transaction that must be refused.
pub(super) async fn refused(db: &Db, tx: Tx) -> Refused {
    match db.commit(tx).await {
        Err(CommitError::Refused(refused)) => refused,
        other => panic!("not refused: {other:?}"),
    }
}

/// Commits a transaction that DynamoDB must reject as invalid. Returns its message.
pub(super) async fn invalid(db: &Db, tx: Tx) -> String {
    match db.commit(tx).await {
        Err(CommitError::Store(StoreError::Fault(words))) => words,
        other => panic!("not an error: {other:?}"),
    }
}

/// A slug that is taken: the smallest thing there is to write.
pub(super) fn claim(number: u128) -> ProductSlugClaim {
    ProductSlugClaim { store_id: STORE, slug: format!("slug-{number}"), product_id: ProductId::from_ulid(Ulid(number)) }
}

pub(super) fn claim_key(number: u128) -> Key {
    keys::product_slug(TENANT, STORE, &claim(number).slug)
}

/// Stock with `on_hand` units, of which `reserved` are reserved.
pub(super) fn stock(variant_id: VariantId, on_hand: i64, reserved: i64) -> Stock {
    Stock { on_hand, reserved, available: on_hand - reserved, ..Stock::empty(PRODUCT, variant_id, STORE, at(0)) }
}

/// On hand, reserved, available.
pub(super) async fn units(db: &Db, variant: VariantId) -> (i64, i64, i64) {
    let stock = db.get::<Stock>(&keys::stock(TENANT, variant)).await.unwrap().unwrap().value;
    (stock.on_hand, stock.reserved, stock.available)
}

/// Ids of movements are numbers, so that their order is known.
pub(super) fn movement(number: u128) -> Movement {
    Movement {
        id: MovementId::from_ulid(Ulid(number)),
        variant_id: VARIANT,
        delta: i64::try_from(number).unwrap(),
        reason: MovementReason::Restock,
        reference: None,
        actor: None,
        at: at(0),
    }
}

pub(super) fn product(number: u128, status: ProductStatus) -> Product {
    Product {
        id: ProductId::from_ulid(Ulid(number)),
        store_id: STORE,
        name: format!("Book {number}"),
        slug: "a-book".into(),
        description: None,
        images: vec![],
        tags: vec!["new".into()],
        status,
        variants: vec![Variant {
            id: VariantId::from_ulid(Ulid(number)),
            sku: format!("SKU-{number}"),
            name: "Default".into(),
            price: Money::new(100, Currency::Ngn),
            compare_at_price: None,
            barcode: None,
            weight_g: Some(250),
        }],
        created_at: at(0),
        updated_at: at(0),
    }
}

pub(super) fn event<E: Event>(number: u128, data: E) -> Envelope<E> {
    Envelope {
        id: EventId::from_ulid(Ulid(number)),
        r#type: E::TYPE.to_owned(),
        source: E::SOURCE.to_owned(),
        time: at(0),
        tenant_id: TENANT,
        subject: ORDER.to_string(),
        version: 1,
        correlation_id: "req-1".into(),
        causation_id: None,
        traceparent: None,
        schema: E::SCHEMA,
        data,
    }
}
