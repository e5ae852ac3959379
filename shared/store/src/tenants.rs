//! Tenants, stores, slugs, customers, onboardings.

use contracts::table::Table;
use domain::{
    AccountId, StoreId, TenantId, Timestamp,
    onboarding::Onboarding,
    order::Customer,
    store::{Store, StoreStatus},
    tenant::Tenant,
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

/// A public name of a store, its slug or its id, and what a request that names the store needs to know of it.
/// Written with the store, whenever its status changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreClaim {
    pub name: String,
    pub tenant_id: TenantId,
    pub store_id: StoreId,
    pub status: StoreStatus,
}

impl Entity for StoreClaim {
    type Owner = ();
    const TABLE: Table = Table::Tenants;
    const KIND: &'static str = "store_claim";

    fn key(&self, (): ()) -> Key {
        keys::store_claim(&self.name)
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
