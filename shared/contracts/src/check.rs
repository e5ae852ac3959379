//! garde rules for fields of request bodies: `#[garde(custom(check::slug))]`, or
//! `#[garde(inner(custom(check::slug)))]` for an optional field. Every text has a rule: `line` for names and the like,
//! `paragraph` where line breaks are welcome, or the rule of its format. They see it in its canonical form
//! (`domain::text::canonical`), and without characters that cannot be stored and sent: that holds for every body.

use domain::{coupon, password, text};

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
    country(text::is_country): "expected the two-letter code of a country, like NG";
    line(text::is_line): "expected one line of text that can be seen";
    paragraph(text::is_visible): "expected text that can be seen";
    token(text::is_token): "expected printable characters without spaces";
    web_address(text::is_web_address): "expected an https:// address on a public host";
    password(password::is_long_enough): "expected at least 10 characters that can be seen";
    uncommon(is_uncommon): "this password is one of the most common: choose another";
}

fn is_uncommon(password: &str) -> bool {
    !password::is_common(password)
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
