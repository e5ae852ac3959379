//! What the database holds, decoded, kept up to date from every write; and which transitions were seen.

use std::collections::BTreeMap;

use contracts::events::Envelope;
use domain::{
    CouponId, EventId, MovementId, OrderId, TenantId, VariantId,
    coupon::{Coupon, CustomerUses, Redemption},
    ledger::LedgerEntry,
    order::{Order, Return},
    payment::Payment,
    reservation::Reservation,
    stock::{Movement, Stock},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use store::Notification;

/// How often each transition of each state machine was seen: machine, from, to.
pub type Coverage = BTreeMap<(&'static str, String, String), u64>;

/// The transitions that there are functions for. `disputed` (none hears of disputes) is in the machines for functions to
/// come.
pub const REACHABLE: [(&str, &str, &str); 54] = [
    ("order", "", "pending"),
    ("order", "pending", "paid"),
    ("order", "pending", "cancelled"),
    ("order", "pending", "cancel_requested"),
    ("order", "cancel_requested", "cancelled"),
    ("order", "cancel_requested", "refund_pending"),
    ("order", "paid", "confirmed"),
    ("order", "paid", "refund_pending"),
    ("order", "confirmed", "refund_pending"),
    ("order", "confirmed", "fulfilled"),
    ("order", "fulfilled", "completed"),
    ("order", "fulfilled", "refunded"),
    ("order", "completed", "refunded"),
    ("order", "cancelled", "paid"),
    ("order", "cancelled", "refund_pending"),
    ("order", "refund_pending", "refunded"),
    ("payment", "", "initiated"),
    ("payment", "initiated", "pending"),
    ("payment", "initiated", "unknown"),
    ("payment", "initiated", "failed"),
    ("payment", "initiated", "expired"),
    ("payment", "unknown", "initiated"),
    ("payment", "unknown", "expired"),
    ("payment", "pending", "captured"),
    ("payment", "pending", "failed"),
    ("payment", "pending", "expired"),
    ("payment", "expired", "captured"),
    ("payment", "captured", "refunded"),
    ("payment", "captured", "partially_refunded"),
    ("payment", "partially_refunded", "refunded"),
    ("reservation", "", "held"),
    ("reservation", "held", "committed"),
    ("reservation", "held", "released"),
    ("reservation", "committed", "returned"),
    ("reservation", "released", "committed"),
    ("reservation", "released", "rejected"),
    ("redemption", "", "held"),
    ("redemption", "held", "released"),
    ("fulfilment", "", "preparing"),
    ("fulfilment", "", "dispatched"),
    ("fulfilment", "preparing", "dispatched"),
    ("fulfilment", "dispatched", "in_transit"),
    ("fulfilment", "dispatched", "out_for_delivery"),
    ("fulfilment", "dispatched", "delivered"),
    ("fulfilment", "dispatched", "delivery_failed"),
    ("fulfilment", "in_transit", "out_for_delivery"),
    ("fulfilment", "in_transit", "delivered"),
    ("fulfilment", "in_transit", "delivery_failed"),
    ("fulfilment", "out_for_delivery", "delivered"),
    ("fulfilment", "out_for_delivery", "delivery_failed"),
    ("fulfilment", "delivery_failed", "dispatched"),
    ("return", "", "requested"),
    ("return", "requested", "accepted"),
    ("return", "requested", "rejected"),
];

/// Transitions that so few runs make that none may.
pub const RARE: [(&str, &str, &str); 2] = [
    // Money of the wrong amount failed the payment, and the right amount came after it under an older reference: a
    // declined card fails no payment any more.
    ("payment", "failed", "captured"),
    // The checkout was opened as often as may be, and the last answer was waited for in vain.
    ("payment", "unknown", "failed"),
];

#[derive(Debug, Clone)]
pub(crate) struct Held<T> {
    pub(crate) tenant: TenantId,
    pub(crate) version: u64,
    pub(crate) value: T,
}

#[derive(Debug, Default)]
pub(crate) struct Mirror {
    pub(crate) orders: BTreeMap<OrderId, Held<Order>>,
    /// In the order they were placed.
    pub(crate) placed: Vec<OrderId>,
    pub(crate) payments: BTreeMap<OrderId, Held<Payment>>,
    pub(crate) entries: BTreeMap<(OrderId, String), Held<LedgerEntry>>,
    pub(crate) reservations: BTreeMap<OrderId, Held<Reservation>>,
    pub(crate) coupons: BTreeMap<CouponId, Coupon>,
    /// By the customer's address.
    pub(crate) customer_uses: BTreeMap<(CouponId, String), CustomerUses>,
    pub(crate) redemptions: BTreeMap<OrderId, Redemption>,
    pub(crate) stocks: BTreeMap<VariantId, Held<Stock>>,
    pub(crate) movements: BTreeMap<(VariantId, MovementId), Movement>,
    pub(crate) notifications: BTreeMap<String, Notification>,
    pub(crate) audit: BTreeMap<TenantId, BTreeMap<u64, domain::audit::AuditEntry>>,
    pub(crate) outbox: BTreeMap<EventId, Envelope<Value>>,
    pub(crate) coverage: Coverage,
}

/// An item as the store writes it.
#[derive(Deserialize)]
pub(crate) struct Stored<T> {
    version: u64,
    pub(crate) data: T,
}

pub(crate) fn decode<T: DeserializeOwned>(item: &Value) -> Stored<T> {
    let item: serde_dynamo::Item = serde_json::from_value(item.clone()).unwrap();
    serde_dynamo::from_item(item).unwrap()
}

/// The tenant in an item's key.
fn owner(item: &Value) -> Option<TenantId> {
    item["pk"]["S"].as_str()?.strip_prefix("T#")?.split_once('#')?.0.parse().ok()
}

/// What a write changed of an order, for those who judge it.
pub(crate) struct Change {
    pub(crate) before: Option<Order>,
    pub(crate) after: Order,
}

impl Mirror {
    /// Takes in what was written. Gives back how orders changed.
    pub(crate) fn take_in(&mut self, written: Vec<(String, Value)>) -> Vec<Change> {
        let mut changes = vec![];
        for (_, item) in written {
            let Some(tenant) = owner(&item) else { continue };
            match item["kind"]["S"].as_str().unwrap_or_default() {
                "order" => changes.push(self.order(tenant, decode(&item))),
                "payment" => {
                    let Stored::<Payment> { version, data: value } = decode(&item);
                    let before = self.payments.get(&value.order_id).map_or("", |held| held.value.status.name());
                    self.saw("payment", before, value.status.name());
                    self.payments.insert(value.order_id, Held { tenant, version, value });
                }
                "ledger_entry" => {
                    let Stored::<LedgerEntry> { version, data: value } = decode(&item);
                    let sk = item["sk"]["S"].as_str().unwrap().to_owned();
                    self.entries.insert((value.order_id, sk), Held { tenant, version, value });
                }
                "reservation" => {
                    let Stored::<Reservation> { version, data: value } = decode(&item);
                    let name = |reservation: &Reservation| format!("{:?}", reservation.state).to_lowercase();
                    let before = self.reservations.get(&value.order_id).map_or(String::new(), |held| name(&held.value));
                    self.saw("reservation", &before, &name(&value));
                    self.reservations.insert(value.order_id, Held { tenant, version, value });
                }
                "coupon" => {
                    let coupon = decode::<Coupon>(&item).data;
                    self.coupons.insert(coupon.id, coupon);
                }
                "coupon_customer" => {
                    let uses = decode::<CustomerUses>(&item).data;
                    self.customer_uses.insert((uses.coupon_id, uses.email.clone()), uses);
                }
                "redemption" => {
                    let redemption = decode::<Redemption>(&item).data;
                    let before = self.redemptions.get(&redemption.order_id).map_or("", |held| held.state.name());
                    self.saw("redemption", before, redemption.state.name());
                    self.redemptions.insert(redemption.order_id, redemption);
                }
                "stock" => {
                    let Stored::<Stock> { version, data: value } = decode(&item);
                    self.stocks.insert(value.variant_id, Held { tenant, version, value });
                }
                "movement" => {
                    let movement = decode::<Movement>(&item).data;
                    self.movements.insert((movement.variant_id, movement.id), movement);
                }
                "notification" => {
                    let key = format!("{} {}", item["pk"]["S"], item["sk"]["S"]);
                    self.notifications.insert(key, decode(&item).data);
                }
                "audit_entry" => {
                    let entry = decode::<domain::audit::AuditEntry>(&item).data;
                    self.audit.entry(tenant).or_default().insert(entry.sequence, entry);
                }
                "outbox" => {
                    let detail = item["data"]["M"]["detail"]["S"].as_str().unwrap();
                    let event: Envelope<Value> = serde_json::from_str(detail).unwrap();
                    self.outbox.insert(event.id, event);
                }
                _ => {}
            }
        }
        changes
    }

    fn order(&mut self, tenant: TenantId, stored: Stored<Order>) -> Change {
        let Stored { version, data: value } = stored;
        let before = self.orders.get(&value.id).map(|held| held.value.clone());
        let from = before.as_ref().map_or("", |order| order.state.status().name());
        self.saw("order", from, value.state.status().name());
        if let Some(fulfilment) = &value.fulfilment {
            let held = before.as_ref().and_then(|order| order.fulfilment.as_ref());
            self.saw("fulfilment", held.map_or("", |held| held.status.name()), fulfilment.status.name());
        }
        for held in &value.returns {
            let name = |held: &Return| format!("{:?}", held.state.status()).to_lowercase();
            let from = before.as_ref().and_then(|order| order.find_return(held.id)).map_or(String::new(), name);
            self.saw("return", &from, &name(held));
        }
        if before.is_none() {
            self.placed.push(value.id);
        }
        self.orders.insert(value.id, Held { tenant, version, value: value.clone() });
        Change { before, after: value }
    }

    fn saw(&mut self, machine: &'static str, from: &str, to: &str) {
        if from != to {
            *self.coverage.entry((machine, from.to_owned(), to.to_owned())).or_default() += 1;
        }
    }
}
