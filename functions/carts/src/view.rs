//! A cart as its buyer sees it: every line at today's price, with the number of available units.

use contracts::{
    carts::{Cart as CartView, CartCoupon, CartLine, CouponProblem, LineState},
    problems::{self, COUPON_NOT_APPLICABLE, coupon_problem},
};
use domain::{
    Money, MoneyError, Timestamp,
    cart::{Cart, Line},
    coupon::ChosenCoupon,
    pricing::totals,
};
use runtime::Problem;

use crate::pricing_snapshot::PricingSnapshot;

/// The view of a cart. `version` is the version of the stored cart; `None` if the buyer never had one.
pub(crate) fn cart(
    cart: &Cart,
    version: Option<u64>,
    prices: &PricingSnapshot,
    now: Timestamp,
) -> Result<CartView, Problem> {
    let lines = cart.lines.iter().map(|held| line(held, prices)).collect::<Result<Vec<_>, _>>().map_err(too_large)?;
    let currency = prices.store.currency;
    let payable = lines.iter().filter(|line| can_be_ordered(line)).map(|line| line.line_total);
    let subtotal = Money::sum(currency, payable).map_err(too_large)?;
    let coupon = cart.coupon.as_ref().map(|chosen| coupon(chosen, subtotal, prices, now));
    let nothing = Money::zero(currency);
    let discount = coupon.as_ref().map_or(nothing, |coupon| coupon.discount);
    let totals = totals(subtotal, discount, nothing, prices.store.tax).map_err(too_large)?;
    Ok(CartView {
        id: version.map(|_| cart.id),
        store_id: cart.store_id,
        expires_at: (!lines.is_empty()).then_some(cart.expires_at),
        lines,
        totals,
        coupon,
        version: version.unwrap_or(0),
    })
}

fn coupon(chosen: &ChosenCoupon, subtotal: Money, prices: &PricingSnapshot, now: Timestamp) -> CartCoupon {
    let (discount, problem) = match prices.coupon(chosen.coupon_id).map(|coupon| coupon.off(subtotal, now)) {
        Some(Ok(discount)) => (discount, None),
        Some(Err(error)) => (Money::zero(subtotal.currency), Some((coupon_problem(&error).name, error.to_string()))),
        None => {
            let detail = "the store does not have this coupon any more".to_owned();
            (Money::zero(subtotal.currency), Some((COUPON_NOT_APPLICABLE.name, detail)))
        }
    };
    let problem = problem.map(|(code, detail)| CouponProblem { code: code.to_owned(), detail });
    CartCoupon { code: chosen.code.clone(), discount, problem }
}

fn line(held: &Line, prices: &PricingSnapshot) -> Result<CartLine, MoneyError> {
    let product = prices.product(held.product_id);
    let variant = product.and_then(|product| product.variant(held.variant_id));
    let title = match (product, variant) {
        (Some(product), Some(variant)) => Some(format!("{} – {}", product.name, variant.name)),
        (product, _) => product.map(|product| product.name.clone()),
    };
    let (state, unit_price, available) = match prices.offer(held.product_id, held.variant_id) {
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
    Problem::new(&problems::TOTAL_TOO_LARGE, error.to_string())
}
