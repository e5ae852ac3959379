//! Lists: their order, pages and contents.

use contracts::events::StockReleased;
use domain::{
    EventId, NotificationId,
    catalog::{Product, ProductStatus},
    stock::{Movement, Stock},
};
use store::{
    Db, Entity, Notification, OutboxPage, Position,
    SortOrder::{self, Ascending, Descending},
    keys::{self, List},
};
use ulid::Ulid;

use super::{
    backend::Backend,
    fixtures::{ORDER, OTHER_TENANT, STORE, TENANT, VARIANT, at, commit, event, movement, product, stock},
};

fn movements() -> List {
    keys::movements(TENANT, VARIANT)
}

/// Movements 1 to `many`, in partitions where there is more: the stock itself, and another tenant's.
async fn write_movements(db: &Db, many: u128) {
    let numbers: Vec<_> = (1..=many).collect();
    for part in numbers.chunks(50) {
        commit(db, |tx| part.iter().for_each(|number| _ = tx.create(TENANT, &movement(*number)))).await;
    }
    commit(db, |tx| {
        tx.create(TENANT, &stock(VARIANT, 5, 0));
        tx.create(OTHER_TENANT, &movement(1));
        tx.create(OTHER_TENANT, &stock(VARIANT, 5, 0));
    })
    .await;
}

/// All pages of a list, of what `number` says of each value.
async fn pages<T: Entity>(
    db: &Db,
    list: &List,
    order: SortOrder,
    limit: i32,
    number: impl Fn(&T) -> i64,
) -> Vec<Vec<i64>> {
    let mut pages = vec![];
    let mut from = None;
    loop {
        let (page, next) = db.list::<T>(list, order, limit, from.as_ref()).await.unwrap();
        pages.push(page.iter().map(|item| number(&item.value)).collect());
        if next.is_none() {
            return pages;
        }
        assert!(pages.len() < 100, "does not end");
        from = next;
    }
}

/// Every page but the last is full, and the last is not empty: all `many` come in order, and each once.
async fn assert_pages<T: Entity>(db: &Db, list: &List, many: i64, number: impl Fn(&T) -> i64 + Copy) {
    for order in [Ascending, Descending] {
        let mut expected: Vec<_> = (1..=many).collect();
        if order == Descending {
            expected.reverse();
        }
        for limit in 1..=many + 1 {
            let size = usize::try_from(limit).unwrap();
            let expected: Vec<_> = expected.chunks(size).map(<[i64]>::to_vec).collect();
            let found = pages::<T>(db, list, order, i32::try_from(limit).unwrap(), number).await;
            assert_eq!(found, expected, "{order:?}, {limit} a page");
        }
    }
}

pub(super) async fn a_list_is_in_order_and_holds_only_its_own(backend: Backend) {
    let db = backend.db();
    write_movements(&db, 3).await;
    for (order, expected) in [(Ascending, [1, 2, 3]), (Descending, [3, 2, 1])] {
        let (found, next) = db.list::<Movement>(&movements(), order, 10, None).await.unwrap();
        assert_eq!(found.iter().map(|item| item.value.delta).collect::<Vec<_>>(), expected);
        assert_eq!(next, None);
    }
}

/// DynamoDB orders text by its UTF-8 bytes: capitals first, and what lies beyond the basic plane last.
pub(super) async fn text_is_ordered_by_its_bytes(backend: Backend) {
    let kinds = ["", "A", "Z", "a", "a#", "aa", "b", "é", "中", "\u{ffee}", "😀"];
    let db = backend.db();
    commit(&db, |tx| {
        for kind in kinds.iter().rev() {
            let notification = Notification {
                id: NotificationId::from_ulid(Ulid(1)),
                event_id: EventId::from_ulid(Ulid(1)),
                kind: (*kind).into(),
                audience: "buyer".into(),
                reference: "order".into(),
                recipient: "ada@example.com".into(),
                subject: String::new(),
                claimed_at: at(0),
                sent_at: None,
                not_sent: None,
                created_at: at(0),
            };
            tx.create(TENANT, &notification);
        }
    })
    .await;
    let list = keys::notifications(TENANT, "order");
    let (found, _) = db.list::<Notification>(&list, Ascending, 100, None).await.unwrap();
    let found: Vec<_> = found.into_iter().map(|item| item.value.kind).collect();
    let mut by_bytes: Vec<_> = kinds.iter().map(|kind| format!("{kind}#buyer")).collect();
    by_bytes.sort();
    assert_eq!(found.iter().map(|kind| format!("{kind}#buyer")).collect::<Vec<_>>(), by_bytes);
}

pub(super) async fn pages_go_on_where_the_last_one_ended(backend: Backend) {
    let db = backend.db();
    write_movements(&db, 7).await;
    assert_pages::<Movement>(&db, &movements(), 7, |movement| movement.delta).await;
}

pub(super) async fn pages_of_an_index_go_on_where_the_last_one_ended(backend: Backend) {
    let db = backend.db();
    commit(&db, |tx| {
        // Not written in the order of the list.
        for number in [4, 1, 5, 3, 2] {
            tx.create(TENANT, &product(number, ProductStatus::Active));
            tx.create(OTHER_TENANT, &product(number, ProductStatus::Active));
        }
        tx.create(TENANT, &product(9, ProductStatus::Draft));
    })
    .await;
    let number = |product: &Product| i64::try_from(product.id.ulid().0).unwrap();
    assert_pages(&db, &keys::products(TENANT, STORE, ProductStatus::Active), 5, number).await;
    // On the second index there are the six that share a slug.
    commit(&db, |tx| {
        tx.remove(keys::product(TENANT, product(9, ProductStatus::Draft).id));
        tx.create(TENANT, &product(6, ProductStatus::Archived));
    })
    .await;
    assert_pages(&db, &keys::products_by_slug(TENANT, STORE, "a-book"), 6, number).await;
}

pub(super) async fn pages_go_on_when_the_list_changes_in_between(backend: Backend) {
    let db = backend.db();
    commit(&db, |tx| [10, 20, 30, 40].into_iter().for_each(|n| _ = tx.create(TENANT, &movement(n)))).await;
    let (first, next) = db.list::<Movement>(&movements(), Ascending, 2, None).await.unwrap();
    assert_eq!(first.iter().map(|item| item.value.delta).collect::<Vec<_>>(), [10, 20]);
    // The item that the position names is gone; one has come before it, and one after.
    commit(&db, |tx| {
        tx.remove(keys::movement(TENANT, VARIANT, movement(20).id));
        tx.create(TENANT, &movement(15));
        tx.create(TENANT, &movement(25));
    })
    .await;
    // The position goes through JSON, as in a client's cursor.
    let position: Position = serde_json::from_str(&serde_json::to_string(&next.unwrap()).unwrap()).unwrap();
    let (second, next) = db.list::<Movement>(&movements(), Ascending, 2, Some(&position)).await.unwrap();
    assert_eq!(second.iter().map(|item| item.value.delta).collect::<Vec<_>>(), [25, 30]);
    let (third, next) = db.list::<Movement>(&movements(), Ascending, 2, next.as_ref()).await.unwrap();
    assert_eq!(third.iter().map(|item| item.value.delta).collect::<Vec<_>>(), [40]);
    assert_eq!(next, None);
}

/// One answer holds 1 MB, however many items are asked for.
pub(super) async fn pages_larger_than_one_answer_go_on(backend: Backend) {
    let db = backend.db();
    commit(&db, |tx| {
        for number in 1..=9 {
            tx.create(TENANT, &Movement { reference: Some("x".repeat(390 * 1_024)), ..movement(number) });
        }
    })
    .await;
    let number = |movement: &Movement| movement.delta;
    assert_eq!(pages(&db, &movements(), Ascending, 100, number).await, [(1..=9).collect::<Vec<_>>()]);
    let expected = [vec![9, 8, 7, 6], vec![5, 4, 3, 2], vec![1]];
    assert_eq!(pages(&db, &movements(), Descending, 4, number).await, expected);
}

/// Lambda's reply holds 6 MB, and in it a quotation mark of a text takes four bytes.
pub(super) async fn a_page_of_large_items_fits_a_reply(backend: Backend) {
    let db = backend.db();
    for (filler, numbers) in [("x", 1..=7), ("x", 8..=14), ("\"", 15..=19)] {
        commit(&db, |tx| {
            for number in numbers {
                tx.create(TENANT, &Movement { reference: Some(filler.repeat(390 * 1_024)), ..movement(number) });
            }
        })
        .await;
    }
    let expected = [(1..=10).collect(), (11..=15).collect(), vec![16, 17], vec![18, 19]];
    assert_eq!(pages(&db, &movements(), Ascending, 100, |movement: &Movement| movement.delta).await, expected);
}

/// From an id that one shard has, and from one that none has.
pub(super) async fn the_outbox_is_read_in_the_order_of_ids(backend: Backend) {
    let db = backend.db();
    for numbers in [1..=45_u128, 46..=90] {
        commit(&db, |tx| {
            for number in numbers.filter(|number| *number != 30) {
                tx.emit(&event(number, StockReleased { store_id: STORE, order_id: ORDER, lines: vec![] }));
            }
        })
        .await;
    }
    for after in [0, 20, 30, 90] {
        let (mut read, mut position) = (vec![], EventId::from_ulid(Ulid(after)));
        loop {
            let page = OutboxPage::read(&db, TENANT, position, 3).await.unwrap();
            read.extend(page.events.iter().map(|event| event.id.ulid().0));
            position = page.events.last().map_or(position, |event| event.id);
            if page.is_last {
                break;
            }
            assert!(!page.events.is_empty(), "does not go on");
        }
        assert_eq!(read, (after + 1..=90).filter(|number| *number != 30).collect::<Vec<_>>(), "after {after}");
    }
    let others = OutboxPage::read(&db, OTHER_TENANT, EventId::from_ulid(Ulid(0)), 3).await.unwrap();
    assert!(others.events.is_empty() && others.is_last);
}

pub(super) async fn an_item_leaves_an_index_list_when_it_changes(backend: Backend) {
    let db = backend.db();
    let list = |status| keys::products(TENANT, STORE, status);
    commit(&db, |tx| {
        tx.create(TENANT, &product(1, ProductStatus::Draft));
        tx.create(TENANT, &product(2, ProductStatus::Draft));
        tx.create(TENANT, &stock(VARIANT, 5, 0));
    })
    .await;
    commit(&db, |tx| {
        tx.update(TENANT, &product(2, ProductStatus::Active), 1);
        tx.remove(keys::product(TENANT, product(1, ProductStatus::Draft).id));
        tx.reserve_stock(TENANT, VARIANT, 2, at(1));
    })
    .await;
    // On AWS an index follows moments later; the emulators' are never behind.
    let (drafts, _) = db.list::<Product>(&list(ProductStatus::Draft), Ascending, 10, None).await.unwrap();
    assert_eq!(drafts, []);
    let (active, _) = db.list::<Product>(&list(ProductStatus::Active), Ascending, 10, None).await.unwrap();
    assert_eq!(
        active.iter().map(|item| (&item.value, item.version)).collect::<Vec<_>>(),
        [(&product(2, ProductStatus::Active), 2)]
    );
    let (stocks, _) = db.list::<Stock>(&keys::stocks(TENANT, STORE), Ascending, 10, None).await.unwrap();
    assert_eq!(stocks.iter().map(|item| (item.value.reserved, item.version)).collect::<Vec<_>>(), [(2, 2)]);
}

pub(super) async fn a_filter_fills_its_pages(backend: Backend) {
    let db = backend.db();
    write_movements(&db, 12).await;
    let thirds = |movement: &Movement| movement.delta % 3 == 0;
    let (first, next) = db.list_where(&movements(), Ascending, 2, None, thirds).await.unwrap();
    assert_eq!(first.iter().map(|item| item.value.delta).collect::<Vec<_>>(), [3, 6]);
    let (second, next) = db.list_where(&movements(), Ascending, 2, next.as_ref(), thirds).await.unwrap();
    assert_eq!(second.iter().map(|item| item.value.delta).collect::<Vec<_>>(), [9, 12]);
    assert_eq!(next, None);
    let (none, next) = db.list_where::<Movement>(&movements(), Descending, 5, None, |_| false).await.unwrap();
    assert_eq!((none, next), (vec![], None));
}

pub(super) async fn a_filter_that_finds_little_comes_back_short_and_goes_on(backend: Backend) {
    let db = backend.db();
    write_movements(&db, 50).await;
    let rare = |movement: &Movement| movement.delta == 3 || movement.delta == 49;
    let (mut found, mut reads, mut from) = (vec![], 0, None);
    loop {
        let (page, next) = db.list_where(&movements(), Ascending, 2, from.as_ref(), rare).await.unwrap();
        found.extend(page.iter().map(|item| item.value.delta));
        reads += 1;
        assert!(reads < 10, "does not end");
        if next.is_none() {
            break;
        }
        from = next;
    }
    assert_eq!(found, [3, 49]);
    assert!(reads > 1, "a page is bounded");
}

pub(super) async fn a_list_of_nothing_is_empty(backend: Backend) {
    let db = backend.db();
    for list in [movements(), keys::stocks(TENANT, STORE)] {
        let (found, next) = db.list::<Movement>(&list, Ascending, 10, None).await.unwrap();
        assert_eq!((found, next), (vec![], None));
    }
}
