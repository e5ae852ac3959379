//! Shared by the endpoints about one coupon: reading it, checking its terms, and the reply.

use contracts::{Endpoint, coupons::Coupon as CouponView, http::FieldError};
use domain::{
    CouponId, Currency,
    coupon::{Coupon, Discount},
};
use runtime::{Deps, Problem, Reply, claims::StoreRef};
use store::{Versioned, keys};

/// Reads the store's coupon with this id.
pub(crate) async fn read(deps: &Deps, at: StoreRef, id: CouponId) -> Result<Versioned<Coupon>, Problem> {
    deps.db.get(&keys::coupon(at.tenant_id, at.store_id, id)).await?.ok_or_else(Problem::not_found)
}

/// Checks the terms of a coupon: amounts must be in the store's currency, the end must be after the start, and the cap
/// must not be below the number of uses so far.
pub(crate) fn check_terms(coupon: &Coupon, currency: Currency) -> Result<(), Problem> {
    let mut errors = vec![];
    let mut error = |pointer: &str, code: &str, detail: String| {
        errors.push(FieldError { pointer: pointer.to_owned(), code: code.to_owned(), detail });
    };
    if let Discount::Fixed { amount } = coupon.discount
        && amount.currency != currency
    {
        error("/discount/amount/currency", "wrong_currency", format!("the store sells in {currency}"));
    }
    if coupon.minimum_subtotal.is_some_and(|minimum| minimum.currency != currency) {
        error("/minimum_subtotal/currency", "wrong_currency", format!("the store sells in {currency}"));
    }
    if let (Some(start), Some(end)) = (coupon.starts_at, coupon.ends_at)
        && end <= start
    {
        error("/ends_at", "invalid", "expected a time after starts_at".to_owned());
    }
    if coupon.cap.is_some_and(|cap| cap < coupon.uses) {
        error("/cap", "below_uses", format!("it has been used {} times already", coupon.uses));
    }
    if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
}

pub(crate) fn reply<E: Endpoint<Reply = CouponView>>(coupon: Coupon, version: u64) -> Reply<E> {
    Reply::new(&CouponView::new(coupon, version)).etag(version)
}
