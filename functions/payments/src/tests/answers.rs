//! The payment responses that clients see, kept whole as snapshot files for review.

use testing::insta::assert_snapshot;

use super::*;

#[tokio::test]
async fn a_payment_and_a_refund() {
    let till = Till::new().await;
    let request = |till: &Till| TestRequest::new().by(&till.world.buyer).path("id", till.order.id);
    assert_snapshot!("payment-not-started", request(&till).send(&till.deps, get::handle).await.shown());
    till.open().await;
    assert_snapshot!("payment-pending", request(&till).send(&till.deps, get::handle).await.shown());

    let till = Till::paid(|payment_id, at| OrderState::Fulfilled { payment_id, fulfilled_at: at }).await;
    assert_snapshot!("refund", till.give_back("a", ngn(50_000)).await.shown());
    assert_snapshot!("payment-refunding", request(&till).send(&till.deps, get::handle).await.shown());
}

#[tokio::test]
async fn a_payment_that_does_not_exist() {
    let till = Till::new().await;
    let request = TestRequest::new().by(&till.world.buyer).path("id", till.world.deps.id(OrderId::from_ulid));
    assert_snapshot!("payment-not-found", request.send(&till.deps, get::handle).await.shown());
}

#[tokio::test]
async fn a_refund_that_cannot_be_given() {
    let till = Till::paid(confirmed).await;
    assert_snapshot!("refund-too-much", till.give_back("a", ngn(TOTAL + 1)).await.shown());
    let wrong = json!({ "amount": { "amount_minor": "all", "currency": "XXX" }, "colour": "red" });
    assert_snapshot!("refund-invalid", till.give_back("b", wrong).await.shown());
}
