//! How much of each thing there may be. One place, so that a number in the schema, in a check and in the
//! documentation is the same number.

/// Lines of an order or cart. Committing writes two items a line; a DynamoDB transaction takes 100.
pub const ORDER_LINES_MAX: usize = 40;
pub const QUANTITY_MAX: u32 = 999;
/// Returns of an order, which are kept inside it: an item of DynamoDB has 400 KB, and the timeline 100 steps.
pub const RETURNS_MAX: usize = 20;
/// How often an order is dispatched: the first time, and after deliveries that failed.
pub const DISPATCHES_MAX: u32 = 5;
/// A product is one DynamoDB item (400 KB); 100 variants of about 600 bytes leave room for its text.
pub const VARIANTS_MAX: usize = 100;
/// Variants given in one call that creates a product; more are added one by one. Each writes two items (its SKU's claim
/// and its stock) beside five of the product's own; a DynamoDB transaction takes 100.
pub const VARIANTS_CREATED_MAX: usize = 40;
pub const WEIGHT_MAX_G: u32 = 1_000_000;
pub const IMAGES_MAX: usize = 20;
pub const TAGS_MAX: usize = 20;
pub const SHIPPING_METHODS_MAX: usize = 20;
pub const ESTIMATED_DAYS_MAX: u32 = 365;
pub const COUPON_CODE_MIN: usize = 3;
pub const COUPON_CODE_MAX: usize = 32;
/// Uses of a coupon that a cap can allow.
pub const COUPON_CAP_MAX: u32 = 1_000_000_000;
/// 100 %, in hundredths of a percent.
pub const DISCOUNT_MAX_BASIS_POINTS: u32 = 10_000;
/// 100 %, in hundredths of a percent.
pub const TAX_RATE_MAX_BASIS_POINTS: u32 = 10_000;
/// The longest IANA name has 32 characters.
pub const TIMEZONE_MAX: usize = 64;

pub const NAME_MAX: usize = 120;
pub const DESCRIPTION_MAX: usize = 10_000;
pub const SHORT_TEXT_MAX: usize = 500;
pub const SLUG_MAX: usize = 60;
pub const SKU_MAX: usize = 64;
pub const URL_MAX: usize = 2_048;
/// RFC 5321, section 4.5.3.1.3.
pub const EMAIL_MAX: usize = 254;
/// E.164: a plus and up to 15 digits.
pub const PHONE_MAX: usize = 16;
/// Long enough to resist guessing (NIST SP 800-63B asks for at least 8).
pub const PASSWORD_MIN: usize = 10;
/// Argon2 hashes any length; the bound keeps one request from costing more than another.
pub const PASSWORD_MAX: usize = 128;

/// 2^53 - 1: the largest integer that JavaScript clients read exactly.
pub const AMOUNT_MAX_MINOR: i64 = 9_007_199_254_740_991;
/// One unit's price; with 999 of it on 40 lines a total still fits [`AMOUNT_MAX_MINOR`].
pub const PRICE_MAX_MINOR: i64 = 100_000_000_000;
/// Units on hand of one variant.
pub const STOCK_MAX: i64 = 1_000_000_000;

/// No two machines' clocks are further apart, unless the operator says otherwise (`ClockSkewMaxS`). Where two doing the
/// same would do harm, whoever concludes from a time that another must be done waits as much longer.
pub const CLOCK_SKEW_MAX_S: i64 = 300;

pub const CART_TTL_S: i64 = 30 * 24 * 3_600;
pub const GUEST_TTL_S: i64 = 30 * 24 * 3_600;
pub const ACCESS_TOKEN_TTL_S: i64 = 15 * 60;
pub const REFRESH_TOKEN_TTL_S: i64 = 30 * 24 * 3_600;
/// A refresh token used twice within this time is a lost answer; later it is theft.
pub const REFRESH_GRACE_S: i64 = 10;
pub const ONE_TIME_CODE_TTL_S: i64 = 10 * 60;
pub const ONE_TIME_CODE_TRIES: u32 = 5;
pub const ONBOARDING_TTL_S: i64 = 7 * 24 * 3_600;
pub const IDEMPOTENCY_TTL_S: i64 = 24 * 3_600;
/// SQS keeps a message for at most 14 days, so nothing is redelivered after that.
pub const INBOX_TTL_S: i64 = 15 * 24 * 3_600;
pub const OUTBOX_TTL_S: i64 = 15 * 24 * 3_600;

/// Delivered goods can be asked to be taken back for so long.
pub const RETURN_WINDOW_S: i64 = 30 * 24 * 3_600;
pub const PAYMENT_WINDOW_DEFAULT_S: u32 = 15 * 60;
pub const PAYMENT_WINDOW_MIN_S: u32 = 60;
pub const PAYMENT_WINDOW_MAX_S: u32 = 24 * 3_600;
/// Tries at opening a checkout before the payment fails.
pub const PAYMENT_ATTEMPTS_MAX: usize = 5;
/// Refunds of one payment after which its seller cannot ask for another; they are kept in the payment's item.
pub const REFUNDS_MAX: usize = 50;
