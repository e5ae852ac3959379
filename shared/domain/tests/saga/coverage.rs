//! What the three machines can do in principle, found by asking each of their functions in each of their states; and
//! what of it nothing makes them do, with the reason.

use std::collections::BTreeSet;

use domain::{
    Money, PaymentId, RefundId,
    order::{CancelReason, Order, OrderState},
    payment::{FailureReason, Payment, PaymentStatus, RefundStatus},
    reservation::{Reservation, ReservationState},
};
use ulid::Ulid;

use crate::{
    inventory::name,
    side::{NOTHING, NOW, Side, TOTAL, WRONG, order, payment},
    transaction::Transition,
};

/// States that nothing leads to, here.
pub(crate) const NEVER: [(&str, &str, &str); 4] = [
    ("order", "fulfilled", "nobody ships: what is on its way cannot be cancelled, so no event of the saga touches it"),
    ("order", "completed", "nobody ships: only returns follow, and they have no rival"),
    ("payment", "partially_refunded", "without returns, what is asked for is always all that is left"),
    ("payment", "disputed", "disputes are not read yet"),
];

const ONE_CHECKOUT: &str = "no second checkout is opened beside one that was shown";
const NOT_SHOWN: &str = "nobody pays who was not told where";
const REFUSED: &str = "what fails has no checkout, or its one checkout has been paid with a wrong amount";
const REPEATED: &str = "the call is repeated first";

/// Transitions that nothing makes, between states that are reached.
pub(crate) const UNREACHED: [(Transition, &str); 18] = [
    (("payment", "pending", "begin_attempt", "initiated"), ONE_CHECKOUT),
    (("payment", "pending", "checkout_opened", "pending"), ONE_CHECKOUT),
    (("payment", "pending", "unanswered", "unknown"), ONE_CHECKOUT),
    (("payment", "captured", "captured astray", "captured"), ONE_CHECKOUT),
    (("payment", "refunded", "captured astray", "refunded"), ONE_CHECKOUT),
    (("payment", "pending", "failed", "failed"), "a declined card ends nothing, and what was opened is not refused"),
    (("payment", "unknown", "failed", "failed"), REPEATED),
    (("payment", "failed", "captured", "captured"), REFUSED),
    (("payment", "failed", "captured astray", "failed"), REFUSED),
    (("payment", "initiated", "captured", "captured"), NOT_SHOWN),
    (("payment", "initiated", "captured astray", "failed"), NOT_SHOWN),
    (("payment", "unknown", "captured", "captured"), NOT_SHOWN),
    (("payment", "unknown", "captured astray", "failed"), NOT_SHOWN),
    (("payment", "unknown", "checkout_opened", "pending"), REPEATED),
    (("payment", "unknown", "begin_attempt", "initiated"), REPEATED),
    (("payment", "pending", "repeat_attempt", "initiated"), ONE_CHECKOUT),
    (("payment", "initiated", "try_failed", "initiated"), NOT_SHOWN),
    (("payment", "unknown", "try_failed", "unknown"), NOT_SHOWN),
];

/// Every change that a function makes in a state that is reached.
pub(crate) fn possible() -> BTreeSet<Transition> {
    let mut all = orders();
    all.extend(reservations());
    all.extend(payments());
    let is_reached = |machine: &str, state: &str| !NEVER.iter().any(|(m, s, _)| (*m, *s) == (machine, state));
    all.retain(|(machine, from, _, to)| is_reached(machine, from) && is_reached(machine, to));
    all
}

fn orders() -> BTreeSet<Transition> {
    type Apply = fn(Order) -> domain::order::Transition;
    const PAYMENT: PaymentId = PaymentId::from_ulid(Ulid(1));
    let changes: [(&'static str, Apply); 7] = [
        ("payment_completed", |order| order.payment_completed(PAYMENT, NOW)),
        ("payment_failed", |order| order.payment_failed(NOW)),
        ("expire", |order| {
            let open = payment(&order).begin_attempt("r1".into(), NOW).expect("it is open");
            order.expire(open.checkout_opened("r1", String::new(), 0, NOW).as_ref(), NOW)
        }),
        ("stock_updated", |order| order.stock_updated(NOW).ok().flatten()),
        ("stock_rejected", |order| order.stock_rejected(NOW).ok().flatten()),
        ("refund_completed", |order| order.refund_completed(NOW).ok().flatten()),
        ("cancel", |order| order.cancel(CancelReason::Buyer, NOW).ok()),
    ];
    let (reason, payment_id) = (CancelReason::Buyer, PAYMENT);
    let states = [
        OrderState::Pending,
        OrderState::CancelRequested { reason },
        OrderState::Paid { payment_id, paid_at: NOW },
        OrderState::Confirmed { payment_id, paid_at: NOW, confirmed_at: NOW },
        OrderState::Fulfilled { payment_id, fulfilled_at: NOW },
        OrderState::Completed { payment_id, completed_at: NOW },
        OrderState::Cancelled { reason, cancelled_at: NOW },
        OrderState::Cancelled { reason: CancelReason::Expired, cancelled_at: NOW },
        OrderState::RefundPending { reason, payment_id },
        OrderState::Refunded { reason, payment_id, refunded_at: NOW },
    ];
    let mut all = BTreeSet::new();
    for before in states.map(order) {
        for (event, change) in changes {
            let after = change(before.clone());
            all.extend(
                after.map(|(next, _)| ("order", before.state.status().name(), event, next.state.status().name())),
            );
        }
    }
    all
}

fn reservations() -> BTreeSet<Transition> {
    use ReservationState::{Committed, Held, Rejected, Released, Returned};
    type Apply = fn(Reservation) -> Option<Reservation>;
    let changes: [(&'static str, Apply); 3] = [
        ("commit", |reservation| reservation.commit(2, NOW).map(|(next, _)| next)),
        ("release", |reservation| reservation.release(2, NOW).map(|(next, _)| next)),
        ("reject", |reservation| reservation.reject(2, NOW)),
    ];
    let mut all = BTreeSet::new();
    for state in [Held, Committed, Released, Returned, Rejected] {
        for (event, change) in changes {
            let after = change(Reservation { state, ..Side::placed().reservation });
            all.extend(after.map(|next| ("reservation", name(state), event, name(next.state))));
        }
    }
    all
}

fn payments() -> BTreeSet<Transition> {
    let open = payment(&order(OrderState::Pending)).begin_attempt("r1".into(), NOW).expect("it is open");
    let taken = |amount| open.clone().captured("r1", amount, NOTHING, NOW).expect("it is news").0;
    let failed = |reason| open.clone().failed(reason, NOW).expect("it is open");
    let with = |status| Payment { status, ..open.clone() };
    let astray = |payment: Payment| payment.captured("r1", WRONG, NOTHING, NOW).expect("it is news").0;
    let lapsed = failed(FailureReason::Expired);
    let refunded = refund_ended(refund_of(taken(TOTAL)), RefundStatus::Processed).expect("it is news");
    let payments = [
        with(PaymentStatus::Initiated),
        with(PaymentStatus::Unknown),
        with(PaymentStatus::Pending),
        failed(FailureReason::ProviderRejected),
        lapsed.clone(),
        taken(TOTAL),
        taken(WRONG),
        astray(lapsed.clone()),
        refund_of(taken(TOTAL)),
        refund_of(taken(WRONG)),
        refund_of(astray(lapsed)),
        refunded,
    ];
    payments.into_iter().flat_map(changes_of).collect()
}

fn changes_of(before: Payment) -> Vec<Transition> {
    // A second attempt, so that there is something more to be paid.
    let second = Payment { status: PaymentStatus::Initiated, ..before.clone() }.begin_attempt("r2".into(), NOW);
    let second = Payment { status: before.status, ..second.expect("two are allowed") };
    let captured = |amount| second.clone().captured("r2", amount, NOTHING, NOW);
    let capture = captured(TOTAL).filter(|_| !before.is_settled()).map(|(next, _)| next);
    let begun = before.clone().begin_attempt("r2".into(), NOW).ok();
    let unanswered = before.status.is_open().then(|| before.clone().unanswered(NOW));
    let changes = [
        ("begin_attempt", begun),
        ("repeat_attempt", before.clone().repeat_attempt(NOW).filter(|next| next.status != before.status)),
        ("checkout_opened", before.clone().checkout_opened("r1", String::new(), 0, NOW)),
        ("unanswered", unanswered.filter(|next| next.status != before.status)),
        ("try_failed", before.clone().try_failed("r1", NOW)),
        ("captured", capture),
        ("captured astray", captured(WRONG).map(|(next, _)| next)),
        ("failed", before.clone().failed(FailureReason::ProviderRejected, NOW)),
        ("failed", before.clone().failed(FailureReason::Cancelled, NOW)),
        ("request_refund", before.refunds.is_empty().then(|| refund(before.clone())).flatten()),
        ("refund under way", refund_ended(before.clone(), RefundStatus::Pending)),
        ("refund processed", refund_ended(before.clone(), RefundStatus::Processed)),
        ("refund failed", refund_ended(before.clone(), RefundStatus::Failed)),
    ];
    let made = |(event, next): (&'static str, Option<Payment>)| {
        next.map(|next| ("payment", before.status.name(), event, next.status.name()))
    };
    changes.into_iter().filter_map(made).collect()
}

fn refund(payment: Payment) -> Option<Payment> {
    let amount: Money = payment.captures.first()?.amount;
    payment.request_refund(RefundId::from_ulid(Ulid(1)), "r1", amount, NOW).ok()
}

fn refund_of(payment: Payment) -> Payment {
    refund(payment).expect("there is money to be refunded")
}

fn refund_ended(payment: Payment, status: RefundStatus) -> Option<Payment> {
    payment.refund_reported(RefundId::from_ulid(Ulid(1)), status, Some("1".into()), NOW)
}
