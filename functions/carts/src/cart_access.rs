//! Reads, changes and writes the caller's cart. Every change takes the same steps: one read of the cart, one batched
//! read of the prices and stock of its lines, and one transaction at the version that was read.

use contracts::{Endpoint, carts::Cart as CartView, problems};
use domain::{
    AccountId, CartId, CouponId, ProductId, Timestamp, VariantId,
    cart::{Cart, CartError},
};
use runtime::{Call, Deps, Outcome, Problem, Reply, Tries, claims::StoreRef, retry};
use store::{Key, Versioned, keys};

use crate::{pricing_snapshot::PricingSnapshot, view};

/// A cart as the buyer sees it, and the version of its stored item; `None` if no item is stored yet. A cart that was
/// ordered or has expired appears empty, and the next change overwrites its item.
pub(crate) struct Held {
    pub(crate) cart: Cart,
    pub(crate) version: Option<u64>,
}

impl Held {
    pub(crate) fn new(deps: &Deps, at: StoreRef, buyer: AccountId, found: Option<Versioned<Cart>>) -> Self {
        let now = deps.now();
        match found {
            Some(found) => Self { cart: found.value.open(now), version: Some(found.version) },
            None => Self { cart: Cart::empty(deps.id(CartId::from_ulid), at.store_id, buyer, now), version: None },
        }
    }

    /// The version of the cart after it is written.
    pub(crate) fn next_version(&self) -> u64 {
        self.version.map_or(1, |version| version + 1)
    }
}

/// The key of the caller's cart.
pub(crate) fn key<E: Endpoint>(call: &Call<E>) -> Result<Key, Problem> {
    let at = call.store()?;
    Ok(keys::cart(at.tenant_id, at.store_id, call.principal()?.account_id))
}

pub(crate) async fn read<E: Endpoint>(deps: &Deps, call: &Call<E>) -> Result<Held, Problem> {
    let found = deps.db.get::<Cart>(&key(call)?).await?;
    Ok(Held::new(deps, call.store()?, call.principal()?.account_id, found))
}

/// The variants in the cart, whose prices and stock have to be read.
pub(crate) fn wanted(cart: &Cart) -> impl Iterator<Item = (ProductId, VariantId)> {
    cart.lines.iter().map(|line| (line.product_id, line.variant_id))
}

/// The id of the coupon in the cart.
pub(crate) fn chosen(cart: &Cart) -> Option<CouponId> {
    cart.coupon.as_ref().map(|chosen| chosen.coupon_id)
}

/// The reply that shows the cart. The entity tag is the version of the stored cart, if it is stored.
pub(crate) fn reply<E: Endpoint<Reply = CartView>>(
    cart: &Cart,
    version: Option<u64>,
    prices: &PricingSnapshot,
    now: Timestamp,
) -> Result<Reply<E>, Problem> {
    let reply = Reply::new(&view::cart(cart, version, prices, now)?);
    Ok(match version {
        Some(version) => reply.etag(version),
        None => reply,
    })
}

/// What an edit needs to read in addition to the variants and the coupon in the cart.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Also {
    Nothing,
    Variant(ProductId, VariantId),
    /// Read in place of the coupon that is in the cart.
    Coupon(CouponId),
}

/// Changes the caller's cart and shows it. `edit` returns the changed cart, or `None` if nothing is to be written.
pub(crate) async fn edit<E: Endpoint<Reply = CartView>>(
    deps: &Deps,
    call: &Call<E>,
    also: Also,
    edit: impl Fn(Cart, &PricingSnapshot) -> Result<Option<Cart>, Problem>,
) -> Outcome<E> {
    let at = call.store()?;
    // Two browser tabs of one buyer may change the cart concurrently. The change that loses is tried again.
    retry!(Tries::FEW_RIVALS, {
        let held = read(deps, call).await?;
        call.expect_version(held.version.unwrap_or(0))?;
        let (variant, coupon) = match also {
            Also::Nothing => (None, chosen(&held.cart)),
            Also::Variant(product, variant) => (Some((product, variant)), chosen(&held.cart)),
            Also::Coupon(coupon) => (None, Some(coupon)),
        };
        let prices = PricingSnapshot::read(deps, at, wanted(&held.cart).chain(variant), coupon).await?;
        let mut tx = deps.tx();
        let reply = match edit(held.cart.clone(), &prices)? {
            Some(next) => {
                tx.save(at.tenant_id, &next, held.version);
                reply(&next, Some(held.next_version()), &prices, deps.now())?
            }
            None => reply(&held.cart, held.version, &prices, deps.now())?,
        };
        call.commit(deps, tx, reply).await?.into()
    })
}

pub(crate) fn refuse(error: CartError) -> Problem {
    match error {
        CartError::TooManyLines => Problem::new(&problems::CART_FULL, error.to_string()),
        CartError::TooMany => Problem::new(&problems::QUANTITY_TOO_LARGE, error.to_string()),
        CartError::NoSuchLine => Problem::not_found(),
        CartError::Empty => Problem::new(&problems::CART_EMPTY, error.to_string()),
    }
}
