//! Returns of delivered goods. The buyer requests a return, and the seller accepts or rejects it, once. Returns are
//! stored in their order, so that they are checked against the order's lines in one read.
//!
//! The refund of an accepted return is its share of what the buyer paid for the goods: their price, less the share of
//! the discount, plus the share of any added tax. Shipping is not refunded.

use super::{Order, OrderState, Return, ReturnLine, ReturnState, ReturnStatus};
use crate::{
    InvalidTransition, Money, MoneyError, ReturnId, Timestamp, VariantId,
    guard::{self, Rule},
    limits::{RETURN_WINDOW_S, RETURNS_MAX},
    time::after,
};

/// The seller's decision on a return.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Accept the return and refund it.
    Accept {
        /// Whether the units are put back into stock.
        restock: bool,
    },
    /// Reject the return.
    Reject {
        /// The seller's note, for the buyer.
        note: Option<String>,
    },
}

/// Why a line of a return was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// The order does not contain the variant.
    #[error("the order has no such variant")]
    Unknown,
    /// An earlier line of the request has the same variant.
    #[error("this variant is in the list already")]
    Duplicate,
    /// More units than were bought and are not returned yet.
    #[error("no more than {left} can be returned")]
    TooMany {
        /// Units that can still be returned.
        left: u32,
    },
}

/// Why a request for a return was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The goods are not delivered.
    #[error(transparent)]
    NotDelivered(#[from] InvalidTransition),
    /// The return window is over.
    #[error("goods can be returned for {} days after delivery", RETURN_WINDOW_S / 86_400)]
    TooLate,
    /// The order has as many returns as it can.
    #[error("an order has at most {RETURNS_MAX} returns")]
    TooManyReturns,
    /// Lines that cannot be returned, each with its index in the request.
    #[error("some lines cannot be returned")]
    Lines(Vec<(usize, LineError)>),
}

/// Why a decision on a return was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecideError {
    /// The order has no return with this id.
    #[error("the order has no such return")]
    Unknown,
    /// The return was decided differently before.
    #[error("the return was decided differently before")]
    AlreadyDecided,
    /// The refund cannot be calculated.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl Order {
    /// The return with this id.
    pub fn find_return(&self, id: ReturnId) -> Option<&Return> {
        self.returns.iter().find(|held| held.id == id)
    }

    /// Units of a variant that can still be returned: bought, and in no return that is requested or accepted. `None` if
    /// the order does not contain the variant.
    pub fn returnable(&self, variant_id: VariantId) -> Option<u32> {
        let bought = self.lines.iter().find(|line| line.variant_id == variant_id)?.quantity;
        let wanted = self.returns.iter().filter(|held| held.state.status() != ReturnStatus::Rejected);
        let of_it = wanted.flat_map(|held| &held.lines).filter(|line| line.variant_id == variant_id);
        Some(bought.saturating_sub(of_it.map(|line| line.quantity).sum()))
    }

    /// The buyer requests a return. Returns the order and the new return.
    ///
    /// # Errors
    /// [`RequestError`]: the order is not delivered, the return window is over, the order has too many returns, or
    /// lines cannot be returned.
    pub fn request_return(
        mut self,
        id: ReturnId,
        lines: Vec<ReturnLine>,
        reason: String,
        now: Timestamp,
    ) -> Result<(Self, Return), RequestError> {
        let OrderState::Completed { completed_at, .. } = self.state else { return Err(self.invalid("return").into()) };
        if now >= after(completed_at, RETURN_WINDOW_S) {
            return Err(RequestError::TooLate);
        }
        if self.returns.len() >= RETURNS_MAX {
            return Err(RequestError::TooManyReturns);
        }
        let wrong: Vec<_> = (0..lines.len()).filter_map(|at| Some((at, self.wrong_with(&lines, at)?))).collect();
        if !wrong.is_empty() {
            return Err(RequestError::Lines(wrong));
        }
        let requested = Return { id, lines, reason, state: ReturnState::Requested, requested_at: now };
        self.returns.push(requested.clone());
        Ok((Self { updated_at: now, ..self }, requested))
    }

    /// The seller decides on a return. Returns the order and the return; `None` if the same decision was made before.
    ///
    /// # Errors
    /// [`DecideError::Unknown`], [`DecideError::AlreadyDecided`] if the earlier decision was another one.
    pub fn decide_return(
        mut self,
        id: ReturnId,
        decision: Decision,
        now: Timestamp,
    ) -> Result<Option<(Self, Return)>, DecideError> {
        let at = self.returns.iter().position(|held| held.id == id).ok_or(DecideError::Unknown)?;
        match (&self.returns[at].state, &decision) {
            (ReturnState::Requested, _) => {}
            (ReturnState::Accepted { restock: was, .. }, Decision::Accept { restock }) if was == restock => {
                return Ok(None);
            }
            (ReturnState::Rejected { .. }, Decision::Reject { .. }) => return Ok(None),
            _ => return Err(DecideError::AlreadyDecided),
        }
        self.returns[at].state = match decision {
            Decision::Accept { restock } => {
                let refund = self.worth_of(&self.returns[at].lines)?;
                ReturnState::Accepted { restock, refund, decided_at: now }
            }
            Decision::Reject { note } => ReturnState::Rejected { note, decided_at: now },
        };
        let decided = self.returns[at].clone();
        Ok(Some((Self { updated_at: now, ..self }, decided)))
    }

    fn wrong_with(&self, lines: &[ReturnLine], at: usize) -> Option<LineError> {
        let ReturnLine { variant_id, quantity } = lines[at];
        if lines[..at].iter().any(|line| line.variant_id == variant_id) {
            return Some(LineError::Duplicate);
        }
        let Some(left) = self.returnable(variant_id) else { return Some(LineError::Unknown) };
        (quantity > left && guard::stands(Rule::ReturnCap)).then_some(LineError::TooMany { left })
    }

    /// The refund for these lines: the value of all accepted returns including them, less the value of those accepted
    /// before. So rounding loses nothing: if everything is returned piece by piece, all that was paid is refunded.
    fn worth_of(&self, lines: &[ReturnLine]) -> Result<Money, MoneyError> {
        let accepted = self.returns.iter().filter(|held| held.state.status() == ReturnStatus::Accepted);
        let before = self.price_of(accepted.flat_map(|held| &held.lines))?;
        let now = before.checked_add(self.price_of(lines)?)?;
        let paid = self.totals.paid_for_goods()?;
        let share = |price: Money| paid.share(price, self.totals.subtotal);
        share(now)?.checked_sub(share(before)?)
    }

    fn price_of<'a>(&self, lines: impl IntoIterator<Item = &'a ReturnLine>) -> Result<Money, MoneyError> {
        let price = |line: &ReturnLine| {
            let bought = self.lines.iter().find(|bought| bought.variant_id == line.variant_id);
            let unit = bought.map_or(Money::zero(self.totals.subtotal.currency), |bought| bought.unit_price);
            unit.checked_mul(line.quantity)
        };
        let mut sum = Money::zero(self.totals.subtotal.currency);
        for line in lines {
            sum = sum.checked_add(price(line)?)?;
        }
        Ok(sum)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ulid::Ulid;

    use super::*;
    use crate::{
        Currency, PaymentId, ProductId,
        order::{OrderLine, tests::order},
        pricing::totals,
        store::Tax,
    };

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn ngn(amount_minor: i64) -> Money {
        Money::new(amount_minor, Currency::Ngn)
    }

    fn variant(at: usize) -> VariantId {
        VariantId::from_ulid(Ulid(at as u128))
    }

    fn id(at: usize) -> ReturnId {
        ReturnId::from_ulid(Ulid(at as u128))
    }

    fn line(at: usize, quantity: u32) -> ReturnLine {
        ReturnLine { variant_id: variant(at), quantity }
    }

    /// Delivered: goods of these prices and quantities.
    fn delivered(goods: &[(i64, u32)], discount: i64, shipping: i64, tax: Tax) -> Order {
        let lines: Vec<_> = goods
            .iter()
            .enumerate()
            .map(|(at, (price, quantity))| OrderLine {
                product_id: ProductId::from_ulid(Ulid(1)),
                variant_id: variant(at),
                title: "Book".into(),
                sku: "B".into(),
                image_url: None,
                unit_price: ngn(*price),
                quantity: *quantity,
                line_total: ngn(*price).checked_mul(*quantity).unwrap(),
            })
            .collect();
        let subtotal = Money::sum(Currency::Ngn, lines.iter().map(|line| line.line_total)).unwrap();
        let totals = totals(subtotal, ngn(discount), ngn(shipping), tax).unwrap();
        let state = OrderState::Completed { payment_id: PaymentId::from_ulid(Ulid(9)), completed_at: NOW };
        Order { lines, totals, ..order(state) }
    }

    fn request(order: Order, at: usize, lines: &[ReturnLine]) -> Result<Order, RequestError> {
        order.request_return(id(at), lines.to_vec(), "Too small".into(), NOW).map(|(next, _)| next)
    }

    fn decide(order: Order, at: usize, decision: Decision) -> Order {
        order.decide_return(id(at), decision, NOW).unwrap().unwrap().0
    }

    fn refund(order: &Order, at: usize) -> i64 {
        match order.find_return(id(at)).unwrap().state {
            ReturnState::Accepted { refund, .. } => refund.amount_minor,
            _ => 0,
        }
    }

    const ACCEPT: Decision = Decision::Accept { restock: true };
    const REJECT: Decision = Decision::Reject { note: None };
    const INCLUDED: Tax = Tax { rate_basis_points: 750, inclusive: true };

    #[test]
    fn only_what_was_delivered_lately_comes_back() {
        let bought = delivered(&[(1_000, 2)], 0, 500, INCLUDED);
        let undelivered = request(Order { state: OrderState::Pending, ..bought.clone() }, 1, &[line(0, 1)]);
        assert_eq!(undelivered.unwrap_err().to_string(), "cannot return while pending");
        let late = |s: i64| bought.clone().request_return(id(1), vec![line(0, 1)], String::new(), after(NOW, s));
        assert!(late(RETURN_WINDOW_S - 1).is_ok());
        assert_eq!(late(RETURN_WINDOW_S).unwrap_err().to_string(), "goods can be returned for 30 days after delivery");
    }

    #[test]
    fn no_more_comes_back_than_was_bought_and_all_that_is_wrong_is_told() {
        let bought = delivered(&[(1_000, 2), (500, 1)], 0, 500, INCLUDED);
        let wrong = request(bought.clone(), 1, &[line(0, 3), line(7, 1), line(1, 1), line(1, 1)]).unwrap_err();
        let expected = [(0, LineError::TooMany { left: 2 }), (1, LineError::Unknown), (3, LineError::Duplicate)];
        assert_eq!(wrong, RequestError::Lines(expected.into()));
        let asked = request(bought, 1, &[line(0, 2)]).unwrap();
        let left = |order: &Order| request(order.clone(), 2, &[line(0, 1)]).is_ok();
        assert!(!left(&asked));
        assert!(!left(&decide(asked.clone(), 1, ACCEPT)));
        assert!(left(&decide(asked, 1, REJECT)), "what was rejected may be asked for again");
    }

    #[test]
    fn an_order_has_so_many_returns() {
        let mut bought = delivered(&[(1_000, 1)], 0, 0, INCLUDED);
        for at in 0..RETURNS_MAX {
            bought = decide(request(bought, at, &[line(0, 1)]).unwrap(), at, REJECT);
        }
        assert_eq!(request(bought, 99, &[line(0, 1)]), Err(RequestError::TooManyReturns));
    }

    #[test]
    fn is_decided_once() {
        let asked = request(delivered(&[(1_000, 2)], 0, 500, INCLUDED), 1, &[line(0, 1)]).unwrap();
        assert_eq!(asked.clone().decide_return(id(2), ACCEPT, NOW), Err(DecideError::Unknown));
        let accepted = decide(asked.clone(), 1, ACCEPT);
        assert_eq!(refund(&accepted, 1), 1_000);
        assert_eq!(accepted.clone().decide_return(id(1), ACCEPT, NOW), Ok(None));
        for other in [Decision::Accept { restock: false }, REJECT] {
            assert_eq!(accepted.clone().decide_return(id(1), other, NOW), Err(DecideError::AlreadyDecided));
        }
        let rejected = decide(asked, 1, REJECT);
        assert_eq!(rejected.clone().decide_return(id(1), REJECT, NOW), Ok(None));
        assert_eq!(rejected.decide_return(id(1), ACCEPT, NOW), Err(DecideError::AlreadyDecided));
    }

    #[test]
    fn discount_and_added_tax_are_shared_and_shipping_is_kept() {
        // 3,000 of goods less 300, and 500 of shipping; 10 % of 3,200 is 320, of which 270 is on the goods.
        let bought = delivered(&[(1_000, 3)], 300, 500, Tax { rate_basis_points: 1_000, inclusive: false });
        assert_eq!(bought.totals.total, ngn(3_520));
        let accepted = decide(request(bought, 1, &[line(0, 1)]).unwrap(), 1, ACCEPT);
        assert_eq!(refund(&accepted, 1), 990);
        let free = delivered(&[(0, 2)], 0, 500, INCLUDED);
        let accepted = decide(request(free, 1, &[line(0, 2)]).unwrap(), 1, ACCEPT);
        assert_eq!(refund(&accepted, 1), 0);
    }

    proptest! {
        /// Whatever is returned, in whatever pieces: nothing is negative, no more goes back than the goods cost, and
        /// everything together gives back exactly that.
        #[test]
        fn pieces_add_up_to_the_whole(
            goods in prop::collection::vec((0..1_000_000_i64, 1..5_u32), 1..6),
            discount_percent in 0..=100_i64,
            shipping in 0..100_000_i64,
            rate_basis_points in 0..3_000_u32,
            inclusive: bool,
            pieces in prop::collection::vec((0..6_usize, 1..5_u32), 0..10),
        ) {
            let subtotal: i64 = goods.iter().map(|(price, quantity)| price * i64::from(*quantity)).sum();
            let discount = subtotal * discount_percent / 100;
            let mut current = delivered(&goods, discount, shipping, Tax { rate_basis_points, inclusive });
            let goods_cost = current.totals.paid_for_goods().unwrap().amount_minor;
            let everything = (0..goods.len()).map(|at| (at, 1)).cycle().take(goods.len() * 4);
            let mut back = 0;
            // More pieces than an order may have returns: each return is of one piece of what is left.
            for (number, (at, quantity)) in pieces.into_iter().chain(everything).enumerate() {
                if let Ok(next) = request(current.clone(), number, &[line(at, quantity)]) {
                    current = decide(next, number, ACCEPT);
                    let refund = refund(&current, number);
                    prop_assert!(refund >= 0);
                    back += refund;
                    prop_assert!(back <= goods_cost);
                }
            }
            let is_all = current.lines.iter().all(|line| current.returnable(line.variant_id) == Some(0));
            prop_assert!(is_all || current.returns.len() == RETURNS_MAX);
            if is_all {
                prop_assert_eq!(back, goods_cost);
            }
            prop_assert!(goods_cost <= current.totals.total.amount_minor);
            if shipping == 0 {
                prop_assert_eq!(goods_cost, current.totals.total.amount_minor);
            }
        }
    }
}
