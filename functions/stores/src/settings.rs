//! Helpers of the functions for one store: reading it, checking settings that depend on other fields, and the reply.

use std::collections::HashSet;

use contracts::{
    Endpoint,
    http::FieldError,
    stores::{ShippingMethodInput, Store as StoreView},
};
use domain::{Currency, StoreId, TenantId, store::Store};
use runtime::{Deps, Problem, Reply};
use store::{Versioned, keys};

pub(crate) async fn read(deps: &Deps, tenant: TenantId, id: StoreId) -> Result<Versioned<Store>, Problem> {
    deps.db.get(&keys::store(tenant, id)).await?.ok_or_else(Problem::not_found)
}

pub(crate) fn reply<E: Endpoint<Reply = StoreView>>(store: Store, version: u64) -> Reply<E> {
    Reply::new(&StoreView::new(store, version)).etag(version)
}

pub(crate) fn error(pointer: impl Into<String>, code: &str, detail: impl Into<String>) -> FieldError {
    FieldError { pointer: pointer.into(), code: code.to_owned(), detail: detail.into() }
}

/// Checks that shipping rates are in the store's currency and that no method is listed twice.
pub(crate) fn check_methods(
    shipping: &[ShippingMethodInput],
    payment: &[String],
    currency: Currency,
) -> Vec<FieldError> {
    let foreign = shipping.iter().enumerate().filter(|(_, method)| method.rate.currency != currency);
    let foreign = foreign.map(|(index, _)| {
        let pointer = format!("/shipping_methods/{index}/rate/currency");
        error(pointer, "wrong_currency", format!("the store sells in {currency}"))
    });
    let shipping_ids = shipping.iter().map(|method| &method.id);
    let twice = repeated(shipping_ids).map(|index| format!("/shipping_methods/{index}/id"));
    let twice = twice.chain(repeated(payment.iter()).map(|index| format!("/payment_methods/{index}")));
    foreign.chain(twice.map(|pointer| error(pointer, "duplicate", "one before it is the same"))).collect()
}

/// The indexes of texts that repeat an earlier one.
fn repeated<'a>(texts: impl Iterator<Item = &'a String>) -> impl Iterator<Item = usize> {
    let mut seen = HashSet::new();
    texts.enumerate().filter(move |(_, text)| !seen.insert(*text)).map(|(index, _)| index)
}
