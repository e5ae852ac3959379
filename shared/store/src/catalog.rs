//! Products, and the claims that make their slugs and SKUs unique.

use contracts::table::Table;
use domain::{ProductId, StoreId, TenantId, catalog::Product};
use serde::{Deserialize, Serialize};

use crate::{
    entity::Entity,
    keys::{self, IndexKey, Key},
};

impl Entity for Product {
    type Owner = TenantId;
    const TABLE: Table = Table::Catalog;
    const KIND: &'static str = "product";

    fn key(&self, tenant: TenantId) -> Key {
        keys::product(tenant, self.id)
    }

    fn index_keys(&self, tenant: TenantId) -> Vec<IndexKey> {
        vec![
            keys::products(tenant, self.store_id, self.status).at(self.id.to_string()),
            keys::products_by_slug(tenant, self.store_id, &self.slug).at(self.id.to_string()),
        ]
    }
}

/// Reserves a slug for a product, in its store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductSlugClaim {
    /// The store.
    pub store_id: StoreId,
    /// The slug.
    pub slug: String,
    /// The product.
    pub product_id: ProductId,
}

impl Entity for ProductSlugClaim {
    type Owner = TenantId;
    const TABLE: Table = Table::Catalog;
    const KIND: &'static str = "product_slug_claim";

    fn key(&self, tenant: TenantId) -> Key {
        keys::product_slug(tenant, self.store_id, &self.slug)
    }
}

/// Reserves a SKU for a product, in its store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkuClaim {
    /// The store.
    pub store_id: StoreId,
    /// The SKU.
    pub sku: String,
    /// The product whose variant has the SKU.
    pub product_id: ProductId,
}

impl Entity for SkuClaim {
    type Owner = TenantId;
    const TABLE: Table = Table::Catalog;
    const KIND: &'static str = "sku_claim";

    fn key(&self, tenant: TenantId) -> Key {
        keys::sku(tenant, self.store_id, &self.sku)
    }
}
