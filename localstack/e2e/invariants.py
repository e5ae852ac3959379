"""What must hold of a tenant whatever happened to it, read from the tables and from the provider's own books.

The numbers are those of the README: `never` may not be broken even for a moment, `at_rest` has to hold once everything
that is under way has ended.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from .shop import FINAL, Seller
from .waiting import WITHIN_S, wait_for

GENESIS = "0" * 64
# As in shared/store/src/keys.rs.
OUTBOX_SHARDS = 8
# Order states whose money is the seller's.
KEPT = ("paid", "confirmed", "fulfilled", "completed")
LOOK_EVERY_S = 0.5

Json = dict[str, Any]


@dataclass
class Books:
    """Everything there is about one tenant."""

    tenant: str
    orders: dict[str, Json]  # with their status
    payments: dict[str, Json]
    ledger: dict[str, list[Json]]
    reservations: dict[str, Json]
    stock: dict[str, Json]
    movements: dict[str, list[Json]]
    provider: dict[str, list[Json]]  # the provider's transactions, by order
    coupons: list[Json]
    customers: list[Json]  # how often each uses a coupon
    redemptions: dict[str, Json]
    outbox: dict[str, Json]  # envelopes, by id
    audit: list[Json]
    audit_head: Json
    dead: list[str]


def read(seller: Seller) -> Books:
    """The events last: whatever had happened before is in them."""
    cloud, tenant = seller.shop.cloud, seller.tenant_id
    own = f"T#{tenant}#"
    stores = [item.data["id"] for item in cloud.partition("tenants", f"{own}STORES")]
    orders = {i.data["id"]: _flat(i.data) for store in stores for i in cloud.index("orders", 2, f"{own}{store}#ORDERS")}
    payments, ledger, reservations = {}, {}, {}
    for order in orders:
        held = cloud.partition("payments", f"{own}PAYMENT#{order}")
        payments |= {order: item.data for item in held if item.sk == "PAYMENT"}
        ledger[order] = [item.data for item in held if item.sk.startswith("LEDGER#")]
        if reservation := cloud.item("inventory", f"{own}RESERVATION#{order}", "RESERVATION"):
            reservations[order] = reservation.data
    stock = {i.data["variant_id"]: i.data for s in stores for i in cloud.index("inventory", 1, f"{own}{s}#STOCK")}
    movements = {variant: [i.data for i in cloud.partition("inventory", f"{own}STOCK#{variant}", "MOVEMENT#")]
                 for variant in stock}  # fmt: skip
    provider = defaultdict(list)
    for row in seller.shop.paystack.books(f"{tenant.partition('_')[2]}-"):
        provider[f"ord_{row['reference'].split('-')[1]}"].append(row)
    coupons = [item.data for store in stores for item in cloud.partition("coupons", f"{own}{store}#COUPONS")]
    customers = [item.data for item in cloud.all_of("coupons", f"{own}COUPON#")]
    redemptions = {item.data["order_id"]: item.data for item in cloud.all_of("coupons", f"{own}REDEMPTION#")}
    shards = [cloud.partition("outbox", f"{own}OUTBOX#{shard}") for shard in range(OUTBOX_SHARDS)]
    outbox = {item.data["id"]: json.loads(item.data["detail"]) for items in shards for item in items}
    chain = cloud.partition("audit", f"{own}AUDIT")
    entries = [item.data for item in chain if item.sk.startswith("ENTRY#")]
    head = next((item.data for item in chain if item.sk == "HEAD"), {"sequence": 0, "hash": GENESIS})
    return Books(tenant, orders, payments, ledger, reservations, stock, movements, provider, coupons, customers,
                 redemptions, outbox, entries, head, cloud.dead_letters(tenant))  # fmt: skip


def _flat(order: Json) -> Json:
    return {**order, "status": order["state"]["status"]}


def accepted_returns(order: Json) -> list[Json]:
    """Each with what it gives back, `refund` and `restock`, beside its lines."""
    returns = order.get("returns", [])
    return [held | held["state"] for held in returns if held["state"]["status"] == "accepted"]


def is_sold(order: Json) -> bool:
    """Its goods are the buyer's, or have come back from there."""
    return order["status"] in KEPT or order["state"].get("reason") == "refunded"


def captured_and_refunded(rows: list[Json]) -> tuple[int, int]:
    return sum(row["captured_minor"] for row in rows), sum(row["refunded_minor"] for row in rows)


def never(books: Books) -> list[str]:
    """What is broken that may never be."""
    broken = []
    for order, entries in books.ledger.items():
        for entry in entries:
            debits = sum(posting["debit_minor"] for posting in entry["postings"])
            credits = sum(posting["credit_minor"] for posting in entry["postings"])
            if debits != credits:
                broken.append(f"I1 {order}: entry {entry['id']} debits {debits}, credits {credits}")
    for variant, stock in books.stock.items():
        if not 0 <= stock["reserved"] <= stock["on_hand"]:
            broken.append(f"I2 {variant}: {stock['reserved']} reserved of {stock['on_hand']}")
        if stock["available"] != stock["on_hand"] - stock["reserved"]:
            broken.append(f"I2 {variant}: {stock['available']} available, not on hand less reserved: {stock}")
    for order, rows in books.provider.items():
        captures, (captured, refunded) = sum(row["captures"] for row in rows), captured_and_refunded(rows)
        if captures > 1:
            broken.append(f"I6 {order}: {captures} captures at the provider")
        if not 0 <= refunded <= captured:
            broken.append(f"I7 {order}: {refunded} refunded of {captured} captured")
    broken += _broken_chain(books)
    broken += [f"I16 dead letter: {message[:300]}" for message in books.dead]
    return broken


def _broken_chain(books: Books) -> list[str]:
    """Recomputes the hash chain, as shared/domain/src/audit.rs builds it."""
    previous, sequence = GENESIS, 0
    for entry in books.audit:
        sequence += 1
        if entry["sequence"] != sequence or entry["previous_hash"] != previous or entry["hash"] != digest(entry):
            return [f"I11: the audit chain breaks at {sequence}: {entry}"]
        previous = entry["hash"]
    return []


def digest(entry: Json) -> str:
    hasher = hashlib.sha256()
    for name in ("sequence", "event_id", "action", "severity", "resource", "correlation_id", "after", "at",
                 "previous_hash"):  # fmt: skip
        text = str(entry[name]).encode()
        hasher.update(len(text).to_bytes(8, "big") + text)
    return hasher.hexdigest()


def at_rest(books: Books, given_back: dict[str, int] | None = None) -> list[str]:
    """What is not settled, or settled wrongly. `given_back`: minor units that the seller gave back, by order."""
    broken = []
    for order, value in books.orders.items():
        if value["status"] not in FINAL:
            broken.append(f"I4 {order}: {value['status']}")
        broken += _broken_money(books, order, (given_back or {}).get(order, 0))
    broken += _broken_stock(books)
    broken += _broken_coupons(books)
    broken += _broken_events(books)
    return broken


def _broken_money(books: Books, order: str, given_back: int) -> list[str]:
    """I1 and I8: our books are the provider's, and the order's state fits them."""
    broken = []
    value, rows, ledger = books.orders[order], books.provider.get(order, []), books.ledger[order]
    ours: Counter[tuple[str, str]] = Counter()
    theirs: Counter[tuple[str, str]] = Counter()
    for entry in ledger:
        side = "captured" if entry["kind"] in ("capture", "stray_capture") else "refunded"
        ours[side, entry["currency"]] += sum(posting["debit_minor"] for posting in entry["postings"])
    for row in rows:
        theirs["captured", row["currency"]] += row["captured_minor"]
        theirs["refunded", row["currency"]] += row["refunded_minor"]
    if +ours != +theirs:
        broken.append(f"I1 {order}: the ledger says {dict(+ours)}, the provider {dict(+theirs)}")
    captured, refunded = captured_and_refunded(rows)
    total = value["totals"]["total"]
    sold = is_sold(value)
    back = sum(held["refund"]["amount_minor"] for held in accepted_returns(value)) + given_back
    if sold and (captured, refunded) != (total["amount_minor"], back):
        broken.append(f"I8 {order}: {value['status']}, but {captured} captured and {refunded} refunded of {total}, "
                      f"of which {back} should go back")  # fmt: skip
    if not sold and captured != refunded:
        broken.append(f"I8 {order}: {value['status']}, but {captured} captured and {refunded} refunded")
    state = books.reservations.get(order, {}).get("state")
    if state not in (("committed",) if sold else ("released", "returned", "rejected")):
        broken.append(f"I8 {order}: {value['status']}, but its reservation is {state}")
    return broken


def _broken_stock(books: Books) -> list[str]:
    """I2 and I3."""
    broken = []
    held: Counter[str] = Counter()
    sold: Counter[str] = Counter()
    for reservation in books.reservations.values():
        for line in reservation["lines"]:
            held[line["variant_id"]] += line["quantity"] * (reservation["state"] == "held")
            sold[line["variant_id"]] += line["quantity"] * (reservation["state"] == "committed")
    for value in books.orders.values():
        for line in (line for held in accepted_returns(value) if held["restock"] for line in held["lines"]):
            sold[line["variant_id"]] -= line["quantity"]
    for variant, stock in books.stock.items():
        moved = sum(movement["delta"] for movement in books.movements[variant])
        orders = -sum(m["delta"] for m in books.movements[variant] if m["reason"] in ("sale", "return"))
        if stock["on_hand"] != moved:
            broken.append(f"I2 {variant}: {stock['on_hand']} on hand, but its movements add up to {moved}")
        if orders != sold[variant]:
            broken.append(f"I2 {variant}: {sold[variant]} sold to orders, but its movements say {orders}")
        if stock["reserved"] != held[variant]:
            broken.append(f"I3 {variant}: {stock['reserved']} reserved, but orders hold {held[variant]}")
    return broken


def _broken_coupons(books: Books) -> list[str]:
    """I8 and I13. The tables are read one after the other, so this holds at rest only."""
    broken = []
    held: Counter[str] = Counter()
    held_by: Counter[tuple[str, str]] = Counter()
    for redemption in books.redemptions.values():
        held[redemption["coupon_id"]] += redemption["state"] == "held"
        held_by[redemption["coupon_id"], redemption["email"]] += redemption["state"] == "held"
    for coupon in books.coupons:
        uses, cap = coupon["uses"], coupon["cap"]
        if uses != held[coupon["id"]] or (cap is not None and uses > cap):
            broken.append(f"I13 {coupon['code']}: {uses} uses of {cap}, held by {held[coupon['id']]} orders")
    for customer in books.customers:
        coupon, email = customer["coupon_id"], customer["email"]
        if customer["uses"] != held_by[coupon, email]:
            broken.append(f"I13 {coupon}: {customer['uses']} uses by {email}, held by {held_by[coupon, email]} orders")
    for order, value in books.orders.items():
        state = books.redemptions.get(order, {}).get("state")
        wanted = value.get("coupon") and ("held" if is_sold(value) else "released")
        if state != wanted:
            broken.append(f"I8 {order}: {value['status']}, but its coupon is {state}")
    return broken


def _broken_events(books: Books) -> list[str]:
    """I9 and I11: every event that was committed is published and audited, once, and nothing else is."""
    audited = Counter(entry["event_id"] for entry in books.audit)
    broken = [f"I9: {event['type']} {event_id} ({event['subject']}) was committed and is not audited"
              for event_id, event in books.outbox.items() if event_id not in audited]  # fmt: skip
    broken += [f"I9: event {event} is audited {times} times" for event, times in audited.items() if times > 1]
    broken += [f"I11: {event} is audited and was never committed" for event in audited if event not in books.outbox]
    if books.audit and (books.audit_head["sequence"], books.audit_head["hash"]) != (
        books.audit[-1]["sequence"], books.audit[-1]["hash"],
    ):  # fmt: skip
        broken.append(f"I11: the audit chain ends at {books.audit_head}, its last entry is {books.audit[-1]}")
    return broken


def check_now(seller: Seller) -> Books:
    """What may never be broken is not."""
    books = read(seller)
    broken = never(books)
    assert not broken, "\n".join(broken)
    return books


def check_at_rest(
    *sellers: Seller, within_s: float = WITHIN_S, given_back: dict[str, int] | None = None
) -> list[Books]:
    """Everything ends, and rightly."""
    return [_come_to_rest(seller, within_s, given_back) for seller in sellers]


def _come_to_rest(seller: Seller, within_s: float, given_back: dict[str, int] | None) -> Books:
    seen: list[Books] = []

    def look() -> list[str]:
        seen[:] = [check_now(seller)]
        return at_rest(seen[0], given_back)

    what = f"tenant {seller.tenant_id} at rest, with all its invariants"
    wait_for(what, look, lambda broken: not broken, within_s=within_s, every_s=LOOK_EVERY_S)
    return seen[0]
