//! Everything that prices a cart: the store, the products and their stock, and the coupon, in one batched read.

use std::collections::{BTreeSet, HashMap};

use domain::{
    CouponId, ProductId, VariantId,
    catalog::{Product, ProductStatus, Variant},
    coupon::Coupon,
    stock::Stock,
    store::Store,
};
use runtime::{Deps, Problem, claims::StoreRef};
use store::keys;

pub(crate) struct PricingSnapshot {
    pub(crate) store: Store,
    products: HashMap<ProductId, Product>,
    /// The available units of each variant.
    available: HashMap<VariantId, i64>,
    coupon: Option<Coupon>,
}

/// A variant that is on sale.
pub(crate) struct Offer<'a> {
    pub(crate) variant: &'a Variant,
    pub(crate) available: i64,
}

/// Why a variant is not on sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The variant is not in this store, or its product is not published.
    Unknown,
    Discontinued,
}

impl PricingSnapshot {
    /// Reads the store, the wanted products with their stock, and the coupon. A cart has at most 40 lines, so this is
    /// at most 84 items.
    pub(crate) async fn read(
        deps: &Deps,
        at: StoreRef,
        wanted: impl IntoIterator<Item = (ProductId, VariantId)>,
        coupon: Option<CouponId>,
    ) -> Result<Self, Problem> {
        let (products, variants): (BTreeSet<ProductId>, BTreeSet<VariantId>) = wanted.into_iter().unzip();
        let store_key = keys::store(at.tenant_id, at.store_id);
        let product_keys = products.iter().map(|id| keys::product(at.tenant_id, *id));
        let stock_keys = variants.iter().map(|id| keys::stock(at.tenant_id, *id));
        let coupon_key = coupon.map(|id| keys::coupon(at.tenant_id, at.store_id, id));
        let all = [store_key.clone()].into_iter().chain(product_keys).chain(stock_keys).chain(coupon_key.clone());
        let all: Vec<_> = all.collect();
        let mut found = deps.db.batch_get(&all).await?;

        let store = found.take::<Store>(&store_key)?.ok_or_else(Problem::not_found)?.value;
        let coupon = coupon_key.map(|key| found.take::<Coupon>(&key)).transpose()?.flatten();
        let coupon = coupon.map(|coupon| coupon.value);
        let mut prices = Self { store, products: HashMap::new(), available: HashMap::new(), coupon };
        for id in products {
            let product = found.take::<Product>(&keys::product(at.tenant_id, id))?.map(|product| product.value);
            prices.products.extend(product.filter(|product| product.store_id == at.store_id).map(|p| (id, p)));
        }
        for id in variants {
            let stock = found.take::<Stock>(&keys::stock(at.tenant_id, id))?;
            prices.available.insert(id, stock.map_or(0, |stock| stock.value.available));
        }
        Ok(prices)
    }

    /// A product of the store, whether it is on sale or not.
    pub(crate) fn product(&self, product: ProductId) -> Option<&Product> {
        self.products.get(&product)
    }

    /// The coupon with this id, if it was read and exists.
    pub(crate) fn coupon(&self, id: CouponId) -> Option<&Coupon> {
        self.coupon.as_ref().filter(|coupon| coupon.id == id)
    }

    /// The variant's offer, or the reason why it is not on sale.
    pub(crate) fn offer(&self, product: ProductId, variant: VariantId) -> Result<Offer<'_>, Refusal> {
        let product = self.product(product).ok_or(Refusal::Unknown)?;
        let variant = product.variant(variant).ok_or(Refusal::Unknown)?;
        match product.status {
            // A store that changed its currency cannot sell at prices in the old one.
            ProductStatus::Active if variant.price.currency == self.store.currency => {
                let available = self.available.get(&variant.id).copied().unwrap_or(0);
                Ok(Offer { variant, available })
            }
            ProductStatus::Active | ProductStatus::Archived => Err(Refusal::Discontinued),
            ProductStatus::Draft => Err(Refusal::Unknown),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unknown => Self::not_found(),
            Refusal::Discontinued => Self::new(&contracts::problems::DISCONTINUED, "this is no longer sold"),
        }
    }
}
