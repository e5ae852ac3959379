//! What must hold, by the numbers of this package's README.

use std::collections::{BTreeMap, BTreeSet};

use contracts::events::{Envelope, Event, RefundInitiated};
pub use domain::books::Broken;
use domain::{
    CouponId, Money, OrderId, RefundId, TenantId, VariantId,
    audit::first_break,
    books::{self, is_sold},
    coupon::RedemptionState,
    ledger::EntryKind,
    order::{CancelReason, Order, OrderState, OrderStatus, ReturnState, ReturnStatus},
    payment::{Refund, RefundStatus},
    stock::{Movement, MovementReason},
};
use serde_json::Value;
use testing::{FakePaystack, provider::ChargeBook};

use crate::mirror::{Change, Held, Mirror};

pub(crate) fn broken(invariant: &'static str, detail: impl Into<String>) -> Broken {
    Broken::new(invariant, detail)
}

/// The order that a reference at the provider is for: `<tenant>-<order>-<attempt>`, ULIDs.
pub(crate) fn order_of(reference: &str) -> Option<OrderId> {
    format!("ord_{}", reference.split('-').nth(1)?).parse().ok()
}

/// What may not be broken even for a moment.
pub(crate) fn always(mirror: &Mirror, changes: &[Change], provider: &FakePaystack) -> Vec<Broken> {
    let mut found = vec![];
    found.extend(changes.iter().filter_map(final_states));
    found.extend(changes.iter().filter_map(returns));
    stock(mirror, &mut found);
    coupons(mirror, &mut found);
    ledger(mirror, &mut found);
    let charges = provider.charges();
    for charge in &charges {
        if charge.refunded_minor > charge.captured_minor {
            let (back, taken) = (charge.refunded_minor, charge.captured_minor);
            found.push(broken("I7", format!("{}: {back} given back of {taken} taken", charge.reference)));
        }
    }
    for (order, captures) in captures(&charges) {
        if captures > 1 {
            found.push(broken("I6", format!("{order}: captured {captures} times at the provider")));
        }
    }
    if provider.over_refunds() > 0 {
        found.push(broken("I7", "the provider was asked to give back more than it had taken"));
    }
    found
}

fn captures(charges: &[ChargeBook]) -> BTreeMap<OrderId, u32> {
    let mut captures = BTreeMap::new();
    for charge in charges {
        if let Some(order) = order_of(&charge.reference) {
            *captures.entry(order).or_default() += charge.captures;
        }
    }
    captures
}

/// I5. What lapsed or failed is not final: money that comes late revives it (decision 0005), unless it used a coupon
/// (decision 0009).
fn final_states(change: &Change) -> Option<Broken> {
    let after = change.after.state.status();
    let before = &change.before.as_ref()?.state;
    let is_allowed = match before {
        OrderState::Refunded { .. } => after == OrderStatus::Refunded,
        OrderState::Cancelled { reason: CancelReason::Buyer | CancelReason::Staff, .. } => {
            matches!(after, OrderStatus::Cancelled | OrderStatus::RefundPending)
        }
        OrderState::Cancelled { .. } if change.after.coupon.is_some() => {
            matches!(after, OrderStatus::Cancelled | OrderStatus::RefundPending)
        }
        OrderState::Cancelled { .. } => matches!(after, OrderStatus::Cancelled | OrderStatus::Paid),
        OrderState::Confirmed { .. } => {
            matches!(after, OrderStatus::Confirmed | OrderStatus::Fulfilled | OrderStatus::RefundPending)
        }
        OrderState::Fulfilled { .. } => {
            matches!(after, OrderStatus::Fulfilled | OrderStatus::Completed | OrderStatus::Refunded)
        }
        OrderState::Completed { .. } => matches!(after, OrderStatus::Completed | OrderStatus::Refunded),
        OrderState::RefundPending { .. } => matches!(after, OrderStatus::RefundPending | OrderStatus::Refunded),
        OrderState::Pending if after == OrderStatus::Cancelled => {
            let OrderState::Cancelled { reason, cancelled_at } = change.after.state else { return None };
            reason != CancelReason::Expired || cancelled_at >= change.after.expires_at
        }
        _ => true,
    };
    let id = change.after.id;
    (!is_allowed).then(|| broken("I5", format!("{id}: {before:?} became {:?}", change.after.state)))
}

/// I19. A card that is declined, or a provider that is away, is no reason to end an order that can still be paid. Money
/// that is not what was asked for is one, and a provider that refuses the order.
pub(crate) fn ended_early(change: &Change, mirror: &Mirror, refused: &BTreeSet<OrderId>) -> Option<Broken> {
    let OrderState::Cancelled { reason: CancelReason::PaymentFailed, cancelled_at } = change.after.state else {
        return None;
    };
    let was_pending = change.before.as_ref().is_some_and(|order| order.state == OrderState::Pending);
    let (id, expires_at) = (change.after.id, change.after.expires_at);
    let has_wrong_money = mirror.payments.get(&id).is_some_and(|payment| !payment.value.captures.is_empty());
    let is_early = was_pending && cancelled_at < expires_at && !refused.contains(&id) && !has_wrong_money;
    let left_s = expires_at.duration_since(cancelled_at).as_secs();
    is_early.then(|| broken("I19", format!("{id} was cancelled {left_s} s before its payment window closed")))
}

/// I5, of returns: what was decided stays. And I8: no more of a line is to come back than was bought.
fn returns(change: &Change) -> Option<Broken> {
    let after = &change.after;
    for held in change.before.iter().flat_map(|order| &order.returns) {
        if held.state != ReturnState::Requested && after.find_return(held.id) != Some(held) {
            return Some(broken("I5", format!("{}: {held:?} became {:?}", after.id, after.find_return(held.id))));
        }
    }
    let wanted = after.returns.iter().filter(|held| held.state.status() != ReturnStatus::Rejected);
    let mut units: BTreeMap<VariantId, u32> = BTreeMap::new();
    for line in wanted.flat_map(|held| &held.lines) {
        *units.entry(line.variant_id).or_default() += line.quantity;
    }
    let bought = |variant| after.lines.iter().filter(|line| line.variant_id == variant).map(|line| line.quantity).sum();
    let (variant, units) = units.into_iter().find(|(variant, units)| *units > bought(*variant))?;
    Some(broken("I8", format!("{}: {units} units of {variant} come back of {} bought", after.id, bought(variant))))
}

/// I2 and I3.
fn stock(mirror: &Mirror, found: &mut Vec<Broken>) {
    let stocks = mirror.stocks.values().map(|held| &held.value);
    let reservations = mirror.reservations.values().map(|held| &held.value);
    found.extend(books::stock(stocks, mirror.movements.values(), reservations));
}

/// I13.
fn coupons(mirror: &Mirror, found: &mut Vec<Broken>) {
    let mut held: BTreeMap<CouponId, u32> = BTreeMap::new();
    let mut held_by: BTreeMap<(CouponId, &str), u32> = BTreeMap::new();
    for redemption in mirror.redemptions.values().filter(|held| held.state == RedemptionState::Held) {
        *held.entry(redemption.coupon_id).or_default() += 1;
        *held_by.entry((redemption.coupon_id, &redemption.email)).or_default() += 1;
    }
    for (id, coupon) in &mirror.coupons {
        let (uses, held) = (coupon.uses, held.get(id).copied().unwrap_or_default());
        if uses != held {
            found.push(broken("I13", format!("{id}: {uses} uses, but orders hold {held}")));
        }
        if coupon.cap.is_some_and(|cap| uses > cap) {
            found.push(broken("I13", format!("{id}: {uses} uses of {:?}", coupon.cap)));
        }
    }
    for ((id, email), customer) in &mirror.customer_uses {
        let (uses, held) = (customer.uses, held_by.get(&(*id, email.as_str())).copied().unwrap_or_default());
        let cap = mirror.coupons.get(id).and_then(|coupon| coupon.cap_per_customer);
        if uses != held || cap.is_some_and(|cap| uses > cap) {
            found.push(broken("I13", format!("{id}: {uses} uses of {cap:?} by {email}, whose orders hold {held}")));
        }
    }
}

/// I1, the half that always holds, and I7.
fn ledger(mirror: &Mirror, found: &mut Vec<Broken>) {
    for ((order, key), held) in &mirror.entries {
        found.extend(books::entry(*order, key, &held.value));
    }
    found.extend(mirror.payments.values().flat_map(|held| books::refunds(&held.value)));
}

/// What holds once everything has ended.
pub(crate) fn at_rest(mirror: &Mirror, provider: &FakePaystack, published: &BTreeSet<String>) -> Vec<Broken> {
    let mut found = vec![];
    let charges = provider.charges();
    let wished = wished_refunds(mirror);
    for (id, order) in &mirror.orders {
        let of_it = charges.iter().filter(|charge| order_of(&charge.reference) == Some(*id));
        money(mirror, &wished, *id, order, &of_it.collect::<Vec<_>>(), provider, &mut found);
        found.extend(books::stock_of(&order.value, mirror.reservations.get(id).map(|held| &held.value)));
        returned_stock(mirror, order, &mut found);
        held_coupon(mirror, *id, order, &mut found);
    }
    events(mirror, published, &mut found);
    for (tenant, entries) in &mirror.audit {
        let entries: Vec<_> = entries.values().cloned().collect();
        if let Some(at) = first_break(&entries) {
            found.push(broken("I11", format!("{tenant}: the audit chain breaks at {at:?}")));
        }
    }
    found
}

/// I1, I4 and I8.
fn money(
    mirror: &Mirror,
    wished: &Wished,
    id: OrderId,
    order: &Held<Order>,
    charges: &[&ChargeBook],
    provider: &FakePaystack,
    found: &mut Vec<Broken>,
) {
    let status = order.value.state.status();
    let failed = provider.refunds().iter().any(|r| order_of(&r.reference) == Some(id) && r.status == "failed");
    let is_final = is_sold(&order.value)
        || matches!(status, OrderStatus::Cancelled | OrderStatus::Refunded)
        // The provider will not give the money back by itself: a person has been told.
        || (status == OrderStatus::RefundPending && failed);
    if !is_final {
        found.push(broken("I4", format!("{id} has come to rest {}", status.name())));
    }
    let mut ours: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for entry in mirror.entries.range((id, String::new())..).take_while(|((order, _), _)| *order == id) {
        let entry = &entry.1.value;
        let side = match entry.kind {
            EntryKind::Capture | EntryKind::StrayCapture => "taken",
            EntryKind::Refund | EntryKind::StrayRefund => "given back",
        };
        let amount: i64 = entry.postings.iter().map(|posting| posting.debit_minor).sum();
        *ours.entry((side, entry.currency.code())).or_default() += amount;
    }
    let mut theirs: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for charge in charges.iter().filter(|charge| charge.captures > 0) {
        *theirs.entry(("taken", &charge.currency)).or_default() += charge.captured_minor;
        if charge.refunded_minor > 0 {
            *theirs.entry(("given back", &charge.currency)).or_default() += charge.refunded_minor;
        }
    }
    if ours != theirs {
        found.push(broken("I1", format!("{id}: our books say {ours:?}, the provider's {theirs:?}")));
    }
    let total = order.value.totals.total;
    let kept: i64 = charges.iter().map(|charge| charge.captured_minor - charge.refunded_minor).sum();
    let is_sold = is_sold(&order.value);
    let wanted = if is_sold { total.amount_minor - given_back(mirror, wished, &order.value, found) } else { 0 };
    if is_final && (is_sold || !failed) && kept != wanted {
        found.push(broken("I8", format!("{id} is {}, but the provider keeps {kept} of {total}", status.name())));
    }
}

/// I8: what of a sold order's money has gone back. Each refund has its reason: a return that was accepted, or the
/// seller's own wish. What the seller has given back by then a return does not give back again.
fn given_back(mirror: &Mirror, wished: &Wished, order: &Order, found: &mut Vec<Broken>) -> i64 {
    let mut owed: BTreeMap<RefundId, Money> = BTreeMap::new();
    for held in &order.returns {
        if let ReturnState::Accepted { refund, .. } = held.state
            && !refund.is_zero()
        {
            owed.insert(RefundId::from_ulid(held.id.ulid()), refund);
        }
    }
    let payment = mirror.payments.get(&order.id).map(|held| &held.value);
    let paid = payment.and_then(|payment| payment.captures.iter().find(|capture| capture.settles));
    let refunds = payment.iter().flat_map(|payment| &payment.refunds);
    let refunds: Vec<&Refund> =
        refunds.filter(|refund| paid.is_some_and(|capture| capture.reference == refund.reference)).collect();
    let (by_seller, by_returns): (Vec<&Refund>, Vec<&Refund>) =
        refunds.iter().partition(|refund| wished.get(&refund.id) == Some(&order.id));
    let by_returns: BTreeMap<RefundId, Money> =
        by_returns.into_iter().map(|refund| (refund.id, refund.amount)).collect();
    let fits = if by_seller.is_empty() {
        by_returns == owed
    } else {
        by_returns.iter().all(|(id, amount)| owed.get(id).is_some_and(|owed| amount.amount_minor <= owed.amount_minor))
    };
    if !fits {
        found.push(broken("I8", format!("{}: {by_returns:?} go back, and {owed:?} should", order.id)));
    }
    // Everything back is all that the goods cost.
    let is_all_back = order.lines.iter().all(|line| order.returnable(line.variant_id) == Some(0))
        && order.returns.iter().all(|held| held.state.status() != ReturnStatus::Requested);
    let back: i64 = by_returns.values().map(|amount| amount.amount_minor).sum();
    let cost = order.totals.paid_for_goods().unwrap().amount_minor;
    if back > cost || (is_all_back && by_seller.is_empty() && back != cost) {
        found.push(broken("I8", format!("{}: {back} goes back of {cost} that the goods cost", order.id)));
    }
    let gone = refunds.iter().filter(|refund| refund.status == RefundStatus::Processed);
    gone.map(|refund| refund.amount.amount_minor).sum()
}

/// Refunds that no event caused, but a seller's request; and of which order.
pub(crate) type Wished = BTreeMap<RefundId, OrderId>;

pub(crate) fn wished_refunds(mirror: &Mirror) -> Wished {
    let initiated = mirror.outbox.values().filter(|event| event.r#type == RefundInitiated::TYPE);
    let by_request = initiated.filter(|event| event.causation_id.is_none());
    let text = |event: &Envelope<Value>, name: &str| event.data[name].as_str().unwrap().to_owned();
    by_request
        .map(|event| (text(event, "refund_id").parse().unwrap(), text(event, "order_id").parse().unwrap()))
        .collect()
}

/// I2: of a sold order, what was accepted to be sold again is on hand again, and nothing else.
fn returned_stock(mirror: &Mirror, order: &Held<Order>, found: &mut Vec<Broken>) {
    if !is_sold(&order.value) {
        return;
    }
    let id = order.value.id.to_string();
    let is_its = |movement: &&Movement| {
        movement.reason == MovementReason::Return && movement.reference.as_deref() == Some(id.as_str())
    };
    found.extend(books::returned_stock(&order.value, mirror.movements.values().filter(is_its)));
}

/// I8: what is off uses no coupon, what is not uses its own.
fn held_coupon(mirror: &Mirror, id: OrderId, order: &Held<domain::order::Order>, found: &mut Vec<Broken>) {
    let status = order.value.state.status();
    let wanted = match &order.value.coupon {
        None => None,
        Some(_) if is_sold(&order.value) => Some(RedemptionState::Held),
        Some(_) => Some(RedemptionState::Released),
    };
    let state = mirror.redemptions.get(&id).map(|redemption| redemption.state);
    if state != wanted {
        found.push(broken("I8", format!("{id} is {}, but its coupon is {state:?}", status.name())));
    }
}

/// I9 and I11: what was committed was published, and is in the audit once; and nothing else is.
fn events(mirror: &Mirror, published: &BTreeSet<String>, found: &mut Vec<Broken>) {
    let mut audited: BTreeMap<String, u32> = BTreeMap::new();
    for entry in mirror.audit.values().flat_map(BTreeMap::values) {
        *audited.entry(entry.event_id.to_string()).or_default() += 1;
    }
    for event in mirror.outbox.values() {
        let id = event.id.to_string();
        if !published.contains(&id) {
            found.push(broken("I9", format!("{} {id} was committed and never published", event.r#type)));
        }
    }
    for id in published {
        match audited.get(id) {
            Some(1) => {}
            Some(times) => found.push(broken("I9", format!("event {id} is in the audit {times} times"))),
            None => found.push(broken("I9", format!("event {id} was published and is not in the audit"))),
        }
    }
    for id in audited.keys().filter(|id| !published.contains(*id)) {
        found.push(broken("I11", format!("event {id} is in the audit and never happened")));
    }
    // Every change of an order is told: its versions are its events.
    let mut told: BTreeMap<(TenantId, String), BTreeSet<u64>> = BTreeMap::new();
    for event in mirror.outbox.values().filter(|event| event.source == "selleasi.orders") {
        told.entry((event.tenant_id, event.subject.clone())).or_default().insert(event.version);
    }
    for (id, order) in &mirror.orders {
        let told = told.get(&(order.tenant, id.to_string())).cloned().unwrap_or_default();
        if told != (1..=order.version).collect() {
            found.push(broken("I9", format!("{id} is at version {}, but told of {told:?}", order.version)));
        }
    }
}
