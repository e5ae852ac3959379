//! Money: an integer in the currency's minor unit, with checked arithmetic, never a float.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::limits::AMOUNT_MAX_MINOR;

/// Currencies a store can sell in, by their ISO 4217 code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the variants are ISO 4217 codes")]
pub enum Currency {
    Ngn,
    Ghs,
    Kes,
    Zar,
    Usd,
    Eur,
    Gbp,
    Jpy,
    Kwd,
    Xof,
}

impl Currency {
    /// Every currency.
    pub const ALL: [Self; 10] =
        [Self::Ngn, Self::Ghs, Self::Kes, Self::Zar, Self::Usd, Self::Eur, Self::Gbp, Self::Jpy, Self::Kwd, Self::Xof];

    /// The ISO 4217 code: `NGN`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Ngn => "NGN",
            Self::Ghs => "GHS",
            Self::Kes => "KES",
            Self::Zar => "ZAR",
            Self::Usd => "USD",
            Self::Eur => "EUR",
            Self::Gbp => "GBP",
            Self::Jpy => "JPY",
            Self::Kwd => "KWD",
            Self::Xof => "XOF",
        }
    }

    /// Decimal places of the minor unit (ISO 4217).
    pub const fn exponent(self) -> u32 {
        match self {
            Self::Jpy | Self::Xof => 0,
            Self::Kwd => 3,
            _ => 2,
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(code: &str) -> Result<Self, MoneyError> {
        Self::ALL.into_iter().find(|currency| currency.code() == code).ok_or(MoneyError::UnknownCurrency)
    }
}

/// Why amounts cannot be calculated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The amounts are in different currencies.
    #[error("the amounts are of different currencies")]
    CurrencyMismatch,
    /// The result would exceed [`AMOUNT_MAX_MINOR`].
    #[error("the amount is too large")]
    Overflow,
    /// The code is not one of [`Currency::ALL`].
    #[error("the currency is not supported")]
    UnknownCurrency,
}

/// An amount in the minor unit of its currency: 150000 NGN is ₦1,500.00.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// Minor units (kobo, cents); an integer that JavaScript reads exactly.
    pub amount_minor: i64,
    /// The currency.
    pub currency: Currency,
}

impl Money {
    /// An amount in minor units.
    pub const fn new(amount_minor: i64, currency: Currency) -> Self {
        Self { amount_minor, currency }
    }

    /// Nothing, in a currency.
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// Whether the amount is zero.
    pub const fn is_zero(self) -> bool {
        self.amount_minor == 0
    }

    /// The sum.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`], [`MoneyError::Overflow`].
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        self.with(self.amount_minor.checked_add(other.amount_minor))
    }

    /// The difference, which may be negative.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`], [`MoneyError::Overflow`].
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        self.with(self.amount_minor.checked_sub(other.amount_minor))
    }

    /// The amount `quantity` times.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn checked_mul(self, quantity: u32) -> Result<Self, MoneyError> {
        self.with(self.amount_minor.checked_mul(i64::from(quantity)))
    }

    /// A percentage of this amount, in basis points (1/100 of a percent), rounded half up: 750 of 1,999 is 150.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn basis_points(self, points: u32) -> Result<Self, MoneyError> {
        let scaled = i128::from(self.amount_minor) * i128::from(points);
        self.with(i64::try_from((scaled + 5_000).div_euclid(10_000)).ok())
    }

    /// A percentage of this amount, in basis points, rounded down: 1,000 of 1,999 is 199.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn basis_points_down(self, points: u32) -> Result<Self, MoneyError> {
        let scaled = i128::from(self.amount_minor) * i128::from(points);
        self.with(i64::try_from(scaled.div_euclid(10_000)).ok())
    }

    /// The tax contained in an amount that includes it, at a rate in basis points, rounded half up.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn included_basis_points(self, points: u32) -> Result<Self, MoneyError> {
        let divisor = 10_000 + i128::from(points);
        let scaled = i128::from(self.amount_minor) * i128::from(points);
        self.with(i64::try_from((scaled * 2 + divisor).div_euclid(divisor * 2)).ok())
    }

    /// `self` × `part` / `whole`, rounded down; zero if `whole` is zero.
    ///
    /// To split an amount into several parts without losing a unit to rounding, take `share(sum of parts so far)` less
    /// `share(sum of the parts before)` for each part.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`] if the three currencies differ, [`MoneyError::Overflow`].
    pub fn share(self, part: Self, whole: Self) -> Result<Self, MoneyError> {
        self.same_currency(part)?;
        self.same_currency(whole)?;
        if whole.is_zero() {
            return Ok(Self::zero(self.currency));
        }
        let scaled = i128::from(self.amount_minor) * i128::from(part.amount_minor);
        self.with(i64::try_from(scaled.div_euclid(i128::from(whole.amount_minor))).ok())
    }

    /// Sums amounts of one currency; an empty sum is zero of `currency`.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`] if an amount is in another currency, [`MoneyError::Overflow`].
    pub fn sum(currency: Currency, amounts: impl IntoIterator<Item = Self>) -> Result<Self, MoneyError> {
        amounts.into_iter().try_fold(Self::zero(currency), Self::checked_add)
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency { Ok(()) } else { Err(MoneyError::CurrencyMismatch) }
    }

    fn with(self, amount_minor: Option<i64>) -> Result<Self, MoneyError> {
        amount_minor
            .filter(|amount| amount.unsigned_abs() <= AMOUNT_MAX_MINOR.unsigned_abs())
            .map(|amount_minor| Self { amount_minor, currency: self.currency })
            .ok_or(MoneyError::Overflow)
    }
}

/// For people to read: `NGN 1,500.00`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exponent = self.currency.exponent() as usize;
        let digits = format!("{:0>width$}", self.amount_minor.unsigned_abs(), width = exponent + 1);
        let (whole, fraction) = digits.split_at(digits.len() - exponent);
        let sign = if self.amount_minor < 0 { "-" } else { "" };
        write!(f, "{} {sign}", self.currency)?;
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && (whole.len() - index).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        if exponent > 0 {
            write!(f, ".{fraction}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ngn(amount_minor: i64) -> Money {
        Money::new(amount_minor, Currency::Ngn)
    }

    #[test]
    fn reads_like_money() {
        assert_eq!(ngn(150_000).to_string(), "NGN 1,500.00");
        assert_eq!(ngn(-7).to_string(), "NGN -0.07");
        assert_eq!(Money::new(1_234_567, Currency::Jpy).to_string(), "JPY 1,234,567");
        assert_eq!(Money::new(1_234, Currency::Kwd).to_string(), "KWD 1.234");
    }

    #[test]
    fn tax_rounds_half_up() {
        assert_eq!(ngn(1_999).basis_points(750), Ok(ngn(150)));
        assert_eq!(ngn(10_750).included_basis_points(750), Ok(ngn(750)));
    }

    #[test]
    fn shares_round_down() {
        assert_eq!(ngn(1_000).share(ngn(1), ngn(3)), Ok(ngn(333)));
        assert_eq!(ngn(1_000).share(ngn(3), ngn(3)), Ok(ngn(1_000)));
        assert_eq!(ngn(1_000).share(ngn(0), ngn(0)), Ok(ngn(0)));
        assert_eq!(
            ngn(AMOUNT_MAX_MINOR).share(ngn(AMOUNT_MAX_MINOR), ngn(AMOUNT_MAX_MINOR)),
            Ok(ngn(AMOUNT_MAX_MINOR))
        );
        assert_eq!(ngn(1).share(ngn(2), Money::new(3, Currency::Usd)), Err(MoneyError::CurrencyMismatch));
    }

    #[test]
    fn currencies_do_not_mix() {
        assert_eq!(ngn(1).checked_add(Money::new(1, Currency::Usd)), Err(MoneyError::CurrencyMismatch));
    }

    proptest! {
        #[test]
        fn adding_then_taking_away_changes_nothing(a in 0..AMOUNT_MAX_MINOR / 2, b in 0..AMOUNT_MAX_MINOR / 2) {
            let sum = ngn(a).checked_add(ngn(b)).unwrap();
            prop_assert_eq!(sum.checked_sub(ngn(b)), Ok(ngn(a)));
        }

        #[test]
        fn nothing_leaves_the_exact_range(a in 0..AMOUNT_MAX_MINOR, quantity: u32) {
            if let Ok(product) = ngn(a).checked_mul(quantity) {
                prop_assert!(product.amount_minor <= AMOUNT_MAX_MINOR);
                prop_assert_eq!(i128::from(product.amount_minor), i128::from(a) * i128::from(quantity));
            }
        }

        #[test]
        fn included_tax_plus_net_is_the_price(a in 0..1_000_000_000_i64, points in 0..5_000_u32) {
            let tax = ngn(a).included_basis_points(points).unwrap();
            let net = ngn(a).checked_sub(tax).unwrap();
            let again = net.basis_points(points).unwrap();
            prop_assert!((again.amount_minor - tax.amount_minor).abs() <= 1);
        }
    }
}
