//! The timer of an order's payment window: an order that is still unpaid when the window closes is cancelled, and its
//! lines go back into the buyer's cart. If the provider was down and opened the checkout late or not at all, the buyer
//! could not pay during the whole window, so the window is extended. The stored payment tells which case it is.

use contracts::{orders::Expire, timers::Due};
use domain::{OrderId, order::Order, payment::Payment};
use runtime::{Granted, StepError, Tries, retry};
use store::keys;

use crate::transition::commit;

pub async fn handle(deps: &Granted<Expire>, due: Due<OrderId>) -> Result<(), StepError> {
    let (received, tenant) = (deps.due(&due), due.tenant_id);
    let (order_key, payment_key) = (keys::order(tenant, due.subject), keys::payment(tenant, due.subject));
    let mut gives_back_cart = true;
    retry!(Tries::FEW_RIVALS, {
        let mut found = deps.db.batch_get(&[order_key.clone(), payment_key.clone()]).await?;
        let order = found.take::<Order>(&order_key)?;
        let order = order.ok_or_else(|| StepError::retry("there is no such order (yet)"))?;
        let payment = found.take::<Payment>(&payment_key)?.map(|payment| payment.value);
        let Some(moved) = order.value.expire(payment.as_ref(), deps.now()) else { return Ok(()) };
        commit(deps, &received, moved, order.version, &mut gives_back_cart).await?
    })
}

#[cfg(test)]
mod tests {
    use domain::{
        CouponId, Money,
        coupon::AppliedCoupon,
        order::{CancelReason, OrderStatus},
        payment::PaymentStatus,
        time::after,
    };
    use runtime::{Running, host};
    use serde_json::json;
    use testing::timers;

    use super::*;
    use crate::{
        fixtures::{Fixture, everything, stock_of},
        on_payment_completed, on_stock_updated,
    };

    #[tokio::test]
    async fn cancels_an_unpaid_order_and_gives_the_cart_back_in_one_read_and_one_transaction() {
        let fixture = Fixture::new().await;
        fixture.world.clock.advance_s(900);
        handle(&fixture.granted(), fixture.due()).await.unwrap();
        let calls = fixture.world.dynamo.take_calls();
        assert_eq!(calls, [("BatchGetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)].into());
        fixture.assert_moved(2, OrderStatus::Cancelled, "ORDER_CANCELLED").await;
        let sent = fixture.sent().pop().unwrap();
        assert_eq!((&sent.data["refund"], &sent.data["reason"]), (&false.into(), &"expired".into()));
        assert_eq!(fixture.cart().await.lines.len(), 1);

        let before = everything(&fixture.world);
        handle(&fixture.granted(), fixture.due()).await.unwrap();
        assert_eq!(everything(&fixture.world), before);
    }

    #[tokio::test]
    async fn placing_sets_the_timer_and_no_order_that_moved_on_leaves_one() {
        let fixture = Fixture::new().await;
        let timer = ("orders-expire".to_owned(), fixture.order.id.to_string(), fixture.order.expires_at);
        assert_eq!(timers(&fixture.world), [timer]);
        on_payment_completed::handle(&fixture.granted(), fixture.completed()).await.unwrap();
        assert_eq!(timers(&fixture.world), []);
        let fixture = Fixture::new().await;
        fixture.world.clock.advance_s(900);
        handle(&fixture.granted(), fixture.due()).await.unwrap();
        assert_eq!(timers(&fixture.world), []);
    }

    /// The sweep that sends due timers may have a clock ahead of this function's. It has deleted the timer by then, so
    /// the message must be retried, not dropped.
    #[tokio::test]
    async fn a_timer_that_comes_early_comes_again() {
        let fixture = Fixture::new().await;
        let Running::Queue(expire) = host::timer(handle).start(fixture.deps().boot()) else { panic!("not a queue") };
        let message = || {
            serde_json::from_value(json!({
                "messageId": "1", "receiptHandle": "r", "body": serde_json::to_string(&fixture.due()).unwrap(),
                "attributes": { "ApproximateReceiveCount": "1" },
            }))
        };
        let answer = expire(vec![message().unwrap()]).await;
        assert_eq!(answer.batch_item_failures.len(), 1);
        assert_eq!((fixture.status().await, fixture.world.aws.take_held_back_s()), (OrderStatus::Pending, vec![5]));
        fixture.world.clock.advance_s(900);
        assert!(expire(vec![message().unwrap()]).await.batch_item_failures.is_empty());
        assert_eq!(fixture.status().await, OrderStatus::Cancelled);
    }

    fn unopened(payment: Payment) -> Payment {
        let mut attempts = payment.attempts.clone();
        attempts[0].checkout_url = None;
        Payment { status: PaymentStatus::Unknown, attempts, ..payment }
    }

    #[tokio::test]
    async fn waits_for_a_checkout_with_its_stock_and_its_timer_in_one_transaction() {
        for has_payment in [true, false] {
            let fixture = Fixture::new().await;
            fixture.change_payment(|payment| has_payment.then(|| unopened(payment))).await;
            fixture.world.clock.advance_s(930);
            handle(&fixture.granted(), fixture.due()).await.unwrap();
            let calls = fixture.world.dynamo.take_calls();
            assert_eq!(calls, [("BatchGetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)].into());
            fixture.assert_moved(2, OrderStatus::Pending, "ORDER_WINDOW_EXTENDED").await;
            let until = after(fixture.deps().now(), 900);
            assert_eq!(fixture.stored().await.value.expires_at, until);
            assert_eq!(fixture.sent().pop().unwrap().data["expires_at"], until.to_string());
            let timer = ("orders-expire".to_owned(), fixture.order.id.to_string(), until);
            assert_eq!(timers(&fixture.world), [timer]);
            assert_eq!(stock_of(&fixture.world, &fixture.product).await.reserved, 2);
            assert!(fixture.cart().await.lines.is_empty());

            let before = everything(&fixture.world);
            handle(&fixture.granted(), fixture.due()).await.unwrap();
            assert_eq!(everything(&fixture.world), before, "the same message again");
        }
    }

    #[tokio::test]
    async fn a_provider_that_is_away_for_a_day_is_waited_for_no_longer() {
        let fixture = Fixture::new().await;
        fixture.change_payment(|payment| Some(unopened(payment))).await;
        fixture.world.clock.advance_s(24 * 3_600 - 1);
        handle(&fixture.granted(), fixture.due()).await.unwrap();
        assert_eq!(fixture.stored().await.value.expires_at, after(fixture.order.placed_at, 24 * 3_600));
        fixture.world.clock.advance_s(1);
        handle(&fixture.granted(), fixture.due()).await.unwrap();
        fixture.assert_moved(3, OrderStatus::Cancelled, "ORDER_CANCELLED").await;
        assert_eq!(fixture.stored().await.value.cancel_reason(), Some(CancelReason::Expired));
        assert_eq!((timers(&fixture.world), fixture.cart().await.lines.len()), (vec![], 1));
    }

    #[tokio::test]
    async fn a_checkout_that_opened_late_has_its_own_window() {
        let fixture = Fixture::new().await;
        let until = after(fixture.order.placed_at, 1_700);
        fixture.change_payment(|payment| Some(Payment { expires_at: until, ..payment })).await;
        fixture.world.clock.advance_s(900);
        handle(&fixture.granted(), fixture.due()).await.unwrap();
        fixture.assert_moved(2, OrderStatus::Pending, "ORDER_WINDOW_EXTENDED").await;
        assert_eq!(fixture.stored().await.value.expires_at, until);
        fixture.world.clock.advance_s(800);
        handle(&fixture.granted(), fixture.due()).await.unwrap();
        fixture.assert_moved(3, OrderStatus::Cancelled, "ORDER_CANCELLED").await;
    }

    /// The money was captured just before the window closed, and `PAYMENT_COMPLETED` is not here yet. If the order were
    /// cancelled now, it would be refunded, because a cancelled order with a coupon cannot be revived.
    #[tokio::test]
    async fn an_order_whose_money_was_taken_after_two_declined_cards_is_confirmed_though_its_event_is_late() {
        let fixture = Fixture::new().await;
        let (order, total) = (fixture.stored().await, fixture.order.totals.total);
        let coupon_id = fixture.deps().id(CouponId::from_ulid);
        let coupon = AppliedCoupon { coupon_id, code: "SAVE10".into(), discount: Money::zero(total.currency) };
        let mut tx = fixture.deps().tx();
        tx.update(fixture.world.tenant, &Order { coupon: Some(coupon), ..order.value }, order.version);
        fixture.deps().db.commit(tx).await.unwrap();
        fixture.change_payment(|payment| payment.try_failed("ref-1", fixture.order.placed_at)).await;
        fixture
            .change_payment(|payment| Some(payment.captured("ref-1", total, total, fixture.order.placed_at)?.0))
            .await;
        fixture.world.clock.advance_s(900);
        handle(&fixture.granted(), fixture.due()).await.unwrap();
        assert_eq!(fixture.status().await, OrderStatus::Pending);
        on_payment_completed::handle(&fixture.granted(), fixture.completed()).await.unwrap();
        on_stock_updated::handle(&fixture.granted(), fixture.stock_updated()).await.unwrap();
        assert_eq!(fixture.status().await, OrderStatus::Confirmed);
        let sent: Vec<_> = fixture.sent().into_iter().map(|event| event.r#type).collect();
        assert_eq!(sent, ["ORDER_CREATED", "ORDER_PAYMENT_COMPLETED", "ORDER_CONFIRMED"]);
        assert_eq!((fixture.cart().await.lines.len(), timers(&fixture.world)), (0, vec![]));
    }

    #[tokio::test]
    async fn a_paid_order_does_not_lapse() {
        let fixture = Fixture::new().await;
        on_payment_completed::handle(&fixture.granted(), fixture.completed()).await.unwrap();
        fixture.world.clock.advance_s(900);
        handle(&fixture.granted(), fixture.due()).await.unwrap();
        fixture.assert_moved(2, OrderStatus::Paid, "ORDER_PAYMENT_COMPLETED").await;
    }
}
