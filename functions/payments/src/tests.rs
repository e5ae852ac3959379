//! The payment steps together, against an in-process provider that keeps its own books.

mod answers;
mod away;
mod declined;

use std::sync::Arc;

use contracts::{
    Function,
    events::{
        Envelope, Event, Incoming, OrderCancelled, OrderCreated, OrderEnded, OrderReturned, RefundInitiated,
        StockRejected, WebhookReceived,
    },
    payments::{OnOrderCancelled, OnOrderReturned, Payment as PaymentView, Reconcile, Refund as RefundView},
    table::Table,
    timers::Due,
};
use domain::{
    AccountId, Currency, EventId, Money, OrderId, PaymentId, RefundId, ReturnId, TenantId, Timestamp,
    limits::REFUNDS_MAX,
    order::{CancelReason, Customer, Order, OrderState},
    payment::{FailureReason, Payment, PaymentStatus, RefundStatus},
    pricing::Totals,
    text,
};
use hmac::{Hmac, KeyInit, Mac};
use runtime::{StepError, outbound::Outbound};
use serde_json::{Value, json};
use sha2::Sha512;
use store::{TimerRecord, Versioned, keys};
use testing::{FakePaystack, Fault, TestDeps, TestRequest, World, http::Answer};

use crate::{
    get, on_order_cancelled, on_order_created, on_order_returned, on_refund_initiated, on_stock_rejected,
    process_webhook, reconcile, reference, refund, start, webhook_paystack,
};

mod reconciliation;

const TOTAL: i64 = 150_000;

struct Till {
    world: World,
    deps: TestDeps,
    provider: FakePaystack,
    order: Order,
}

impl Till {
    async fn new() -> Self {
        let world = World::new().await;
        let provider = FakePaystack::default();
        let deps = world.deps.outbound(Outbound::over(provider.clone()));
        let order = order(&world);
        let mut tx = world.deps.tx();
        tx.create(world.tenant, &order);
        world.deps.db.commit(tx).await.unwrap();
        Self { world, deps, provider, order }
    }

    /// Builds an event, and reads it as its consumer would.
    fn event<E: Event, I: Incoming>(&self, version: u64, data: E) -> Envelope<I> {
        let event = self.world.event(self.order.id, version, data);
        let event: Envelope<Value> = serde_json::from_value(serde_json::to_value(event).unwrap()).unwrap();
        event.read().unwrap()
    }

    fn created(&self) -> Envelope<OrderCreated> {
        self.event(
            1,
            OrderCreated {
                store_id: self.order.store_id,
                order_id: self.order.id,
                number: self.order.number.clone(),
                buyer_id: self.order.buyer_id,
                customer: self.order.customer.clone(),
                lines: vec![],
                total: self.order.totals.total,
                payment_provider: "paystack".into(),
                expires_at: self.order.expires_at,
                payment_window_s: Some(self.order.payment_window_s),
            },
        )
    }

    fn cancelled(&self, reason: CancelReason, refund: bool) -> Envelope<OrderEnded> {
        self.event(
            2,
            OrderCancelled {
                store_id: self.order.store_id,
                order_id: self.order.id,
                number: self.order.number.clone(),
                customer: self.order.customer.clone(),
                total: self.order.totals.total,
                reason,
                refund,
            },
        )
    }

    async fn open(&self) -> String {
        on_order_created::handle(&self.deps.granted(), self.created()).await.unwrap();
        self.payment().await.value.current_attempt().unwrap().reference.clone()
    }

    async fn payment(&self) -> Versioned<Payment> {
        self.deps.db.get(&keys::payment(self.world.tenant, self.order.id)).await.unwrap().unwrap()
    }

    async fn hint(&self, reference: &str) -> Result<(), StepError> {
        let data = WebhookReceived {
            provider: "paystack".into(),
            event: "charge.success".into(),
            order_id: self.order.id,
            reference: reference.into(),
        };
        process_webhook::handle(&self.deps.granted(), self.event(1, data)).await
    }

    /// Delivers `REFUND_INITIATED` for the last refund.
    async fn ask_refunds(&self) -> Result<(), StepError> {
        let payment = self.payment().await.value;
        let Some(refund) = payment.refunds.last() else { return Ok(()) };
        let data = RefundInitiated {
            store_id: payment.store_id,
            order_id: payment.order_id,
            payment_id: payment.id,
            refund_id: refund.id,
            amount: refund.amount,
        };
        on_refund_initiated::handle(&self.deps.granted(), self.event(2, data)).await
    }

    /// The payment's timer, if one is set. Checks that no other timer exists.
    async fn held_timer(&self) -> Option<TimerRecord> {
        let key = keys::timer(self.world.tenant, &self.order.id.to_string(), Reconcile::ROW.function);
        let timer = self.deps.db.get::<TimerRecord>(&key).await.unwrap();
        assert_eq!(self.world.dynamo.items(Table::Timers).len(), timer.iter().len());
        timer.map(|timer| timer.value)
    }

    async fn timer(&self) -> TimerRecord {
        self.held_timer().await.unwrap()
    }

    /// Seconds until the timer is due, and how often it was set again.
    async fn wait(&self) -> (i64, u32) {
        let due = self.timer().await.due;
        (due.due_at.as_second() - self.deps.now().as_second(), due.attempt)
    }

    /// Waits until the timer is due, and removes and returns it as the sweep does.
    async fn sweep(&self) -> Due<OrderId> {
        let timer = self.timer().await;
        self.world.clock.advance_s(self.wait().await.0);
        let mut tx = self.deps.tx();
        tx.remove_swept(&timer);
        self.deps.db.commit(tx).await.unwrap();
        timer.due.about(self.order.id)
    }

    async fn reconcile(&self, due: Due<OrderId>) {
        reconcile::handle(&self.deps.granted(), due).await.unwrap();
    }

    /// The types of the committed events, sorted by name.
    fn events(&self) -> Vec<String> {
        let records = self.world.dynamo.items(Table::Outbox);
        let mut types: Vec<_> =
            records.iter().map(|item| item["data"]["M"]["event_type"]["S"].as_str().unwrap().to_owned()).collect();
        types.sort();
        types
    }

    fn count(&self, event: &str) -> usize {
        self.events().iter().filter(|held| *held == event).count()
    }

    /// The `settles` flag of each `REFUND_COMPLETED` event, in the order of the events' versions.
    fn settling_refunds(&self) -> Vec<bool> {
        let detail = |item: &Value| -> Value {
            serde_json::from_str(item["data"]["M"]["detail"]["S"].as_str().unwrap()).unwrap()
        };
        let mut events: Vec<Value> = self.world.dynamo.items(Table::Outbox).iter().map(detail).collect();
        events.retain(|event| event["type"] == "REFUND_COMPLETED");
        events.sort_by_key(|event| event["version"].as_u64());
        events.iter().map(|event| event["data"]["settles"].as_bool().unwrap()).collect()
    }

    /// The kinds of the ledger's entries, each with the amount it debits.
    fn ledger(&self) -> Vec<(String, i64)> {
        let mut entries = vec![];
        for item in self.world.dynamo.items(Table::Payments) {
            if item["kind"]["S"] == "ledger_entry" {
                let data = &item["data"]["M"];
                let postings = data["postings"]["L"].as_array().unwrap();
                let sum = |side: &str| -> i64 {
                    postings.iter().map(|p| p["M"][side]["N"].as_str().unwrap().parse::<i64>().unwrap()).sum()
                };
                assert_eq!(sum("debit_minor"), sum("credit_minor"));
                entries.push((data["kind"]["S"].as_str().unwrap().to_owned(), sum("debit_minor")));
            }
        }
        entries.sort();
        entries
    }

    async fn webhook(&self, body: &str, key: &str) -> Answer {
        let mut mac = Hmac::<Sha512>::new_from_slice(key.as_bytes()).unwrap();
        mac.update(body.as_bytes());
        let signature = domain::text::hex(&mac.finalize().into_bytes());
        let request = TestRequest::new().header("x-paystack-signature", signature).body(body);
        request.send(&self.deps, webhook_paystack::handle).await
    }
}

fn order(world: &World) -> Order {
    let now = world.deps.now();
    let money = Money::new(TOTAL, Currency::Ngn);
    let zero = Money::zero(Currency::Ngn);
    Order {
        id: world.deps.id(OrderId::from_ulid),
        store_id: world.store.id,
        number: "7KQ2-M9XD".into(),
        buyer_id: world.buyer.account_id,
        customer: Customer { name: "Chi".into(), email: "chi@example.com".into(), phone: None },
        shipping_address: None,
        shipping_method: None,
        payment_provider: "paystack".into(),
        note: None,
        lines: vec![],
        totals: Totals { subtotal: money, discount: zero, shipping: zero, tax: zero, total: money },
        coupon: None,
        state: OrderState::Pending,
        placed_at: now,
        expires_at: domain::time::after(now, 900),
        payment_window_s: 900,
        updated_at: now,
        fulfilment: None,
        returns: vec![],
        client: None,
    }
}

#[tokio::test]
async fn a_payment_opens_once_however_often_it_is_asked_for() {
    let till = Till::new().await;
    let event = till.created();
    on_order_created::handle(&till.deps.granted(), event.clone()).await.unwrap();
    on_order_created::handle(&till.deps.granted(), event).await.unwrap();
    assert_eq!(till.provider.references().len(), 1);
    let payment = till.payment().await.value;
    assert_eq!(payment.status, PaymentStatus::Pending);
    assert_eq!(till.events(), ["PAYMENT_INITIATED"]);
}

#[tokio::test]
async fn an_opening_whose_answer_was_lost_is_done_again_under_a_new_reference() {
    let till = Till::new().await;
    till.provider.fail_next([Fault::AnswerLost]);
    let reference = till.open().await;
    assert_eq!(till.provider.references().len(), 2);
    assert!(reference.ends_with("-2"), "{reference}");
    assert_eq!(till.count("PAYMENT_INITIATED"), 1);
}

#[tokio::test]
async fn a_provider_that_is_away_is_tried_again_later() {
    let till = Till::new().await;
    till.provider.fail_next([Fault::NoAnswer, Fault::ServerError]);
    let result = on_order_created::handle(&till.deps.granted(), till.created()).await;
    assert!(matches!(result, Err(StepError::Retry(_))));
    assert_eq!(till.payment().await.value.status, PaymentStatus::Unknown);
    till.open().await;
    assert_eq!(till.payment().await.value.status, PaymentStatus::Pending);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capture_is_booked_once_by_fifty_hints_at_once() {
    let till = Arc::new(Till::new().await);
    let reference = till.open().await;
    till.provider.pay(&reference);
    let mut hints = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (till, reference) = (Arc::clone(&till), reference.clone());
        hints.spawn(async move { till.hint(&reference).await });
    }
    for result in hints.join_all().await {
        assert!(matches!(result, Ok(()) | Err(StepError::Retry(_))), "{result:?}");
    }
    till.hint(&reference).await.unwrap();
    let payment = till.payment().await.value;
    assert_eq!((payment.status, payment.captures.len()), (PaymentStatus::Captured, 1));
    assert_eq!(till.count("PAYMENT_COMPLETED"), 1);
    assert_eq!(till.ledger(), [("capture".to_owned(), TOTAL)]);
}

#[tokio::test]
async fn a_hint_alone_pays_nothing() {
    let till = Till::new().await;
    let reference = till.open().await;
    till.hint(&reference).await.unwrap();
    assert_eq!(till.payment().await.value.status, PaymentStatus::Pending);
    assert!(till.ledger().is_empty());
}

#[tokio::test]
async fn a_wrong_amount_or_currency_is_flagged_and_goes_back() {
    for (amount, currency) in [(TOTAL - 1, "NGN"), (TOTAL + 1, "NGN"), (TOTAL, "USD")] {
        let till = Till::new().await;
        let reference = till.open().await;
        till.provider.pay_amount(&reference, amount, currency);
        till.hint(&reference).await.unwrap();
        let payment = till.payment().await.value;
        assert_eq!(payment.failure_reason, Some(FailureReason::AmountMismatch));
        assert_eq!(till.events(), ["PAYMENT_FAILED", "PAYMENT_FLAGGED", "PAYMENT_INITIATED", "REFUND_INITIATED"]);
        till.ask_refunds().await.unwrap();
        assert_eq!(till.provider.taken_and_given_back(), (amount, amount));
        till.provider.end_refunds("processed");
        till.ask_refunds().await.unwrap();
        assert_eq!(till.ledger(), [("stray_capture".to_owned(), amount), ("stray_refund".to_owned(), amount)]);
        assert_eq!(till.count("REFUND_COMPLETED"), 1);
    }
}

#[tokio::test]
async fn a_cancelled_order_closes_the_payment_only_after_asking() {
    let till = Till::new().await;
    let reference = till.open().await;
    till.provider.fail_next([Fault::NoAnswer]);
    let event = till.cancelled(CancelReason::Buyer, false);
    let unanswered = on_order_cancelled::handle(&till.deps.granted(), event).await;
    assert!(matches!(unanswered, Err(StepError::Retry(_))));
    assert_eq!(till.payment().await.value.status, PaymentStatus::Pending);

    on_order_cancelled::handle(&till.deps.granted(), till.cancelled(CancelReason::Buyer, false)).await.unwrap();
    assert_eq!(till.payment().await.value.status, PaymentStatus::Expired);
    assert_eq!(till.count("PAYMENT_FAILED"), 1);
    till.provider.pay(&reference);
    till.hint(&reference).await.unwrap();
    assert_eq!(till.count("PAYMENT_COMPLETED"), 1);
}

#[tokio::test]
async fn a_cancelled_order_that_was_paid_meanwhile_is_told_so() {
    let till = Till::new().await;
    let reference = till.open().await;
    till.provider.pay(&reference);
    on_order_cancelled::handle(&till.deps.granted(), till.cancelled(CancelReason::Expired, false)).await.unwrap();
    assert_eq!(till.payment().await.value.status, PaymentStatus::Captured);
    assert_eq!((till.count("PAYMENT_COMPLETED"), till.count("PAYMENT_FAILED")), (1, 0));
}

#[tokio::test]
async fn a_refund_is_asked_for_once_though_every_answer_is_lost() {
    let till = Till::new().await;
    let reference = till.open().await;
    till.provider.pay(&reference);
    till.hint(&reference).await.unwrap();
    // Both events may request the refund, and each message may be delivered twice.
    on_order_cancelled::handle(&till.deps.granted(), till.cancelled(CancelReason::Buyer, true)).await.unwrap();
    let rejected = StockRejected { store_id: till.order.store_id, order_id: till.order.id, short: vec![] };
    on_stock_rejected::handle(&till.deps.granted(), till.event(3, rejected)).await.unwrap();
    assert_eq!(till.count("REFUND_INITIATED"), 1);

    till.provider.fail_next([Fault::AnswerLost]);
    assert!(matches!(till.ask_refunds().await, Err(StepError::Retry(_))));
    till.ask_refunds().await.unwrap();
    till.world.clock.advance_s(120);
    till.ask_refunds().await.unwrap();
    assert_eq!(till.provider.taken_and_given_back(), (TOTAL, TOTAL));
    assert_eq!(till.payment().await.value.refunds[0].status, RefundStatus::Pending);

    till.provider.end_refunds("processed");
    till.ask_refunds().await.unwrap();
    till.ask_refunds().await.unwrap();
    assert_eq!(till.payment().await.value.status, PaymentStatus::Refunded);
    assert_eq!(till.ledger(), [("capture".to_owned(), TOTAL), ("refund".to_owned(), TOTAL)]);
    assert_eq!(till.count("REFUND_COMPLETED"), 1);
}

/// Found by the simulator: when the answer was lost, the next round requested the refund again.
#[tokio::test]
async fn a_refund_whose_answer_was_lost_is_looked_for_before_it_is_asked_for_again() {
    let till = Till::new().await;
    let reference = till.open().await;
    till.provider.pay(&reference);
    till.hint(&reference).await.unwrap();
    on_order_cancelled::handle(&till.deps.granted(), till.cancelled(CancelReason::Buyer, true)).await.unwrap();
    till.provider.fail_next([Fault::AnswerLost]);
    assert!(matches!(till.ask_refunds().await, Err(StepError::Retry(_))));
    assert_eq!(till.payment().await.value.refunds[0].status, RefundStatus::Requested);
    till.world.clock.advance_s(400);
    till.provider.take_calls();
    till.ask_refunds().await.unwrap();
    assert!(!till.provider.take_calls().contains(&"POST /refund".to_owned()));
    assert_eq!((till.provider.refunds().len(), till.provider.over_refunds()), (1, 0));
    assert_eq!(till.payment().await.value.refunds[0].status, RefundStatus::Pending);
}

/// Each of two returns is refunded once, even if its event is delivered again after its inbox record is gone. Then
/// nothing is left to refund.
#[tokio::test]
async fn what_returned_goods_cost_goes_back_once() {
    let till = Till::new().await;
    let reference = till.open().await;
    till.provider.pay(&reference);
    till.hint(&reference).await.unwrap();
    let ids = [0, 1, 2].map(|_| till.deps.id(ReturnId::from_ulid));
    let returned = |at: usize, amount: i64| -> Envelope<OrderReturned> {
        let data = OrderReturned {
            store_id: till.order.store_id,
            order_id: till.order.id,
            number: till.order.number.clone(),
            lines: vec![],
            return_id: Some(ids[at]),
            restock: Some(false),
            refund: Some(Money::new(amount, Currency::Ngn)),
        };
        till.event(7, data)
    };
    till.world.dynamo.take_calls();
    let first = returned(0, 100_000);
    on_order_returned::handle(&till.deps.granted(), first.clone()).await.unwrap();
    let calls = till.world.dynamo.take_calls();
    assert_eq!(calls, [("GetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)].into());
    let mut tx = till.world.deps.tx();
    tx.remove(keys::inbox(till.world.tenant, OnOrderReturned::ROW.function, first.id));
    till.world.deps.db.commit(tx).await.unwrap();
    on_order_returned::handle(&till.deps.granted(), first).await.unwrap();
    on_order_returned::handle(&till.deps.granted(), returned(0, 100_000)).await.unwrap();
    let [refund] = till.payment().await.value.refunds.try_into().unwrap();
    assert_eq!((refund.id.ulid(), refund.amount.amount_minor), (ids[0].ulid(), 100_000));

    till.ask_refunds().await.unwrap();
    till.provider.end_refunds("processed");
    till.ask_refunds().await.unwrap();
    assert_eq!(till.payment().await.value.status, PaymentStatus::PartiallyRefunded);
    assert_eq!(till.settling_refunds(), [false]);

    // The second return is worth more than is left to refund, and nothing is left for the third.
    on_order_returned::handle(&till.deps.granted(), returned(1, 60_000)).await.unwrap();
    on_order_returned::handle(&till.deps.granted(), returned(2, 1)).await.unwrap();
    till.ask_refunds().await.unwrap();
    till.provider.end_refunds("processed");
    till.ask_refunds().await.unwrap();
    let payment = till.payment().await.value;
    assert_eq!((payment.status, payment.refunds.len()), (PaymentStatus::Refunded, 2));
    assert_eq!(till.provider.taken_and_given_back(), (TOTAL, TOTAL));
    assert_eq!(till.settling_refunds(), [false, true]);
    let parts = [("capture".to_owned(), TOTAL), ("refund".to_owned(), 50_000), ("refund".to_owned(), 100_000)];
    assert_eq!(till.ledger(), parts);
}

#[tokio::test]
async fn returned_goods_that_cost_nothing_and_older_events_give_nothing_back() {
    let till = Till::new().await;
    let reference = till.open().await;
    till.provider.pay(&reference);
    till.hint(&reference).await.unwrap();
    let free = Some(Money::zero(Currency::Ngn));
    for (return_id, refund) in [(Some(till.deps.id(ReturnId::from_ulid)), free), (None, None)] {
        let (store_id, order_id, number) = (till.order.store_id, till.order.id, till.order.number.clone());
        let data = OrderReturned { store_id, order_id, number, lines: vec![], return_id, restock: None, refund };
        on_order_returned::handle(&till.deps.granted(), till.event(7, data)).await.unwrap();
    }
    assert!(till.payment().await.value.refunds.is_empty());
}

#[tokio::test]
async fn a_refund_that_fails_is_told() {
    let till = Till::new().await;
    let reference = till.open().await;
    till.provider.pay(&reference);
    till.hint(&reference).await.unwrap();
    on_order_cancelled::handle(&till.deps.granted(), till.cancelled(CancelReason::Staff, true)).await.unwrap();
    till.ask_refunds().await.unwrap();
    till.provider.end_refunds("failed");
    till.ask_refunds().await.unwrap();
    assert_eq!(till.count("REFUND_FAILED"), 1);
    assert_eq!(till.payment().await.value.status, PaymentStatus::Captured);
}

/// Found by the simulator: after a failed refund a person takes over, so no event may request another refund, even when
/// its inbox record is gone.
#[tokio::test]
async fn after_a_refund_has_failed_no_event_asks_for_another_one() {
    let till = Till::new().await;
    let reference = till.open().await;
    till.provider.pay(&reference);
    till.hint(&reference).await.unwrap();
    let cancelled = till.cancelled(CancelReason::Staff, true);
    on_order_cancelled::handle(&till.deps.granted(), cancelled.clone()).await.unwrap();
    till.ask_refunds().await.unwrap();
    till.provider.end_refunds("failed");
    till.ask_refunds().await.unwrap();
    let mut tx = till.world.deps.tx();
    tx.remove(keys::inbox(till.world.tenant, OnOrderCancelled::ROW.function, cancelled.id));
    till.world.deps.db.commit(tx).await.unwrap();
    on_order_cancelled::handle(&till.deps.granted(), cancelled).await.unwrap();
    let rejected = StockRejected { store_id: till.order.store_id, order_id: till.order.id, short: vec![] };
    on_stock_rejected::handle(&till.deps.granted(), till.event(3, rejected)).await.unwrap();
    assert_eq!((till.count("REFUND_INITIATED"), till.payment().await.value.refunds.len()), (1, 1));
}

impl Till {
    /// A till whose order is paid and in the given state.
    async fn paid(state: impl FnOnce(PaymentId, Timestamp) -> OrderState) -> Self {
        let till = Self::new().await;
        let reference = till.open().await;
        till.provider.pay(&reference);
        till.hint(&reference).await.unwrap();
        let state = state(till.payment().await.value.id, till.world.deps.now());
        let mut tx = till.world.deps.tx();
        tx.update(till.world.tenant, &Order { state, ..till.order.clone() }, 1);
        till.world.deps.db.commit(tx).await.unwrap();
        till
    }

    async fn give_back(&self, key: &str, body: Value) -> Answer {
        let request = TestRequest::new().by(&self.world.owner).path("id", self.order.id).key(key).json(body);
        request.send(&self.deps, refund::handle).await
    }
}

fn confirmed(payment_id: PaymentId, at: Timestamp) -> OrderState {
    OrderState::Confirmed { payment_id, paid_at: at, confirmed_at: at }
}

fn ngn(amount_minor: i64) -> Value {
    json!({ "amount": { "amount_minor": amount_minor, "currency": "NGN" } })
}

#[tokio::test]
async fn the_seller_gives_a_part_back_and_then_the_rest() {
    let till = Till::paid(|payment_id, at| OrderState::Fulfilled { payment_id, fulfilled_at: at }).await;
    till.world.dynamo.take_calls();
    let answer = till.give_back("a", ngn(50_000)).await;
    let calls = till.world.dynamo.take_calls();
    assert_eq!(calls, [("BatchGetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)].into());
    assert_eq!(answer.status(), 201);
    let part: RefundView = answer.ok();
    assert_eq!((part.amount.amount_minor, part.status), (50_000, RefundStatus::Requested));
    assert_eq!(till.give_back("a", ngn(50_000)).await.0.body, answer.0.body, "the same request has one effect");
    till.ask_refunds().await.unwrap();
    till.provider.end_refunds("processed");
    till.ask_refunds().await.unwrap();
    assert_eq!(till.provider.taken_and_given_back(), (TOTAL, 50_000));
    assert_eq!(till.payment().await.value.status, PaymentStatus::PartiallyRefunded);

    let rest: RefundView = till.give_back("b", json!({})).await.ok();
    assert_eq!(rest.amount.amount_minor, TOTAL - 50_000);
    till.ask_refunds().await.unwrap();
    till.provider.end_refunds("processed");
    till.ask_refunds().await.unwrap();
    assert_eq!(till.provider.taken_and_given_back(), (TOTAL, TOTAL));
    assert_eq!(till.payment().await.value.status, PaymentStatus::Refunded);
    assert_eq!(till.give_back("c", ngn(1)).await.problem(), (409, "nothing_to_refund".into()));
    assert_eq!(till.count("REFUND_INITIATED"), 2);
}

#[tokio::test]
async fn what_cannot_be_given_back_is_refused_with_its_reason() {
    let till = Till::paid(confirmed).await;
    let too_much = till.give_back("a", ngn(TOTAL + 1)).await;
    assert_eq!(too_much.fields(), [("/amount/amount_minor".to_owned(), "too_much".to_owned())]);
    let foreign = till.give_back("b", json!({ "amount": { "amount_minor": 1, "currency": "USD" } })).await;
    assert_eq!(foreign.fields(), [("/amount/currency".to_owned(), "wrong_currency".to_owned())]);
    for amount in [0, -1] {
        assert_eq!(till.give_back("c", ngn(amount)).await.status(), 422);
    }
    for body in [json!({}), ngn(TOTAL)] {
        assert_eq!(till.give_back("d", body).await.problem(), (409, "cancel_instead".into()));
    }
    // Nor can all of it be refunded in two parts.
    assert_eq!(till.give_back("e", ngn(1)).await.status(), 201);
    assert_eq!(till.give_back("f", json!({})).await.problem(), (409, "cancel_instead".into()));
    assert_eq!(till.count("REFUND_INITIATED"), 1);

    let unpaid = Till::new().await;
    assert_eq!(unpaid.give_back("a", json!({})).await.problem(), (409, "order_not_paid".into()));
    unpaid.open().await;
    assert_eq!(unpaid.give_back("a", json!({})).await.problem(), (409, "order_not_paid".into()));
    let neighbour = till.world.neighbour().await;
    let request = TestRequest::new().by(&neighbour.owner).path("id", till.order.id).key("k").json(json!({}));
    assert_eq!(request.send(&till.deps, refund::handle).await.problem(), (404, "not_found".into()));
}

/// A cancellation refunds what the seller has not refunded yet, and a refund that failed at the provider can be tried
/// again.
#[tokio::test]
async fn the_sellers_refund_and_the_cancellations_add_up() {
    let till = Till::paid(confirmed).await;
    till.give_back("a", ngn(30_000)).await.ok::<RefundView>();
    on_order_cancelled::handle(&till.deps.granted(), till.cancelled(CancelReason::Staff, true)).await.unwrap();
    let payment = till.payment().await.value;
    let amounts: Vec<_> = payment.refunds.iter().map(|refund| refund.amount.amount_minor).collect();
    assert_eq!(amounts, [30_000, TOTAL - 30_000]);
    assert_eq!(till.give_back("b", ngn(1)).await.problem(), (409, "nothing_to_refund".into()));
    till.ask_refunds().await.unwrap();
    till.provider.end_refunds("failed");
    till.ask_refunds().await.unwrap();
    assert_eq!(till.provider.taken_and_given_back().1, 0);
    let mut tx = till.world.deps.tx();
    let state = OrderState::RefundPending { reason: CancelReason::Staff, payment_id: payment.id };
    tx.update(till.world.tenant, &Order { state, ..till.order.clone() }, 2);
    till.world.deps.db.commit(tx).await.unwrap();
    let again: RefundView = till.give_back("c", json!({})).await.ok();
    assert_eq!(again.amount.amount_minor, TOTAL);
    till.ask_refunds().await.unwrap();
    till.provider.end_refunds("processed");
    till.ask_refunds().await.unwrap();
    assert_eq!(till.provider.taken_and_given_back(), (TOTAL, TOTAL));
    assert_eq!(till.payment().await.value.status, PaymentStatus::Refunded);
}

#[tokio::test]
async fn a_payment_has_so_many_refunds_and_no_more() {
    let till = Till::paid(confirmed).await;
    for number in 0..REFUNDS_MAX {
        assert_eq!(till.give_back(&format!("k{number}"), ngn(1)).await.status(), 201);
    }
    assert_eq!(till.give_back("more", ngn(1)).await.problem(), (409, "too_many_refunds".into()));
}

/// Every caller that asks the provider books every kind of answer.
#[tokio::test]
async fn what_the_provider_says_is_booked_by_whoever_asks() {
    for asker in ["webhook", "reconciliation", "cancellation", "refund"] {
        for (news, booked) in [
            ("paid", vec!["PAYMENT_COMPLETED"]),
            ("wrong", vec!["PAYMENT_FLAGGED", "PAYMENT_FAILED", "REFUND_INITIATED"]),
            ("processed", vec!["REFUND_COMPLETED"]),
            ("failed", vec!["REFUND_FAILED"]),
        ] {
            let till = Till::new().await;
            let reference = till.open().await;
            match news {
                "wrong" => till.provider.pay_amount(&reference, TOTAL - 1, "NGN"),
                "paid" => till.provider.pay(&reference),
                refund => {
                    till.provider.pay(&reference);
                    till.hint(&reference).await.unwrap();
                    let event = till.cancelled(CancelReason::Staff, true);
                    on_order_cancelled::handle(&till.deps.granted(), event).await.unwrap();
                    till.ask_refunds().await.unwrap();
                    till.provider.end_refunds(refund);
                }
            }
            let before = till.events();
            match asker {
                "webhook" => till.hint(&reference).await.unwrap(),
                "reconciliation" => till.reconcile(till.sweep().await).await,
                "cancellation" => {
                    let event = till.cancelled(CancelReason::Staff, false);
                    on_order_cancelled::handle(&till.deps.granted(), event).await.unwrap();
                }
                _ => {
                    let payment = till.payment().await.value;
                    let data = RefundInitiated {
                        store_id: payment.store_id,
                        order_id: payment.order_id,
                        payment_id: payment.id,
                        refund_id: till.deps.id(RefundId::from_ulid),
                        amount: payment.amount,
                    };
                    on_refund_initiated::handle(&till.deps.granted(), till.event(2, data)).await.unwrap();
                }
            }
            let mut wanted = before;
            wanted.extend(booked.into_iter().map(str::to_owned));
            wanted.sort();
            assert_eq!(till.events(), wanted, "{asker}: {news}");
        }
    }
}

#[tokio::test]
async fn webhooks_are_stored_once_and_only_when_signed() {
    let till = Till::new().await;
    let reference = till.open().await;
    let body =
        json!({ "event": "charge.success", "data": { "id": 1, "reference": reference, "metadata": 0 } }).to_string();
    assert_eq!(till.webhook(&body, "sk_test_other").await.problem(), (401, "invalid_signature".into()));
    assert_eq!(till.count("WEBHOOK_RECEIVED"), 0);
    for _ in 0..3 {
        assert_eq!(till.webhook(&body, "sk_test_x").await.ok::<Value>(), json!({ "received": true }));
    }
    assert_eq!(till.count("WEBHOOK_RECEIVED"), 1);
    let altered = TestRequest::new().header("x-paystack-signature", "0".repeat(128)).body(body);
    assert_eq!(altered.send(&till.deps, webhook_paystack::handle).await.status(), 401);
    assert_eq!(TestRequest::new().send(&till.deps, webhook_paystack::handle).await.status(), 401);
}

/// Whatever the provider writes, the hint must reach its queue.
#[tokio::test]
async fn a_webhook_whose_event_cannot_be_sent_is_a_hint_all_the_same() {
    let till = Till::new().await;
    let reference = till.open().await;
    let body = json!({ "event": "charge\u{FFFF}success", "data": { "reference": reference } }).to_string();
    till.webhook(&body, "sk_test_x").await.ok::<Value>();
    let sent: Vec<_> = till.world.dynamo.items(Table::Outbox).iter().map(ToString::to_string).collect();
    assert_eq!((till.count("WEBHOOK_RECEIVED"), sent.iter().all(|event| text::is_sendable(event))), (1, true));
}

#[tokio::test]
async fn a_webhook_costs_one_read_and_one_transaction() {
    let till = Till::new().await;
    let reference = till.open().await;
    till.world.dynamo.take_calls();
    let body = json!({ "event": "refund.processed", "data": { "transaction_reference": reference } }).to_string();
    till.webhook(&body, "sk_test_x").await.ok::<Value>();
    let calls = [("GetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)];
    assert_eq!(till.world.dynamo.take_calls(), calls.into());
}

#[tokio::test]
async fn a_signed_webhook_about_a_payment_that_does_not_exist_is_answered_and_forgotten() {
    let till = Till::new().await;
    let reference = till.open().await;
    let (deps, tenant, order) = (&till.deps, till.world.tenant, till.order.id);
    let count = |table| till.world.dynamo.items(table).len();
    let before = [Table::Payments, Table::Outbox].map(count);
    for unknown in [
        reference::new(deps.id(TenantId::from_ulid), order, 1),
        reference::new(tenant, deps.id(OrderId::from_ulid), 1),
        reference::new(tenant, order, 9),
    ] {
        let body = json!({ "event": "charge.success", "data": { "id": 1, "reference": unknown } }).to_string();
        assert_eq!(till.webhook(&body, "sk_test_x").await.ok::<Value>(), json!({ "received": true }));
        assert_eq!([Table::Payments, Table::Outbox].map(count), before, "{unknown}");
    }
    let body = json!({ "event": "charge.success", "data": { "id": 1, "reference": reference } }).to_string();
    till.webhook(&body, "sk_test_x").await.ok::<Value>();
    assert_eq!(till.count("WEBHOOK_RECEIVED"), 1);
}

#[tokio::test]
async fn a_webhook_about_another_shop_is_answered_and_left() {
    let till = Till::new().await;
    for body in [r#"{"event":"charge.success","data":{"reference":"T123"}}"#, r#"{"event":"x"}"#, "[]"] {
        assert_eq!(till.webhook(body, "sk_test_x").await.status(), 200, "{body}");
    }
    assert_eq!(till.webhook("{", "sk_test_x").await.status(), 400);
    assert!(till.events().is_empty());
}

#[tokio::test]
async fn the_buyer_starts_a_payment_when_the_provider_was_away() {
    let till = Till::new().await;
    let request = || TestRequest::new().by(&till.world.buyer).path("id", till.order.id);
    assert_eq!(request().send(&till.deps, start::handle).await.problem().1, "idempotency_key_missing");
    till.provider.fail_next([Fault::NoAnswer]);
    let away = request().key("a").send(&till.deps, start::handle).await;
    assert_eq!(away.problem(), (503, "provider_unavailable".into()));
    let started = request().key("a").send(&till.deps, start::handle).await;
    let payment: PaymentView = started.ok();
    assert!(payment.checkout_url.unwrap().starts_with("https://"));
    let again = request().key("a").send(&till.deps, start::handle).await;
    assert_eq!(again.0.body, started.0.body);
    let shown: PaymentView = request().send(&till.deps, get::handle).await.ok();
    assert_eq!(shown.status, PaymentStatus::Pending);
}

#[tokio::test]
async fn other_peoples_payments_do_not_exist() {
    let till = Till::new().await;
    till.open().await;
    let neighbour = till.world.neighbour().await;
    let stranger = runtime::Principal { account_id: till.deps.id(AccountId::from_ulid), ..till.world.buyer.clone() };
    for principal in [&neighbour.buyer, &neighbour.owner, &stranger] {
        let request = || TestRequest::new().by(principal).path("id", till.order.id);
        assert_eq!(request().send(&till.deps, get::handle).await.problem(), (404, "not_found".into()));
        if !principal.role.is_staff() {
            let answer = request().key("k").send(&till.deps, start::handle).await;
            assert_eq!(answer.problem(), (404, "not_found".into()));
        }
    }
    let team = TestRequest::new().by(&till.world.owner).path("id", till.order.id);
    assert_eq!(team.send(&till.deps, get::handle).await.status(), 200);
}

#[tokio::test]
async fn the_events_of_one_step_share_its_correlation() {
    let till = Till::new().await;
    let event = till.created();
    let (id, correlation): (EventId, String) = (event.id, event.correlation_id.clone());
    on_order_created::handle(&till.deps.granted(), event).await.unwrap();
    let items = till.world.dynamo.items(Table::Outbox);
    let detail: Value = serde_json::from_str(items[0]["data"]["M"]["detail"]["S"].as_str().unwrap()).unwrap();
    assert_eq!(detail["causation_id"], id.to_string());
    assert_eq!(detail["correlation_id"], correlation);
}
