//! `POST /orders/{id}/cancel`: the buyer or the team cancels an order that is not dispatched yet.

use contracts::orders::{Cancel, Order as OrderView};
use domain::order::CancelReason;
use runtime::{Call, Granted, Outcome, Reply};

use crate::transition::request;

pub async fn handle(deps: &Granted<Cancel>, call: Call<Cancel>) -> Outcome<Cancel> {
    let reason = if call.principal()?.role.is_staff() { CancelReason::Staff } else { CancelReason::Buyer };
    request(deps, &call, call.path.id, |order| {
        call.expect_version(order.version)?;
        let (next, change) = order.value.cancel(reason, deps.now())?;
        let version = order.version + 1;
        let reply = Reply::new(&OrderView::new(next.clone(), version)).etag(version);
        Ok((Some((next, change)), reply))
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    };

    use contracts::events::Envelope;
    use contracts::events::PaymentCompleted;
    use domain::{Role, Timestamp, order::OrderStatus};
    use runtime::{Clock, Principal};
    use testing::{TestDeps, TestRequest, http::Answer};

    use super::*;
    use crate::{
        fixtures::{Fixture, another_buyer, everything, meanwhile},
        on_payment_completed, on_payment_failed,
    };

    fn request(fixture: &Fixture, by: &Principal, key: &str) -> TestRequest {
        TestRequest::new().by(by).path("id", fixture.order.id).key(key)
    }

    async fn cancel(fixture: &Fixture, by: &Principal, key: &str) -> Answer {
        request(fixture, by, key).send(fixture.deps(), handle).await
    }

    #[tokio::test]
    async fn an_unpaid_order_waits_for_its_payment_to_be_settled() {
        let fixture = Fixture::new().await;
        let answer = cancel(&fixture, &fixture.world.buyer, "k").await;
        let calls = fixture.world.dynamo.take_calls();
        assert_eq!(calls, [("GetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)].into());
        assert_eq!(answer.0.header("etag"), Some("\"2\""));
        let order: OrderView = answer.ok();
        assert_eq!((order.status, order.cancel_reason), (OrderStatus::CancelRequested, Some(CancelReason::Buyer)));
        fixture.assert_moved(2, OrderStatus::CancelRequested, "ORDER_CANCEL_REQUESTED").await;
        assert!(fixture.cart().await.lines.is_empty(), "what may be being paid for is not given back");
    }

    #[tokio::test]
    async fn the_team_cancels_a_paid_order_and_its_money_goes_back() {
        let fixture = Fixture::new().await;
        on_payment_completed::handle(&fixture.granted(), fixture.completed()).await.unwrap();
        let order: OrderView = cancel(&fixture, &fixture.world.principal(Role::Staff), "k").await.ok();
        assert_eq!((order.status, order.cancel_reason), (OrderStatus::RefundPending, Some(CancelReason::Staff)));
        fixture.assert_moved(3, OrderStatus::RefundPending, "ORDER_CANCELLED").await;
        let cancelled = fixture.sent().pop().unwrap();
        assert_eq!(cancelled.data["refund"], true);
        assert_eq!((cancelled.correlation_id.as_str(), cancelled.causation_id), ("req-1", None));
    }

    #[tokio::test]
    async fn a_repetition_gets_the_first_answer_and_a_second_request_is_told_the_state() {
        let fixture = Fixture::new().await;
        let buyer = &fixture.world.buyer;
        let first = cancel(&fixture, buyer, "k").await;
        on_payment_failed::handle(&fixture.granted(), fixture.failed()).await.unwrap();
        let before = everything(&fixture.world);
        let again = cancel(&fixture, buyer, "k").await;
        assert_eq!((again.status(), &again.0.body), (200, &first.0.body));
        let other = cancel(&fixture, buyer, "k2").await;
        assert_eq!(other.problem(), (409, "invalid_state".into()));
        assert_eq!(other.json()["detail"], "cannot cancel while cancelled");
        let missing = TestRequest::new().by(buyer).path("id", fixture.order.id).send(fixture.deps(), handle).await;
        assert_eq!(missing.problem(), (400, "idempotency_key_missing".into()));
        assert_eq!(everything(&fixture.world), before);
    }

    #[tokio::test]
    async fn is_for_the_buyer_and_those_of_the_team_who_may() {
        let fixture = Fixture::new().await;
        let world = &fixture.world;
        let neighbour = world.neighbour().await;
        let before = everything(world);
        for who in [&another_buyer(world), &neighbour.owner, &neighbour.buyer] {
            assert_eq!(cancel(&fixture, who, "k").await.problem(), (404, "not_found".into()));
        }
        assert_eq!(cancel(&fixture, &world.principal(Role::Viewer), "k").await.problem(), (403, "forbidden".into()));
        assert_eq!(everything(world), before);
    }

    #[tokio::test]
    async fn if_match_is_honoured() {
        let fixture = Fixture::new().await;
        on_payment_completed::handle(&fixture.granted(), fixture.completed()).await.unwrap();
        let asked = |etag: &str| request(&fixture, &fixture.world.buyer, "k").header("if-match", etag);
        let stale = asked("\"1\"").send(fixture.deps(), handle).await;
        assert_eq!(stale.problem(), (412, "version_mismatch".into()));
        assert_eq!(fixture.status().await, OrderStatus::Paid);
        assert_eq!(asked("\"2\"").send(fixture.deps(), handle).await.status(), 200);
    }

    /// A clock that pays the order when the handler asks for the time: after it read the order, before it writes it.
    #[derive(Debug)]
    struct PaidMeanwhile {
        deps: TestDeps,
        paid: Envelope<PaymentCompleted>,
        is_over: AtomicBool,
    }

    impl Clock for PaidMeanwhile {
        fn now(&self) -> Timestamp {
            if !self.is_over.swap(true, Ordering::SeqCst) {
                meanwhile(async {
                    on_payment_completed::handle(&self.deps.granted(), self.paid.clone()).await.unwrap();
                });
            }
            self.deps.now()
        }
    }

    fn paid_meanwhile(fixture: &Fixture) -> TestDeps {
        let (deps, paid) = (fixture.deps().clone(), fixture.completed());
        fixture.deps().clocked(Arc::new(PaidMeanwhile { deps, paid, is_over: AtomicBool::new(false) }))
    }

    #[tokio::test]
    async fn an_order_that_is_paid_meanwhile_is_read_again_and_refunded() {
        let fixture = Fixture::new().await;
        let deps = paid_meanwhile(&fixture);
        let order: OrderView = request(&fixture, &fixture.world.buyer, "k").send(&deps, handle).await.ok();
        assert_eq!(order.status, OrderStatus::RefundPending);
        fixture.assert_moved(3, OrderStatus::RefundPending, "ORDER_CANCELLED").await;
    }

    #[tokio::test]
    async fn an_order_that_changes_under_an_if_match_is_left_alone() {
        let fixture = Fixture::new().await;
        let deps = paid_meanwhile(&fixture);
        let asked = request(&fixture, &fixture.world.buyer, "k").header("if-match", "\"1\"");
        assert_eq!(asked.send(&deps, handle).await.problem(), (412, "version_mismatch".into()));
        fixture.assert_moved(2, OrderStatus::Paid, "ORDER_PAYMENT_COMPLETED").await;
    }
}
