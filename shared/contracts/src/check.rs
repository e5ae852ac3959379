//! garde rules for fields of request bodies: `#[garde(custom(check::slug))]`, or
//! `#[garde(inner(custom(check::slug)))]` for an optional field.

use domain::{coupon, text};

/// Declares rules: a check, and the message for a value that breaks it.
macro_rules! rules {
    ($($name:ident($check:path): $message:literal;)*) => {$(
        #[doc = concat!("Rule: ", $message, ".")]
        ///
        /// # Errors
        /// The message, for the client.
        pub fn $name<T: AsRef<str>>(text: &T, _: &()) -> garde::Result {
            if $check(text.as_ref()) { Ok(()) } else { Err(garde::Error::new($message)) }
        }
    )*};
}

rules! {
    slug(text::is_slug): "expected 3 to 60 lower-case letters, digits and single hyphens";
    email(text::is_email): "expected an e-mail address";
    phone(text::is_phone): "expected a phone number in international form, like +2348012345678";
    sku(text::is_sku): "expected 1 to 64 printable characters without spaces or #";
    coupon_code(coupon::is_code): "expected 3 to 32 letters, digits and hyphens";
    country(text::is_country): "expected a two-letter country code, like NG";
    clean(text::is_clean): "expected text without control characters, U+FFFE and U+FFFF";
    clean_or_empty(text::is_clean_or_empty): "expected text without control characters, U+FFFE and U+FFFF";
    web_address(text::is_web_address): "expected an https:// address";
}

/// Rule for an amount to be moved: greater than zero.
///
/// # Errors
/// The message, for the client.
pub fn positive(money: &domain::Money, _: &()) -> garde::Result {
    if (1..=domain::limits::AMOUNT_MAX_MINOR).contains(&money.amount_minor) {
        Ok(())
    } else {
        Err(garde::Error::new(format!("expected amount_minor from 1 to {}", domain::limits::AMOUNT_MAX_MINOR)))
    }
}

/// Rule for a price: not negative, and at most [`PRICE_MAX_MINOR`](domain::limits::PRICE_MAX_MINOR).
///
/// # Errors
/// The message, for the client.
pub fn price(money: &domain::Money, _: &()) -> garde::Result {
    if (0..=domain::limits::PRICE_MAX_MINOR).contains(&money.amount_minor) {
        Ok(())
    } else {
        Err(garde::Error::new(format!("expected amount_minor from 0 to {}", domain::limits::PRICE_MAX_MINOR)))
    }
}
