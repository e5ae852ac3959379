//! Products and their variants.

use serde::{Deserialize, Serialize};

use crate::{InvalidTransition, Money, ProductId, StoreId, Timestamp, VariantId};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ProductStatus {
    Draft,
    Active,
    Archived,
}

impl ProductStatus {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Archived => "archived",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Image {
    pub url: String,
    pub alt: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    pub id: VariantId,
    /// Unique in the store.
    pub sku: String,
    /// What sets it apart from its siblings: `Red / M`.
    pub name: String,
    pub price: Money,
    pub compare_at_price: Option<Money>,
    pub barcode: Option<String>,
    pub weight_g: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    pub id: ProductId,
    pub store_id: StoreId,
    pub name: String,
    /// Unique in the store.
    pub slug: String,
    pub description: Option<String>,
    pub images: Vec<Image>,
    pub tags: Vec<String>,
    pub status: ProductStatus,
    pub variants: Vec<Variant>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Product {
    /// A draft is published once it has something to sell; what is archived comes back as a draft.
    pub fn set_status(self, status: ProductStatus, now: Timestamp) -> Result<Self, InvalidTransition> {
        use ProductStatus::{Active, Archived, Draft};
        match (self.status, status) {
            (Draft, Active) if self.variants.is_empty() => {
                Err(InvalidTransition { state: "without variants", event: Active.name() })
            }
            (Draft, Active | Archived) | (Active, Draft | Archived) | (Archived, Draft) => {
                Ok(Self { status, updated_at: now, ..self })
            }
            (from, to) if from == to => Ok(self),
            (from, to) => Err(InvalidTransition { state: from.name(), event: to.name() }),
        }
    }

    pub fn variant(&self, id: VariantId) -> Option<&Variant> {
        self.variants.iter().find(|variant| variant.id == id)
    }

    /// Buyers see and order it.
    pub fn is_on_sale(&self) -> bool {
        self.status == ProductStatus::Active
    }
}
