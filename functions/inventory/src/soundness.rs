//! Tests that stock counts stay correct, and that no unit is reserved or sold twice, with events in any sequence and
//! with concurrent buyers.

use domain::{OrderId, VariantId, reservation::ReservationState};
use proptest::prelude::*;
use serde_json::json;
use testing::{TestRequest, World};

use crate::{
    adjust,
    fixtures::{deliver_cancelled, deliver_paid, movements, paid, reserve, state, stock, try_reserve},
};

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// An event about one of the orders, delivered `times` times.
#[derive(Debug, Clone, Copy)]
struct Arrival {
    order: usize,
    paid: bool,
    version: u64,
    times: u8,
}

fn arrival() -> impl Strategy<Value = Arrival> {
    (0..3_usize, any::<bool>(), 1..6_u64, 1..3_u8).prop_map(|(order, paid, version, times)| Arrival {
        order,
        paid,
        version,
        times,
    })
}

/// The units that an order has reserved, and the units that were sold to it.
async fn share(world: &World, order: OrderId, quantity: i64) -> (i64, i64) {
    match state(world, order).await {
        ReservationState::Held => (quantity, 0),
        ReservationState::Committed => (0, quantity),
        _ => (0, 0),
    }
}

async fn check(
    world: &World,
    variant: VariantId,
    initial: i64,
    orders: &[(OrderId, u32)],
) -> Result<(), TestCaseError> {
    let now = stock(world, variant).await;
    let (mut held, mut sold) = (0, 0);
    for (order, quantity) in orders {
        let (h, s) = share(world, *order, i64::from(*quantity)).await;
        (held, sold) = (held + h, sold + s);
    }
    prop_assert_eq!((now.on_hand, now.reserved), (initial - sold, held));
    let moved: i64 = movements(world, variant).await.iter().map(|(delta, ..)| delta).sum();
    prop_assert_eq!(now.on_hand, initial + moved);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Payments and cancellations of several orders, of any version, in any sequence, with repetitions.
    #[test]
    fn the_books_balance_whatever_arrives(arrivals in prop::collection::vec(arrival(), 1..16)) {
        block_on(async {
            let world = World::new().await;
            let (_, variant) = world.product("Book", 100, 10).await;
            let quantities = [4, 3, 3];
            let mut orders = vec![];
            for quantity in quantities {
                orders.push((reserve(&world, &[(variant, quantity)]).await, quantity));
            }
            for (index, arrival) in arrivals.into_iter().enumerate() {
                let (order, _) = orders[arrival.order];
                for _ in 0..arrival.times {
                    let outcome = if arrival.paid {
                        deliver_paid(&world, &paid(&world, order, arrival.version)).await
                    } else {
                        deliver_cancelled(&world, &world.order_cancelled(order, arrival.version)).await
                    };
                    prop_assert!(outcome.is_ok(), "{:?}", outcome);
                }
                // Other buyers want the same variant, so released units are soon reserved again.
                if index % 3 == 0
                    && let Some(order) = try_reserve(&world, &[(variant, 2)]).await
                {
                    orders.push((order, 2));
                }
                prop_assert!(stock(&world, variant).await.is_sound());
            }
            check(&world, variant, 10, &orders).await
        })?;
    }
}

/// Payment and cancellation of one order are handled concurrently. The newer event decides, whichever is handled first.
#[test]
fn steps_at_once_end_as_the_newest_version_says() {
    let (world, variant, orders) = block_on(async {
        let world = World::new().await;
        let (_, variant) = world.product("Book", 100, 40).await;
        let mut orders = vec![];
        for _ in 0..20 {
            orders.push(reserve(&world, &[(variant, 2)]).await);
        }
        (world, variant, orders)
    });
    for order in &orders {
        let (paid, cancelled) = (paid(&world, *order, 2), world.order_cancelled(*order, 3));
        let start = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                block_on(deliver_paid(&world, &paid)).unwrap();
            });
            start.wait();
            block_on(deliver_cancelled(&world, &cancelled)).unwrap();
        });
        let ended = block_on(state(&world, *order));
        assert!(matches!(ended, ReservationState::Released | ReservationState::Returned), "{ended:?}");
    }
    let after = block_on(stock(&world, variant));
    assert_eq!((after.on_hand, after.reserved, after.available), (40, 0, 40));
}

#[test]
fn sixty_four_buyers_at_once_get_exactly_what_there_is() {
    let (world, variant) = block_on(async {
        let world = World::new().await;
        let (_, variant) = world.product("Book", 100, 10).await;
        (world, variant)
    });
    let start = std::sync::Barrier::new(64);
    let got = std::thread::scope(|scope| {
        let buyer = || {
            start.wait();
            block_on(try_reserve(&world, &[(variant, 1)]))
        };
        let buyers: Vec<_> = (0..64).map(|_| scope.spawn(buyer)).collect();
        buyers.into_iter().filter_map(|buyer| buyer.join().unwrap()).count()
    });
    assert_eq!(got, 10);
    let after = block_on(stock(&world, variant));
    assert_eq!((after.on_hand, after.reserved, after.available), (10, 10, 0));
}

/// The team adjusts stock while buyers reserve it. An adjustment is stored exactly if it was answered with 200.
#[test]
fn no_adjustment_is_lost_among_orders() {
    let (world, variant) = block_on(async {
        let world = World::new().await;
        let (_, variant) = world.product("Book", 100, 100).await;
        (world, variant)
    });
    let adjust = |key: usize| {
        let request = TestRequest::new().by(&world.owner).store(&world.store.slug).path("variant_id", variant);
        let request = request.key(&key.to_string()).json(json!({ "delta": 10, "reason": "restock" }));
        block_on(request.send(&world.deps, adjust::handle)).problem()
    };
    let (adjusted, reserved) = std::thread::scope(|scope| {
        let adjust = &adjust;
        let adjusters: Vec<_> = (0..8).map(|key| scope.spawn(move || adjust(key))).collect();
        let buyers: Vec<_> = (0..8).map(|_| scope.spawn(|| block_on(try_reserve(&world, &[(variant, 1)])))).collect();
        let answers: Vec<_> = adjusters.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert!(answers.iter().all(|(status, code)| *status == 200 || code == "busy"), "{answers:?}");
        let adjusted = answers.iter().filter(|(status, _)| *status == 200).count();
        (adjusted, buyers.into_iter().filter_map(|thread| thread.join().unwrap()).count())
    });
    let after = block_on(stock(&world, variant));
    assert!(after.is_sound() && adjusted > 0 && reserved == 8, "{after:?} {adjusted} {reserved}");
    assert_eq!(after.on_hand, 100 + 10 * i64::try_from(adjusted).unwrap());
}
