//! While the provider is unavailable nothing fails, nothing is done twice, and the buyer is asked to come back.

use domain::{limits::PAYMENT_ATTEMPTS_MAX, time::after};

use super::*;

fn request(till: &Till) -> TestRequest {
    TestRequest::new().by(&till.world.buyer).path("id", till.order.id)
}

async fn start(till: &Till) -> Answer {
    request(till).key("a").send(&till.deps, start::handle).await
}

/// The step makes two calls, and both fail.
async fn opens_in_vain(till: &Till, faults: [Fault; 2]) {
    till.provider.fail_next(faults);
    let result = on_order_created::handle(&till.deps.granted(), till.created()).await;
    assert!(matches!(result, Err(StepError::Retry(_))), "{result:?}");
    assert_eq!(till.payment().await.value.status, PaymentStatus::Unknown);
    till.world.clock.advance_s(900);
}

#[tokio::test]
async fn a_day_without_an_answer_is_no_attempt_and_fails_no_payment() {
    let till = Till::new().await;
    for fault in [Fault::NoAnswer, Fault::ServerError].into_iter().cycle().take(96) {
        opens_in_vain(&till, [fault; 2]).await;
    }
    assert_eq!(till.payment().await.value.attempts.len(), 1);
    let reference = till.open().await;
    assert!(reference.ends_with("-1"), "{reference}");
    assert_eq!(till.provider.references(), [reference]);
    assert_eq!(till.events(), ["PAYMENT_INITIATED"]);
}

#[tokio::test]
async fn a_new_reference_is_made_only_when_the_last_one_is_taken() {
    let till = Till::new().await;
    opens_in_vain(&till, [Fault::AnswerLost, Fault::NoAnswer]).await;
    opens_in_vain(&till, [Fault::NoAnswer, Fault::ServerError]).await;
    assert_eq!((till.payment().await.value.attempts.len(), till.provider.references().len()), (1, 1));
    let reference = till.open().await;
    assert!(reference.ends_with("-2"), "{reference}");
    assert_eq!((till.payment().await.value.attempts.len(), till.provider.references().len()), (2, 2));
}

/// Every call takes effect but its answer is lost, so nobody receives a checkout's address.
#[tokio::test]
async fn a_payment_fails_after_so_many_references_that_are_taken() {
    let till = Till::new().await;
    till.provider.fail_next([Fault::AnswerLost, Fault::Nothing].repeat(PAYMENT_ATTEMPTS_MAX));
    while let Err(error) = on_order_created::handle(&till.deps.granted(), till.created()).await {
        assert!(matches!(error, StepError::Retry(_)), "{error}");
    }
    assert_eq!(till.payment().await.value.failure_reason, Some(FailureReason::ProviderRejected));
    assert_eq!(till.events(), ["PAYMENT_FAILED"]);
    assert_eq!(till.provider.references().len(), PAYMENT_ATTEMPTS_MAX);
    assert_eq!(start(&till).await.problem(), (409, "order_not_payable".into()));
}

#[tokio::test]
async fn the_buyer_is_told_to_come_back_and_then_has_a_full_window() {
    let till = Till::new().await;
    till.provider.fail_next([Fault::NoAnswer]);
    let away = start(&till).await;
    assert_eq!((away.problem(), away.0.header("retry-after")), ((503, "provider_unavailable".into()), Some("30")));
    let shown: PaymentView = request(&till).send(&till.deps, get::handle).await.ok();
    assert_eq!((shown.status, shown.checkout_url, shown.attempts), (PaymentStatus::Unknown, None, 1));

    // The order's payment window is over, but the order is still pending.
    till.world.clock.advance_s(2 * 3_600);
    let started: PaymentView = start(&till).await.ok();
    assert_eq!((started.status, started.expires_at), (PaymentStatus::Pending, after(till.deps.now(), 900)));
    till.world.clock.advance_s(899);
    let again = request(&till).key("b").send(&till.deps, start::handle).await;
    assert_eq!(again.ok::<PaymentView>().checkout_url, started.checkout_url);
    till.world.clock.advance_s(1);
    let late = request(&till).key("c").send(&till.deps, start::handle).await;
    assert_eq!(late.problem(), (409, "order_not_payable".into()));
}

#[tokio::test]
async fn a_payment_without_a_checkout_does_not_lapse_and_one_that_opened_late_lapses_late() {
    let till = Till::new().await;
    opens_in_vain(&till, [Fault::NoAnswer; 2]).await;
    till.hint("").await.unwrap();
    assert_eq!(till.payment().await.value.status, PaymentStatus::Unknown);
    let reference = till.open().await;
    till.world.clock.advance_s(899);
    till.hint(&reference).await.unwrap();
    assert_eq!(till.payment().await.value.status, PaymentStatus::Pending);
    till.world.clock.advance_s(1);
    till.hint(&reference).await.unwrap();
    assert_eq!(till.payment().await.value.failure_reason, Some(FailureReason::Expired));
    assert_eq!(till.events(), ["PAYMENT_FAILED", "PAYMENT_INITIATED"]);
}

/// Every answer is lost here too, but the buyer repeats the request instead of the queue.
#[tokio::test]
async fn a_buyer_whose_tries_are_used_up_is_told() {
    let till = Till::new().await;
    till.provider.fail_next([Fault::AnswerLost, Fault::Nothing].repeat(PAYMENT_ATTEMPTS_MAX));
    let mut answers = vec![];
    while answers.last().is_none_or(|(status, _)| *status == 503) {
        let key = format!("k{}", answers.len());
        answers.push(request(&till).key(&key).send(&till.deps, start::handle).await.problem());
    }
    assert_eq!(answers.last(), Some(&(409, "order_not_payable".to_owned())));
    assert_eq!(till.events(), ["PAYMENT_FAILED"]);
}
