//! Tenants, stores, slugs, customers, onboardings.

use contracts::table::Table;
use domain::{
    AccountId, StoreId, TenantId, Timestamp, onboarding::Onboarding, order::Customer, store::Store, tenant::Tenant,
};
use serde::{Deserialize, Serialize};

use crate::{
    entity::Entity,
    keys::{self, Key},
};

impl Entity for Tenant {
    type Owner = TenantId;
    const TABLE: Table = Table::Tenants;
    const KIND: &'static str = "tenant";

    fn key(&self, tenant: TenantId) -> Key {
        keys::tenant(tenant)
    }
}

impl Entity for Store {
    type Owner = TenantId;
    const TABLE: Table = Table::Tenants;
    const KIND: &'static str = "store";

    fn key(&self, tenant: TenantId) -> Key {
        keys::store(tenant, self.id)
    }
}

/// That a slug is a store's, over all tenants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlugClaim {
    pub slug: String,
    pub tenant_id: TenantId,
    pub store_id: StoreId,
}

impl Entity for SlugClaim {
    type Owner = ();
    const TABLE: Table = Table::Tenants;
    const KIND: &'static str = "slug_claim";

    fn key(&self, (): ()) -> Key {
        keys::slug(&self.slug)
    }
}

/// A tenant's own record of an account that buys from it; other tenants never see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerRecord {
    pub account_id: AccountId,
    pub customer: Customer,
    pub since: Timestamp,
}

impl Entity for CustomerRecord {
    type Owner = TenantId;
    const TABLE: Table = Table::Tenants;
    const KIND: &'static str = "customer";

    fn key(&self, tenant: TenantId) -> Key {
        keys::customer(tenant, self.account_id)
    }
}

impl Entity for Onboarding {
    type Owner = ();
    const TABLE: Table = Table::Tenants;
    const KIND: &'static str = "onboarding";

    fn key(&self, (): ()) -> Key {
        keys::onboarding(self.id)
    }

    fn ends_at(&self) -> Option<Timestamp> {
        Some(self.expires_at)
    }
}
