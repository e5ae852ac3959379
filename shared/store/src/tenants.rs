//! Tenants, stores, public names of stores, customers and onboardings.

use contracts::table::Table;
use domain::{
    AccountId, StoreId, TenantId, Timestamp,
    onboarding::Onboarding,
    order::Customer,
    store::{Store, StoreStatus},
    tenant::{Plan, Tenant},
};
use serde::{Deserialize, Serialize};

use crate::{
    entity::{Entity, number, text},
    keys::{self, Key},
    tx::{Op, Part, Tx},
};

impl Entity for Tenant {
    type Owner = TenantId;
    const TABLE: Table = Table::Tenants;
    const KIND: &'static str = "tenant";

    fn key(&self, tenant: TenantId) -> Key {
        keys::tenant(tenant)
    }
}

/// Counters of a tenant's stores and products. They are changed by conditional arithmetic, like stock, so that two
/// products created at the same time do not refuse each other.
impl Tx {
    /// Counts one more store of a tenant that was read with `plan`; refused if the plan's limit is reached, or the
    /// plan has changed.
    pub fn count_store(&mut self, tenant: TenantId, plan: Plan, now: Timestamp) -> Op {
        self.count(tenant, "#data.stores", plan, plan.stores_max(), now)
    }

    /// Counts one store fewer.
    pub fn uncount_store(&mut self, tenant: TenantId, now: Timestamp) -> Op {
        self.push(Part::Update {
            key: keys::tenant(tenant),
            expression: format!("{SET}#data.stores = #data.stores - :one"),
            condition: "#data.stores >= :one".to_owned(),
            values: vec![(":one", number(1)), (":now", text(now.to_string()))],
        })
    }

    /// Counts one more product; refused like [`Tx::count_store`].
    pub fn count_product(&mut self, tenant: TenantId, plan: Plan, now: Timestamp) -> Op {
        self.count(tenant, "#data.products", plan, plan.products_max(), now)
    }

    fn count(&mut self, tenant: TenantId, counter: &str, plan: Plan, max: Option<u32>, now: Timestamp) -> Op {
        let mut values = vec![(":one", number(1)), (":now", text(now.to_string())), (":plan", text(plan.name()))];
        values.extend(max.map(|max| (":max", number(max))));
        let within = if max.is_some() { format!(" AND {counter} < :max") } else { String::new() };
        let condition = format!("#data.#plan = :plan{within}");
        let expression = format!("{SET}{counter} = {counter} + :one");
        self.push(Part::Update { key: keys::tenant(tenant), expression, condition, values })
    }
}

const SET: &str = "SET version = version + :one, #data.updated_at = :now, ";

impl Entity for Store {
    type Owner = TenantId;
    const TABLE: Table = Table::Tenants;
    const KIND: &'static str = "store";

    fn key(&self, tenant: TenantId) -> Key {
        keys::store(tenant, self.id)
    }
}

/// A public name of a store (its slug or its id), with the data that is needed to resolve a request's store. Written
/// together with the store, and whenever its status changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreClaim {
    /// The slug or the id.
    pub name: String,
    /// The tenant.
    pub tenant_id: TenantId,
    /// The store.
    pub store_id: StoreId,
    /// Status of the store.
    pub status: StoreStatus,
    /// When another store can take the name: set for the slug of a closed store.
    #[serde(default)]
    pub free_at: Option<Timestamp>,
}

impl StoreClaim {
    /// Whether the name cannot be taken by another store.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.free_at.is_none_or(|at| now < at)
    }
}

impl Entity for StoreClaim {
    type Owner = ();
    const TABLE: Table = Table::Tenants;
    const KIND: &'static str = "store_claim";

    fn key(&self, (): ()) -> Key {
        keys::store_claim(&self.name)
    }

    fn ends_at(&self) -> Option<Timestamp> {
        self.free_at
    }
}

/// A tenant's record of a customer. Other tenants never see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerRecord {
    /// The account.
    pub account_id: AccountId,
    /// Contact data of the customer.
    pub customer: Customer,
    /// When the account became a customer of the tenant.
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
