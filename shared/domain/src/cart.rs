//! A cart: the items that a buyer has picked, until they are ordered or the cart expires.

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, CartId, Money, OrderId, ProductId, StoreId, Timestamp, VariantId,
    coupon::ChosenCoupon,
    limits::{CART_TTL_S, ORDER_LINES_MAX, QUANTITY_MAX},
};

/// A line of a cart. An order is charged at the current price, never at the price stored here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The product.
    pub product_id: ProductId,
    /// The variant.
    pub variant_id: VariantId,
    /// Number of units.
    pub quantity: u32,
    /// The price of one unit that the buyer last saw.
    pub unit_price: Money,
    /// When the variant was added to the cart.
    pub added_at: Timestamp,
}

/// A buyer's cart in one store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cart {
    /// Id of the cart.
    pub id: CartId,
    /// The store.
    pub store_id: StoreId,
    /// The guest or customer who owns the cart.
    pub buyer_id: AccountId,
    /// The lines; at most one for each variant.
    pub lines: Vec<Line>,
    /// The coupon to use; always `None` if there are no lines.
    #[serde(default)]
    pub coupon: Option<ChosenCoupon>,
    /// The order that was placed with these lines. The lines are kept until the buyer adds something new, so that they
    /// can be restored if the order is cancelled before it is paid.
    pub order_id: Option<OrderId>,
    /// When the cart last changed.
    pub updated_at: Timestamp,
    /// When the lines are discarded, unless the cart changes before.
    pub expires_at: Timestamp,
}

/// Why a change of a cart was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CartError {
    /// The cart has as many lines as it can.
    #[error("a cart holds at most {ORDER_LINES_MAX} lines")]
    TooManyLines,
    /// The quantity of the line would be too large.
    #[error("a line holds at most {QUANTITY_MAX} units")]
    TooMany,
    /// The cart has no line with this variant.
    #[error("no such line")]
    NoSuchLine,
    /// A coupon cannot be added to an empty cart.
    #[error("the cart is empty; a coupon is for what is in it")]
    Empty,
}

impl Cart {
    /// A new cart without lines.
    pub fn empty(id: CartId, store_id: StoreId, buyer_id: AccountId, now: Timestamp) -> Self {
        Self {
            id,
            store_id,
            buyer_id,
            lines: vec![],
            coupon: None,
            order_id: None,
            updated_at: now,
            expires_at: expiry(now),
        }
    }

    /// The cart as the buyer sees it at `now`: empty if its lines were ordered, or if it has expired.
    pub fn open(self, now: Timestamp) -> Self {
        if self.order_id.is_some() || now >= self.expires_at {
            Self { lines: vec![], coupon: None, order_id: None, ..self }
        } else {
            self
        }
    }

    /// Records that an order was placed with the lines.
    pub fn ordered(self, order_id: OrderId, now: Timestamp) -> Self {
        Self { order_id: Some(order_id), ..self }.touch(now)
    }

    /// Adds a line. If the cart has the variant already, its quantity grows, and its price is replaced.
    ///
    /// # Errors
    /// [`CartError::TooManyLines`], [`CartError::TooMany`].
    pub fn add(mut self, line: Line, now: Timestamp) -> Result<Self, CartError> {
        if let Some(held) = self.lines.iter_mut().find(|held| held.variant_id == line.variant_id) {
            let quantity = held.quantity.saturating_add(line.quantity);
            if quantity > QUANTITY_MAX {
                return Err(CartError::TooMany);
            }
            held.quantity = quantity;
            held.unit_price = line.unit_price;
        } else {
            if self.lines.len() >= ORDER_LINES_MAX {
                return Err(CartError::TooManyLines);
            }
            if line.quantity > QUANTITY_MAX {
                return Err(CartError::TooMany);
            }
            self.lines.push(line);
        }
        Ok(self.touch(now))
    }

    /// Sets the quantity of a line, and the price that the buyer has now seen.
    ///
    /// # Errors
    /// [`CartError::NoSuchLine`], [`CartError::TooMany`].
    pub fn change(
        mut self,
        variant_id: VariantId,
        quantity: u32,
        unit_price: Money,
        now: Timestamp,
    ) -> Result<Self, CartError> {
        if quantity > QUANTITY_MAX {
            return Err(CartError::TooMany);
        }
        let line = self.lines.iter_mut().find(|line| line.variant_id == variant_id).ok_or(CartError::NoSuchLine)?;
        line.quantity = quantity;
        line.unit_price = unit_price;
        Ok(self.touch(now))
    }

    /// Removes a line, and with the last line the coupon.
    ///
    /// # Errors
    /// [`CartError::NoSuchLine`].
    pub fn remove(mut self, variant_id: VariantId, now: Timestamp) -> Result<Self, CartError> {
        let before = self.lines.len();
        self.lines.retain(|line| line.variant_id != variant_id);
        if self.lines.is_empty() {
            self.coupon = None;
        }
        if self.lines.len() == before { Err(CartError::NoSuchLine) } else { Ok(self.touch(now)) }
    }

    /// Removes all lines and the coupon.
    pub fn clear(self, now: Timestamp) -> Self {
        Self { lines: vec![], coupon: None, ..self }.touch(now)
    }

    /// Sets the coupon, replacing any other.
    ///
    /// # Errors
    /// [`CartError::Empty`].
    pub fn with_coupon(self, coupon: ChosenCoupon, now: Timestamp) -> Result<Self, CartError> {
        if self.lines.is_empty() {
            return Err(CartError::Empty);
        }
        Ok(Self { coupon: Some(coupon), ..self }.touch(now))
    }

    /// Removes the coupon.
    pub fn without_coupon(self, now: Timestamp) -> Self {
        Self { coupon: None, ..self }.touch(now)
    }

    /// Moves the lines of another cart (a guest's, at sign-in) into this one. Returns this cart and the other.
    ///
    /// If both carts have a variant, the larger quantity stays: buyers who add an item in both mean it once. The cart's
    /// own coupon wins over the other's. Lines that do not fit stay in the other cart.
    pub fn merge(mut self, mut other: Self, now: Timestamp) -> (Self, Self) {
        let mut left = vec![];
        for line in other.lines {
            if let Some(held) = self.lines.iter_mut().find(|held| held.variant_id == line.variant_id) {
                held.quantity = held.quantity.max(line.quantity);
            } else if self.lines.len() < ORDER_LINES_MAX {
                self.lines.push(line);
            } else {
                left.push(line);
            }
        }
        other.lines = left;
        let others = other.coupon.take();
        self.coupon = self.coupon.or(others);
        (self.touch(now), other.touch(now))
    }

    fn touch(self, now: Timestamp) -> Self {
        Self { updated_at: now, expires_at: expiry(now), ..self }
    }
}

fn expiry(now: Timestamp) -> Timestamp {
    crate::time::after(now, CART_TTL_S)
}

#[cfg(test)]
mod tests {
    use ulid::Ulid;

    use super::*;
    use crate::{CouponId, Currency};

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn ngn(minor: i64) -> Money {
        Money::new(minor, Currency::Ngn)
    }

    fn line(variant: u128, quantity: u32) -> Line {
        Line {
            product_id: ProductId::from_ulid(Ulid(1)),
            variant_id: VariantId::from_ulid(Ulid(variant)),
            quantity,
            unit_price: ngn(100),
            added_at: NOW,
        }
    }

    fn cart() -> Cart {
        Cart::empty(CartId::from_ulid(Ulid(1)), StoreId::from_ulid(Ulid(2)), AccountId::from_ulid(Ulid(3)), NOW)
    }

    #[test]
    fn adding_again_grows_the_line() {
        let cart = cart().add(line(1, 2), NOW).unwrap().add(line(1, 3), NOW).unwrap();
        assert_eq!(cart.lines.iter().map(|line| line.quantity).collect::<Vec<_>>(), [5]);
        assert_eq!(cart.clone().add(line(1, 995), NOW), Err(CartError::TooMany));
        assert_eq!(cart.remove(VariantId::from_ulid(Ulid(9)), NOW), Err(CartError::NoSuchLine));
    }

    #[test]
    fn merging_keeps_the_larger_quantity_and_loses_nothing() {
        let mine = cart().add(line(1, 2), NOW).unwrap();
        let guests = cart().add(line(1, 5), NOW).unwrap().add(line(2, 1), NOW).unwrap();
        let (merged, emptied) = mine.merge(guests, NOW);
        assert_eq!(merged.lines.iter().map(|line| line.quantity).collect::<Vec<_>>(), [5, 1]);
        assert_eq!(emptied.lines, []);

        let full = (10..50).fold(cart(), |cart, variant| cart.add(line(variant, 1), NOW).unwrap());
        let guests = cart().add(line(10, 3), NOW).unwrap().add(line(2, 1), NOW).unwrap();
        let (merged, left) = full.merge(guests, NOW);
        assert_eq!((merged.lines.len(), merged.lines[0].quantity), (ORDER_LINES_MAX, 3));
        assert_eq!(left.lines, [line(2, 1)]);
    }

    #[test]
    fn holds_no_more_than_an_order_takes() {
        let full = (10..50).fold(cart(), |cart, variant| cart.add(line(variant, 1), NOW).unwrap());
        assert_eq!(full.clone().add(line(2, 1), NOW), Err(CartError::TooManyLines));
        assert!(full.add(line(10, 1), NOW).is_ok());
        assert_eq!(cart().add(line(1, QUANTITY_MAX + 1), NOW), Err(CartError::TooMany));
    }

    #[test]
    fn an_ordered_cart_looks_empty_and_starts_anew() {
        let order = OrderId::from_ulid(Ulid(9));
        let ordered = cart().add(line(1, 2), NOW).unwrap().ordered(order, NOW);
        assert_eq!((ordered.lines.len(), ordered.order_id), (1, Some(order)));
        let open = ordered.open(NOW);
        assert_eq!((open.lines.len(), open.order_id), (0, None));
        assert_eq!(open.add(line(2, 1), NOW).unwrap().lines, [line(2, 1)]);
    }

    #[test]
    fn a_coupon_goes_with_the_lines() {
        let coupon = |id| ChosenCoupon { coupon_id: CouponId::from_ulid(Ulid(id)), code: format!("CODE-{id}") };
        assert_eq!(cart().with_coupon(coupon(1), NOW), Err(CartError::Empty));
        let filled = cart().add(line(1, 2), NOW).unwrap();
        let mine = filled.clone().with_coupon(coupon(1), NOW).unwrap();
        assert_eq!(mine.clone().without_coupon(NOW), filled);
        assert_eq!(mine.clone().clear(NOW).coupon, None);
        assert_eq!(mine.clone().remove(VariantId::from_ulid(Ulid(1)), NOW).unwrap().coupon, None);
        let ordered = mine.clone().ordered(OrderId::from_ulid(Ulid(9)), NOW);
        assert_eq!((ordered.coupon.clone(), ordered.open(NOW).coupon), (Some(coupon(1)), None));
        // A merge keeps the customer's own, else takes the guest's.
        let guests = filled.clone().with_coupon(coupon(2), NOW).unwrap();
        let (merged, left) = mine.merge(guests.clone(), NOW);
        assert_eq!((merged.coupon, left.coupon), (Some(coupon(1)), None));
        assert_eq!(filled.merge(guests, NOW).0.coupon, Some(coupon(2)));
    }

    #[test]
    fn a_cart_expires_after_its_last_change() {
        let filled = cart().add(line(1, 2), NOW).unwrap();
        let end = filled.expires_at;
        let before = end - jiff::Span::new().seconds(1);
        assert_eq!(filled.clone().open(before), filled);
        assert_eq!(filled.clone().open(end).lines, []);
        let changed = filled.change(VariantId::from_ulid(Ulid(1)), 3, ngn(100), before).unwrap();
        assert_eq!(changed.open(end).lines.len(), 1);
    }
}
