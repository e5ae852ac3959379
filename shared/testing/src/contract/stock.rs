//! Stock changes by conditional arithmetic; nothing is sold that is not in stock.

use domain::{
    VariantId,
    limits::ORDER_LINES_MAX,
    reservation::StockEffect,
    stock::{Movement, Stock},
};
use store::{CommitError, Op, SortOrder, Tx, keys};
use ulid::Ulid;

use super::{
    backend::Backend,
    fixtures::{TENANT, VARIANT, at, commit, movement, refused, stock, tx, units},
};

/// What can be done to stock: [`Tx::reserve_stock`], or [`Tx::apply_stock`] with an effect.
#[derive(Debug, Clone, Copy)]
enum Move {
    Reserve,
    Apply(StockEffect),
}

const RESERVE: Move = Move::Reserve;
const SELL_HELD: Move = Move::Apply(StockEffect::SellHeld);
const SELL_FREE: Move = Move::Apply(StockEffect::SellFree);
const GIVE_BACK: Move = Move::Apply(StockEffect::GiveBack);
const RETURN: Move = Move::Apply(StockEffect::Return);

impl Move {
    fn part(self, tx: &mut Tx, quantity: u32) -> Op {
        match self {
            Self::Reserve => tx.reserve_stock(TENANT, VARIANT, quantity, at(7)),
            Self::Apply(effect) => tx.apply_stock(TENANT, VARIANT, quantity, effect, at(7)),
        }
    }
}

pub(super) async fn units_are_reserved_while_there_are_enough(backend: Backend) {
    let db = backend.db();
    commit(&db, |tx| _ = tx.create(TENANT, &stock(VARIANT, 5, 0))).await;
    for (quantity, left) in [(3, 2), (2, 0)] {
        commit(&db, |tx| _ = tx.reserve_stock(TENANT, VARIANT, quantity, at(1))).await;
        assert_eq!(units(&db, VARIANT).await, (5, 5 - left, left));
    }
    let mut late = tx();
    let op = late.reserve_stock(TENANT, VARIANT, 1, at(2));
    let found = refused(&db, late).await.found::<Stock>(op).unwrap().unwrap();
    assert_eq!((found.value.available, found.version, found.value.updated_at), (0, 3, at(1)));
}

pub(super) async fn every_effect_moves_its_numbers(backend: Backend) {
    let db = backend.db();
    commit(&db, |tx| _ = tx.create(TENANT, &stock(VARIANT, 1, 0))).await;
    // What is moved, how many, of (on hand, reserved), to (on hand, reserved, available).
    let moves = [
        (RESERVE, 6, (10, 4), (10, 10, 0)),
        (SELL_HELD, 4, (10, 4), (6, 0, 6)),
        (SELL_FREE, 6, (10, 4), (4, 4, 0)),
        (GIVE_BACK, 4, (10, 4), (10, 0, 10)),
        (RETURN, 3, (10, 4), (13, 4, 9)),
        (RETURN, 3, (0, 0), (3, 0, 3)),
    ];
    let mut version = 1;
    for (change, quantity, (on_hand, reserved), expected) in moves {
        commit(&db, |tx| _ = tx.update(TENANT, &stock(VARIANT, on_hand, reserved), version)).await;
        commit(&db, |tx| _ = change.part(tx, quantity)).await;
        version += 2;
        assert_eq!(units(&db, VARIANT).await, expected, "{change:?}");
        let after = db.get::<Stock>(&keys::stock(TENANT, VARIANT)).await.unwrap().unwrap();
        assert_eq!((after.version, after.value.updated_at), (version, at(7)), "{change:?}");
        assert!(after.value.is_sound(), "{change:?}");
    }
}

pub(super) async fn what_is_not_there_is_not_moved(backend: Backend) {
    let db = backend.db();
    commit(&db, |tx| _ = tx.create(TENANT, &stock(VARIANT, 1, 0))).await;
    // What is moved, how many, of (on hand, reserved).
    let moves = [
        (RESERVE, 7, (10, 4)),
        (SELL_HELD, 5, (10, 4)),
        // Not sound, and not to be made worse.
        (SELL_HELD, 3, (2, 4)),
        (SELL_FREE, 7, (10, 4)),
        (GIVE_BACK, 5, (10, 4)),
    ];
    for (version, (change, quantity, (on_hand, reserved))) in (1..).zip(moves) {
        let before = stock(VARIANT, on_hand, reserved);
        commit(&db, |tx| _ = tx.update(TENANT, &before, version)).await;
        let mut tx = tx();
        let op = change.part(&mut tx, quantity);
        let found = refused(&db, tx).await.found::<Stock>(op).unwrap().unwrap();
        assert_eq!((&found.value, found.version), (&before, version + 1), "{change:?}");
        assert_eq!(db.get::<Stock>(&keys::stock(TENANT, VARIANT)).await.unwrap().unwrap(), found, "{change:?}");
    }
}

pub(super) async fn stock_that_does_not_exist_is_not_made(backend: Backend) {
    let db = backend.db();
    for change in [RESERVE, SELL_HELD, SELL_FREE, GIVE_BACK, RETURN] {
        let mut tx = tx();
        let op = change.part(&mut tx, 1);
        let refused = refused(&db, tx).await;
        assert!(refused.contains(op));
        assert_eq!(refused.found::<Stock>(op).unwrap(), None, "{change:?}");
        assert_eq!(db.get::<Stock>(&keys::stock(TENANT, VARIANT)).await.unwrap(), None, "{change:?}");
    }
}

pub(super) async fn all_lines_or_none(backend: Backend) {
    let db = backend.db();
    let variants: Vec<_> = (0..ORDER_LINES_MAX as u128).map(|n| VariantId::from_ulid(Ulid(100 + n))).collect();
    let is_short = |line: usize| line == 3 || line == 39;
    commit(&db, |tx| {
        for (line, variant) in variants.iter().enumerate() {
            tx.create(TENANT, &stock(*variant, if is_short(line) { 1 } else { 9 }, 0));
        }
    })
    .await;
    let mut two_of_each = tx();
    let ops: Vec<_> = variants.iter().map(|v| two_of_each.reserve_stock(TENANT, *v, 2, at(1))).collect();
    let refused = refused(&db, two_of_each).await;
    for (line, op) in ops.into_iter().enumerate() {
        assert_eq!(refused.contains(op), is_short(line), "{line}");
        assert_eq!(units(&db, variants[line]).await.1, 0, "{line}");
    }
    commit(&db, |tx| variants.iter().for_each(|v| _ = tx.reserve_stock(TENANT, *v, 1, at(1)))).await;
    for variant in variants {
        assert_eq!(units(&db, variant).await.1, 1);
    }
}

pub(super) async fn many_buyers_at_once_do_not_oversell(backend: Backend) {
    const BUYERS: usize = 16;
    let db = backend.db();
    commit(&db, |tx| _ = tx.create(TENANT, &stock(VARIANT, 10, 0))).await;
    let answers = backend.at_once(BUYERS, async |buyer, db| {
        let mut tx = tx();
        let reserved = tx.reserve_stock(TENANT, VARIANT, 1, at(1));
        tx.create(TENANT, &movement(buyer as u128 + 1));
        match db.commit(tx).await {
            Ok(()) => true,
            Err(CommitError::Refused(refused)) if refused.contains(reserved) => false,
            Err(other) => panic!("neither reserved nor sold out: {other}"),
        }
    });
    assert_eq!(answers.iter().filter(|sold| **sold).count(), 10);
    assert_eq!(units(&db, VARIANT).await, (10, 10, 0));
    // With each there is its record, and no other.
    let movements = keys::movements(TENANT, VARIANT);
    let (records, _) = db.list::<Movement>(&movements, SortOrder::Ascending, 100, None).await.unwrap();
    let recorded: Vec<_> = records.into_iter().map(|record| record.value.delta).collect();
    let sold: Vec<_> = (1..).zip(answers).filter(|(_, sold)| *sold).map(|(number, _)| number).collect();
    assert_eq!(recorded, sold);
}

pub(super) async fn orders_of_the_same_variants_in_another_order_do_not_block_each_other(backend: Backend) {
    let db = backend.db();
    let other = VariantId::from_ulid(Ulid(7));
    commit(&db, |tx| {
        tx.create(TENANT, &stock(VARIANT, 10, 0));
        tx.create(TENANT, &stock(other, 10, 0));
    })
    .await;
    let answers = backend.at_once(16, async |buyer, db| {
        let mut tx = tx();
        let lines = if buyer % 2 == 0 { [VARIANT, other] } else { [other, VARIANT] };
        let ops = lines.map(|variant| tx.reserve_stock(TENANT, variant, 1, at(1)));
        match db.commit(tx).await {
            Ok(()) => true,
            // They run out together.
            Err(CommitError::Refused(refused)) => {
                assert!(ops.iter().all(|op| refused.contains(*op)));
                false
            }
            Err(other) => panic!("neither reserved nor sold out: {other}"),
        }
    });
    assert_eq!(answers.into_iter().filter(|sold| *sold).count(), 10);
    assert_eq!((units(&db, VARIANT).await, units(&db, other).await), ((10, 10, 0), (10, 10, 0)));
}
