//! The messages that an event leads to: their recipients and their wording.

use contracts::events::{
    LineQuantity, Notable, OrderCancelled, OrderConfirmed, OrderDelivered, OrderDispatched, OrderRefunded,
    PaymentFlagged, RefundCompleted, RefundFailed, ReturnRejected, ReturnRequested, TenantOnboarded,
};
use domain::{
    OrderId, StoreId,
    coupon::AppliedCoupon,
    order::{CancelReason, Customer, Order},
    store::Store,
};
use mail::Email;
use runtime::Config;

use crate::mail::{
    Block::{self, List, Text},
    email,
};

/// A message to one person about one thing.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    /// The kinds under which the message may be recorded. It uses the first kind under which no other event has sent a
    /// message, so each kind is sent once. If all kinds are taken, the message says nothing new and is not sent.
    pub(crate) kinds: &'static [&'static str],
    pub(crate) audience: &'static str,
    pub(crate) reference: String,
    /// Whether the message is about something that nobody paid for. Anybody can cause such messages to any address, so
    /// there is a limit to them for each recipient and store.
    pub(crate) is_unpaid: bool,
    pub(crate) email: Email,
}

/// The store that the event belongs to.
pub(crate) fn store_id(event: &Notable) -> StoreId {
    match event {
        Notable::TenantOnboarded(event) => event.store_id,
        Notable::OrderConfirmed(event) => event.store_id,
        Notable::OrderCancelled(event) => event.store_id,
        Notable::OrderRefunded(event) => event.store_id,
        Notable::OrderDispatched(event) => event.store_id,
        Notable::OrderDelivered(event) => event.store_id,
        Notable::ReturnRequested(event) => event.store_id,
        Notable::ReturnRejected(event) => event.store_id,
        Notable::RefundCompleted(event) => event.store_id,
        Notable::PaymentFlagged(event) => event.store_id,
        Notable::RefundFailed(event) => event.store_id,
    }
}

/// The order that has to be read, if the event does not name the buyer.
pub(crate) fn order_id(event: &Notable) -> Option<OrderId> {
    match event {
        Notable::RefundCompleted(event) => Some(event.order_id),
        _ => None,
    }
}

/// The messages of an event; `order` is the order that [`order_id`] names.
pub(crate) fn messages(event: &Notable, store: &Store, order: Option<&Order>, config: &Config) -> Vec<Message> {
    match event {
        Notable::TenantOnboarded(event) => vec![onboarded(event, config)],
        Notable::OrderConfirmed(event) => confirmed(event, store),
        Notable::OrderCancelled(event) => cancelled(event, store),
        Notable::OrderRefunded(event) => vec![refunded(event, store)],
        Notable::OrderDispatched(event) => vec![dispatched(event, store)],
        Notable::OrderDelivered(event) => vec![delivered(event, store)],
        Notable::ReturnRequested(event) => vec![return_requested(event, store)],
        Notable::ReturnRejected(event) => vec![return_rejected(event, store)],
        Notable::RefundCompleted(event) => order.iter().map(|order| part_refunded(event, order, store)).collect(),
        Notable::PaymentFlagged(event) => vec![flagged(event, store)],
        Notable::RefundFailed(event) => vec![refund_failed(event, store)],
    }
}

/// A message to the address that the buyer typed, which may be anybody's. So nothing else that the buyer typed is in it,
/// not even the name.
fn to_buyer(
    kinds: &'static [&'static str],
    about: impl ToString,
    customer: &Customer,
    store: &Store,
    subject: &str,
    mut blocks: Vec<Block>,
) -> Message {
    blocks.insert(0, Text("Hello,".to_owned()));
    let support = |address: &String| Text(format!("Questions? Write to {address} and name the order."));
    blocks.extend(store.support_email.as_ref().map(support));
    blocks.push(Text(store.name.clone()));
    let email = email(&customer.email, subject, &blocks);
    Message { kinds, audience: "buyer", reference: about.to_string(), is_unpaid: false, email }
}

fn to_seller(
    kinds: &'static [&'static str],
    about: impl ToString,
    address: &str,
    subject: &str,
    blocks: &[Block],
) -> Message {
    let email = email(address, subject, blocks);
    Message { kinds, audience: "seller", reference: about.to_string(), is_unpaid: false, email }
}

fn onboarded(event: &TenantOnboarded, config: &Config) -> Message {
    let TenantOnboarded { full_name, store_name, store_slug, .. } = event;
    let blocks = [
        Text(format!("Hello {full_name},")),
        Text(format!("your store {store_name} is open. Add products, give them stock, and sell.")),
        List(vec![
            format!("Requests name it as X-Store: {store_slug}, or by its host {store_slug}.{}.", config.base_domain),
            format!("The API is at {0}, and explained at {0}/docs.", config.public_base_url),
        ]),
    ];
    let subject = format!("Your store {store_name} is open");
    to_seller(&["ACCOUNT_ONBOARDING"], event.store_id, &event.email, &subject, &blocks)
}

fn confirmed(event: &OrderConfirmed, store: &Store) -> Vec<Message> {
    let OrderConfirmed { order_id, number, customer, total, .. } = event;
    let off = |coupon: &AppliedCoupon| format!("coupon {}: {} off", coupon.code, coupon.discount);
    let lines = || List(event.lines.iter().map(title).chain(event.coupon.as_ref().map(off)).collect());
    let buyer = vec![
        Text(format!("thank you: your payment of {total} is here, and your order {number} is confirmed.")),
        lines(),
    ];
    let seller = [
        Text(format!("{} ({}) bought at {} for {total}:", customer.name, customer.email, store.name)),
        lines(),
        Text("It is paid and taken off your stock: you can pack it.".to_owned()),
    ];
    let subject = format!("Your order {number} at {} is confirmed", store.name);
    let to_pack = format!("Order {number} is paid: {total}");
    vec![
        to_buyer(&["ORDER_CONFIRMATION"], order_id, customer, store, &subject, buyer),
        to_seller(&["ORDER_CONFIRMATION"], order_id, &store.seller_email, &to_pack, &seller),
    ]
}

fn cancelled(event: &OrderCancelled, store: &Store) -> Vec<Message> {
    let OrderCancelled { order_id, number, customer, total, .. } = event;
    let money = if event.refund {
        format!("Your money, {total}, is on its way back to you. Depending on your bank this can take some days.")
    } else {
        "Should a payment of yours still arrive, you will hear from us.".to_owned()
    };
    let for_buyer = format!("your order {number} is cancelled: {}.", reason_for_buyer(event.reason));
    let refund = if event.refund { " The buyer's money goes back by itself." } else { "" };
    let seller =
        [Text(format!("Order {number} of {total} is cancelled: {}.{refund}", reason_for_seller(event.reason)))];
    // An order that was cancelled unpaid is cancelled a second time when its payment arrives too late. People who got a
    // message about the first cancellation then get one about the refund too.
    let kinds: &[&str] = if event.refund { &["ORDER_CANCELLED", "REFUND_INITIATED"] } else { &["ORDER_CANCELLED"] };
    let subject = format!("Your order {number} at {} is cancelled", store.name);
    let both = [
        to_buyer(kinds, order_id, customer, store, &subject, vec![Text(for_buyer), Text(money)]),
        to_seller(kinds, order_id, &store.seller_email, &format!("Order {number} is cancelled"), &seller),
    ];
    both.map(|message| Message { is_unpaid: !event.refund, ..message }).into()
}

const fn reason_for_buyer(reason: CancelReason) -> &'static str {
    match reason {
        CancelReason::Buyer => "you asked for it",
        CancelReason::Staff => "the shop had to cancel it",
        CancelReason::Expired => "it was not paid in time",
        CancelReason::PaymentFailed => "the payment did not go through",
        CancelReason::OutOfStock => "something in it was sold out before the payment came",
        CancelReason::Refunded => "all your money has been sent back",
    }
}

const fn reason_for_seller(reason: CancelReason) -> &'static str {
    match reason {
        CancelReason::Buyer => "the buyer asked for it",
        CancelReason::Staff => "your team asked for it",
        CancelReason::Expired => "it was not paid in time",
        CancelReason::PaymentFailed => "the payment did not go through",
        CancelReason::OutOfStock => "it was paid after its reservation had lapsed, and the stock was gone",
        CancelReason::Refunded => "all the buyer's money has been sent back",
    }
}

fn refunded(event: &OrderRefunded, store: &Store) -> Message {
    let OrderRefunded { order_id, number, customer, total, .. } = event;
    let subject = format!("Your refund for order {number} at {}", store.name);
    let text = format!("your money for order {number}, {total}, has been sent back to you in full.");
    to_buyer(&["REFUND_COMPLETED"], order_id, customer, store, &subject, vec![Text(text)])
}

fn part_refunded(event: &RefundCompleted, order: &Order, store: &Store) -> Message {
    let (number, amount) = (&order.number, event.amount);
    let subject = format!("A refund for order {number} at {}", store.name);
    let text = format!("{amount} of what you paid for order {number} has been sent back to you.");
    to_buyer(&["REFUND_COMPLETED"], event.refund_id, &order.customer, store, &subject, vec![Text(text)])
}

fn dispatched(event: &OrderDispatched, store: &Store) -> Message {
    let OrderDispatched { order_id, number, customer, dispatch, tracking, note, .. } = event;
    let subject = format!("Your order {number} at {} is on its way", store.name);
    let again = if *dispatch > 1 { " again" } else { "" };
    let mut blocks = vec![Text(format!("your order {number} has been sent{again}."))];
    if let Some(tracking) = tracking {
        blocks.push(List(vec![format!("with {}, number {}", tracking.courier, tracking.number)]));
    }
    blocks.extend(note.as_deref().map(words));
    // Every dispatch of the order gets its own message.
    to_buyer(&["ORDER_DISPATCHED"], format!("{order_id}-{dispatch}"), customer, store, &subject, blocks)
}

fn delivered(event: &OrderDelivered, store: &Store) -> Message {
    let OrderDelivered { order_id, number, customer, note, .. } = event;
    let subject = format!("Your order {number} at {} is delivered", store.name);
    let mut blocks = vec![Text(format!("your order {number} has been delivered."))];
    blocks.extend(note.as_deref().map(words));
    to_buyer(&["ORDER_DELIVERED"], order_id, customer, store, &subject, blocks)
}

fn return_requested(event: &ReturnRequested, store: &Store) -> Message {
    let ReturnRequested { return_id, number, customer, lines, reason, .. } = event;
    let blocks = [
        Text(format!("{} ({}) wants to return, of order {number}:", customer.name, customer.email)),
        List(lines.iter().map(title).collect()),
        Text(format!("The reason given: {reason}")),
        Text("Please accept or reject it. What you accept is refunded by itself.".to_owned()),
    ];
    let subject = format!("Please decide: a return of order {number} at {}", store.name);
    to_seller(&["RETURN_REQUESTED"], return_id, &store.seller_email, &subject, &blocks)
}

fn return_rejected(event: &ReturnRejected, store: &Store) -> Message {
    let ReturnRejected { return_id, number, customer, note, .. } = event;
    let subject = format!("Your return of order {number} at {}", store.name);
    let mut blocks = vec![Text(format!("the shop does not take back what you wanted to return of order {number}."))];
    blocks.extend(note.as_deref().map(words));
    to_buyer(&["RETURN_REJECTED"], return_id, customer, store, &subject, blocks)
}

fn words(note: &str) -> Block {
    Text(format!("The shop writes: {note}"))
}

fn title(line: &LineQuantity) -> String {
    format!("{} x {}", line.quantity, line.title)
}

fn flagged(event: &PaymentFlagged, store: &Store) -> Message {
    let PaymentFlagged { order_id, provider, reference, expected, captured, .. } = event;
    let blocks = [
        Text(format!("For order {order_id} {expected} was asked, and {captured} came.")),
        Text(format!("It goes back by itself. Please look at it at {provider}, under the reference {reference}.")),
    ];
    let subject = format!("Please check: a payment at {} is not what was asked for", store.name);
    to_seller(&["PAYMENT_FLAGGED"], reference, &store.seller_email, &subject, &blocks)
}

fn refund_failed(event: &RefundFailed, store: &Store) -> Message {
    let RefundFailed { order_id, payment_id, refund_id, amount, .. } = event;
    let blocks = [
        Text(format!("The refund of {amount} for order {order_id} did not go through.")),
        Text(
            "The buyer does not have the money back. Please send it from the payment provider's own pages.".to_owned(),
        ),
        List(vec![format!("payment {payment_id}"), format!("refund {refund_id}")]),
    ];
    let subject = format!("Please act: a refund of {amount} at {} failed", store.name);
    to_seller(&["REFUND_FAILED"], refund_id, &store.seller_email, &subject, &blocks)
}
