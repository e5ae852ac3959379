//! The way to what is wrong, as a story.

use std::fmt;

use domain::order::CancelReason;

use crate::{
    inventory,
    moves::What,
    opening::Call,
    payments::Luck,
    queues::{Consumer, Delivery, Event, Message},
    side::{Back, Charge, Side, TOTAL},
    world::{Shop, Step, World},
};

const NAMES: [&str; 2] = ["Ada", "Bola"];

/// What happened, one thing a line, and what came of it.
pub(crate) fn tell(shop: &Shop, path: &[(Step, World)]) -> String {
    let mut story = String::new();
    let mut before = None;
    for (number, (step, world)) in path.iter().enumerate() {
        let news = [0, 1].into_iter().filter_map(|buyer| {
            let was = before.and_then(|world| shop.side(world, buyer));
            shop.side(*world, buyer).map(|side| news(NAMES[buyer], was, side))
        });
        let mut news: Vec<String> = news.flatten().collect();
        let stock = shop.stock(*world);
        let counts = |stock: &domain::stock::Stock| (stock.on_hand, stock.reserved);
        if before.is_none_or(|before| counts(shop.stock(before)) != counts(stock)) {
            news.push(format!("stock: {} on hand, {} reserved", stock.on_hand, stock.reserved));
        }
        let (buyer, number) = (NAMES[step.buyer], number + 1);
        story.extend([format!("{number}. {}\n", said(buyer, step.what))]);
        story.extend(news.iter().map(|news| format!("      {news}\n")));
        before = Some(*world);
    }
    story
}

fn news(name: &str, was: Option<&Side>, is: &Side) -> Vec<String> {
    let facts = |side: &Side| {
        [
            format!("{name}'s order: {} (version {})", side.order.state.status().name(), side.version),
            format!("{name}'s reservation: {}", inventory::name(side.reservation.state)),
            format!("{name}'s payment: {}", side.payment.as_ref().map_or("none", |payment| payment.status.name())),
        ]
    };
    let known = was.map(facts);
    facts(is).into_iter().filter(|fact| known.as_ref().is_none_or(|known| !known.contains(fact))).collect()
}

fn said(name: &str, what: What) -> String {
    match what {
        What::Places => format!("{name} places an order."),
        What::Cancels(CancelReason::Staff) => format!("The team cancels {name}'s order."),
        What::Cancels(_) => format!("{name} cancels the order."),
        What::Starts(call) => format!("{name} asks where to pay{}.", came(call)),
        What::Pays(Charge::Taken(TOTAL)) => format!("{name} pays at the provider."),
        What::Pays(Charge::Taken(_)) => format!("{name} pays another amount at the provider."),
        What::Pays(_) => format!("{name}'s card is declined."),
        What::RefundEnds(Back::Processed) => format!("The provider gives {name}'s money back."),
        What::RefundEnds(_) => format!("The provider cannot give {name}'s money back."),
        What::Webhook(luck) => format!("A webhook about {name}'s payment comes{}.", turned(luck)),
        What::Arrives(message, delivery, luck) => {
            format!("{name}'s {message} arrives{}{}.", again(delivery), turned(luck))
        }
        What::Opens(message, delivery, call) => format!("{name}'s {message} arrives{}{}.", again(delivery), came(call)),
    }
}

const fn again(delivery: Delivery) -> &'static str {
    if matches!(delivery, Delivery::Waiting) { "" } else { " again" }
}

const fn turned(luck: Luck) -> &'static str {
    match luck {
        Luck::Usual => "",
        Luck::WindowOver => ", after the payment window",
        Luck::CallLost => ", and the call to the provider is lost",
    }
}

const fn came(call: Call) -> &'static str {
    match call {
        Call::Opens => "",
        Call::Refused => ", and the provider refuses",
        Call::Unanswered => ", and the provider does not answer",
        Call::Taken => ", and the reference is taken",
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for {}", self.event, self.to)
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OrderCreated => f.write_str("ORDER_CREATED"),
            Self::OrderCancelRequested => f.write_str("ORDER_CANCEL_REQUESTED"),
            Self::OrderCancelled { version, .. } => write!(f, "ORDER_CANCELLED (version {version})"),
            Self::OrderPaymentCompleted { version } => write!(f, "ORDER_PAYMENT_COMPLETED (version {version})"),
            Self::PaymentInitiated => f.write_str("PAYMENT_INITIATED"),
            Self::PaymentCompleted => f.write_str("PAYMENT_COMPLETED"),
            Self::PaymentFailed => f.write_str("PAYMENT_FAILED"),
            Self::RefundInitiated { .. } => f.write_str("REFUND_INITIATED"),
            Self::RefundCompleted { .. } => f.write_str("REFUND_COMPLETED"),
            Self::StockCountUpdated => f.write_str("STOCK_COUNT_UPDATED"),
            Self::StockRejected => f.write_str("STOCK_REJECTED"),
        }
    }
}

impl fmt::Display for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OrdersExpire => "orders-expire",
            Self::OrdersOnPaymentCompleted => "orders-on-payment-completed",
            Self::OrdersOnPaymentFailed => "orders-on-payment-failed",
            Self::OrdersOnStockUpdated => "orders-on-stock-updated",
            Self::OrdersOnStockRejected => "orders-on-stock-rejected",
            Self::OrdersOnRefundCompleted => "orders-on-refund-completed",
            Self::InventoryOnOrderPaid => "inventory-on-order-paid",
            Self::InventoryOnOrderCancelled => "inventory-on-order-cancelled",
            Self::CouponsOnOrderCancelled => "coupons-on-order-cancelled",
            Self::PaymentsOnOrderCreated => "payments-on-order-created",
            Self::PaymentsOnOrderCancelled => "payments-on-order-cancelled",
            Self::PaymentsOnStockRejected => "payments-on-stock-rejected",
            Self::PaymentsReconcile => "payments-reconcile",
        })
    }
}
