//! Everything that can happen to one side next: what people do, what the provider does, and what arrives.

use std::collections::BTreeSet;

use domain::{Money, order::CancelReason};

use crate::{
    laws,
    opening::Call,
    over,
    payments::Luck,
    queues::{Consumer, Delivery, Message},
    side::{Back, Charge, Shared, Side, TOTAL, WRONG},
    transaction::{Answer, Fault, Transaction, Transition},
};

/// How much is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope {
    pub(crate) buyers: usize,
    /// Who cancels.
    pub(crate) people: &'static [CancelReason],
    /// Orders use the one coupon.
    pub(crate) coupon: bool,
    /// Checkouts that are refused, calls that are lost, money of a wrong amount, refunds that fail.
    pub(crate) troubles: bool,
    /// Checkouts opened in vain before one is, in trouble: their answers are lost.
    pub(crate) vain: usize,
    /// Messages of which nothing can come any more are not waited for.
    pub(crate) tidies: bool,
    pub(crate) fault: Option<Fault>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Places,
    Cancels(CancelReason),
    Starts(Call),
    Pays(Charge),
    RefundEnds(Back),
    Webhook(Luck),
    Arrives(Message, Delivery, Luck),
    Opens(Message, Delivery, Call),
}

pub(crate) struct Move {
    pub(crate) what: What,
    /// It happens by itself, sooner or later. People need do nothing, and webhooks may all be lost.
    pub(crate) must: bool,
    pub(crate) side: Side,
    pub(crate) shared: Shared,
    pub(crate) made: BTreeSet<Transition>,
}

/// Everything that changes anything. A side that is not there yet can only begin with an order.
pub(crate) fn moves(scope: Scope, side: Option<&Side>, shared: &Shared) -> Vec<Move> {
    let Some(side) = side else { return place(scope, shared).into_iter().collect() };
    if side.wrong.is_some() {
        return vec![];
    }
    let from = Table { scope, side, shared };
    let mut moves = from.people();
    moves.extend(from.provider());
    moves.extend(side.queues.messages().flat_map(|(message, delivery)| from.arrivals(message, delivery)));
    for next in &mut moves {
        if scope.tidies {
            over::tidy(&mut next.side);
        }
        laws::judge(side, &mut next.side);
    }
    moves.retain(|next| next.side != *side || next.shared != *shared);
    moves
}

/// Where the unit, or the coupon, is not to be had, the order is refused and nothing happens.
fn place(scope: Scope, shared: &Shared) -> Option<Move> {
    let side = if scope.coupon { Side::placed_with_coupon() } else { Side::placed() };
    let mut tx = Transaction { side, shared: shared.clone(), made: BTreeSet::new(), fault: scope.fault };
    let holds = tx.reserve_stock() && (!scope.coupon || tx.use_coupon());
    holds.then(|| tx.done(What::Places, false))
}

impl Transaction {
    fn done(self, what: What, must: bool) -> Move {
        Move { what, must, side: self.side, shared: self.shared, made: self.made }
    }
}

/// What the next step starts from.
struct Table<'a> {
    scope: Scope,
    side: &'a Side,
    shared: &'a Shared,
}

impl Table<'_> {
    fn tx(&self) -> Transaction {
        let (side, shared) = (self.side.clone(), self.shared.clone());
        Transaction { side, shared, made: BTreeSet::new(), fault: self.scope.fault }
    }

    fn may(&self, what: What, act: impl FnOnce(&mut Transaction)) -> Move {
        let mut tx = self.tx();
        act(&mut tx);
        tx.done(what, false)
    }

    fn people(&self) -> Vec<Move> {
        let cancels = self.scope.people.iter().map(|by| self.may(What::Cancels(*by), |tx| tx.cancel(*by)));
        // `payments-start` looks at the order first; but that may have been long ago.
        let start = |call| {
            self.may(What::Starts(call), |tx| {
                tx.open(call);
            })
        };
        cancels.chain(self.calls().into_iter().map(start)).chain(self.payments()).collect()
    }

    /// The buyer can pay once he was told where, and the provider takes the money of an attempt once.
    fn payments(&self) -> Vec<Move> {
        let attempts = self.side.payment.iter().flat_map(|payment| &payment.attempts);
        let charges = self.side.provider.charges.iter().zip(attempts).enumerate();
        let payable = charges.filter(|(_, (charge, attempt))| {
            attempt.checkout_url.is_some() && matches!(charge, Charge::Unpaid | Charge::Declined)
        });
        let mut outcomes = vec![Charge::Taken(TOTAL), Charge::Declined];
        outcomes.extend(self.scope.troubles.then_some(Charge::Taken(WRONG)));
        let pays = |(index, _): (usize, _)| {
            let pay = move |charge| self.may(What::Pays(charge), |tx| tx.side.provider.charges[index] = charge);
            outcomes.iter().copied().map(pay).collect::<Vec<_>>()
        };
        payable.flat_map(pays).collect()
    }

    fn provider(&self) -> Vec<Move> {
        let mut moves = vec![];
        if self.side.provider.charges.iter().any(|charge| *charge != Charge::Unpaid) {
            for luck in [Luck::Usual, Luck::WindowOver] {
                moves.push(self.may(What::Webhook(luck), |tx| {
                    tx.settle(None, luck);
                }));
            }
        }
        for (index, refund) in self.side.provider.refunds.iter().enumerate() {
            let Some((amount, Back::UnderWay)) = *refund else { continue };
            moves.push(Move { must: true, ..self.refund_ends(index, amount, Back::Processed) });
            moves.extend(self.scope.troubles.then(|| self.refund_ends(index, amount, Back::Failed)));
        }
        moves
    }

    fn refund_ends(&self, index: usize, amount: Money, back: Back) -> Move {
        self.may(What::RefundEnds(back), |tx| tx.side.provider.refunds[index] = Some((amount, back)))
    }

    fn calls(&self) -> Vec<Call> {
        let mut calls = vec![Call::Opens];
        if self.scope.troubles {
            calls.extend([Call::Refused, Call::Unanswered]);
            if self.side.provider.charges.len() <= self.scope.vain {
                calls.push(Call::Taken);
            }
        }
        calls
    }

    /// What can come of a message's arrival.
    fn arrivals(&self, message: Message, delivery: Delivery) -> Vec<Move> {
        let mut lucks = vec![Luck::Usual];
        let arrives = |luck| self.arrive(message, delivery, luck);
        match message.to {
            Consumer::PaymentsOnOrderCreated => {
                let opens =
                    |call| self.handle(message, delivery, What::Opens(message, delivery, call), |tx| tx.open(call));
                return self.calls().into_iter().filter_map(opens).collect();
            }
            Consumer::OrdersExpire => lucks.push(Luck::WindowOver),
            Consumer::PaymentsReconcile => {
                lucks.push(Luck::WindowOver);
                lucks.extend(self.scope.troubles.then_some(Luck::CallLost));
            }
            _ => {}
        }
        lucks.into_iter().filter_map(arrives).collect()
    }

    fn arrive(&self, message: Message, delivery: Delivery, luck: Luck) -> Option<Move> {
        let arrives = What::Arrives(message, delivery, luck);
        self.handle(message, delivery, arrives, |tx| match message.to {
            Consumer::InventoryOnOrderPaid | Consumer::InventoryOnOrderCancelled => tx.inventory(message.event),
            Consumer::CouponsOnOrderCancelled => tx.give_back_coupon(),
            Consumer::PaymentsOnOrderCancelled | Consumer::PaymentsOnStockRejected | Consumer::PaymentsReconcile => {
                tx.payments(message, luck)
            }
            _ => tx.orders(message, luck),
        })
    }

    /// `None` where nothing is written and the message is where it was.
    fn handle(
        &self,
        message: Message,
        delivery: Delivery,
        what: What,
        handle: impl FnOnce(&mut Transaction) -> Answer,
    ) -> Option<Move> {
        let mut tx = self.tx();
        let answer = handle(&mut tx);
        let closes = message.to == Consumer::PaymentsOnOrderCancelled;
        match (delivery, answer) {
            (_, Answer::Poison(why)) => tx.side.wrong = Some(why.to_owned()),
            (Delivery::Waiting, Answer::Early) => return None,
            (_, Answer::Early) => tx.side.wrong = Some(format!("{message} was dealt with, and now is early")),
            // Its transaction would hold an inbox record that is there already.
            (Delivery::Done, _) => return None,
            (Delivery::Over, Answer::Settled) if closes => return None,
            (Delivery::Over, _) if tx.side == *self.side => return None,
            (Delivery::Over, _) => tx.side.wrong = Some(format!("{message} was not over")),
            (_, Answer::Written) => tx.side.queues.set(message, Delivery::Done),
            (_, Answer::Nothing | Answer::Settled) => tx.side.queues.set(message, Delivery::Seen),
            (_, Answer::Again) => tx.side.queues.set(message, Delivery::Waiting),
        }
        // The provider answers sooner or later.
        let is_in_vain = matches!(what, What::Opens(.., Call::Unanswered));
        Some(tx.done(what, delivery == Delivery::Waiting && !is_in_vain))
    }
}
