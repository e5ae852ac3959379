//! A cart as its buyer sees it: every line at today's price, with what of it can be had.

use contracts::carts::{Cart as CartView, CartLine, LineState};
use domain::{
    Money, MoneyError,
    cart::{Cart, Line, totals},
};
use runtime::Problem;

use crate::shelf::Shelf;

/// `version`: of the item the cart is kept in; `None` where nothing was ever put in.
pub(crate) fn cart(cart: &Cart, version: Option<u64>, shelf: &Shelf) -> Result<CartView, Problem> {
    let lines = cart.lines.iter().map(|held| line(held, shelf)).collect::<Result<Vec<_>, _>>().map_err(too_large)?;
    let currency = shelf.store.currency;
    let payable = lines.iter().filter(|line| can_be_ordered(line)).map(|line| line.line_total);
    let totals = totals(currency, payable, Money::zero(currency), shelf.store.tax).map_err(too_large)?;
    Ok(CartView {
        id: version.map(|_| cart.id),
        store_id: cart.store_id,
        expires_at: (!lines.is_empty()).then_some(cart.expires_at),
        lines,
        totals,
        version: version.unwrap_or(0),
    })
}

fn line(held: &Line, shelf: &Shelf) -> Result<CartLine, MoneyError> {
    let product = shelf.product(held.product_id);
    let variant = product.and_then(|product| product.variant(held.variant_id));
    let title = match (product, variant) {
        (Some(product), Some(variant)) => Some(format!("{} – {}", product.name, variant.name)),
        (product, _) => product.map(|product| product.name.clone()),
    };
    let (state, unit_price, available) = match shelf.offer(held.product_id, held.variant_id) {
        Err(_) => (LineState::Discontinued, held.unit_price, 0),
        Ok(offer) => {
            let price = offer.variant.price;
            let state = if offer.available < i64::from(held.quantity) {
                LineState::OutOfStock
            } else if price == held.unit_price {
                LineState::Available
            } else {
                LineState::PriceChanged
            };
            (state, price, offer.available)
        }
    };
    Ok(CartLine {
        product_id: held.product_id,
        variant_id: held.variant_id,
        title,
        image_url: product.and_then(|product| product.images.first()).map(|image| image.url.clone()),
        quantity: held.quantity,
        unit_price,
        seen_price: held.unit_price,
        line_total: unit_price.checked_mul(held.quantity)?,
        state,
        available,
        added_at: held.added_at,
    })
}

const fn can_be_ordered(line: &CartLine) -> bool {
    matches!(line.state, LineState::Available | LineState::PriceChanged)
}

fn too_large(error: MoneyError) -> Problem {
    Problem::conflict("total_too_large", error.to_string())
}
