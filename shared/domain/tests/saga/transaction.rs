//! A step being taken: the side and what is shared as they become, like a handler's transaction. It is dropped where the
//! transaction would be refused.

use std::collections::BTreeSet;

use domain::reservation::StockEffect;

use crate::{
    queues::Event,
    side::{NOW, Shared, Side},
};

/// A rule broken on purpose, to see that the check would notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A reservation follows whatever event about its order arrives, however old.
    ReservationsIgnoreVersions,
    /// Stock whose promise had lapsed is sold without a look at what is there.
    StockIsSoldUnconditionally,
    /// A coupon is used without a look at its cap.
    CouponsAreUsedUnconditionally,
    /// Money that comes late revives an order even if its use of a coupon was given back.
    OrdersWithCouponsAreRevived,
    /// Money that comes late revives an order even if a person had cancelled it.
    CancelledOrdersAreRevived,
    /// An event that overtook the one it follows from is taken for dealt with.
    EarlyEventsAreDropped,
    /// The provider gives back more than it has taken, if asked to. No rule of ours: what we rely on.
    MoneyGoesBackTwice,
}

/// A transition of one of the machines: machine, state, event, next state.
pub(crate) type Transition = (&'static str, &'static str, &'static str, &'static str);

pub(crate) struct Transaction {
    pub(crate) side: Side,
    pub(crate) shared: Shared,
    /// What the machines did in it.
    pub(crate) made: BTreeSet<Transition>,
    pub(crate) fault: Option<Fault>,
}

/// What a consumer makes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Nothing is to be done (any more), and nothing was written.
    Nothing,
    /// Written, with the message's inbox record.
    Written,
    /// The provider was asked and the answer booked, if it was news. There is no inbox: a copy may bring more.
    Settled,
    /// Written or not, it is to come again.
    Again,
    /// Refused: what it is about has not happened yet.
    Early,
    /// Refused, and a person must look: the books are wrong.
    Poison(&'static str),
}

impl Transaction {
    pub(crate) fn emit(&mut self, event: Event) {
        if !self.side.queues.send(event) {
            self.side.wrong = Some(format!("{event} is sent a second time"));
        }
    }

    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    /// `Tx::reserve_stock` of the `store` crate, of one unit. False if its condition refuses.
    #[must_use]
    pub(crate) fn reserve_stock(&mut self) -> bool {
        let stock = &mut self.shared.stock;
        let holds = stock.available >= 1;
        if holds {
            stock.reserved += 1;
            stock.available -= 1;
        }
        holds
    }

    /// `Tx::use_coupon` of the `store` crate. False if its condition refuses.
    #[must_use]
    pub(crate) fn use_coupon(&mut self) -> bool {
        let holds = self.shared.uses < 1 || self.has(Fault::CouponsAreUsedUnconditionally);
        self.shared.uses += u32::from(holds);
        holds
    }

    /// The coupons service's step, as `functions/coupons` puts it together.
    pub(crate) fn give_back_coupon(&mut self) -> Answer {
        let Some(next) = self.side.redemption.clone().and_then(|held| held.release(NOW)) else {
            return Answer::Nothing;
        };
        let Some(fewer) = self.shared.uses.checked_sub(1) else {
            return Answer::Poison("the coupon does not count what was used of it");
        };
        self.shared.uses = fewer;
        self.side.redemption = Some(next);
        Answer::Written
    }

    /// `Tx::apply_stock` of the `store` crate, of one unit. False if its condition refuses.
    #[must_use]
    pub(crate) fn apply_stock(&mut self, effect: StockEffect) -> bool {
        let unconditional = self.has(Fault::StockIsSoldUnconditionally);
        let stock = &mut self.shared.stock;
        let (holds, on_hand, reserved, available) = match effect {
            StockEffect::SellHeld => (stock.reserved >= 1 && stock.on_hand >= 1, -1, -1, 0),
            StockEffect::SellFree => (stock.available >= 1 || unconditional, -1, 0, -1),
            StockEffect::GiveBack => (stock.reserved >= 1, 0, -1, 1),
            StockEffect::Return => (stock.on_hand >= 0, 1, 0, 1),
        };
        if holds {
            stock.on_hand += on_hand;
            stock.reserved += reserved;
            stock.available += available;
        }
        holds
    }
}
