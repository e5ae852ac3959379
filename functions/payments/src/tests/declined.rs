//! A declined card is not the end of a payment: the buyer can try another one on the same checkout.

use contracts::payments::LastError;
use domain::payment::TryErrorCode;

use super::*;

async fn shown(till: &Till) -> PaymentView {
    let request = TestRequest::new().by(&till.world.buyer).path("id", till.order.id);
    request.send(&till.deps, get::handle).await.ok()
}

#[tokio::test]
async fn declined_twice_and_then_paid_is_paid_once_and_nothing_goes_back() {
    let till = Till::new().await;
    let reference = till.open().await;
    let mut noted_at = None;
    for _ in 0..2 {
        till.provider.decline(&reference);
        till.reconcile(till.sweep().await).await;
        let noted_at = *noted_at.get_or_insert(till.deps.now());
        let payment = shown(&till).await;
        assert_eq!(payment.last_error, Some(LastError { code: TryErrorCode::Declined, at: noted_at }));
        assert_eq!((payment.status, payment.failure_reason), (PaymentStatus::Pending, None));
        assert!(payment.checkout_url.is_some(), "the buyer can try again");
    }
    till.provider.pay(&reference);
    till.hint(&reference).await.unwrap();
    let payment = shown(&till).await;
    assert_eq!((payment.status, payment.last_error), (PaymentStatus::Captured, None));
    assert_eq!(till.events(), ["PAYMENT_COMPLETED", "PAYMENT_INITIATED"]);
    assert_eq!((till.provider.references().len(), till.provider.taken_and_given_back()), (1, (TOTAL, 0)));
    assert_eq!((till.ledger(), till.held_timer().await), (vec![("capture".to_owned(), TOTAL)], None));
}

#[tokio::test]
async fn asking_again_about_a_declined_card_changes_nothing() {
    let till = Till::new().await;
    let reference = till.open().await;
    till.provider.decline(&reference);
    till.hint(&reference).await.unwrap();
    let noted = till.payment().await;
    till.world.clock.advance_s(60);
    till.hint(&reference).await.unwrap();
    assert_eq!(till.payment().await, noted);
}

#[tokio::test]
async fn a_declined_payment_ends_with_its_window_or_its_order() {
    for is_cancelled in [true, false] {
        let till = Till::new().await;
        let reference = till.open().await;
        till.provider.decline(&reference);
        let reason = if is_cancelled {
            on_order_cancelled::handle(&till.deps.granted(), till.cancelled(CancelReason::Buyer, false)).await.unwrap();
            FailureReason::Cancelled
        } else {
            till.world.clock.advance_s(900);
            till.hint(&reference).await.unwrap();
            FailureReason::Expired
        };
        let payment = shown(&till).await;
        assert_eq!((payment.status, payment.failure_reason), (PaymentStatus::Expired, Some(reason)));
        assert!(payment.last_error.is_some());
        assert_eq!(till.events(), ["PAYMENT_FAILED", "PAYMENT_INITIATED"]);
        // The provider's checkout page is still open, so the buyer can still pay.
        till.provider.pay(&reference);
        till.hint(&reference).await.unwrap();
        assert_eq!((till.count("PAYMENT_COMPLETED"), shown(&till).await.last_error), (1, None));
    }
}

#[tokio::test]
async fn a_checkout_that_nobody_was_told_of_says_nothing() {
    let till = Till::new().await;
    till.provider.fail_next([Fault::AnswerLost]);
    let reference = till.open().await;
    let lost = till.provider.references().into_iter().find(|known| *known != reference).unwrap();
    till.provider.decline(&lost);
    till.hint(&reference).await.unwrap();
    assert_eq!(shown(&till).await.last_error, None);
}
