//! The platform's limits. They are defined here only, so that the schema, the checks and the documentation agree.

/// Lines of an order or cart. Selling them writes two items for each, and a DynamoDB transaction takes 100.
pub const ORDER_LINES_MAX: usize = 40;
/// Units of one line of a cart or order.
pub const QUANTITY_MAX: u32 = 999;
/// How long the slug of a closed store is kept from others, in seconds: old links to it must not lead to a stranger's
/// shop.
pub const SLUG_HELD_S: i64 = 90 * 24 * 3_600;
/// Stores that a tenant can have closed within [`SLUG_HELD_S`] and still open another. Each keeps its slug from others.
pub const CLOSED_STORES_MAX: usize = 5;
/// Mails about unpaid orders to one address from one store, on one day (UTC). Anybody can order in any name without
/// paying.
pub const UNPAID_MAILS_PER_DAY_MAX: u32 = 10;
/// Returns of one order. They are stored in the order's item (DynamoDB takes 400 KB), and its timeline has room for 200
/// steps.
pub const RETURNS_MAX: usize = 20;
/// How often the goods of an order can be dispatched: once, and again after each failed delivery.
pub const DISPATCHES_MAX: u32 = 5;
/// A product is one DynamoDB item (400 KB); 100 variants of about 600 bytes leave room for its text.
pub const VARIANTS_MAX: usize = 100;
/// Variants in the request that creates a product; more can be added one by one. Each variant writes two items (the
/// claim of its SKU, and its stock) and the product itself five; a DynamoDB transaction takes 100.
pub const VARIANTS_CREATED_MAX: usize = 40;
/// Weight of a variant, in grams: one tonne.
pub const WEIGHT_MAX_G: u32 = 1_000_000;
/// Images of a product.
pub const IMAGES_MAX: usize = 20;
/// Tags of a product.
pub const TAGS_MAX: usize = 20;
/// Shipping methods of a store.
pub const SHIPPING_METHODS_MAX: usize = 20;
/// Days that a shipping method can take.
pub const ESTIMATED_DAYS_MAX: u32 = 365;
/// Shortest coupon code, in characters.
pub const COUPON_CODE_MIN: usize = 3;
/// Longest coupon code, in characters.
pub const COUPON_CODE_MAX: usize = 32;
/// The largest cap on the uses of a coupon.
pub const COUPON_CAP_MAX: u32 = 1_000_000_000;
/// 100 %, in hundredths of a percent.
pub const DISCOUNT_MAX_BASIS_POINTS: u32 = 10_000;
/// 100 %, in hundredths of a percent.
pub const TAX_RATE_MAX_BASIS_POINTS: u32 = 10_000;
/// The longest IANA name has 32 characters.
pub const TIMEZONE_MAX: usize = 64;

/// Longest name, in characters.
pub const NAME_MAX: usize = 120;
/// Longest description, in characters.
pub const DESCRIPTION_MAX: usize = 10_000;
/// Longest note, reason or similar text, in characters.
pub const SHORT_TEXT_MAX: usize = 500;
/// Longest slug, in characters. A label of a host name takes 63 (RFC 1035).
pub const SLUG_MAX: usize = 60;
/// Longest SKU or barcode, in characters.
pub const SKU_MAX: usize = 64;
/// Longest URL, in bytes.
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
/// Price of one unit. An order of 40 lines with 999 units each at this price still fits [`AMOUNT_MAX_MINOR`].
pub const PRICE_MAX_MINOR: i64 = 100_000_000_000;
/// Units on hand of one variant.
pub const STOCK_MAX: i64 = 1_000_000_000;

/// The assumed maximum difference between the clocks of two machines; the operator can change it (`ClockSkewMaxS`). A
/// function that takes over another function's work after a timeout waits this much longer, wherever doing the work
/// twice would do harm.
pub const CLOCK_SKEW_MAX_S: i64 = 300;

/// A cart expires this many seconds after its last change.
pub const CART_TTL_S: i64 = 30 * 24 * 3_600;
/// A guest's session ends this many seconds after its last use.
pub const GUEST_TTL_S: i64 = 30 * 24 * 3_600;
/// Lifetime of an access token, in seconds. A token outlives its session by so long and by the time for which API
/// Gateway keeps the authorizer's decisions ([`AUTHORIZER_CACHE_S`]): five minutes together.
pub const ACCESS_TOKEN_TTL_S: i64 = 4 * 60;
/// How long API Gateway keeps a decision of the authorizer, in seconds.
pub const AUTHORIZER_CACHE_S: i64 = 60;
/// A session ends this many seconds after its last use.
pub const REFRESH_TOKEN_TTL_S: i64 = 30 * 24 * 3_600;
/// Within this time after a rotation, the previous refresh token is accepted again: the client may have lost the
/// response. Later use is treated as theft.
pub const REFRESH_GRACE_S: i64 = 60;
/// Lifetime of a one-time code, in seconds.
pub const ONE_TIME_CODE_TTL_S: i64 = 10 * 60;
/// Tries of a one-time code.
pub const ONE_TIME_CODE_TRIES: u32 = 5;
/// An onboarding expires this many seconds after its start.
pub const ONBOARDING_TTL_S: i64 = 7 * 24 * 3_600;
/// How long the response to an idempotency key is stored, in seconds.
pub const IDEMPOTENCY_TTL_S: i64 = 24 * 3_600;
/// How long events are stored in the outbox, in seconds, so that they can be published again.
pub const OUTBOX_TTL_S: i64 = 15 * 24 * 3_600;
/// How long a consumer remembers that it has processed an event, in seconds. An event can be published again as long as
/// it is in the outbox, and SQS keeps a message for at most 14 days.
pub const INBOX_TTL_S: i64 = OUTBOX_TTL_S + 15 * 24 * 3_600;

/// How long after delivery the buyer can request a return.
pub const RETURN_WINDOW_S: i64 = 30 * 24 * 3_600;
/// How long an order waits for its payment, in seconds, unless the store sets another time.
pub const PAYMENT_WINDOW_DEFAULT_S: u32 = 15 * 60;
/// Shortest payment window, in seconds.
pub const PAYMENT_WINDOW_MIN_S: u32 = 60;
/// Longest payment window, in seconds.
pub const PAYMENT_WINDOW_MAX_S: u32 = 24 * 3_600;
/// Pending orders of one buyer account, and of one e-mail address, in a store.
pub const PENDING_ORDERS_MAX: u32 = 10;
/// Units in the pending orders of one buyer account, and of one e-mail address, in a store.
pub const PENDING_UNITS_MAX: u32 = 2_000;
/// Pending orders placed from one client address in a store. Many people share an address: all subscribers of a mobile
/// network, or an office.
pub const PENDING_ORDERS_OF_CLIENT_MAX: u32 = 100;
/// Units in the pending orders placed from one client address in a store.
pub const PENDING_UNITS_OF_CLIENT_MAX: u32 = 10_000;
/// How long a count of pending orders is kept after its last change, in seconds: longer than an order can be pending.
pub const PENDING_COUNT_TTL_S: i64 = 7 * 24 * 3_600;
/// How long an order waits for a checkout to be opened, in seconds since it was placed: as long as the queue of the
/// function that opens it tries.
pub const CHECKOUT_WAIT_MAX_S: i64 = 24 * 3_600;
/// Attempts at the provider that one payment can have. A new one is made only when the provider says that the reference
/// of the last one is taken, so the answers to this many calls must be lost before a payment fails.
pub const PAYMENT_ATTEMPTS_MAX: usize = 10;
/// Refunds of one payment, those of returns among them, from which on its seller can create no more. They are stored in
/// the payment's item.
pub const REFUNDS_MAX: usize = 50;

/// The largest number in a tenant's rate limit.
pub const RATE_MAX: u32 = 1_000_000;
