//! Prices: the totals of a cart or an order, and the part of a total that was paid for the goods.

use serde::{Deserialize, Serialize};

use crate::{Money, MoneyError, store::Tax};

/// The totals of a cart or an order: `total = subtotal - discount + shipping + tax`. If the store's prices include tax,
/// `tax` is the part of the total that is tax, and is not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Totals {
    /// Sum of the lines.
    pub subtotal: Money,
    /// Discount of the coupon; zero without one.
    pub discount: Money,
    /// Rate of the shipping method.
    pub shipping: Money,
    /// Tax on goods and shipping.
    pub tax: Money,
    /// What the buyer pays.
    pub total: Money,
}

impl Totals {
    /// The part of the total that was paid for the goods: without shipping, and without the tax on shipping.
    ///
    /// # Errors
    /// [`MoneyError`] if the totals are of different currencies or too large, which totals made by [`totals`] are not.
    pub fn paid_for_goods(&self) -> Result<Money, MoneyError> {
        let goods = self.subtotal.checked_sub(self.discount)?;
        let untaxed = goods.checked_add(self.shipping)?;
        let added_tax = self.total.checked_sub(untaxed)?;
        goods.checked_add(added_tax.share(goods, untaxed)?)
    }
}

/// Calculates the totals of goods worth `subtotal`. `discount` must not exceed `subtotal`.
///
/// # Errors
/// [`MoneyError`] if the currencies differ, or a sum is too large.
pub fn totals(subtotal: Money, discount: Money, shipping: Money, tax: Tax) -> Result<Totals, MoneyError> {
    let taxable = subtotal.checked_sub(discount)?.checked_add(shipping)?;
    let (tax, total) = if tax.inclusive {
        (taxable.included_basis_points(tax.rate_basis_points)?, taxable)
    } else {
        let tax = taxable.basis_points(tax.rate_basis_points)?;
        (tax, taxable.checked_add(tax)?)
    };
    Ok(Totals { subtotal, discount, shipping, tax, total })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Currency;

    fn ngn(minor: i64) -> Money {
        Money::new(minor, Currency::Ngn)
    }

    proptest! {
        #[test]
        fn totals_add_up(
            subtotal in 0..10_000_000_i64,
            kept in 0..=10_000_i64,
            shipping in 0..10_000_i64,
            rate in 0..3_000_u32,
            inclusive: bool,
        ) {
            let tax = Tax { rate_basis_points: rate, inclusive };
            let discount = subtotal - subtotal * kept / 10_000;
            let t = totals(ngn(subtotal), ngn(discount), ngn(shipping), tax).unwrap();
            prop_assert_eq!((t.subtotal, t.discount, t.shipping), (ngn(subtotal), ngn(discount), ngn(shipping)));
            let added = if inclusive { 0 } else { t.tax.amount_minor };
            prop_assert_eq!(t.total.amount_minor, subtotal - discount + shipping + added);
            prop_assert!(t.tax.amount_minor <= t.total.amount_minor);
        }
    }
}
