//! A coupon: a code that gives a discount on a store's goods, with limits on how often it is used.
//!
//! An order holds a use of its coupon from the moment it is placed, and releases it if it is cancelled. A cancelled
//! order with a coupon is never revived (see [`crate::order`]), so a released use is never taken again, and the orders
//! that hold a use never exceed the cap.

use serde::{Deserialize, Serialize};

use crate::{
    CouponId, Money, MoneyError, OrderId, StoreId, Timestamp,
    limits::{COUPON_CODE_MAX, COUPON_CODE_MIN},
};

/// The discount on the goods. It does not apply to shipping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Discount {
    /// A percentage of the subtotal.
    Percentage {
        /// Hundredths of a percent, from 1 to 10,000: 1,000 is 10 %.
        basis_points: u32,
    },
    /// A fixed amount.
    Fixed {
        /// The amount, in the currency of the store.
        amount: Money,
    },
}

/// A coupon of a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coupon {
    /// Id of the coupon.
    pub id: CouponId,
    /// The store.
    pub store_id: StoreId,
    /// Unique in the store; in upper case; never changes.
    pub code: String,
    /// The discount.
    pub discount: Discount,
    /// The smallest subtotal that the coupon applies to.
    pub minimum_subtotal: Option<Money>,
    /// The coupon is valid from this moment on.
    pub starts_at: Option<Timestamp>,
    /// The coupon is valid before this moment.
    pub ends_at: Option<Timestamp>,
    /// The largest number of uses by all customers together; `None` means no limit.
    pub cap: Option<u32>,
    /// The largest number of uses by one customer; `None` means no limit.
    pub cap_per_customer: Option<u32>,
    /// Orders that hold a use.
    pub uses: u32,
    /// Whether the seller has the coupon switched on.
    pub active: bool,
    /// Counts the changes of the terms (every field above except `uses`). An order is placed only if this is still the
    /// value that was read with the terms.
    pub terms: u32,
    /// When the coupon was created.
    pub created_at: Timestamp,
    /// When the coupon last changed.
    pub updated_at: Timestamp,
}

/// Why a coupon does not apply. The text is shown to buyers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CouponError {
    /// The seller switched the coupon off.
    #[error("the coupon is not active")]
    Inactive,
    /// The coupon starts at this time.
    #[error("the coupon is good from {0} on")]
    NotYet(Timestamp),
    /// The coupon ended at this time.
    #[error("the coupon was good until {0}")]
    Over(Timestamp),
    /// The cap is reached.
    #[error("the coupon has been used as often as it may be")]
    Exhausted,
    /// The cap for one customer is reached.
    #[error("the customer has used the coupon as often as a customer may")]
    Used,
    /// The coupon's amounts are not in the currency of the goods.
    #[error("the coupon is in another currency than the store sells in")]
    OtherCurrency,
    /// The subtotal is below this minimum.
    #[error("the coupon is for goods of {0} or more")]
    BelowMinimum(Money),
    /// The discount on these goods would be zero.
    #[error("the coupon takes nothing off these goods")]
    NothingOff,
    /// The discount cannot be calculated.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl Coupon {
    /// Checks that the coupon can be used now, whatever the cart and whoever the customer.
    ///
    /// # Errors
    /// [`CouponError::Inactive`], [`CouponError::NotYet`], [`CouponError::Over`], [`CouponError::Exhausted`].
    pub fn is_open(&self, now: Timestamp) -> Result<(), CouponError> {
        match (self.starts_at, self.ends_at) {
            _ if !self.active => Err(CouponError::Inactive),
            (Some(start), _) if now < start => Err(CouponError::NotYet(start)),
            (_, Some(end)) if now >= end => Err(CouponError::Over(end)),
            _ if self.cap.is_some_and(|cap| self.uses >= cap) => Err(CouponError::Exhausted),
            _ => Ok(()),
        }
    }

    /// The discount on goods worth `subtotal`: more than zero and at most `subtotal`. A percentage is rounded down.
    ///
    /// # Errors
    /// As [`Self::is_open`]; also [`CouponError::OtherCurrency`], [`CouponError::BelowMinimum`],
    /// [`CouponError::NothingOff`].
    pub fn off(&self, subtotal: Money, now: Timestamp) -> Result<Money, CouponError> {
        self.is_open(now)?;
        if let Some(minimum) = self.minimum_subtotal {
            same_currency(minimum, subtotal)?;
            if subtotal.amount_minor < minimum.amount_minor {
                return Err(CouponError::BelowMinimum(minimum));
            }
        }
        let off = match self.discount {
            Discount::Percentage { basis_points } => subtotal.basis_points_down(basis_points)?,
            Discount::Fixed { amount } => {
                same_currency(amount, subtotal)?;
                amount
            }
        };
        let off_minor = off.amount_minor.min(subtotal.amount_minor);
        if off_minor > 0 { Ok(Money::new(off_minor, subtotal.currency)) } else { Err(CouponError::NothingOff) }
    }

    /// Checks that a customer who has used the coupon `uses` times can use it once more.
    ///
    /// # Errors
    /// [`CouponError::Used`].
    pub fn is_open_to(&self, uses: u32) -> Result<(), CouponError> {
        if self.cap_per_customer.is_some_and(|cap| uses >= cap) { Err(CouponError::Used) } else { Ok(()) }
    }
}

fn same_currency(one: Money, other: Money) -> Result<(), CouponError> {
    if one.currency == other.currency { Ok(()) } else { Err(CouponError::OtherCurrency) }
}

/// The coupon chosen for a cart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChosenCoupon {
    /// The coupon.
    pub coupon_id: CouponId,
    /// The code, in upper case.
    pub code: String,
}

/// The coupon that an order used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AppliedCoupon {
    /// The coupon.
    pub coupon_id: CouponId,
    /// The code, in upper case.
    pub code: String,
    /// The discount that it gave.
    pub discount: Money,
}

/// Whether an order still holds its use of a coupon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RedemptionState {
    /// Counted in the coupon's and the customer's uses.
    Held,
    /// No longer counted: the order was cancelled.
    Released,
}

impl RedemptionState {
    /// The name in the API and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Released => "released",
        }
    }
}

/// The use of a coupon by an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redemption {
    /// The order.
    pub order_id: OrderId,
    /// The store.
    pub store_id: StoreId,
    /// The coupon.
    pub coupon_id: CouponId,
    /// The customer's e-mail address, normalised.
    pub email: String,
    /// Whether the use is held or released.
    pub state: RedemptionState,
    /// When the order was placed.
    pub redeemed_at: Timestamp,
    /// When the redemption last changed.
    pub updated_at: Timestamp,
}

impl Redemption {
    /// The order was cancelled: releases its use. `None` if the use was released already.
    pub fn release(self, now: Timestamp) -> Option<Self> {
        match self.state {
            RedemptionState::Held => Some(Self { state: RedemptionState::Released, updated_at: now, ..self }),
            RedemptionState::Released => None,
        }
    }
}

/// How often a customer has used a coupon. Customers are identified by their e-mail address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerUses {
    /// The coupon.
    pub coupon_id: CouponId,
    /// The customer's e-mail address, normalised.
    pub email: String,
    /// Orders of the customer that hold a use.
    pub uses: u32,
    /// When the customer uses last changed.
    pub updated_at: Timestamp,
}

impl CustomerUses {
    /// A record without any use.
    pub fn none(coupon_id: CouponId, email: String, now: Timestamp) -> Self {
        Self { coupon_id, email, uses: 0, updated_at: now }
    }

    /// Counts one more use.
    pub fn once_more(self, now: Timestamp) -> Self {
        Self { uses: self.uses.saturating_add(1), updated_at: now, ..self }
    }
}

/// The form in which codes are stored and compared: trimmed, in upper case.
pub fn normalize_code(text: &str) -> String {
    text.trim().to_ascii_uppercase()
}

/// 3 to 32 ASCII letters, digits and hyphens, in either case; white space around the code is ignored.
pub fn is_code(text: &str) -> bool {
    let text = text.trim();
    (COUPON_CODE_MIN..=COUPON_CODE_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ulid::Ulid;

    use super::*;
    use crate::{
        Currency,
        limits::{PRICE_MAX_MINOR, TAX_RATE_MAX_BASIS_POINTS},
        pricing::totals,
        store::Tax,
        time::after,
    };

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn ngn(minor: i64) -> Money {
        Money::new(minor, Currency::Ngn)
    }

    fn coupon(discount: Discount) -> Coupon {
        Coupon {
            id: CouponId::from_ulid(Ulid(1)),
            store_id: StoreId::from_ulid(Ulid(2)),
            code: "SAVE10".into(),
            discount,
            minimum_subtotal: None,
            starts_at: None,
            ends_at: None,
            cap: None,
            cap_per_customer: None,
            uses: 0,
            active: true,
            terms: 1,
            created_at: NOW,
            updated_at: NOW,
        }
    }

    fn tenth() -> Coupon {
        coupon(Discount::Percentage { basis_points: 1_000 })
    }

    #[test]
    fn a_percentage_is_rounded_down_and_a_fixed_amount_ends_at_the_goods() {
        assert_eq!(tenth().off(ngn(1_999), NOW), Ok(ngn(199)));
        assert_eq!(tenth().off(ngn(9), NOW), Err(CouponError::NothingOff));
        let fixed = coupon(Discount::Fixed { amount: ngn(500) });
        assert_eq!(fixed.off(ngn(1_999), NOW), Ok(ngn(500)));
        assert_eq!(fixed.off(ngn(300), NOW), Ok(ngn(300)));
        assert_eq!(fixed.off(ngn(0), NOW), Err(CouponError::NothingOff));
    }

    #[test]
    fn says_why_it_takes_nothing_off() {
        let (soon, usd) = (after(NOW, 10), Money::new(100, Currency::Usd));
        let goods = ngn(1_000);
        let refused = |coupon: Coupon| coupon.off(goods, NOW).unwrap_err();
        assert_eq!(refused(Coupon { active: false, ..tenth() }), CouponError::Inactive);
        assert_eq!(refused(Coupon { starts_at: Some(soon), ..tenth() }), CouponError::NotYet(soon));
        assert_eq!(refused(Coupon { ends_at: Some(NOW), ..tenth() }), CouponError::Over(NOW));
        assert_eq!(refused(Coupon { cap: Some(2), uses: 2, ..tenth() }), CouponError::Exhausted);
        let minimum = ngn(1_001);
        assert_eq!(refused(Coupon { minimum_subtotal: Some(minimum), ..tenth() }), CouponError::BelowMinimum(minimum));
        assert_eq!(refused(Coupon { minimum_subtotal: Some(usd), ..tenth() }), CouponError::OtherCurrency);
        assert_eq!(refused(coupon(Discount::Fixed { amount: usd })), CouponError::OtherCurrency);

        let just = Coupon {
            starts_at: Some(NOW),
            ends_at: Some(soon),
            cap: Some(2),
            uses: 1,
            minimum_subtotal: Some(goods),
            ..tenth()
        };
        assert_eq!(just.off(goods, NOW), Ok(ngn(100)));
        assert_eq!(just.is_open_to(1_000), Ok(()));
        let once = Coupon { cap_per_customer: Some(1), ..just };
        assert_eq!((once.is_open_to(0), once.is_open_to(1)), (Ok(()), Err(CouponError::Used)));
    }

    #[test]
    fn a_use_is_given_back_once() {
        let held = Redemption {
            order_id: OrderId::from_ulid(Ulid(1)),
            store_id: StoreId::from_ulid(Ulid(2)),
            coupon_id: CouponId::from_ulid(Ulid(3)),
            email: "ada@example.com".into(),
            state: RedemptionState::Held,
            redeemed_at: NOW,
            updated_at: NOW,
        };
        let released = held.release(NOW).unwrap();
        assert_eq!(released.state, RedemptionState::Released);
        assert_eq!(released.release(NOW), None);
    }

    #[test]
    fn codes() {
        assert!(is_code("save-10") && is_code(" SAVE10 ") && is_code("ABC"));
        assert!(!is_code("AB") && !is_code("SAVE 10") && !is_code("SAVE#10") && !is_code(&"A".repeat(33)));
        assert_eq!(normalize_code(" save-10 "), "SAVE-10");
    }

    fn discounts() -> impl Strategy<Value = Discount> {
        prop_oneof![
            (1..=10_000_u32).prop_map(|basis_points| Discount::Percentage { basis_points }),
            (1..=PRICE_MAX_MINOR).prop_map(|amount| Discount::Fixed { amount: ngn(amount) }),
        ]
    }

    proptest! {
        /// Something is taken off, never more than the goods cost, and what is left to be paid is consistent.
        #[test]
        fn takes_off_no_more_than_the_goods_cost(
            discount in discounts(),
            subtotal in 0..=PRICE_MAX_MINOR,
            shipping in 0..1_000_000_i64,
            rate in 0..=TAX_RATE_MAX_BASIS_POINTS,
            inclusive: bool,
        ) {
            let (subtotal, shipping, tax) = (ngn(subtotal), ngn(shipping), Tax { rate_basis_points: rate, inclusive });
            let off = match coupon(discount).off(subtotal, NOW) {
                Ok(off) => {
                    prop_assert!(0 < off.amount_minor && off.amount_minor <= subtotal.amount_minor);
                    off
                }
                Err(error) => {
                    prop_assert_eq!(error, CouponError::NothingOff);
                    ngn(0)
                }
            };
            let with = totals(subtotal, off, shipping, tax).unwrap();
            let without = totals(subtotal, ngn(0), shipping, tax).unwrap();
            let added = if inclusive { 0 } else { with.tax.amount_minor };
            let paid = subtotal.amount_minor - off.amount_minor + shipping.amount_minor + added;
            prop_assert_eq!(with.total.amount_minor, paid);
            prop_assert!(with.total.amount_minor >= shipping.amount_minor);
            prop_assert!(with.total.amount_minor <= without.total.amount_minor);
            prop_assert!(with.tax.amount_minor <= without.tax.amount_minor);
        }

        /// All of it is all of it.
        #[test]
        fn a_hundred_percent_leaves_nothing(subtotal in 1..=PRICE_MAX_MINOR) {
            let all = coupon(Discount::Percentage { basis_points: 10_000 });
            prop_assert_eq!(all.off(ngn(subtotal), NOW), Ok(ngn(subtotal)));
        }
    }
}
