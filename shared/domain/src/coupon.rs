//! A coupon: a code that makes a store's goods cheaper, and how often it may be used.
//!
//! A use is held by an order from the moment it is placed, as its stock is, and given back if the order is cancelled.
//! An order whose use was given back is not revived (see [`crate::order`]), so what was given back stays so, and no
//! more orders hold a use than the cap allows.

use serde::{Deserialize, Serialize};

use crate::{
    CouponId, Money, MoneyError, OrderId, StoreId, Timestamp,
    limits::{COUPON_CODE_MAX, COUPON_CODE_MIN},
};

/// What is taken off the goods. Shipping is paid in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Discount {
    Percentage {
        /// Hundredths of a percent, from 1 to 10,000: 1,000 is 10 %.
        basis_points: u32,
    },
    Fixed {
        amount: Money,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coupon {
    pub id: CouponId,
    pub store_id: StoreId,
    /// Unique in the store; stays as it is.
    pub code: String,
    pub discount: Discount,
    /// What the goods must come to.
    pub minimum_subtotal: Option<Money>,
    /// From this moment on.
    pub starts_at: Option<Timestamp>,
    /// Until before this moment.
    pub ends_at: Option<Timestamp>,
    /// Uses in all.
    pub cap: Option<u32>,
    pub cap_per_customer: Option<u32>,
    /// Orders that hold a use.
    pub uses: u32,
    pub active: bool,
    /// One more with each change of the above but `uses`: an order is placed on the terms that were read, or not.
    pub terms: u32,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Why a coupon takes nothing off right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CouponError {
    #[error("the coupon is not active")]
    Inactive,
    #[error("the coupon is good from {0} on")]
    NotYet(Timestamp),
    #[error("the coupon was good until {0}")]
    Over(Timestamp),
    #[error("the coupon has been used as often as it may be")]
    Exhausted,
    #[error("the customer has used the coupon as often as a customer may")]
    Used,
    #[error("the coupon is in another currency than the store sells in")]
    OtherCurrency,
    #[error("the coupon is for goods of {0} or more")]
    BelowMinimum(Money),
    #[error("the coupon takes nothing off these goods")]
    NothingOff,
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl Coupon {
    /// Whether anybody can use it now, whatever they buy.
    pub fn is_open(&self, now: Timestamp) -> Result<(), CouponError> {
        match (self.starts_at, self.ends_at) {
            _ if !self.active => Err(CouponError::Inactive),
            (Some(start), _) if now < start => Err(CouponError::NotYet(start)),
            (_, Some(end)) if now >= end => Err(CouponError::Over(end)),
            _ if self.cap.is_some_and(|cap| self.uses >= cap) => Err(CouponError::Exhausted),
            _ => Ok(()),
        }
    }

    /// What it takes off goods of that worth: more than nothing, and not more than all. A percentage is rounded down.
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

    /// Whether a customer who has used it so often may use it once more.
    pub fn is_open_to(&self, uses: u32) -> Result<(), CouponError> {
        if self.cap_per_customer.is_some_and(|cap| uses >= cap) { Err(CouponError::Used) } else { Ok(()) }
    }
}

fn same_currency(one: Money, other: Money) -> Result<(), CouponError> {
    if one.currency == other.currency { Ok(()) } else { Err(CouponError::OtherCurrency) }
}

/// A coupon as an order or a cart names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChosenCoupon {
    pub coupon_id: CouponId,
    pub code: String,
}

/// What a coupon took off an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AppliedCoupon {
    pub coupon_id: CouponId,
    pub code: String,
    pub discount: Money,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RedemptionState {
    /// Counted in the coupon's and the customer's uses.
    Held,
    Released,
}

impl RedemptionState {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Released => "released",
        }
    }
}

/// The use that an order made of a coupon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redemption {
    pub order_id: OrderId,
    pub store_id: StoreId,
    pub coupon_id: CouponId,
    /// Of the customer, normalised.
    pub email: String,
    pub state: RedemptionState,
    pub redeemed_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Redemption {
    /// The order is off. `None`: the use was given back before.
    pub fn release(self, now: Timestamp) -> Option<Self> {
        match self.state {
            RedemptionState::Held => Some(Self { state: RedemptionState::Released, updated_at: now, ..self }),
            RedemptionState::Released => None,
        }
    }
}

/// How often a customer, by e-mail address, uses a coupon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerUses {
    pub coupon_id: CouponId,
    /// Normalised.
    pub email: String,
    /// Orders that hold a use.
    pub uses: u32,
    pub updated_at: Timestamp,
}

impl CustomerUses {
    pub fn none(coupon_id: CouponId, email: String, now: Timestamp) -> Self {
        Self { coupon_id, email, uses: 0, updated_at: now }
    }

    pub fn once_more(self, now: Timestamp) -> Self {
        Self { uses: self.uses.saturating_add(1), updated_at: now, ..self }
    }
}

/// A code as it is kept and compared.
pub fn normalize_code(text: &str) -> String {
    text.trim().to_ascii_uppercase()
}

/// ASCII letters, digits and hyphens, in either case: people type what they read.
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
