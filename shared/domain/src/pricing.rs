//! What goods cost: the totals of a cart and of an order, and the part of them that is for the goods.

use serde::{Deserialize, Serialize};

use crate::{Money, MoneyError, store::Tax};

/// `total = subtotal - discount + shipping + tax` (tax is within the prices, and not added, in a store whose prices
/// include it).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Totals {
    pub subtotal: Money,
    pub discount: Money,
    pub shipping: Money,
    pub tax: Money,
    pub total: Money,
}

impl Totals {
    /// The part of the total that is not for shipping.
    pub fn paid_for_goods(&self) -> Result<Money, MoneyError> {
        let goods = self.subtotal.checked_sub(self.discount)?;
        let untaxed = goods.checked_add(self.shipping)?;
        let added_tax = self.total.checked_sub(untaxed)?;
        goods.checked_add(added_tax.share(goods, untaxed)?)
    }
}

/// What goods worth `subtotal` cost with a discount on them (of at most that), shipping and the store's tax.
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
