//! The ledger: append-only, one item for each movement of money.

use contracts::table::Table;
use domain::{TenantId, ledger::LedgerEntry};

use crate::{
    entity::Entity,
    keys::{self, Key},
};

impl Entity for LedgerEntry {
    type Owner = TenantId;
    const TABLE: Table = Table::Payments;
    const KIND: &'static str = "ledger_entry";

    fn key(&self, tenant: TenantId) -> Key {
        keys::ledger_entry(tenant, self.order_id, self.kind.name(), &self.reference)
    }
}
