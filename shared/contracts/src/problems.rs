//! Codes of problems that more than one service answers with.

use domain::coupon::CouponError;

/// Why a line cannot be ordered as it is, as the code of one of a problem's `errors`.
pub const OUT_OF_STOCK: &str = "out_of_stock";
pub const PRICE_CHANGED: &str = "price_changed";
pub const DISCONTINUED: &str = "discontinued";

/// Why a coupon cannot be used.
pub const COUPON_EXHAUSTED: &str = "coupon_exhausted";
pub const COUPON_USED: &str = "coupon_used";
pub const COUPON_NOT_APPLICABLE: &str = "coupon_not_applicable";

/// The code that tells why a coupon cannot be used.
pub const fn coupon_problem(error: &CouponError) -> &'static str {
    match error {
        CouponError::Exhausted => COUPON_EXHAUSTED,
        CouponError::Used => COUPON_USED,
        _ => COUPON_NOT_APPLICABLE,
    }
}
