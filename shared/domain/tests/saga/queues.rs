//! Events on their way. Each consumer of an event has a queue of its own, so what travels is a message: an event to a
//! consumer. Messages arrive in any order, and what has arrived may arrive again at any time, for ever.

/// An event, and of its contents what consumers read. Those that only tell people are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Event {
    OrderCreated,
    OrderCancelRequested,
    OrderCancelled {
        version: u64,
        refund: bool,
        expired: bool,
        /// Whether the order used a coupon. The real event does not say: without one there is nothing to be done.
        coupon: bool,
    },
    OrderPaymentCompleted {
        version: u64,
    },
    PaymentInitiated,
    PaymentCompleted,
    PaymentFailed,
    /// Of the refund at that place.
    RefundInitiated {
        refund: usize,
    },
    RefundCompleted {
        refund: usize,
        settles: bool,
    },
    StockCountUpdated,
    StockRejected,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Consumer {
    OrdersExpire,
    OrdersOnPaymentCompleted,
    OrdersOnPaymentFailed,
    OrdersOnStockUpdated,
    OrdersOnStockRejected,
    OrdersOnRefundCompleted,
    InventoryOnOrderPaid,
    InventoryOnOrderCancelled,
    CouponsOnOrderCancelled,
    PaymentsOnOrderCreated,
    PaymentsOnOrderCancelled,
    PaymentsOnStockRejected,
    PaymentsReconcile,
}

impl Event {
    const fn consumers(self) -> &'static [Consumer] {
        match self {
            Self::OrderCreated => &[Consumer::PaymentsOnOrderCreated, Consumer::OrdersExpire],
            Self::OrderCancelRequested => &[Consumer::PaymentsOnOrderCancelled],
            Self::OrderCancelled { coupon: true, .. } => &[
                Consumer::PaymentsOnOrderCancelled,
                Consumer::InventoryOnOrderCancelled,
                Consumer::CouponsOnOrderCancelled,
            ],
            Self::OrderCancelled { .. } => &[Consumer::PaymentsOnOrderCancelled, Consumer::InventoryOnOrderCancelled],
            Self::OrderPaymentCompleted { .. } => &[Consumer::InventoryOnOrderPaid],
            Self::PaymentInitiated | Self::RefundInitiated { .. } => &[Consumer::PaymentsReconcile],
            Self::PaymentCompleted => &[Consumer::OrdersOnPaymentCompleted],
            Self::PaymentFailed => &[Consumer::OrdersOnPaymentFailed],
            Self::RefundCompleted { .. } => &[Consumer::OrdersOnRefundCompleted],
            Self::StockCountUpdated => &[Consumer::OrdersOnStockUpdated],
            Self::StockRejected => &[Consumer::OrdersOnStockRejected, Consumer::PaymentsOnStockRejected],
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Message {
    pub(crate) event: Event,
    pub(crate) to: Consumer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Delivery {
    /// Still to be dealt with: it comes, and comes again while it is refused.
    Waiting,
    /// Dealt with without an inbox record: a copy of it is as good as new.
    Seen,
    /// Dealt with, and in the inbox: what a copy of it would write is refused there.
    Done,
    /// Nothing can come of it any more, see `over`.
    Over,
}

/// Every message ever sent, in order.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Queues(Vec<(Message, Delivery)>);

impl Queues {
    /// False if that has been sent before.
    #[must_use]
    pub(crate) fn send(&mut self, event: Event) -> bool {
        event.consumers().iter().all(|to| {
            let message = Message { event, to: *to };
            let place = self.0.binary_search_by_key(&message, |(known, _)| *known);
            place.map_err(|at| self.0.insert(at, (message, Delivery::Waiting))).is_err()
        })
    }

    pub(crate) fn set(&mut self, message: Message, delivery: Delivery) {
        self.0.iter_mut().filter(|(known, _)| *known == message).for_each(|(_, held)| *held = delivery);
    }

    pub(crate) fn messages(&self) -> impl Iterator<Item = (Message, Delivery)> {
        self.0.iter().copied()
    }

    pub(crate) fn waiting(&self) -> impl Iterator<Item = Message> {
        self.messages().filter(|(_, delivery)| *delivery == Delivery::Waiting).map(|(message, _)| message)
    }
}
