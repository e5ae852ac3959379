//! Products and their variants.

use serde::{Deserialize, Serialize};

use crate::{
    InvalidTransition, Money, ProductId, StoreId, Timestamp, VariantId,
    limits::{SLUG_MAX, VARIANTS_MAX},
    text,
};

/// Status of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ProductStatus {
    /// Visible to the team only.
    Draft,
    /// On sale: visible to buyers.
    Active,
    /// No longer sold.
    Archived,
}

impl ProductStatus {
    /// The name in the API and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Archived => "archived",
        }
    }

    const fn verb(self) -> &'static str {
        match self {
            Self::Draft => "withdraw",
            Self::Active => "publish",
            Self::Archived => "archive",
        }
    }
}

/// A picture of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Image {
    /// Address of the picture.
    pub url: String,
    /// What the picture shows, for people who cannot see it.
    pub alt: String,
}

/// A variant of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// Id of the variant.
    pub id: VariantId,
    /// Unique in the store.
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

/// A product with its variants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Id of the product.
    pub id: ProductId,
    /// The store.
    pub store_id: StoreId,
    /// Name of the product.
    pub name: String,
    /// Unique in the store.
    pub slug: String,
    /// Description, for buyers.
    pub description: Option<String>,
    /// Pictures; the first is shown in lists.
    pub images: Vec<Image>,
    /// Free keywords.
    pub tags: Vec<String>,
    /// Status of the product.
    pub status: ProductStatus,
    /// The variants, in the sequence in which they were added.
    pub variants: Vec<Variant>,
    /// When the product was created.
    pub created_at: Timestamp,
    /// When the product last changed.
    pub updated_at: Timestamp,
}

/// Why a change of a product's variants was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VariantsError {
    /// The product has as many variants as it can.
    #[error("a product has at most {VARIANTS_MAX} variants")]
    TooMany,
    /// The last variant of a product that is on sale cannot be removed.
    #[error("a product that is on sale keeps at least one variant; withdraw it first")]
    LastOnSale,
}

impl Product {
    /// Changes the status. A draft can be published if it has variants; an archived product can only become a draft
    /// again. Setting the current status again changes nothing.
    ///
    /// # Errors
    /// [`InvalidTransition`] for any other change.
    pub fn set_status(self, status: ProductStatus, now: Timestamp) -> Result<Self, InvalidTransition> {
        use ProductStatus::{Active, Archived, Draft};
        match (self.status, status) {
            (Draft, Active) if self.variants.is_empty() => {
                Err(InvalidTransition { state: "it has no variants", event: Active.verb() })
            }
            (Draft, Active | Archived) | (Active, Draft | Archived) | (Archived, Draft) => {
                Ok(Self { status, updated_at: now, ..self })
            }
            (from, to) if from == to => Ok(self),
            (from, to) => Err(InvalidTransition { state: from.name(), event: to.verb() }),
        }
    }

    /// Adds a variant.
    ///
    /// # Errors
    /// [`VariantsError::TooMany`].
    pub fn add_variant(mut self, variant: Variant, now: Timestamp) -> Result<Self, VariantsError> {
        if self.variants.len() >= VARIANTS_MAX {
            return Err(VariantsError::TooMany);
        }
        self.variants.push(variant);
        Ok(Self { updated_at: now, ..self })
    }

    /// Removes a variant; nothing happens if the product does not have it.
    ///
    /// # Errors
    /// [`VariantsError::LastOnSale`].
    pub fn remove_variant(mut self, id: VariantId, now: Timestamp) -> Result<Self, VariantsError> {
        self.variants.retain(|variant| variant.id != id);
        if self.variants.is_empty() && self.is_on_sale() {
            return Err(VariantsError::LastOnSale);
        }
        Ok(Self { updated_at: now, ..self })
    }

    /// The variant with this id.
    pub fn variant(&self, id: VariantId) -> Option<&Variant> {
        self.variants.iter().find(|variant| variant.id == id)
    }

    /// Whether buyers can see and order the product.
    pub fn is_on_sale(&self) -> bool {
        self.status == ProductStatus::Active
    }
}

/// Makes a product's slug from its name; `product` if the name has no usable characters.
pub fn slug_of(name: &str) -> String {
    text::slugify(name).unwrap_or_else(|| "product".to_owned())
}

/// Makes another slug from one that is taken, by adding three random bytes in hexadecimal.
pub fn slug_like(taken: &str, random: [u8; 3]) -> String {
    let suffix = text::hex(&random);
    let kept: String = taken.chars().take(SLUG_MAX - 1 - suffix.len()).collect();
    format!("{}-{suffix}", kept.trim_end_matches('-'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ulid::Ulid;

    use super::*;
    use crate::Currency;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn variant(number: u128) -> Variant {
        Variant {
            id: VariantId::from_ulid(Ulid(number)),
            sku: format!("SKU-{number}"),
            name: "Default".into(),
            price: Money::new(100, Currency::Ngn),
            compare_at_price: None,
            barcode: None,
            weight_g: None,
        }
    }

    fn product(status: ProductStatus, variants: u128) -> Product {
        Product {
            id: ProductId::from_ulid(Ulid(1)),
            store_id: StoreId::from_ulid(Ulid(2)),
            name: "Tee".into(),
            slug: "tee".into(),
            description: None,
            images: vec![],
            tags: vec![],
            status,
            variants: (0..variants).map(variant).collect(),
            created_at: NOW,
            updated_at: NOW,
        }
    }

    #[test]
    fn statuses_go_where_they_may() {
        use ProductStatus::{Active, Archived, Draft};
        for (from, to, may) in [
            (Draft, Active, true),
            (Draft, Archived, true),
            (Active, Draft, true),
            (Active, Archived, true),
            (Archived, Draft, true),
            (Archived, Active, false),
        ] {
            let moved = product(from, 1).set_status(to, NOW);
            assert_eq!(moved.map(|product| product.status).ok(), may.then_some(to), "{from:?} to {to:?}");
        }
        assert!(product(Draft, 0).set_status(Active, NOW).is_err());
    }

    #[test]
    fn variants_stay_between_their_bounds() {
        let first = VariantId::from_ulid(Ulid(0));
        let full = product(ProductStatus::Draft, VARIANTS_MAX as u128);
        assert_eq!(full.add_variant(variant(1_000), NOW), Err(VariantsError::TooMany));
        let on_sale = product(ProductStatus::Active, 1);
        assert_eq!(on_sale.remove_variant(first, NOW), Err(VariantsError::LastOnSale));
        assert!(product(ProductStatus::Draft, 1).remove_variant(first, NOW).is_ok());
        assert_eq!(product(ProductStatus::Active, 2).remove_variant(first, NOW).unwrap().variants, [variant(1)]);
    }

    proptest! {
        #[test]
        fn made_slugs_are_slugs(name in "\\PC{0,100}", random: [u8; 3]) {
            let slug = slug_of(&name);
            let other = slug_like(&slug, random);
            prop_assert!(text::is_slug(&slug) && text::is_slug(&other) && slug != other);
        }
    }
}
