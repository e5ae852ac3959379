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

/// A product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Product {
    /// Id of the product.
    pub id: ProductId,
    /// The store.
    pub store_id: StoreId,
    /// Name of the product.
    pub name: String,
    /// Unique in the store, for addresses of pages.
    pub slug: String,
    /// Description, for buyers.
    pub description: Option<String>,
    /// Images; the first is shown in lists.
    pub images: Vec<Image>,
    /// Free keywords.
    pub tags: Vec<String>,
    /// Status of the product.
    pub status: ProductStatus,
    /// The variants.
    pub variants: Vec<Variant>,
    /// When the product was created.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub created_at: Timestamp,
    /// When the product last changed.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub updated_at: Timestamp,
    /// Version of the product, for `If-Match`; one more with each change.
    pub version: u64,
}

/// A variant of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Variant {
    /// Id of the variant.
    pub id: VariantId,
    /// Stock keeping unit: the seller's own number of the variant, unique in the store.
    pub sku: String,
    /// Distinguishes the variant from the others of its product: `Red / M`.
    pub name: String,
    /// Price of one unit.
    pub price: Money,
    /// A former price, which front ends show struck through.
    pub compare_at_price: Option<Money>,
    /// Barcode, for example an EAN.
    pub barcode: Option<String>,
    /// Weight in grams.
    pub weight_g: Option<u32>,
}

impl Product {
    /// The product as the API returns it.
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

/// A product in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProductSummary {
    /// Id of the product.
    pub id: ProductId,
    /// Name of the product.
    pub name: String,
    /// Unique in the store, for addresses of pages.
    pub slug: String,
    /// Status of the product.
    pub status: ProductStatus,
    /// The first image.
    pub image: Option<Image>,
    /// Free keywords.
    pub tags: Vec<String>,
    /// Number of variants.
    pub variant_count: u32,
    /// Price of the cheapest variant; null if there are no variants.
    pub price_from: Option<Money>,
    /// Price of the most expensive variant; null if there are no variants.
    pub price_to: Option<Money>,
    /// When the product was created.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub created_at: Timestamp,
    /// When the product last changed.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub updated_at: Timestamp,
    /// Version of the product, for `If-Match`; one more with each change.
    pub version: u64,
}

impl ProductSummary {
    /// The product as the API lists it.
    pub fn new(product: domain::catalog::Product, version: u64) -> Self {
        let prices = || product.variants.iter().map(|variant| variant.price);
        Self {
            id: product.id,
            variant_count: u32::try_from(product.variants.len()).unwrap_or(u32::MAX),
            price_from: prices().min_by_key(|price| price.amount_minor),
            price_to: prices().max_by_key(|price| price.amount_minor),
            name: product.name,
            slug: product.slug,
            status: product.status,
            image: product.images.into_iter().next(),
            tags: product.tags,
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

/// A product to be created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateProduct {
    /// Name of the product.
    #[garde(length(chars, min = 1, max = NAME_MAX), custom(check::line))]
    pub name: String,
    /// Unique in the store, for addresses of pages; by default made from the name.
    #[garde(length(min = 3, max = SLUG_MAX), inner(custom(check::slug)))]
    #[serde(default)]
    pub slug: Option<String>,
    /// Description, for buyers.
    #[garde(length(chars, min = 1, max = DESCRIPTION_MAX), inner(custom(check::paragraph)))]
    #[serde(default)]
    pub description: Option<String>,
    /// Images; the first is shown in lists.
    #[garde(length(max = IMAGES_MAX), dive)]
    #[serde(default)]
    pub images: Vec<ImageInput>,
    /// Free keywords.
    #[garde(length(max = TAGS_MAX), inner(length(chars, min = 1, max = NAME_MAX), custom(check::line)))]
    #[serde(default)]
    pub tags: Vec<String>,
    /// Variants; more can be added one by one later.
    #[garde(length(max = VARIANTS_CREATED_MAX), dive)]
    #[serde(default)]
    pub variants: Vec<VariantInput>,
}

/// An image of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ImageInput {
    /// Address of the image.
    #[garde(length(max = URL_MAX), custom(check::web_address))]
    pub url: String,
    /// What the image shows, for people who cannot see it.
    #[garde(length(chars, max = SHORT_TEXT_MAX), inner(custom(check::line)))]
    #[serde(default)]
    pub alt: Option<String>,
}

/// A variant to be created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct VariantInput {
    /// Unique in the store.
    #[garde(length(min = 1, max = SKU_MAX), custom(check::sku))]
    pub sku: String,
    /// Distinguishes the variant from the others of its product: `Red / M`.
    #[garde(length(chars, min = 1, max = NAME_MAX), custom(check::line))]
    pub name: String,
    /// Price of one unit, in the store's currency.
    #[garde(custom(check::price))]
    #[eserde(compat)]
    pub price: Money,
    /// A former price, which front ends show struck through.
    #[garde(inner(custom(check::price)))]
    #[eserde(compat)]
    #[serde(default)]
    pub compare_at_price: Option<Money>,
    /// Barcode, for example an EAN.
    #[garde(length(min = 1, max = SKU_MAX), inner(custom(check::sku)))]
    #[serde(default)]
    pub barcode: Option<String>,
    /// Weight in grams.
    #[garde(range(max = WEIGHT_MAX_G))]
    #[serde(default)]
    pub weight_g: Option<u32>,
}

impl From<ImageInput> for Image {
    fn from(input: ImageInput) -> Self {
        Self { url: input.url, alt: input.alt.unwrap_or_default() }
    }
}

impl VariantInput {
    /// The variant, with an id.
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

/// Changes of a product. Absent fields keep their values; null clears a field that can be empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateProduct {
    /// Name of the product.
    #[garde(length(chars, min = 1, max = NAME_MAX), inner(custom(check::line)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub name: Option<String>,
    /// Unique in the store. The old slug can be used by another product at once.
    #[garde(length(min = 3, max = SLUG_MAX), inner(custom(check::slug)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub slug: Option<String>,
    /// Description, for buyers.
    #[garde(length(chars, min = 1, max = DESCRIPTION_MAX), inner(inner(custom(check::paragraph))))]
    #[serde(default, deserialize_with = "patch::clearable")]
    pub description: Clearable<String>,
    /// All images: the list replaces the old one. The first image is shown in lists.
    #[garde(length(max = IMAGES_MAX), dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<ImageInput>"))]
    pub images: Option<Vec<ImageInput>>,
    /// All tags: the list replaces the old one.
    #[garde(length(max = TAGS_MAX), inner(inner(length(chars, min = 1, max = NAME_MAX), custom(check::line))))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub tags: Option<Vec<String>>,
}

/// Changes of a variant. Absent fields keep their values; null clears a field that can be empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct VariantChanges {
    /// Unique in the store.
    #[garde(length(min = 1, max = SKU_MAX), inner(custom(check::sku)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub sku: Option<String>,
    /// Distinguishes the variant from the others of its product: `Red / M`.
    #[garde(length(chars, min = 1, max = NAME_MAX), inner(custom(check::line)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub name: Option<String>,
    /// Price of one unit, in the store's currency.
    #[garde(inner(custom(check::price)))]
    #[eserde(compat)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Money"))]
    pub price: Option<Money>,
    /// A former price, which front ends show struck through.
    #[garde(inner(inner(custom(check::price))))]
    #[serde(default, deserialize_with = "patch::clearable")]
    pub compare_at_price: Clearable<Money>,
    /// Barcode, for example an EAN.
    #[garde(length(min = 1, max = SKU_MAX), inner(inner(custom(check::sku))))]
    #[serde(default, deserialize_with = "patch::clearable")]
    pub barcode: Clearable<String>,
    /// Weight in grams.
    #[garde(range(max = WEIGHT_MAX_G))]
    #[serde(default, deserialize_with = "patch::clearable")]
    pub weight_g: Clearable<u32>,
}

/// A new status of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SetProductStatus {
    /// The new status.
    #[garde(skip)]
    #[eserde(compat)]
    pub status: ProductStatus,
}

/// Filter and page of a list of products.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ListProducts {
    /// Buyers see active products only; the store's team can ask for another status.
    #[serde(default)]
    pub status: Option<ProductStatus>,
    /// Items per page.
    #[serde(default)]
    pub limit: Limit,
    /// The `next_cursor` of the previous page.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// The path of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProductPath {
    /// Id of the product path.
    pub id: ProductId,
}

/// The path of a product, by id or slug.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProductIdOrSlug {
    /// A product's id or its slug.
    pub id: String,
}

/// The path of a variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VariantPath {
    /// Id of the product.
    pub id: ProductId,
    /// Id of the variant.
    pub vid: VariantId,
}

endpoints! {
    /// Create a product
    ///
    /// The product starts as a draft; publish it with `POST /products/{id}/status`. Its variants have no stock yet. The
    /// tenant's plan limits the number of products (403 `plan_limit`).
    Create = Post "/products" => "products-create" {
        access: Access::Needs(Permission::ProductsWrite), store: Required, idempotency: Accepted,
        path: Nothing, query: Nothing, body: CreateProduct, reply: 201 Product,
        tables: [Catalog: Put, Tenants: BatchGet Update, Inventory: Put],
        emits: [ProductCreated],
        problems: [PLAN_LIMIT, SKU_TAKEN, SLUG_TAKEN, NOT_FOUND],
    }
    /// List products
    ///
    /// Products of a store, newest first, each as a summary: `GET /products/{id}` has its description and variants.
    List = Get "/products" => "products-list" {
        access: Access::PublicOrToken, store: Required, idempotency: None,
        path: Nothing, query: ListProducts, body: Nothing, reply: 200 Page<ProductSummary>,
        tables: [Catalog: Query], emits: [],
        grants: [CursorKey],
    }
    /// Get a product
    Get = Get "/products/{id}" => "products-get" {
        access: Access::PublicOrToken, store: Required, idempotency: None,
        path: ProductIdOrSlug, query: Nothing, body: Nothing, reply: 200 Product,
        tables: [Catalog: Get Query], emits: [],
    }
    /// Update a product
    Update = Patch "/products/{id}" => "products-update" {
        access: Access::Needs(Permission::ProductsWrite), store: Required, idempotency: None,
        path: ProductPath, query: Nothing, body: UpdateProduct, reply: 200 Product,
        tables: [Catalog: Get Put Delete], emits: [ProductUpdated],
        problems: [SLUG_TAKEN],
    }
    /// Publish, withdraw or archive a product
    SetStatus = Post "/products/{id}/status" => "products-status" {
        access: Access::Needs(Permission::ProductsWrite), store: Required, idempotency: Accepted,
        path: ProductPath, query: Nothing, body: SetProductStatus, reply: 200 Product,
        tables: [Catalog: Get Put], emits: [ProductStatusChanged],
        problems: [INVALID_STATE],
    }
    /// Add a variant
    AddVariant = Post "/products/{id}/variants" => "products-add-variant" {
        access: Access::Needs(Permission::ProductsWrite), store: Required, idempotency: Accepted,
        path: ProductPath, query: Nothing, body: VariantInput, reply: 201 Product,
        tables: [Catalog: BatchGet Put, Tenants: BatchGet, Inventory: Put], emits: [ProductUpdated],
        problems: [SKU_TAKEN, TOO_MANY_VARIANTS],
    }
    /// Update a variant
    UpdateVariant = Patch "/products/{id}/variants/{vid}" => "products-update-variant" {
        access: Access::Needs(Permission::ProductsWrite), store: Required, idempotency: None,
        path: VariantPath, query: Nothing, body: VariantChanges, reply: 200 Product,
        tables: [Catalog: BatchGet Put Delete, Tenants: BatchGet], emits: [ProductUpdated],
        problems: [SKU_TAKEN],
    }
    /// Remove a variant
    ///
    /// Possible when the variant has no stock.
    RemoveVariant = Delete "/products/{id}/variants/{vid}" => "products-remove-variant" {
        access: Access::Needs(Permission::ProductsWrite), store: Required, idempotency: None,
        path: VariantPath, query: Nothing, body: Nothing, reply: 200 Product,
        tables: [Catalog: BatchGet Put Delete, Inventory: BatchGet Delete], emits: [ProductUpdated],
        problems: [LAST_VARIANT, VARIANT_IN_STOCK],
    }
}
