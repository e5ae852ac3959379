//! Products over HTTP.

use domain::{
    Money, Permission, ProductId, StoreId, Timestamp, VariantId,
    catalog::{Image, ProductStatus},
    limits::{
        DESCRIPTION_MAX, IMAGES_MAX, NAME_MAX, SHORT_TEXT_MAX, SKU_MAX, SLUG_MAX, TAGS_MAX, URL_MAX,
        VARIANTS_CREATED_MAX, WEIGHT_MAX_G,
    },
};
use serde::{Deserialize, Serialize};

use crate::{
    check, endpoints,
    http::{Limit, Nothing, Page},
    patch,
    patch::Clearable,
    row::Access,
};

/// A product, as buyers and sellers see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Product {
    pub id: ProductId,
    pub store_id: StoreId,
    pub name: String,
    pub slug: String,
    pub description: Option<String>,
    pub images: Vec<Image>,
    pub tags: Vec<String>,
    pub status: ProductStatus,
    pub variants: Vec<Variant>,
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub created_at: Timestamp,
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub updated_at: Timestamp,
    pub version: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Variant {
    pub id: VariantId,
    pub sku: String,
    pub name: String,
    pub price: Money,
    pub compare_at_price: Option<Money>,
    pub barcode: Option<String>,
    pub weight_g: Option<u32>,
}

impl Product {
    pub fn new(product: domain::catalog::Product, version: u64) -> Self {
        Self {
            id: product.id,
            store_id: product.store_id,
            name: product.name,
            slug: product.slug,
            description: product.description,
            images: product.images,
            tags: product.tags,
            status: product.status,
            variants: product.variants.into_iter().map(Variant::from).collect(),
            created_at: product.created_at,
            updated_at: product.updated_at,
            version,
        }
    }
}

impl From<domain::catalog::Variant> for Variant {
    fn from(variant: domain::catalog::Variant) -> Self {
        Self {
            id: variant.id,
            sku: variant.sku,
            name: variant.name,
            price: variant.price,
            compare_at_price: variant.compare_at_price,
            barcode: variant.barcode,
            weight_g: variant.weight_g,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateProduct {
    #[garde(length(chars, min = 1, max = NAME_MAX), custom(check::clean))]
    pub name: String,
    /// Unique in the store; made from the name unless given.
    #[garde(length(min = 3, max = SLUG_MAX), inner(custom(check::slug)))]
    #[serde(default)]
    pub slug: Option<String>,
    #[garde(length(chars, min = 1, max = DESCRIPTION_MAX), inner(custom(check::clean)))]
    #[serde(default)]
    pub description: Option<String>,
    #[garde(length(max = IMAGES_MAX), dive)]
    #[serde(default)]
    pub images: Vec<ImageInput>,
    #[garde(length(max = TAGS_MAX), inner(length(chars, min = 1, max = NAME_MAX), custom(check::clean)))]
    #[serde(default)]
    pub tags: Vec<String>,
    /// More can be added one by one.
    #[garde(length(max = VARIANTS_CREATED_MAX), dive)]
    #[serde(default)]
    pub variants: Vec<VariantInput>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ImageInput {
    #[garde(length(max = URL_MAX), custom(check::web_address))]
    pub url: String,
    /// What the image shows, for those who cannot see it.
    #[garde(length(chars, max = SHORT_TEXT_MAX))]
    #[serde(default)]
    pub alt: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct VariantInput {
    /// Unique in the store.
    #[garde(length(min = 1, max = SKU_MAX), custom(check::sku))]
    pub sku: String,
    /// What sets it apart from its siblings: `Red / M`.
    #[garde(length(chars, min = 1, max = NAME_MAX), custom(check::clean))]
    pub name: String,
    /// In the store's currency.
    #[garde(custom(check::price))]
    #[eserde(compat)]
    pub price: Money,
    /// A former price, shown struck through.
    #[garde(inner(custom(check::price)))]
    #[eserde(compat)]
    #[serde(default)]
    pub compare_at_price: Option<Money>,
    #[garde(length(min = 1, max = SKU_MAX), inner(custom(check::sku)))]
    #[serde(default)]
    pub barcode: Option<String>,
    #[garde(range(max = WEIGHT_MAX_G))]
    #[serde(default)]
    pub weight_g: Option<u32>,
}

impl From<ImageInput> for Image {
    fn from(input: ImageInput) -> Self {
        Self { url: input.url, alt: input.alt }
    }
}

impl VariantInput {
    pub fn with_id(self, id: VariantId) -> domain::catalog::Variant {
        domain::catalog::Variant {
            id,
            sku: self.sku,
            name: self.name,
            price: self.price,
            compare_at_price: self.compare_at_price,
            barcode: self.barcode,
            weight_g: self.weight_g,
        }
    }
}

/// Only what is given changes; null clears.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateProduct {
    #[garde(length(chars, min = 1, max = NAME_MAX), inner(custom(check::clean)))]
    #[serde(default)]
    pub name: Option<String>,
    /// The old one is free for another product at once.
    #[garde(length(min = 3, max = SLUG_MAX), inner(custom(check::slug)))]
    #[serde(default)]
    pub slug: Option<String>,
    #[garde(length(chars, min = 1, max = DESCRIPTION_MAX), inner(inner(custom(check::clean))))]
    #[serde(default, deserialize_with = "patch::clearable")]
    pub description: Clearable<String>,
    /// All of them; the first is the one shown in lists.
    #[garde(length(max = IMAGES_MAX), dive)]
    #[serde(default)]
    pub images: Option<Vec<ImageInput>>,
    #[garde(length(max = TAGS_MAX), inner(inner(length(chars, min = 1, max = NAME_MAX), custom(check::clean))))]
    #[serde(default)]
    pub tags: Option<Vec<String>>,
}

/// Only what is given changes; null clears.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateVariant {
    #[garde(length(min = 1, max = SKU_MAX), inner(custom(check::sku)))]
    #[serde(default)]
    pub sku: Option<String>,
    #[garde(length(chars, min = 1, max = NAME_MAX), inner(custom(check::clean)))]
    #[serde(default)]
    pub name: Option<String>,
    #[garde(inner(custom(check::price)))]
    #[eserde(compat)]
    #[serde(default)]
    pub price: Option<Money>,
    #[garde(inner(inner(custom(check::price))))]
    #[serde(default, deserialize_with = "patch::clearable")]
    pub compare_at_price: Clearable<Money>,
    #[garde(length(min = 1, max = SKU_MAX), inner(inner(custom(check::sku))))]
    #[serde(default, deserialize_with = "patch::clearable")]
    pub barcode: Clearable<String>,
    #[garde(range(max = WEIGHT_MAX_G))]
    #[serde(default, deserialize_with = "patch::clearable")]
    pub weight_g: Clearable<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SetProductStatus {
    #[garde(skip)]
    #[eserde(compat)]
    pub status: ProductStatus,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ListProducts {
    /// Buyers see what is active; the store's team may ask for the rest.
    #[serde(default)]
    pub status: Option<ProductStatus>,
    #[serde(default)]
    pub limit: Limit,
    #[serde(default)]
    pub cursor: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProductPath {
    pub id: ProductId,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProductIdOrSlug {
    /// A product's id or its slug.
    pub id: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VariantPath {
    pub id: ProductId,
    pub vid: VariantId,
}

endpoints! {
    /// Adds a product.
    ///
    /// It starts as a draft; publish it with `POST /products/{id}/status`. Its variants have no stock yet. The plan says
    /// how many products a tenant may have (403 `plan_limit`).
    Create = Post "/products" => "products-create" {
        access: Access::Needs(Permission::ProductsWrite), store: Required, idempotency: Accepted,
        path: Nothing, query: Nothing, body: CreateProduct, reply: 201 Product,
        tables: [Catalog: Put, Tenants: BatchGet Update, Inventory: Put],
        emits: [ProductCreated],
        problems: [PLAN_LIMIT, SKU_TAKEN, SLUG_TAKEN, NOT_FOUND],
    }
    /// Lists a store's products, newest first.
    List = Get "/products" => "products-list" {
        access: Access::PublicOrToken, store: Required, idempotency: None,
        path: Nothing, query: ListProducts, body: Nothing, reply: 200 Page<Product>,
        tables: [Catalog: Query], emits: [],
        grants: [CursorKey],
    }
    /// Shows a product.
    Get = Get "/products/{id}" => "products-get" {
        access: Access::PublicOrToken, store: Required, idempotency: None,
        path: ProductIdOrSlug, query: Nothing, body: Nothing, reply: 200 Product,
        tables: [Catalog: Get Query], emits: [],
    }
    /// Changes a product.
    Update = Patch "/products/{id}" => "products-update" {
        access: Access::Needs(Permission::ProductsWrite), store: Required, idempotency: None,
        path: ProductPath, query: Nothing, body: UpdateProduct, reply: 200 Product,
        tables: [Catalog: Get Put Delete], emits: [ProductUpdated],
        problems: [SLUG_TAKEN],
    }
    /// Publishes, withdraws or archives a product.
    SetStatus = Post "/products/{id}/status" => "products-status" {
        access: Access::Needs(Permission::ProductsWrite), store: Required, idempotency: Accepted,
        path: ProductPath, query: Nothing, body: SetProductStatus, reply: 200 Product,
        tables: [Catalog: Get Put], emits: [ProductStatusChanged],
        problems: [INVALID_STATE],
    }
    /// Adds a variant to a product.
    AddVariant = Post "/products/{id}/variants" => "products-add-variant" {
        access: Access::Needs(Permission::ProductsWrite), store: Required, idempotency: Accepted,
        path: ProductPath, query: Nothing, body: VariantInput, reply: 201 Product,
        tables: [Catalog: BatchGet Put, Tenants: BatchGet, Inventory: Put], emits: [ProductUpdated],
        problems: [SKU_TAKEN, TOO_MANY_VARIANTS],
    }
    /// Changes a variant.
    UpdateVariantRoute = Patch "/products/{id}/variants/{vid}" => "products-update-variant" {
        access: Access::Needs(Permission::ProductsWrite), store: Required, idempotency: None,
        path: VariantPath, query: Nothing, body: UpdateVariant, reply: 200 Product,
        tables: [Catalog: BatchGet Put Delete, Tenants: BatchGet], emits: [ProductUpdated],
        problems: [SKU_TAKEN],
    }
    /// Removes a variant, once it has no stock.
    RemoveVariant = Delete "/products/{id}/variants/{vid}" => "products-remove-variant" {
        access: Access::Needs(Permission::ProductsWrite), store: Required, idempotency: None,
        path: VariantPath, query: Nothing, body: Nothing, reply: 200 Product,
        tables: [Catalog: BatchGet Put Delete, Inventory: BatchGet Delete], emits: [ProductUpdated],
        problems: [LAST_VARIANT, VARIANT_IN_STOCK],
    }
}
