//! Numbers as DynamoDB has them: decimal text with up to 38 significant digits, never a float.

use std::{borrow::Cow, cmp::Ordering, str::FromStr};

use bigdecimal::{BigDecimal, Zero};

const DIGITS_MAX: u64 = 38;
/// The exponents of the smallest and the largest number, in scientific notation.
const EXPONENTS: std::ops::RangeInclusive<i64> = -130..=125;

/// The one form in which a number is stored, so that equal numbers have equal text.
pub(super) fn normal(text: Cow<'_, str>) -> Result<Cow<'_, str>, &'static str> {
    if is_plain_integer(&text) {
        return Ok(text);
    }
    // BigDecimal would take an underscore, too.
    let is_number = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    let number = BigDecimal::from_str(&text).ok().filter(|_| is_number);
    plain(&number.ok_or("The parameter cannot be converted to a numeric value")?).map(Cow::Owned)
}

fn is_plain_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    match digits {
        [b'0'] => digits.len() == text.len(),
        [b'1'..=b'9', ..] => digits.len() <= 38 && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

fn plain(number: &BigDecimal) -> Result<String, &'static str> {
    if number.is_zero() {
        return Ok("0".to_owned());
    }
    let number = number.normalized();
    let (digits, scale) = (number.digits(), number.fractional_digit_count());
    if digits > DIGITS_MAX {
        return Err("Attempting to store more than 38 significant digits in a Number");
    }
    if !EXPONENTS.contains(&(digits.cast_signed() - 1).saturating_sub(scale)) {
        return Err("Number overflow. Attempting to store a number with magnitude out of the supported range");
    }
    Ok(number.to_plain_string())
}

/// `left + right` of two stored numbers, or `left - right`.
pub(super) fn sum(left: &str, right: &str, is_minus: bool) -> Result<String, &'static str> {
    if let (Ok(left), Ok(right)) = (left.parse::<i64>(), right.parse::<i64>()) {
        let sum = if is_minus { left.checked_sub(right) } else { left.checked_add(right) };
        if let Some(sum) = sum {
            return Ok(sum.to_string());
        }
    }
    let (left, right) = (decimal(left)?, decimal(right)?);
    plain(&if is_minus { left - right } else { left + right })
}

/// The order of two stored numbers.
pub(super) fn compare(left: &str, right: &str) -> Result<Ordering, &'static str> {
    if let (Ok(left), Ok(right)) = (left.parse::<i64>(), right.parse::<i64>()) {
        return Ok(left.cmp(&right));
    }
    Ok(decimal(left)?.cmp(&decimal(right)?))
}

fn decimal(text: &str) -> Result<BigDecimal, &'static str> {
    BigDecimal::from_str(text).map_err(|_| "not a number")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal_of(text: &str) -> Result<String, &'static str> {
        normal(Cow::Borrowed(text)).map(Cow::into_owned)
    }

    #[test]
    fn equal_numbers_have_one_text() {
        for (text, expected) in [
            ("0", "0"),
            ("-0", "0"),
            ("0e9", "0"),
            ("007", "7"),
            ("-12", "-12"),
            ("+5", "5"),
            ("1.50", "1.5"),
            ("1e3", "1000"),
            ("12E-1", "1.2"),
            (".5", "0.5"),
        ] {
            assert_eq!(normal_of(text).unwrap(), expected, "{text}");
        }
        let many = "1".repeat(38);
        assert_eq!(normal_of(&many).unwrap(), many);
        assert_eq!(normal_of(&format!("{many}000")).unwrap(), format!("{many}000"));
    }

    #[test]
    fn what_dynamodb_does_not_take_is_an_error() {
        for text in ["", "one", "1_0", "-", "1e126", "1e-131", "1e999999999999", "NaN", " 1", &"1".repeat(39)] {
            assert!(normal_of(text).is_err(), "{text}");
        }
        assert!(sum(&format!("1{}", "0".repeat(38)), "1", false).is_err(), "39 digits");
    }

    #[test]
    fn arithmetic_keeps_every_digit() {
        let (most, least) = (i64::MAX.to_string(), i64::MIN.to_string());
        assert_eq!(sum(&most, "1", false).unwrap(), "9223372036854775808");
        assert_eq!(sum(&least, "1", true).unwrap(), "-9223372036854775809");
        assert_eq!(sum("0.1", "0.2", false).unwrap(), "0.3");
        assert_eq!(sum("9007199254740993", "1", true).unwrap(), "9007199254740992");
        assert_eq!(compare("9007199254740993", "9007199254740992"), Ok(Ordering::Greater));
        assert_eq!(compare("-1.5", "-1.25"), Ok(Ordering::Less));
    }
}
