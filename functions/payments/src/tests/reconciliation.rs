//! The reconciliation timer: when it is set, set again and cancelled.

use super::*;

#[tokio::test]
async fn a_checkout_is_opened_together_with_its_timer() {
    let till = Till::new().await;
    till.world.dynamo.take_calls();
    let event = till.created();
    on_order_created::handle(&till.deps.granted(), event.clone()).await.unwrap();
    // The first transaction records the attempt before the provider is called, the second records the checkout and the
    // timer.
    let calls = till.world.dynamo.take_calls();
    assert_eq!(calls, [("GetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 2)].into());
    let due = till.timer().await.due;
    assert_eq!((till.wait().await, due.since), ((60, 0), till.deps.now()));
    assert_eq!((due.tenant_id, due.causation_id), (till.world.tenant, Some(event.id)));

    let till = Till::new().await;
    let request = TestRequest::new().by(&till.world.buyer).path("id", till.order.id).key("a");
    request.send(&till.deps, start::handle).await.ok::<PaymentView>();
    assert_eq!(till.wait().await, (60, 0));
}

#[tokio::test]
async fn a_checkout_that_is_not_opened_sets_no_timer() {
    let till = Till::new().await;
    till.provider.fail_next([Fault::NoAnswer, Fault::ServerError]);
    assert!(on_order_created::handle(&till.deps.granted(), till.created()).await.is_err());
    assert_eq!(till.held_timer().await, None);
}

#[tokio::test]
async fn reconciliation_finds_what_nobody_told_and_then_stops() {
    let till = Till::new().await;
    let reference = till.open().await;
    // Minute 1: not paid. Minute 6: the provider is unavailable. Minute 21: paid, though no webhook arrived.
    till.reconcile(till.sweep().await).await;
    assert_eq!(till.wait().await, (300, 1));
    let due = till.sweep().await;
    till.provider.fail_next([Fault::NoAnswer]);
    till.reconcile(due).await;
    assert_eq!(till.wait().await, (900, 2));
    let due = till.sweep().await;
    till.provider.pay(&reference);
    till.reconcile(due).await;
    assert_eq!(till.held_timer().await, None);
    assert_eq!(till.payment().await.value.status, PaymentStatus::Captured);
    assert_eq!(till.count("PAYMENT_COMPLETED"), 1);
}

#[tokio::test]
async fn reconciliation_asks_less_and_less_often_and_gives_up_after_three_days() {
    let till = Till::new().await;
    till.open().await;
    let opened_at = till.deps.now();
    let mut waits = vec![];
    till.provider.take_calls();
    while till.held_timer().await.is_some() {
        waits.push(till.wait().await.0);
        till.reconcile(till.sweep().await).await;
    }
    assert_eq!(waits[..5], [60, 300, 900, 3_600, 3_600]);
    assert!(waits[4..].iter().all(|wait_s| *wait_s == 3_600));
    let elapsed_s = till.deps.now().as_second() - opened_at.as_second();
    assert!((72 * 3_600..73 * 3_600).contains(&elapsed_s), "{elapsed_s}");
    assert_eq!(till.provider.take_calls().len(), waits.len(), "it is asked the last time too");
}

/// Reconciliation gives up on a provider that stays unavailable, as it does on a payment that stays unpaid.
#[tokio::test]
async fn a_timer_that_comes_after_three_days_is_the_last() {
    let till = Till::new().await;
    till.open().await;
    let due = till.sweep().await;
    till.world.clock.advance_s(72 * 3_600);
    till.provider.fail_next([Fault::NoAnswer]);
    till.reconcile(due).await;
    assert_eq!(till.held_timer().await, None);
}

#[tokio::test]
async fn a_timer_that_comes_twice_is_set_again_once() {
    let till = Till::new().await;
    let reference = till.open().await;
    let timer = till.timer().await;
    till.world.clock.advance_s(60);
    // The sweep sends a timer before it removes it, so the timer may be processed in between.
    till.reconcile(timer.due.clone().about(till.order.id)).await;
    let mut tx = till.deps.tx();
    tx.remove_swept(&timer);
    assert!(till.deps.db.commit(tx).await.is_err(), "it was moved");
    till.world.clock.advance_s(1);
    till.reconcile(timer.due.clone().about(till.order.id)).await;
    assert_eq!(till.wait().await, (300, 1));

    till.provider.pay(&reference);
    till.hint(&reference).await.unwrap();
    till.reconcile(timer.due.about(till.order.id)).await;
    assert_eq!(till.held_timer().await, None);
}

#[tokio::test]
async fn a_payment_that_is_over_leaves_no_timer_behind() {
    let till = Till::new().await;
    let reference = till.open().await;
    till.provider.pay(&reference);
    till.world.dynamo.take_calls();
    till.hint(&reference).await.unwrap();
    let calls = till.world.dynamo.take_calls();
    assert_eq!(calls, [("GetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)].into());
    assert_eq!(till.world.dynamo.items(Table::Timers), [] as [Value; 0]);

    for status in ["processed", "failed"] {
        let till = Till::paid(confirmed).await;
        on_order_cancelled::handle(&till.deps.granted(), till.cancelled(CancelReason::Staff, true)).await.unwrap();
        till.ask_refunds().await.unwrap();
        assert!(till.held_timer().await.is_some(), "the refund is under way");
        till.provider.end_refunds(status);
        till.hint("").await.unwrap();
        assert_eq!(till.held_timer().await, None, "{status}");
    }
}

/// A payment that was declined or has lapsed may still be paid.
#[tokio::test]
async fn a_payment_that_failed_is_asked_about_still() {
    let till = Till::new().await;
    let reference = till.open().await;
    on_order_cancelled::handle(&till.deps.granted(), till.cancelled(CancelReason::Buyer, false)).await.unwrap();
    assert_eq!(till.wait().await, (60, 0));
    till.reconcile(till.sweep().await).await;
    let due = till.sweep().await;
    till.provider.pay(&reference);
    till.reconcile(due).await;
    assert_eq!((till.count("PAYMENT_COMPLETED"), till.held_timer().await), (1, None));
}

#[tokio::test]
async fn a_refund_sets_the_timer_whatever_records_it() {
    for path in ["cancelled", "sold out", "seller", "returned"] {
        let till = Till::paid(|payment_id, at| OrderState::Fulfilled { payment_id, fulfilled_at: at }).await;
        assert_eq!(till.held_timer().await, None);
        let (store_id, order_id) = (till.order.store_id, till.order.id);
        till.world.clock.advance_s(30 * 24 * 3_600);
        match path {
            "cancelled" => {
                let event = till.cancelled(CancelReason::Staff, true);
                on_order_cancelled::handle(&till.deps.granted(), event).await.unwrap();
            }
            "sold out" => {
                let event = till.event(3, StockRejected { store_id, order_id, short: vec![] });
                on_stock_rejected::handle(&till.deps.granted(), event).await.unwrap();
            }
            "seller" => drop(till.give_back("a", ngn(1)).await.ok::<RefundView>()),
            _ => {
                let data = OrderReturned {
                    store_id,
                    order_id,
                    number: till.order.number.clone(),
                    lines: vec![],
                    return_id: Some(till.deps.id(ReturnId::from_ulid)),
                    restock: Some(false),
                    refund: Some(Money::new(1, Currency::Ngn)),
                };
                on_order_returned::handle(&till.deps.granted(), till.event(7, data)).await.unwrap();
            }
        }
        assert_eq!((till.wait().await, till.timer().await.due.since), ((60, 0), till.deps.now()), "{path}");
        till.ask_refunds().await.unwrap();
        assert_eq!(till.provider.refunds().len(), 1, "{path}: it is asked for at once");
    }
}

#[tokio::test]
async fn money_that_goes_back_by_itself_sets_the_timer_anew() {
    for by_webhook in [true, false] {
        let till = Till::new().await;
        let reference = till.open().await;
        till.reconcile(till.sweep().await).await;
        till.reconcile(till.sweep().await).await;
        let due = till.sweep().await;
        assert_eq!(due.attempt, 2);
        till.provider.pay_amount(&reference, TOTAL - 1, "NGN");
        // The refund gets 72 hours of its own, although the checkout's 72 hours are nearly over.
        till.world.clock.advance_s(72 * 3_600 - 1_261 - 10);
        if by_webhook {
            till.hint(&reference).await.unwrap();
            assert_eq!((till.wait().await, till.timer().await.due.since), ((60, 0), till.deps.now()));
        }
        till.reconcile(due).await;
        let (wait, since) = (till.wait().await, till.timer().await.due.since);
        assert_eq!((wait, since), ((60, 0), till.deps.now()), "by webhook: {by_webhook}");
        // From then on the timer follows the usual schedule.
        till.reconcile(till.sweep().await).await;
        assert_eq!((till.wait().await, till.timer().await.due.since), ((300, 1), since));
    }
}

/// One charge pays for the order, and the other is refunded.
#[tokio::test]
async fn an_order_that_is_paid_twice_keeps_its_timer_until_the_second_charge_went_back() {
    let till = Till::new().await;
    till.provider.fail_next([Fault::AnswerLost]);
    let reference = till.open().await;
    for reference in till.provider.references() {
        till.provider.pay(&reference);
    }
    till.world.clock.advance_s(30);
    till.hint(&reference).await.unwrap();
    assert_eq!(till.payment().await.value.status, PaymentStatus::Captured);
    assert_eq!(till.wait().await, (60, 0));
    till.ask_refunds().await.unwrap();
    till.provider.end_refunds("processed");
    till.reconcile(till.sweep().await).await;
    assert_eq!(till.provider.taken_and_given_back(), (2 * TOTAL, TOTAL));
    assert_eq!((till.held_timer().await, till.payment().await.value.status), (None, PaymentStatus::Captured));
}

/// The timer is set again until the refund has ended, and each run must book the provider's news.
#[tokio::test]
async fn a_refund_is_followed_to_its_end_by_one_timer() {
    let till = Till::new().await;
    let reference = till.open().await;
    till.provider.pay(&reference);
    till.hint(&reference).await.unwrap();
    on_order_cancelled::handle(&till.deps.granted(), till.cancelled(CancelReason::Staff, true)).await.unwrap();
    // `REFUND_INITIATED` is late, so the timer's run requests the refund.
    till.reconcile(till.sweep().await).await;
    assert_eq!(till.payment().await.value.refunds[0].status, RefundStatus::Pending);
    till.provider.end_refunds("processed");
    till.reconcile(till.sweep().await).await;
    assert_eq!(till.payment().await.value.status, PaymentStatus::Refunded);
    assert_eq!(till.held_timer().await, None);
}
