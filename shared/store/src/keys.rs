//! Every key of every table, and the only place where one can be made.
//!
//! A tenant's keys all start `T#<tenant>#`, the partition keys of indexes too, so a caller who holds one tenant's id
//! can only ever spell that tenant's keys. Ids hold no `#`; free text in a key (a slug, a SKU, a client's
//! idempotency key) stands last, where it can end nothing early.
//!
//! Not tenant-owned, and why: accounts, their e-mail addresses and sessions (a person may work for many tenants),
//! onboardings (the tenant is not open yet), stores' public names (a slug is a host name, which tenants share), and the index of
//! timers that are due (one sweep serves all tenants; what it finds names its tenant).

use contracts::table::Table;
use domain::{
    AccountId, CouponId, EventId, MovementId, OnboardingId, OrderId, ProductId, SessionId, StoreId, TenantId,
    Timestamp, VariantId,
    catalog::ProductStatus,
    guard::{self, Rule},
};

/// Where one item is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    pub(crate) table: Table,
    pub(crate) pk: String,
    pub(crate) sk: String,
}

impl Key {
    fn new(table: Table, pk: String, sk: impl Into<String>) -> Self {
        Self { table, pk, sk: sk.into() }
    }

    /// Partition and sort key, for tests that check whose keys were touched.
    pub fn parts(&self) -> (Table, &str, &str) {
        (self.table, &self.pk, &self.sk)
    }
}

/// A list of items: a partition of a table or of one of its indexes, and what its sort keys start with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    pub(crate) table: Table,
    pub(crate) index: Option<u8>,
    pub(crate) pk: String,
    pub(crate) sk_prefix: &'static str,
}

/// An item's place in an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexKey {
    pub(crate) index: u8,
    pub(crate) pk: String,
    pub(crate) sk: String,
}

fn list(table: Table, pk: String, sk_prefix: &'static str) -> List {
    List { table, index: None, pk, sk_prefix }
}

impl List {
    fn index(table: Table, index: u8, pk: String) -> Self {
        Self { table, index: Some(index), pk, sk_prefix: "" }
    }

    /// The place in this index of the item with that sort key.
    pub(crate) fn at(self, sk: String) -> IndexKey {
        IndexKey { index: self.index.unwrap_or(1), pk: self.pk, sk }
    }
}

/// What all keys of a tenant's own start with, before a `#`.
fn own(tenant: TenantId) -> String {
    if guard::stands(Rule::TenantInKey) { format!("T#{tenant}") } else { "T#everybody".to_owned() }
}

// Accounts: not tenant-owned.

pub fn account(id: AccountId) -> Key {
    Key::new(Table::Accounts, format!("ACC#{id}"), "ACCOUNT")
}

/// Makes a normalised e-mail address unique.
pub fn email(normalized: &str) -> Key {
    Key::new(Table::Accounts, format!("EMAIL#{normalized}"), "EMAIL")
}

pub fn session(id: SessionId) -> Key {
    Key::new(Table::Accounts, format!("SES#{id}"), "SESSION")
}

/// A one-time code of an account, by what it is for.
pub fn code(account: AccountId, purpose: &str) -> Key {
    Key::new(Table::Accounts, format!("ACC#{account}"), format!("CODE#{purpose}"))
}

/// That a code for this purpose was lately sent to a normalised e-mail address.
pub fn code_pause(normalized: &str, purpose: &str) -> Key {
    Key::new(Table::Accounts, format!("EMAIL#{normalized}"), format!("PAUSE#{purpose}"))
}

/// An account's role in a tenant, found from the account: at sign-in no tenant is known yet.
pub fn membership(account: AccountId, tenant: TenantId) -> Key {
    Key::new(Table::Accounts, format!("ACC#{account}"), format!("MEMBER#{tenant}"))
}

pub fn memberships(account: AccountId) -> List {
    list(Table::Accounts, format!("ACC#{account}"), "MEMBER#")
}

// Tenants and stores.

/// Not tenant-owned: the tenant opens when it is complete.
pub fn onboarding(id: OnboardingId) -> Key {
    Key::new(Table::Tenants, format!("ONB#{id}"), "ONBOARDING")
}

pub fn tenant(tenant: TenantId) -> Key {
    Key::new(Table::Tenants, format!("{}#TENANT", own(tenant)), "TENANT")
}

pub fn store(tenant: TenantId, id: StoreId) -> Key {
    Key::new(Table::Tenants, format!("{}#STORES", own(tenant)), id.to_string())
}

pub fn stores(tenant: TenantId) -> List {
    list(Table::Tenants, format!("{}#STORES", own(tenant)), "sto_")
}

/// Not tenant-owned: a store's public names, its slug and its id, unique over all tenants; leads to the tenant.
pub fn store_claim(name: &str) -> Key {
    Key::new(Table::Tenants, format!("STORE#{name}"), "CLAIM")
}

/// A tenant's record of an account that buys from it.
pub fn customer(tenant: TenantId, account: AccountId) -> Key {
    Key::new(Table::Tenants, format!("{}#CUSTOMERS", own(tenant)), account.to_string())
}

// Catalogue.

pub fn product(tenant: TenantId, id: ProductId) -> Key {
    Key::new(Table::Catalog, format!("{}#PRODUCT#{id}", own(tenant)), "PRODUCT")
}

/// Products of a store in one status, by id, which is by age.
pub fn products(tenant: TenantId, store: StoreId, status: ProductStatus) -> List {
    List::index(Table::Catalog, 1, format!("{}#{store}#PRODUCTS#{}", own(tenant), status.name()))
}

/// The product of a store with that slug.
pub fn products_by_slug(tenant: TenantId, store: StoreId, slug: &str) -> List {
    List::index(Table::Catalog, 2, format!("{}#{store}#SLUG#{slug}", own(tenant)))
}

/// Makes a product's slug unique in its store.
pub fn product_slug(tenant: TenantId, store: StoreId, slug: &str) -> Key {
    Key::new(Table::Catalog, format!("{}#{store}#UNIQUE", own(tenant)), format!("SLUG#{slug}"))
}

/// Makes a SKU unique in its store.
pub fn sku(tenant: TenantId, store: StoreId, sku: &str) -> Key {
    Key::new(Table::Catalog, format!("{}#{store}#UNIQUE", own(tenant)), format!("SKU#{sku}"))
}

// Carts.

pub fn cart(tenant: TenantId, store: StoreId, buyer: AccountId) -> Key {
    Key::new(Table::Carts, format!("{}#{store}#CART#{buyer}", own(tenant)), "CART")
}

// Coupons.

pub fn coupon(tenant: TenantId, store: StoreId, id: CouponId) -> Key {
    Key::new(Table::Coupons, format!("{}#{store}#COUPONS", own(tenant)), id.to_string())
}

/// A store's coupons, by id, which is by age.
pub fn coupons(tenant: TenantId, store: StoreId) -> List {
    list(Table::Coupons, format!("{}#{store}#COUPONS", own(tenant)), "cpn_")
}

/// Makes a coupon's code unique in its store.
pub fn coupon_code(tenant: TenantId, store: StoreId, code: &str) -> Key {
    Key::new(Table::Coupons, format!("{}#{store}#UNIQUE", own(tenant)), format!("CODE#{code}"))
}

/// How often the customer with a normalised e-mail address uses a coupon.
pub fn coupon_customer(tenant: TenantId, coupon: CouponId, email: &str) -> Key {
    Key::new(Table::Coupons, format!("{}#COUPON#{coupon}", own(tenant)), format!("CUSTOMER#{email}"))
}

/// What an order used of a coupon, found by the order.
pub fn redemption(tenant: TenantId, order: OrderId) -> Key {
    Key::new(Table::Coupons, format!("{}#REDEMPTION#{order}", own(tenant)), "REDEMPTION")
}

// Inventory.

pub fn stock(tenant: TenantId, variant: VariantId) -> Key {
    Key::new(Table::Inventory, format!("{}#STOCK#{variant}", own(tenant)), "STOCK")
}

pub fn stocks(tenant: TenantId, store: StoreId) -> List {
    List::index(Table::Inventory, 1, format!("{}#{store}#STOCK", own(tenant)))
}

pub fn movement(tenant: TenantId, variant: VariantId, id: MovementId) -> Key {
    Key::new(Table::Inventory, format!("{}#STOCK#{variant}", own(tenant)), format!("MOVEMENT#{id}"))
}

pub fn movements(tenant: TenantId, variant: VariantId) -> List {
    list(Table::Inventory, format!("{}#STOCK#{variant}", own(tenant)), "MOVEMENT#")
}

pub fn reservation(tenant: TenantId, order: OrderId) -> Key {
    Key::new(Table::Inventory, format!("{}#RESERVATION#{order}", own(tenant)), "RESERVATION")
}

// Orders.

pub fn order(tenant: TenantId, id: OrderId) -> Key {
    Key::new(Table::Orders, format!("{}#ORDER#{id}", own(tenant)), "ORDER")
}

/// A step of an order, by the version it led to; the padding makes text order number order.
pub fn timeline_entry(tenant: TenantId, order: OrderId, version: u64) -> Key {
    Key::new(Table::Orders, format!("{}#ORDER#{order}", own(tenant)), format!("STEP#{version:010}"))
}

pub fn timeline(tenant: TenantId, order: OrderId) -> List {
    list(Table::Orders, format!("{}#ORDER#{order}", own(tenant)), "STEP#")
}

pub fn orders_of_buyer(tenant: TenantId, store: StoreId, buyer: AccountId) -> List {
    List::index(Table::Orders, 1, format!("{}#{store}#BUYER#{buyer}", own(tenant)))
}

/// A store's orders. The index partition holds all statuses, so that a list of all is one read; a status is a filter.
pub fn orders_of_store(tenant: TenantId, store: StoreId) -> List {
    List::index(Table::Orders, 2, format!("{}#{store}#ORDERS", own(tenant)))
}

// Payments.

/// One payment an order, found by the order.
pub fn payment(tenant: TenantId, order: OrderId) -> Key {
    Key::new(Table::Payments, format!("{}#PAYMENT#{order}", own(tenant)), "PAYMENT")
}

/// Entries are unique by what moved: the same capture or refund cannot be booked twice.
pub fn ledger_entry(tenant: TenantId, order: OrderId, kind: &str, reference: &str) -> Key {
    Key::new(Table::Payments, format!("{}#PAYMENT#{order}", own(tenant)), format!("LEDGER#{kind}#{reference}"))
}

pub fn ledger_of_order(tenant: TenantId, order: OrderId) -> List {
    list(Table::Payments, format!("{}#PAYMENT#{order}", own(tenant)), "LEDGER#")
}

/// A provider's delivery, by what makes two deliveries the same.
pub fn webhook_delivery(tenant: TenantId, order: OrderId, provider: &str, dedupe: &str) -> Key {
    Key::new(Table::Payments, format!("{}#PAYMENT#{order}", own(tenant)), format!("WEBHOOK#{provider}#{dedupe}"))
}

// Notifications, audit.

/// One message of a kind to an audience about one thing.
pub fn notification(tenant: TenantId, reference: &str, kind: &str, audience: &str) -> Key {
    Key::new(Table::Notifications, format!("{}#ABOUT#{reference}", own(tenant)), format!("{kind}#{audience}"))
}

pub fn notifications(tenant: TenantId, reference: &str) -> List {
    list(Table::Notifications, format!("{}#ABOUT#{reference}", own(tenant)), "")
}

pub fn audit_head(tenant: TenantId) -> Key {
    Key::new(Table::Audit, format!("{}#AUDIT", own(tenant)), "HEAD")
}

pub fn audit_entry(tenant: TenantId, sequence: u64) -> Key {
    Key::new(Table::Audit, format!("{}#AUDIT", own(tenant)), format!("ENTRY#{sequence:012}"))
}

pub fn audit_entries(tenant: TenantId) -> List {
    list(Table::Audit, format!("{}#AUDIT", own(tenant)), "ENTRY#")
}

// Requests and outbox.

/// A client's idempotency key, scoped to who asked for what.
pub fn idempotency(tenant: Option<TenantId>, principal: &str, function: &str, key: &str) -> Key {
    let owner = tenant.map_or_else(|| "PUBLIC".to_owned(), own);
    Key::new(Table::Requests, format!("{owner}#IDEMPOTENCY#{principal}#{function}#{key}"), "ANSWER")
}

/// That a consumer has dealt with an event.
pub fn inbox(tenant: TenantId, consumer: &str, event: EventId) -> Key {
    Key::new(Table::Requests, format!("{}#INBOX#{consumer}#{event}", own(tenant)), "INBOX")
}

/// The timer of a function for an aggregate.
pub fn timer(tenant: TenantId, subject: &str, function: &str) -> Key {
    Key::new(Table::Timers, format!("{}#TIMER#{subject}", own(tenant)), function)
}

/// Timers of all tenants by when they are due, first to last.
pub fn due_timers(shard: u8) -> List {
    List::index(Table::Timers, 1, format!("DUE#{shard}"))
}

/// A timer's place among those of its shard. RFC 3339 in UTC with milliseconds sorts by time.
pub(crate) fn due_at(at: Timestamp, tenant: TenantId, subject: &str, function: &str) -> String {
    format!("{at:.3}#{tenant}#{subject}#{function}")
}

pub fn outbox(tenant: TenantId, event: EventId) -> Key {
    Key::new(Table::Outbox, format!("{}#OUTBOX#{event}", own(tenant)), "EVENT")
}

#[cfg(test)]
mod tests {
    use domain::OrderId;
    use ulid::Ulid;

    use super::*;

    #[test]
    fn a_tenants_keys_start_with_its_id() {
        let tenant = TenantId::from_ulid(Ulid(1));
        let order = OrderId::from_ulid(Ulid(2));
        let prefix = format!("T#{tenant}#");
        let keys = [
            pk(&super::order(tenant, order)),
            pk(&payment(tenant, order)),
            pk(&reservation(tenant, order)),
            pk(&redemption(tenant, order)),
            pk(&idempotency(Some(tenant), "acc", "orders-place", "T#other#")),
            pk(&outbox(tenant, EventId::from_ulid(Ulid(3)))),
            orders_of_store(tenant, StoreId::from_ulid(Ulid(4))).pk,
        ];
        for key in keys {
            assert!(key.starts_with(&prefix), "{key}");
        }
    }

    fn pk(key: &Key) -> String {
        key.parts().1.to_owned()
    }
}
