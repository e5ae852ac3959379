//! The audit trail: its entries and its end.

use contracts::table::Table;
use domain::{
    TenantId,
    audit::{AuditEntry, Head},
};

use crate::{
    entity::Entity,
    keys::{self, Key},
};

impl Entity for AuditEntry {
    type Owner = TenantId;
    const TABLE: Table = Table::Audit;
    const KIND: &'static str = "audit_entry";

    fn key(&self, tenant: TenantId) -> Key {
        keys::audit_entry(tenant, self.sequence)
    }
}

impl Entity for Head {
    type Owner = TenantId;
    const TABLE: Table = Table::Audit;
    const KIND: &'static str = "audit_head";

    fn key(&self, tenant: TenantId) -> Key {
        keys::audit_head(tenant)
    }
}
