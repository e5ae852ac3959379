//! Helpers of the functions for one product: reading it, checking input against its store, and writing the result.

use contracts::{
    Endpoint,
    events::ProductUpdated,
    http::FieldError,
    problems::{self, Code},
    products::Product as ProductView,
};
use domain::{
    Currency, Money, ProductId,
    catalog::{Product, VariantsError},
    store::Store,
};
use runtime::{Call, Deps, Problem, Reply, claims::StoreRef};
use store::{Op, Tx, Versioned, keys};

/// The product with this id, if it belongs to the store; otherwise 404.
pub(crate) async fn read(deps: &Deps, at: StoreRef, id: ProductId) -> Result<Versioned<Product>, Problem> {
    of_store(deps.db.get(&keys::product(at.tenant_id, id)).await?, at)
}

/// The product with this id and its store, in one batched read.
pub(crate) async fn read_with_store(
    deps: &Deps,
    at: StoreRef,
    id: ProductId,
) -> Result<(Versioned<Product>, Store), Problem> {
    let (product, store) = (keys::product(at.tenant_id, id), keys::store(at.tenant_id, at.store_id));
    let mut found = deps.db.batch_get(&[product.clone(), store.clone()]).await?;
    let store = found.take::<Store>(&store)?.ok_or_else(Problem::not_found)?;
    Ok((of_store(found.take(&product)?, at)?, store.value))
}

/// The key holds only the tenant, so the store is checked here: a product of another store is answered with 404.
pub(crate) fn of_store(product: Option<Versioned<Product>>, at: StoreRef) -> Result<Versioned<Product>, Problem> {
    product.filter(|product| product.value.store_id == at.store_id).ok_or_else(Problem::not_found)
}

/// Field errors for the prices under `pointer` that are not in the store's currency.
pub(crate) fn check_currency(
    pointer: &str,
    price: Option<Money>,
    compare_at_price: Option<Money>,
    currency: Currency,
) -> Vec<FieldError> {
    [("price", price), ("compare_at_price", compare_at_price)]
        .into_iter()
        .filter(|(_, price)| price.is_some_and(|price| price.currency != currency))
        .map(|(name, _)| FieldError {
            pointer: format!("{pointer}/{name}/currency"),
            code: "wrong_currency".to_owned(),
            detail: format!("the store sells in {currency}"),
        })
        .collect()
}

/// 422 with these errors, unless there are none.
pub(crate) fn no_errors(errors: Vec<FieldError>) -> Result<(), Problem> {
    if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
}

/// Adds the update of a product that was read at `version` to a transaction. Returns the operation that is refused if
/// the product has changed since.
pub(crate) fn write<E: Endpoint>(
    deps: &Deps,
    call: &Call<E>,
    tx: &mut Tx,
    next: &Product,
    version: u64,
    changed: Vec<String>,
) -> Result<Op, Problem> {
    let tenant = call.store()?.tenant_id;
    let op = tx.update(tenant, next, version);
    let actor = call.principal()?.account_id;
    let event = ProductUpdated { store_id: next.store_id, product_id: next.id, changed, actor };
    tx.emit(&deps.event(&call.cause, tenant, next.id, version + 1, event));
    Ok(op)
}

pub(crate) fn reply<E: Endpoint<Reply = ProductView>>(product: Product, version: u64) -> Reply<E> {
    Reply::new(&ProductView::new(product, version)).etag(version)
}

pub(crate) fn slug_taken() -> FieldError {
    taken("/slug", &problems::SLUG_TAKEN, "another product of the store has this slug")
}

pub(crate) fn sku_taken(pointer: &str) -> FieldError {
    taken(pointer, &problems::SKU_TAKEN, "another variant in the store has this SKU")
}

fn taken(pointer: &str, code: &Code, detail: &str) -> FieldError {
    FieldError { pointer: pointer.to_owned(), code: code.name.to_owned(), detail: detail.to_owned() }
}

/// The problem for slugs or SKUs that are taken. `errors` is not empty.
pub(crate) fn taken_problem(errors: Vec<FieldError>) -> Problem {
    let has_slug = errors.iter().any(|error| error.code == problems::SLUG_TAKEN.name);
    let code = if has_slug { &problems::SLUG_TAKEN } else { &problems::SKU_TAKEN };
    Problem::new(code, "what has to be unique in the store is taken; nothing was changed").with_errors(errors)
}

pub(crate) fn variants_problem(error: VariantsError) -> Problem {
    let code = match error {
        VariantsError::TooMany => &problems::TOO_MANY_VARIANTS,
        VariantsError::LastOnSale => &problems::LAST_VARIANT,
    };
    Problem::new(code, error.to_string())
}
