//! The keys of all tables. Keys can be made only in this module.
//!
//! All partition keys of a tenant's items, also those of indexes, start with `T#<tenant>#`. So code that has one
//! tenant's id can make keys of that tenant only. Ids contain no `#`. Free text in a key (a slug, a SKU, a client's
//! idempotency key) comes last, so that a `#` in it cannot imitate another key.
//!
//! These belong to no tenant: accounts with their e-mail addresses and sessions (a person can work for many tenants),
//! guests who have signed out (nothing else is stored of a guest's session), onboardings (the tenant does not exist yet),
//! public names of stores (all tenants share the name space of host names), the buckets of callers' rate limits for the
//! whole platform (they count calls about all tenants), and the index of due timers (one sweep serves all tenants, and each timer names its tenant).

use contracts::table::Table;
use domain::{
    AccountId, CouponId, EventId, MovementId, OnboardingId, OrderId, ProductId, SessionId, StoreId, TenantId,
    Timestamp, VariantId, VerificationId,
    attempts::Counted,
    catalog::ProductStatus,
    guard::{self, Rule},
    order::Holder,
};

/// The primary key of an item.
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

    /// Table, partition key and sort key, for tests.
    pub fn parts(&self) -> (Table, &str, &str) {
        (self.table, &self.pk, &self.sk)
    }
}

/// A list of items: a partition of a table or index, and a prefix of the sort keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    pub(crate) table: Table,
    pub(crate) index: Option<u8>,
    pub(crate) pk: String,
    pub(crate) sk_prefix: &'static str,
}

/// The keys of an item in an index.
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

    /// The keys in this index of an item with that sort key.
    pub(crate) fn at(self, sk: String) -> IndexKey {
        IndexKey { index: self.index.unwrap_or(1), pk: self.pk, sk }
    }
}

/// The prefix of a tenant's partition keys, without the `#` behind it.
fn own(tenant: TenantId) -> String {
    if guard::stands(Rule::TenantInKey) { format!("T#{tenant}") } else { "T#everybody".to_owned() }
}

// Accounts: not tenant-owned.

/// An account.
pub fn account(id: AccountId) -> Key {
    Key::new(Table::Accounts, format!("ACC#{id}"), "ACCOUNT")
}

/// The claim that makes a normalised e-mail address unique.
pub fn email(normalized: &str) -> Key {
    Key::new(Table::Accounts, format!("EMAIL#{normalized}"), "EMAIL")
}

/// A session of an account.
pub fn session(account: AccountId, id: SessionId) -> Key {
    Key::new(Table::Accounts, format!("ACC#{account}"), format!("SESSION#{id}"))
}

/// All sessions of an account, oldest first.
pub fn sessions(account: AccountId) -> List {
    list(Table::Accounts, format!("ACC#{account}"), "SESSION#")
}

/// The record that a guest has signed out.
pub fn ended_guest(id: SessionId) -> Key {
    Key::new(Table::Accounts, format!("GUEST#{id}"), "ENDED")
}

/// A request to prove an e-mail address with a code.
pub fn verification(id: VerificationId) -> Key {
    Key::new(Table::Accounts, format!("VER#{id}"), "VERIFICATION")
}

/// What is counted for a normalised e-mail address.
pub fn attempts(normalized: &str, counted: Counted) -> Key {
    Key::new(Table::Accounts, format!("EMAIL#{normalized}"), format!("ATTEMPTS#{}", counted.name()))
}

/// The record that no notifications are sent to a normalised e-mail address.
pub fn suppressed_address(normalized: &str) -> Key {
    Key::new(Table::Accounts, format!("EMAIL#{normalized}"), "SUPPRESSED")
}

/// The role of an account in a tenant. Stored with the account, because at sign-in the tenant is not known yet.
pub fn membership(account: AccountId, tenant: TenantId) -> Key {
    Key::new(Table::Accounts, format!("ACC#{account}"), format!("MEMBER#{tenant}"))
}

/// All memberships of an account.
pub fn memberships(account: AccountId) -> List {
    list(Table::Accounts, format!("ACC#{account}"), "MEMBER#")
}

// Tenants and stores.

/// An onboarding. Belongs to no tenant: the tenant is created when it is complete.
pub fn onboarding(id: OnboardingId) -> Key {
    Key::new(Table::Tenants, format!("ONB#{id}"), "ONBOARDING")
}

/// A tenant.
pub fn tenant(tenant: TenantId) -> Key {
    Key::new(Table::Tenants, format!("{}#TENANT", own(tenant)), "TENANT")
}

/// A store.
pub fn store(tenant: TenantId, id: StoreId) -> Key {
    Key::new(Table::Tenants, format!("{}#STORES", own(tenant)), id.to_string())
}

/// The stores of a tenant, oldest first.
pub fn stores(tenant: TenantId) -> List {
    list(Table::Tenants, format!("{}#STORES", own(tenant)), "sto_")
}

/// A public name of a store: its slug or its id. Belongs to no tenant: names are unique across all tenants, and the
/// record leads to the tenant.
pub fn store_claim(name: &str) -> Key {
    Key::new(Table::Tenants, format!("STORE#{name}"), "CLAIM")
}

/// A tenant's rate limits.
pub fn rate_rules(tenant: TenantId) -> Key {
    Key::new(Table::Tenants, format!("{}#RATE_RULES", own(tenant)), "RATE_RULES")
}

/// A tenant's record of a customer.
pub fn customer(tenant: TenantId, account: AccountId) -> Key {
    Key::new(Table::Tenants, format!("{}#CUSTOMERS", own(tenant)), account.to_string())
}

// Catalogue.

/// A product.
pub fn product(tenant: TenantId, id: ProductId) -> Key {
    Key::new(Table::Catalog, format!("{}#PRODUCT#{id}", own(tenant)), "PRODUCT")
}

/// Products of a store with one status, oldest first.
pub fn products(tenant: TenantId, store: StoreId, status: ProductStatus) -> List {
    List::index(Table::Catalog, 1, format!("{}#{store}#PRODUCTS#{}", own(tenant), status.name()))
}

/// The product of a store with this slug.
pub fn products_by_slug(tenant: TenantId, store: StoreId, slug: &str) -> List {
    List::index(Table::Catalog, 2, format!("{}#{store}#SLUG#{slug}", own(tenant)))
}

/// The claim that makes a product's slug unique in its store.
pub fn product_slug(tenant: TenantId, store: StoreId, slug: &str) -> Key {
    Key::new(Table::Catalog, format!("{}#{store}#UNIQUE", own(tenant)), format!("SLUG#{slug}"))
}

/// The claim that makes a SKU unique in its store.
pub fn sku(tenant: TenantId, store: StoreId, sku: &str) -> Key {
    Key::new(Table::Catalog, format!("{}#{store}#UNIQUE", own(tenant)), format!("SKU#{sku}"))
}

// Carts.

/// The cart of a buyer in a store.
pub fn cart(tenant: TenantId, store: StoreId, buyer: AccountId) -> Key {
    Key::new(Table::Carts, format!("{}#{store}#CART#{buyer}", own(tenant)), "CART")
}

// Coupons.

/// A coupon.
pub fn coupon(tenant: TenantId, store: StoreId, id: CouponId) -> Key {
    Key::new(Table::Coupons, format!("{}#{store}#COUPONS", own(tenant)), id.to_string())
}

/// Coupons of a store, oldest first.
pub fn coupons(tenant: TenantId, store: StoreId) -> List {
    list(Table::Coupons, format!("{}#{store}#COUPONS", own(tenant)), "cpn_")
}

/// The claim that makes a coupon's code unique in its store.
pub fn coupon_code(tenant: TenantId, store: StoreId, code: &str) -> Key {
    Key::new(Table::Coupons, format!("{}#{store}#UNIQUE", own(tenant)), format!("CODE#{code}"))
}

/// The uses of a coupon by the customer with a normalised e-mail address.
pub fn coupon_customer(tenant: TenantId, coupon: CouponId, email: &str) -> Key {
    Key::new(Table::Coupons, format!("{}#COUPON#{coupon}", own(tenant)), format!("CUSTOMER#{email}"))
}

/// The use of a coupon by an order.
pub fn redemption(tenant: TenantId, order: OrderId) -> Key {
    Key::new(Table::Coupons, format!("{}#REDEMPTION#{order}", own(tenant)), "REDEMPTION")
}

// Inventory.

/// The stock of a variant.
pub fn stock(tenant: TenantId, variant: VariantId) -> Key {
    Key::new(Table::Inventory, format!("{}#STOCK#{variant}", own(tenant)), "STOCK")
}

/// The stock of all variants of a store, oldest variant first.
pub fn stocks(tenant: TenantId, store: StoreId) -> List {
    List::index(Table::Inventory, 1, format!("{}#{store}#STOCK", own(tenant)))
}

/// A stock movement of a variant.
pub fn movement(tenant: TenantId, variant: VariantId, id: MovementId) -> Key {
    Key::new(Table::Inventory, format!("{}#STOCK#{variant}", own(tenant)), format!("MOVEMENT#{id}"))
}

/// The stock movements of a variant, oldest first.
pub fn movements(tenant: TenantId, variant: VariantId) -> List {
    list(Table::Inventory, format!("{}#STOCK#{variant}", own(tenant)), "MOVEMENT#")
}

/// The reservation of an order.
pub fn reservation(tenant: TenantId, order: OrderId) -> Key {
    Key::new(Table::Inventory, format!("{}#RESERVATION#{order}", own(tenant)), "RESERVATION")
}

// Orders.

/// An order.
pub fn order(tenant: TenantId, id: OrderId) -> Key {
    Key::new(Table::Orders, format!("{}#ORDER#{id}", own(tenant)), "ORDER")
}

/// A change of an order, by the version it made. The version is zero-padded, so that text sorts like numbers.
pub fn timeline_entry(tenant: TenantId, order: OrderId, version: u64) -> Key {
    Key::new(Table::Orders, format!("{}#ORDER#{order}", own(tenant)), format!("STEP#{version:010}"))
}

/// The changes of an order, oldest first.
pub fn timeline(tenant: TenantId, order: OrderId) -> List {
    list(Table::Orders, format!("{}#ORDER#{order}", own(tenant)), "STEP#")
}

/// The orders of a buyer in a store, oldest first.
pub fn orders_of_buyer(tenant: TenantId, store: StoreId, buyer: AccountId) -> List {
    List::index(Table::Orders, 1, format!("{}#{store}#BUYER#{buyer}", own(tenant)))
}

/// The orders of a store, oldest first. One partition contains all statuses, so that all orders can be listed in one
/// read; a list of one status filters it.
pub fn orders_of_store(tenant: TenantId, store: StoreId) -> List {
    List::index(Table::Orders, 2, format!("{}#{store}#ORDERS", own(tenant)))
}

/// The count of a holder's pending orders in a store.
pub fn pending_orders(tenant: TenantId, store: StoreId, holder: &Holder) -> Key {
    let holder = match holder {
        Holder::Account(account) => format!("ACCOUNT#{account}"),
        Holder::Email(email) => format!("EMAIL#{email}"),
        Holder::Client(client) => format!("CLIENT#{client}"),
    };
    Key::new(Table::Orders, format!("{}#{store}#PENDING#{holder}", own(tenant)), "PENDING")
}

// Payments.

/// The payment of an order. An order has one.
pub fn payment(tenant: TenantId, order: OrderId) -> Key {
    Key::new(Table::Payments, format!("{}#PAYMENT#{order}", own(tenant)), "PAYMENT")
}

/// A ledger entry. The key is made of the capture or refund that it books, so that nothing is booked twice.
pub fn ledger_entry(tenant: TenantId, order: OrderId, kind: &str, reference: &str) -> Key {
    Key::new(Table::Payments, format!("{}#PAYMENT#{order}", own(tenant)), format!("LEDGER#{kind}#{reference}"))
}

/// The ledger entries of an order.
pub fn ledger_of_order(tenant: TenantId, order: OrderId) -> List {
    list(Table::Payments, format!("{}#PAYMENT#{order}", own(tenant)), "LEDGER#")
}

/// A stored webhook. Repeated deliveries of the same webhook have the same `dedupe`.
pub fn webhook_delivery(tenant: TenantId, order: OrderId, provider: &str, dedupe: &str) -> Key {
    Key::new(Table::Payments, format!("{}#PAYMENT#{order}", own(tenant)), format!("WEBHOOK#{provider}#{dedupe}"))
}

// Notifications, audit.

/// A notification: at most one of a kind, to an audience, about a reference.
pub fn notification(tenant: TenantId, reference: &str, kind: &str, audience: &str) -> Key {
    Key::new(Table::Notifications, format!("{}#ABOUT#{reference}", own(tenant)), format!("{kind}#{audience}"))
}

/// The count of a store's mails about unpaid orders to an address on a day.
pub fn unpaid_mails(tenant: TenantId, store: StoreId, day: &str, recipient: &str) -> Key {
    Key::new(Table::Notifications, format!("{}#{store}#UNPAID_MAILS#{day}#{recipient}", own(tenant)), "COUNT")
}

/// All notifications about a reference.
pub fn notifications(tenant: TenantId, reference: &str) -> List {
    list(Table::Notifications, format!("{}#ABOUT#{reference}", own(tenant)), "")
}

/// The end of a tenant's audit trail.
pub fn audit_head(tenant: TenantId) -> Key {
    Key::new(Table::Audit, format!("{}#AUDIT", own(tenant)), "HEAD")
}

/// An entry of a tenant's audit trail.
pub fn audit_entry(tenant: TenantId, sequence: u64) -> Key {
    Key::new(Table::Audit, format!("{}#AUDIT", own(tenant)), format!("ENTRY#{sequence:012}"))
}

/// All entries of a tenant's audit trail, by sequence number.
pub fn audit_entries(tenant: TenantId) -> List {
    list(Table::Audit, format!("{}#AUDIT", own(tenant)), "ENTRY#")
}

// Requests and outbox.

/// The stored response for a client's idempotency key, separate for each caller and function.
pub fn idempotency(tenant: Option<TenantId>, principal: &str, function: &str, key: &str) -> Key {
    let owner = tenant.map_or_else(|| "PUBLIC".to_owned(), own);
    Key::new(Table::Requests, format!("{owner}#IDEMPOTENCY#{principal}#{function}#{key}"), "ANSWER")
}

/// The bucket of a client's rate limit: of an address, an account or a tenant, for a class of endpoints. Belongs to no
/// tenant where it counts calls about all of them.
pub fn rate_bucket(tenant: Option<TenantId>, subject: &str, class: &str, id: &str) -> Key {
    let owner = tenant.map_or_else(|| "PUBLIC".to_owned(), own);
    Key::new(Table::Requests, format!("{owner}#RATE#{class}#{subject}#{id}"), "BUCKET")
}

/// The record that a consumer has processed an event.
pub fn inbox(tenant: TenantId, consumer: &str, event: EventId) -> Key {
    Key::new(Table::Requests, format!("{}#INBOX#{consumer}#{event}", own(tenant)), "INBOX")
}

/// The timer of a function for the aggregate `subject`.
pub fn timer(tenant: TenantId, subject: &str, function: &str) -> Key {
    Key::new(Table::Timers, format!("{}#TIMER#{subject}", own(tenant)), function)
}

/// Timers of all tenants in one shard, by due time, earliest first.
pub fn due_timers(shard: u8) -> List {
    List::index(Table::Timers, 1, format!("DUE#{shard}"))
}

/// The sort key of a timer in its shard: RFC 3339 in UTC with milliseconds, which sorts by time.
pub(crate) fn due_at(at: Timestamp, tenant: TenantId, subject: &str, function: &str) -> String {
    format!("{at:.3}#{tenant}#{subject}#{function}")
}

/// Partitions of a tenant's outbox. One takes about 1,000 writes a second, and an event needs several: it has some
/// kilobytes, and transactions count twice.
pub const OUTBOX_SHARDS: u8 = 8;

/// An event in the outbox. Its shard follows from the random part of its id.
pub fn outbox(tenant: TenantId, event: EventId) -> Key {
    let shard = event.ulid().0 % u128::from(OUTBOX_SHARDS);
    Key::new(Table::Outbox, format!("{}#OUTBOX#{shard}", own(tenant)), event.to_string())
}

/// The events in one shard of a tenant's outbox, oldest first.
pub fn outbox_events(tenant: TenantId, shard: u8) -> List {
    list(Table::Outbox, format!("{}#OUTBOX#{shard}", own(tenant)), "evt_")
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
