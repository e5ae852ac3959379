//! Applies state transitions to orders. Every transition is one transaction: the order, its timeline entry, the event
//! about it, and the inbox record of the message that caused it, if a message did.

use contracts::{
    Endpoint,
    events::{
        Event, LineQuantity, OrderCancelRequested, OrderCancelled, OrderConfirmed, OrderDelivered, OrderDispatched,
        OrderFulfilmentUpdated, OrderPaymentCompleted, OrderRefunded, OrderReturned, OrderWindowExtended,
        ReturnRejected, ReturnRequested, StockLine,
    },
    orders::Expire,
};
use domain::{
    InvalidTransition, OrderId, TenantId,
    order::{Change, Fulfilment, FulfilmentStatus, Order, OrderLine, Return, ReturnLine, ReturnState, Transition},
};
use runtime::{Call, Deps, Problem, Received, Reply, StepCommit, StepError, Tries, Try, events::Cause, retry};
use store::{TimelineEntry, Tx, Versioned, keys};

use crate::access;

/// Handles an event about an order: reads the order, applies the transition and writes the result. If the transition
/// has nothing to do, nothing is written, so duplicate and late events are harmless. An event that comes too early is
/// retried.
pub(crate) async fn apply_event(
    deps: &Deps,
    received: &Received,
    order_id: OrderId,
    transition: impl Fn(Order) -> Result<Transition, InvalidTransition>,
) -> Result<(), StepError> {
    let tenant = received.tenant_id;
    let mut gives_back_cart = true;
    retry!(Tries::FEW_RIVALS, {
        let order = deps.db.get::<Order>(&keys::order(tenant, order_id)).await?;
        let order = order.ok_or_else(|| StepError::retry("there is no such order (yet)"))?;
        let Some(moved) = transition(order.value).map_err(StepError::retry)? else { return Ok(()) };
        commit(deps, received, moved, order.version, &mut gives_back_cart).await?
    })
}

/// Writes the transition of an order that was read at `version`, in one transaction. Pass `gives_back_cart` as true at
/// first. It becomes false if the buyer has started a new cart, so that the next try leaves the cart alone.
pub(crate) async fn commit(
    deps: &Deps,
    received: &Received,
    (next, change): (Order, Change),
    version: u64,
    gives_back_cart: &mut bool,
) -> Result<Try<()>, StepError> {
    let tenant = received.tenant_id;
    let mut tx = received.tx(deps);
    let is_cancelled_unpaid = matches!(change, Change::Cancelled { refund: false, .. });
    let (store_id, buyer_id, order_id) = (next.store_id, next.buyer_id, next.id);
    write(deps, &mut tx, &received.cause, tenant, next, version, change);
    let cart = (is_cancelled_unpaid && *gives_back_cart)
        .then(|| tx.give_back_cart(tenant, store_id, buyer_id, order_id, deps.now()));
    match tx.commit().await? {
        StepCommit::Done => Ok(Try::Done(())),
        // If the buyer has started a new cart, the next try keeps it and writes the order only.
        StepCommit::Refused(refused) => {
            *gives_back_cart &= !cart.is_some_and(|op| refused.contains(op));
            Ok(Try::Lost)
        }
    }
}

/// Handles a person's request about an order: reads the order, writes the transition that `decide` returns, and answers
/// with its reply. If `decide` returns no transition, nothing is written.
pub(crate) async fn request<E: Endpoint>(
    deps: &Deps,
    call: &Call<E>,
    order_id: OrderId,
    decide: impl Fn(Versioned<Order>) -> Result<(Transition, Reply<E>), Problem>,
) -> runtime::Outcome<E> {
    let tenant = call.tenant()?;
    retry!(Tries::FEW_RIVALS, {
        let order = access::read(deps, call, order_id).await?;
        let version = order.version;
        let (moved, reply) = decide(order)?;
        let Some((next, change)) = moved else { return Ok(reply) };
        let mut tx = deps.tx();
        write(deps, &mut tx, &call.cause, tenant, next, version, change);
        call.commit(deps, tx, reply).await?.into()
    })
}

/// Adds one transition to a transaction. The transaction is refused if the order is no longer at `version`.
fn write(deps: &Deps, tx: &mut Tx, cause: &Cause, tenant: TenantId, mut next: Order, version: u64, change: Change) {
    for holder in next.let_go(&change) {
        tx.let_go(tenant, next.store_id, &holder, next.units(), next.updated_at);
    }
    tx.update(tenant, &next, version);
    if ends_waiting(&change) {
        tx.cancel_timer::<Expire>(tenant, next.id);
    } else if change == Change::WindowExtended {
        tx.set_timer::<Expire>(deps.timer(cause, tenant, next.id, next.expires_at));
    }
    let version = version + 1;
    let event = emit(EventEmitter { deps, tx, cause, tenant, order_id: next.id, version }, &next, change);
    tx.create(
        tenant,
        &TimelineEntry {
            order_id: next.id,
            buyer_id: next.buyer_id,
            order_version: version,
            status: next.state.status(),
            event: event.to_owned(),
            at: next.updated_at,
        },
    );
}

/// Whether the change makes the timer of the payment window unnecessary.
const fn ends_waiting(change: &Change) -> bool {
    matches!(change, Change::Paid { .. } | Change::CancelRequested { .. } | Change::Cancelled { refund: false, .. })
}

/// Emits the event for one transition of an order.
struct EventEmitter<'a> {
    deps: &'a Deps,
    tx: &'a mut Tx,
    cause: &'a Cause,
    tenant: TenantId,
    order_id: OrderId,
    version: u64,
}

impl EventEmitter<'_> {
    fn send<E: Event>(self, data: E) -> &'static str {
        self.tx.emit(&self.deps.event(self.cause, self.tenant, self.order_id, self.version, data));
        E::TYPE
    }
}

fn emit(out: EventEmitter<'_>, order: &Order, change: Change) -> &'static str {
    let (store_id, order_id, number, total) = (order.store_id, order.id, order.number.clone(), order.totals.total);
    let customer = order.customer.clone();
    match change {
        Change::Paid { payment_id } => {
            out.send(OrderPaymentCompleted { store_id, order_id, number, payment_id, total })
        }
        Change::WindowExtended => {
            out.send(OrderWindowExtended { store_id, order_id, number, expires_at: order.expires_at })
        }
        Change::Confirmed => out.send(OrderConfirmed {
            store_id,
            order_id,
            number,
            customer,
            lines: order.lines.iter().map(LineQuantity::from).collect(),
            total,
            coupon: order.coupon.clone(),
        }),
        Change::CancelRequested { reason } => out.send(OrderCancelRequested { store_id, order_id, number, reason }),
        Change::Cancelled { reason, refund } => {
            out.send(OrderCancelled { store_id, order_id, number, customer, total, reason, refund })
        }
        Change::Refunded => out.send(OrderRefunded { store_id, order_id, number, customer, total }),
        Change::Fulfilment(now) => emit_fulfilment(out, order, now),
        Change::Return(now) => emit_return(out, order, now),
    }
}

fn emit_fulfilment(out: EventEmitter<'_>, order: &Order, now: Fulfilment) -> &'static str {
    let (store_id, order_id, number) = (order.store_id, order.id, order.number.clone());
    let customer = order.customer.clone();
    let Fulfilment { status, tracking, note, dispatches: dispatch, .. } = now;
    match status {
        FulfilmentStatus::Dispatched => {
            out.send(OrderDispatched { store_id, order_id, number, customer, dispatch, tracking, note })
        }
        FulfilmentStatus::Delivered => out.send(OrderDelivered { store_id, order_id, number, customer, note }),
        FulfilmentStatus::Preparing
        | FulfilmentStatus::InTransit
        | FulfilmentStatus::OutForDelivery
        | FulfilmentStatus::DeliveryFailed => {
            out.send(OrderFulfilmentUpdated { store_id, order_id, number, status, tracking, note })
        }
    }
}

fn emit_return(out: EventEmitter<'_>, order: &Order, now: Return) -> &'static str {
    let (store_id, order_id, number) = (order.store_id, order.id, order.number.clone());
    let (customer, return_id) = (order.customer.clone(), now.id);
    match now.state {
        ReturnState::Requested => {
            let (lines, reason) = (returned_quantities(order, &now.lines), now.reason);
            out.send(ReturnRequested { store_id, order_id, return_id, number, customer, lines, reason })
        }
        ReturnState::Accepted { restock, refund, .. } => {
            let line = |line: &ReturnLine| StockLine { variant_id: line.variant_id, delta: i64::from(line.quantity) };
            let lines = now.lines.iter().map(line).collect();
            let (return_id, restock, refund) = (Some(return_id), Some(restock), Some(refund));
            out.send(OrderReturned { store_id, order_id, number, lines, return_id, restock, refund })
        }
        ReturnState::Rejected { note, .. } => {
            out.send(ReturnRejected { store_id, order_id, return_id, number, customer, note })
        }
    }
}

/// The returned lines of the order, each with the number of returned units.
fn returned_quantities(order: &Order, lines: &[ReturnLine]) -> Vec<LineQuantity> {
    let back = |bought: &OrderLine| {
        let line = lines.iter().find(|line| line.variant_id == bought.variant_id)?;
        Some(LineQuantity { quantity: line.quantity, ..bought.into() })
    };
    order.lines.iter().filter_map(back).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use contracts::timers::Due;
    use contracts::{
        events::{self, Envelope},
        orders::OnPaymentFailed,
    };
    use domain::order::OrderStatus;
    use proptest::{prelude::*, sample::Index, test_runner::Config};
    use runtime::Principal;
    use testing::TestRequest;

    use super::*;
    use crate::{
        cancel, expire,
        fixtures::{Fixture, everything, meanwhile},
        on_payment_completed, on_payment_failed, on_refund_completed, on_stock_rejected, on_stock_updated,
    };

    #[tokio::test]
    async fn an_order_that_moves_between_reading_and_writing_is_read_again() {
        let fixture = Fixture::new().await;
        let (failed, is_first) = (fixture.failed(), AtomicBool::new(true));
        let received = fixture.granted::<OnPaymentFailed>().received(&failed);
        let fails_as_it_is_paid = |order: Order| {
            if is_first.swap(false, Ordering::SeqCst) {
                meanwhile(async {
                    on_payment_completed::handle(&fixture.granted(), fixture.completed()).await.unwrap();
                });
            }
            Ok(order.payment_failed(fixture.deps().now()))
        };
        apply_event(fixture.deps(), &received, failed.data.order_id, fails_as_it_is_paid).await.unwrap();
        fixture.assert_moved(2, OrderStatus::Paid, "ORDER_PAYMENT_COMPLETED").await;
    }

    #[tokio::test]
    async fn an_event_that_two_deliver_at_once_has_one_effect() {
        let fixture = Fixture::new().await;
        let (failed, is_first) = (fixture.failed(), AtomicBool::new(true));
        let received = fixture.granted::<OnPaymentFailed>().received(&failed);
        let fails_as_it_fails = |order: Order| {
            if is_first.swap(false, Ordering::SeqCst) {
                meanwhile(async { on_payment_failed::handle(&fixture.granted(), failed.clone()).await.unwrap() });
            }
            Ok(order.payment_failed(fixture.deps().now()))
        };
        apply_event(fixture.deps(), &received, failed.data.order_id, fails_as_it_fails).await.unwrap();
        fixture.assert_moved(2, OrderStatus::Cancelled, "ORDER_CANCELLED").await;
    }

    /// Everything outside that can change an order: events, the timer, and cancellations by people.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Happening {
        PaymentCompleted,
        PaymentFailed,
        WindowClosed,
        CancelledBy(&'static str),
        StockUpdated,
        StockRejected,
        RefundCompleted,
    }

    use Happening::{
        CancelledBy, PaymentCompleted as Completed, PaymentFailed as Failed, RefundCompleted, StockRejected,
        StockUpdated, WindowClosed,
    };

    /// An order, and the happenings that are `waiting` for delivery, were refused as too `early`, or are in the `past`.
    struct Saga {
        fixture: Fixture,
        messages: Messages,
        stock_is_there: bool,
        waiting: Vec<Happening>,
        early: Vec<Happening>,
        past: Vec<Happening>,
    }

    /// Each message is built once, so that a second delivery is the same event with the same id.
    struct Messages {
        completed: Envelope<events::PaymentCompleted>,
        failed: Envelope<events::PaymentFailed>,
        due: Due<OrderId>,
        stock_updated: Envelope<events::StockCountUpdated>,
        stock_rejected: Envelope<events::StockRejected>,
        refunded: Envelope<events::RefundCompleted>,
    }

    impl Saga {
        fn new(fixture: Fixture, stock_is_there: bool, begins_with: &[Happening]) -> Self {
            let messages = Messages {
                completed: fixture.completed(),
                failed: fixture.failed(),
                due: fixture.due(),
                stock_updated: fixture.stock_updated(),
                stock_rejected: fixture.stock_rejected(),
                refunded: fixture.refund_completed(true),
            };
            fixture.world.clock.advance_s(900);
            Self { fixture, messages, stock_is_there, waiting: begins_with.to_vec(), early: vec![], past: vec![] }
        }

        /// Delivers one happening. If it is too early, it waits again after another happening was delivered.
        async fn deliver(&mut self, happening: Happening) {
            let deps = self.fixture.deps();
            let messages = &self.messages;
            let done = match happening {
                Completed => on_payment_completed::handle(&deps.granted(), messages.completed.clone()).await,
                Failed => on_payment_failed::handle(&deps.granted(), messages.failed.clone()).await,
                WindowClosed => expire::handle(&deps.granted(), messages.due.clone()).await,
                StockUpdated => on_stock_updated::handle(&deps.granted(), messages.stock_updated.clone()).await,
                StockRejected => on_stock_rejected::handle(&deps.granted(), messages.stock_rejected.clone()).await,
                RefundCompleted => on_refund_completed::handle(&deps.granted(), messages.refunded.clone()).await,
                CancelledBy(key) => {
                    let buyer =
                        Principal { account_id: self.fixture.order.buyer_id, ..self.fixture.world.buyer.clone() };
                    let by = if key == "team" { &self.fixture.world.owner } else { &buyer };
                    let request = TestRequest::new().by(by).path("id", self.fixture.order.id).key(key);
                    let answer = request.send(deps, cancel::handle).await;
                    if answer.status() != 200 {
                        // A refused cancellation changed nothing, so it does not count as delivered.
                        assert_eq!(answer.problem(), (409, "invalid_state".into()));
                        self.waiting.retain(|waiting| *waiting != happening);
                        return;
                    }
                    Ok(())
                }
            };
            match done {
                Ok(()) if self.past.contains(&happening) => {}
                Ok(()) => {
                    self.waiting.retain(|waiting| *waiting != happening);
                    self.past.push(happening);
                    self.waiting.append(&mut self.early);
                }
                Err(StepError::Retry(_)) => {
                    assert!(!self.past.contains(&happening), "done, and then early");
                    self.waiting.retain(|waiting| *waiting != happening);
                    self.early.push(happening);
                }
                Err(StepError::Poison(reason) | StepError::Fault(reason)) => panic!("{reason}"),
            }
            self.follow();
        }

        /// Queues the events that other services send in response to the order's events.
        fn follow(&mut self) {
            for event in self.fixture.sent() {
                let is_to_be_paid = |happening: &Happening| matches!(happening, Completed | Failed);
                let answers: &[Happening] = match event.r#type.as_str() {
                    "ORDER_PAYMENT_COMPLETED" if self.stock_is_there => &[StockUpdated],
                    // Payments follows `STOCK_REJECTED` on its own, so its refund may reach the order first.
                    "ORDER_PAYMENT_COMPLETED" => &[StockRejected, RefundCompleted],
                    "ORDER_CANCELLED" if event.data["refund"] == true => &[RefundCompleted],
                    "ORDER_CANCEL_REQUESTED" if !self.waiting.iter().chain(&self.past).any(is_to_be_paid) => &[Failed],
                    _ => &[],
                };
                for answer in answers {
                    if ![&self.waiting, &self.early, &self.past].into_iter().any(|known| known.contains(answer)) {
                        self.waiting.push(*answer);
                    }
                }
            }
        }

        /// Delivers until nothing is waiting. `choices` selects the sequence and the repetitions.
        async fn run(&mut self, choices: &[Index]) {
            for (round, choice) in choices.iter().cycle().take(100).enumerate() {
                if self.waiting.is_empty() {
                    assert_eq!(self.early, [], "nothing will ever make these welcome");
                    return;
                }
                // In every second round, a happening of the past may be delivered again.
                let repeatable = if round % 2 == 0 { &[] } else { self.past.as_slice() };
                let known: Vec<_> = self.waiting.iter().chain(repeatable).copied().collect();
                self.deliver(known[choice.index(known.len())]).await;
                let status = self.fixture.status().await;
                if self.past.contains(&Completed) {
                    use OrderStatus::{Confirmed, Paid, RefundPending, Refunded};
                    assert!([Paid, Confirmed, RefundPending, Refunded].contains(&status), "money on {status:?}");
                }
            }
            panic!("{:?} never arrive", self.waiting);
        }
    }

    fn beginnings() -> impl Strategy<Value = Vec<Happening>> {
        let all = vec![Completed, Failed, WindowClosed, CancelledBy("buyer"), CancelledBy("team")];
        prop::sample::subsequence(all, 1..=5)
    }

    proptest! {
        #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(64) })]

        /// For any sequence of happenings with repetitions: a cancelled order never keeps money, every order reaches a
        /// final status, and delivering everything once more changes nothing.
        #[test]
        fn every_order_comes_to_rest_and_stays_there(
            beginning in beginnings(),
            stock_is_there: bool,
            choices in prop::collection::vec(any::<Index>(), 1..20),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut saga = Saga::new(Fixture::new().await, stock_is_there, &beginning);
                saga.run(&choices).await;
                let status = saga.fixture.status().await;
                let rest: &[OrderStatus] = match (beginning.contains(&Completed), stock_is_there) {
                    (true, true) => &[OrderStatus::Confirmed, OrderStatus::Refunded],
                    (true, false) => &[OrderStatus::Refunded],
                    (false, _) => &[OrderStatus::Cancelled],
                };
                assert!(rest.contains(&status), "{status:?}");
                let last = saga.fixture.sent().pop().unwrap();
                saga.fixture.assert_moved(last.version, status, &last.r#type).await;

                let before = everything(&saga.fixture.world);
                for happening in saga.past.clone() {
                    saga.deliver(happening).await;
                }
                assert!(everything(&saga.fixture.world) == before, "a repetition changed something");
            });
        }
    }
}
