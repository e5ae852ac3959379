//! Problem codes: the reasons why an endpoint refuses a request. Each row lists the codes of its handler; the API's
//! description lists all of them, with status and meaning. Codes are stable: front ends switch on them.

use domain::coupon::CouponError;

/// A problem's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// A stable name, for programs.
    pub name: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The meaning, for readers of the API's description.
    pub meaning: &'static str,
}

macro_rules! problems {
    ($($status:literal $constant:ident = $name:literal: $meaning:literal;)*) => {
        $(
            #[doc = $meaning]
            pub const $constant: Code = Code { name: $name, status: $status, meaning: $meaning };
        )*

        /// Every code.
        pub const ALL: &[&Code] = &[$(&$constant),*];
    };
}

problems! {
    400 IDEMPOTENCY_KEY_INVALID = "idempotency_key_invalid": "The `Idempotency-Key` is not 1 to 255 printable characters without spaces.";
    400 IDEMPOTENCY_KEY_MISSING = "idempotency_key_missing": "The request needs an `Idempotency-Key` header.";
    400 INVALID_CURSOR = "invalid_cursor": "The `cursor` does not come from this list with these filters.";
    400 INVALID_IF_MATCH = "invalid_if_match": "`If-Match` is not a single entity tag, as the header `ETag` of a response gives it.";
    400 INVALID_PATH = "invalid_path": "The path is not UTF-8 once it is decoded.";
    400 INVALID_QUERY = "invalid_query": "A query parameter is unknown or has a wrong value; `detail` names it.";
    400 MALFORMED_JSON = "malformed_json": "The body is not a JSON object.";
    400 STORE_MISSING = "store_missing": "The request does not name a store, by `X-Store` or by the host name.";
    400 TOO_DEEP = "too_deep": "The body is nested too deeply.";
    401 INVALID_CREDENTIALS = "invalid_credentials": "The e-mail address or the password is wrong.";
    401 INVALID_REFRESH_TOKEN = "invalid_refresh_token": "The refresh token is unknown, used or expired: sign in again.";
    401 INVALID_SIGNATURE = "invalid_signature": "The provider's signature does not match the body.";
    401 TOKEN_EXPIRED = "token_expired": "The access token has expired: get a new one with `POST /auth/refresh`.";
    401 UNAUTHORIZED = "unauthorized": "A valid access token is needed.";
    403 FORBIDDEN = "forbidden": "The token's role lacks the permission that `detail` names.";
    403 NO_TENANT = "no_tenant": "The token was issued without a tenant: choose one with `POST /auth/switch-tenant`.";
    403 PLAN_LIMIT = "plan_limit": "The limit of the tenant's plan is reached.";
    403 TENANT_MISMATCH = "tenant_mismatch": "The token was issued for another tenant than the store's.";
    404 NOT_FOUND = "not_found": "Nothing with this id exists.";
    404 PAYMENT_NOT_STARTED = "payment_not_started": "The order has no payment yet.";
    404 STORE_NOT_FOUND = "store_not_found": "The store does not exist.";
    405 METHOD_NOT_ALLOWED = "method_not_allowed": "The path does not take this method; `Allow` lists those it takes.";
    409 ALREADY_DECIDED = "already_decided": "The return was decided differently before.";
    409 BELOW_RESERVED = "below_reserved": "Units that are reserved for orders cannot be removed.";
    409 BUSY = "busy": "Too many requests change the same thing at once. Nothing was done; try again.";
    409 CANCEL_INSTEAD = "cancel_instead": "The goods were not dispatched: cancel the order instead, which refunds it and releases its stock.";
    409 CART_CHANGED = "cart_changed": "The cart changed while the order was being placed.";
    409 CART_EMPTY = "cart_empty": "The cart is empty.";
    409 CART_FULL = "cart_full": "The cart has as many different items as it can.";
    409 CHANGED = "changed": "Another request changed it at the same time. Read it again and retry.";
    409 CODE_DEAD = "code_dead": "The code has expired or was tried too often.";
    409 CODE_TAKEN = "code_taken": "Another coupon of the store has this code.";
    409 COUPON_EXHAUSTED = "coupon_exhausted": "The coupon was used as often as its cap allows.";
    409 COUPON_NOT_APPLICABLE = "coupon_not_applicable": "The coupon does not apply to this cart, or is not valid now.";
    409 COUPON_USED = "coupon_used": "This customer used the coupon as often as one customer can.";
    409 DISCONTINUED = "discontinued": "The product or variant is no longer sold.";
    409 INVALID_STATE = "invalid_state": "The current status does not allow this; `detail` says why.";
    409 LINES_UNAVAILABLE = "lines_unavailable": "Some lines of the cart cannot be ordered; `errors` names them.";
    409 NO_PHONE = "no_phone": "There is no phone number to verify.";
    409 NOTHING_TO_PAY = "nothing_to_pay": "The order's total is zero.";
    409 NOTHING_TO_REFUND = "nothing_to_refund": "All of the money has been refunded.";
    409 ONBOARDING_DONE = "onboarding_done": "The onboarding is complete.";
    409 ORDER_NOT_PAID = "order_not_paid": "The order is not paid.";
    409 ORDER_NOT_PAYABLE = "order_not_payable": "The order is paid or cancelled, or its payment window is over.";
    409 OUT_OF_STOCK = "out_of_stock": "The variant is out of stock.";
    409 PASSWORD_NEEDED = "password_needed": "Set a password first.";
    409 PAYMENT_STARTING = "payment_starting": "Another request is starting the payment; try again.";
    409 PRICE_CHANGED = "price_changed": "The price changed since the buyer last saw the cart.";
    409 QUANTITY_TOO_LARGE = "quantity_too_large": "The quantity is larger than a line can have.";
    409 RATE_RULE_EXISTS = "rate_rule_exists": "There is a rate limit for this class and subject: change that one.";
    409 RETURN_WINDOW_CLOSED = "return_window_closed": "The return window is over.";
    409 SKU_TAKEN = "sku_taken": "Another variant of the store has this SKU.";
    409 SLUG_TAKEN = "slug_taken": "Another store, or another product of the store, has this slug.";
    409 STOCK_TOO_LARGE = "stock_too_large": "The units on hand would exceed what a variant can have.";
    409 TOO_MUCH_UNPAID = "too_much_unpaid": "This buyer, e-mail address or client address has as many unpaid orders in the store, or units in them, as it can.";
    409 TOO_MANY_CLOSED_STORES = "too_many_closed_stores": "The tenant closed too many stores lately; their names are still kept from others.";
    409 TOO_MANY_REFUNDS = "too_many_refunds": "The payment has as many refunds as it can.";
    409 TOO_MANY_RETURNS = "too_many_returns": "The order has as many returns as it can.";
    409 TOO_MANY_VARIANTS = "too_many_variants": "The product has as many variants as it can.";
    409 TOTAL_TOO_LARGE = "total_too_large": "The total is too large to be paid.";
    409 VARIANT_IN_STOCK = "variant_in_stock": "The variant has stock: adjust it to zero first.";
    409 LAST_VARIANT = "last_variant": "The last variant of a product that is on sale cannot be removed.";
    412 VERSION_MISMATCH = "version_mismatch": "The current version is not the one in `If-Match`.";
    413 BODY_TOO_LARGE = "body_too_large": "The body is too large.";
    415 UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type": "The body is not `application/json`, or is compressed.";
    422 IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused": "The `Idempotency-Key` was used for another request.";
    422 INVALID_FIELDS = "invalid_fields": "Fields of the body are missing, unknown or have wrong values; `errors` names them, up to 100.";
    429 RATE_LIMITED = "rate_limited": "Too many requests of this kind: wait as long as `Retry-After` says.";
    429 TOO_SOON = "too_soon": "Too many codes, or wrong passwords, for this e-mail address: wait as long as `Retry-After` says.";
    500 INTERNAL = "internal": "An error on the server's side. It was logged under the request id.";
    503 PROVIDER_UNAVAILABLE = "provider_unavailable": "The payment provider did not answer. Nothing is lost; try again.";
    503 UNAVAILABLE = "unavailable": "A service that the platform depends on did not answer. Try again.";
}

/// The code for a coupon that cannot be used.
pub const fn coupon_problem(error: &CouponError) -> &'static Code {
    match error {
        CouponError::Exhausted => &COUPON_EXHAUSTED,
        CouponError::Used => &COUPON_USED,
        _ => &COUPON_NOT_APPLICABLE,
    }
}

/// Problems of every endpoint.
pub(crate) const EVERY: &[&Code] = &[&INVALID_QUERY, &INVALID_IF_MATCH, &BODY_TOO_LARGE, &INTERNAL];
/// Problems of endpoints whose callers have a rate limit.
pub(crate) const WITH_LIMIT: &[&Code] = &[&RATE_LIMITED];
/// Problems of endpoints that change something.
pub(crate) const WITH_BODY: &[&Code] =
    &[&MALFORMED_JSON, &TOO_DEEP, &UNSUPPORTED_MEDIA_TYPE, &INVALID_FIELDS, &BUSY, &CHANGED, &VERSION_MISMATCH];
/// Problems of endpoints that need a permission.
pub(crate) const WITH_TOKEN: &[&Code] = &[&TOKEN_EXPIRED, &UNAUTHORIZED, &FORBIDDEN, &NO_TENANT];
/// Problems of endpoints that concern a store.
pub(crate) const WITH_STORE: &[&Code] = &[&STORE_MISSING, &STORE_NOT_FOUND, &TENANT_MISMATCH];
/// Problems of endpoints that take an idempotency key.
pub(crate) const WITH_KEY: &[&Code] = &[&IDEMPOTENCY_KEY_INVALID, &IDEMPOTENCY_KEY_REUSED, &BUSY];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_stands_for_one_thing() {
        let mut names: Vec<_> = ALL.iter().map(|code| code.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
        for code in ALL {
            assert!((400..600).contains(&code.status) && code.meaning.ends_with('.'), "{}", code.name);
        }
    }

    #[test]
    fn every_code_is_some_endpoints() {
        let answered: Vec<_> = crate::endpoints().into_iter().flat_map(crate::Row::problems).collect();
        // Codes of the `errors` of a problem, never of the problem itself.
        let in_errors_only = [PRICE_CHANGED];
        // What the one process answers before it calls an endpoint.
        let of_the_front_door = [METHOD_NOT_ALLOWED];
        let exempt = [in_errors_only, of_the_front_door].concat();
        for code in ALL.iter().filter(|code| !exempt.contains(code)) {
            assert!(answered.contains(code), "{} is in no row", code.name);
        }
    }
}
