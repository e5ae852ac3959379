//! Values are read back exactly as they were written.

use std::collections::BTreeMap;

use contracts::table::Table;
use domain::{
    Currency, Money, ProductId,
    catalog::{Product, ProductStatus},
    limits::{AMOUNT_MAX_MINOR, STOCK_MAX},
};
use serde::{Deserialize, Serialize};
use store::{Entity, Key, ProductSlugClaim, SkuClaim, StoredAnswer, keys};
use ulid::Ulid;

use super::{
    backend::Backend,
    fixtures::{STORE, TENANT, VARIANT, at, commit, product, stock, units},
};

/// A value with everything in it that values may have.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Kept {
    numbers: Vec<i64>,
    large: Vec<u64>,
    texts: Vec<String>,
    none: Option<String>,
    some: Option<i64>,
    truths: (bool, bool),
    empty_list: Vec<String>,
    empty_map: BTreeMap<String, String>,
    nested: BTreeMap<String, BTreeMap<String, Vec<Option<Leaf>>>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Leaf {
    Bare,
    Priced { price: Money },
}

impl Entity for Kept {
    type Owner = ();
    const TABLE: Table = Table::Accounts;
    const KIND: &'static str = "kept";

    fn key(&self, (): ()) -> Key {
        keys::email("kept")
    }
}

async fn assert_kept(backend: Backend, value: Kept) {
    let db = backend.db();
    commit(&db, |tx| _ = tx.create((), &value)).await;
    let read = db.get::<Kept>(&keys::email("kept")).await.unwrap().unwrap();
    assert_eq!((&read.value, read.version), (&value, 1));
    // The same goes for what is written over it.
    commit(&db, |tx| _ = tx.update((), &value, 1)).await;
    assert_eq!(db.get::<Kept>(&keys::email("kept")).await.unwrap().unwrap().value, value);
}

pub(super) async fn whole_numbers_keep_every_digit(backend: Backend) {
    let numbers =
        vec![0, 1, -1, 10, 1_000_000, AMOUNT_MAX_MINOR, -AMOUNT_MAX_MINOR, AMOUNT_MAX_MINOR + 1, i64::MAX, i64::MIN];
    let large = vec![0, u64::MAX, u64::MAX - 1, 10_000_000_000_000_000_000];
    assert_kept(backend, Kept { numbers, large, ..Kept::default() }).await;
}

pub(super) async fn arithmetic_keeps_every_digit(backend: Backend) {
    let db = backend.db();
    commit(&db, |tx| _ = tx.create(TENANT, &stock(VARIANT, STOCK_MAX, 0))).await;
    commit(&db, |tx| _ = tx.reserve_stock(TENANT, VARIANT, 999, at(1))).await;
    assert_eq!(units(&db, VARIANT).await, (STOCK_MAX, 999, STOCK_MAX - 999));
    // More than stock may be; the largest number that a float keeps, and one beyond.
    for (version, on_hand) in [(2, AMOUNT_MAX_MINOR), (4, i64::MAX - 1)] {
        commit(&db, |tx| _ = tx.update(TENANT, &stock(VARIANT, on_hand, 0), version)).await;
        commit(&db, |tx| _ = tx.reserve_stock(TENANT, VARIANT, 1, at(1))).await;
        assert_eq!(units(&db, VARIANT).await, (on_hand, 1, on_hand - 1));
    }
}

pub(super) async fn texts_come_back_as_they_were(backend: Backend) {
    let texts = [
        "",
        " ",
        "plain",
        "Ọjà Adé — ₦1 200,50",
        "日本語 العربية עברית",
        "e\u{301} is not é",
        "👩‍👩‍👧‍👦 🇳🇬",
        "\u{0}\u{1}\u{7f}\u{80}",
        "\u{fffe}\u{ffff}\u{10ffff}",
        "tab\tline\nreturn\r\n\"quotes\" 'and' \\backslashes\\ /slashes/",
        "<b>&amp;</b> {\"S\": \"no\"} ${x} :x #y",
        "1e5",
        "null",
    ];
    let texts = texts.map(str::to_owned).to_vec();
    assert_kept(backend, Kept { texts: [texts, vec!["é".repeat(100_000)]].concat(), ..Kept::default() }).await;
}

pub(super) async fn nothing_empty_and_nested_come_back_as_they_were(backend: Backend) {
    let leaves = vec![None, Some(Leaf::Bare), Some(Leaf::Priced { price: Money::new(-5, Currency::Ngn) })];
    let inner =
        BTreeMap::from([(String::from("ключ"), leaves), ("with.dot[0]".into(), vec![]), ("data".into(), vec![])]);
    let nested = BTreeMap::from([("outer".to_owned(), inner), ("empty".to_owned(), BTreeMap::new())]);
    let value = Kept { truths: (true, false), some: Some(1), nested, ..Kept::default() };
    assert_kept(backend.clone(), value).await;

    let db = backend.db();
    let bare = Product {
        description: Some(String::new()),
        tags: vec![String::new()],
        variants: vec![],
        ..product(1, ProductStatus::Draft)
    };
    commit(&db, |tx| _ = tx.create(TENANT, &bare)).await;
    assert_eq!(db.get::<Product>(&keys::product(TENANT, bare.id)).await.unwrap().unwrap().value, bare);
}

/// Free text is the last part of a key, without escaping.
pub(super) async fn keys_take_any_text(backend: Backend) {
    let db = backend.db();
    let long = "k".repeat(255);
    for text in ["", "a#b", "T#ten#", "ünï-cödé 中 😀", "a/b?c=\"d\"'", long.as_str()] {
        let slug = ProductSlugClaim { store_id: STORE, slug: text.into(), product_id: ProductId::from_ulid(Ulid(1)) };
        let sku = SkuClaim { store_id: STORE, sku: text.into(), product_id: ProductId::from_ulid(Ulid(2)) };
        let answer = StoredAnswer {
            tenant_id: None,
            principal: "192.0.2.1".into(),
            function: "auth-login".into(),
            key: text.into(),
            fingerprint: String::new(),
            status: 200,
            etag: None,
            body: String::new(),
            at: at(0),
        };
        commit(&db, |tx| {
            tx.create(TENANT, &slug);
            tx.create(TENANT, &sku);
            tx.create((), &answer);
        })
        .await;
        let slug_key = keys::product_slug(TENANT, STORE, text);
        let (sku_key, answer_key) =
            (keys::sku(TENANT, STORE, text), keys::idempotency(None, "192.0.2.1", "auth-login", text));
        let mut found = db.batch_get(&[slug_key.clone(), sku_key.clone(), answer_key.clone()]).await.unwrap();
        assert_eq!(found.take::<ProductSlugClaim>(&slug_key).unwrap().unwrap().value, slug);
        assert_eq!(found.take::<SkuClaim>(&sku_key).unwrap().unwrap().value, sku);
        assert_eq!(found.take::<StoredAnswer>(&answer_key).unwrap().unwrap().value, answer);
    }
}
