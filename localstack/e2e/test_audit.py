"""The audit trail: whatever happened is in it, once, and nothing can be taken out or changed unseen."""

from __future__ import annotations

import json

import pytest

from .invariants import _broken_chain, check_at_rest
from .shop import Buyer, Seller

pytestmark = pytest.mark.deployed


def test_an_orders_every_event_is_in_a_chain_that_verifies(seller: Seller) -> None:
    order = Buyer.guest(seller).buy(seller.product("A novel", {"PB": (450_000, 5)}).only)
    order.wait_until("confirmed")
    order.cancel()
    order.wait_until("refunded")
    (books,) = check_at_rest(seller)

    of_order = [event for event in books.outbox.values() if event["data"].get("order_id") == order.id]
    types = {event["type"] for event in of_order}
    assert {"ORDER_CREATED", "PAYMENT_INITIATED", "PAYMENT_COMPLETED", "ORDER_PAYMENT_COMPLETED", "STOCK_COUNT_UPDATED",
            "ORDER_CONFIRMED", "ORDER_CANCELLED", "STOCK_RELEASED", "REFUND_INITIATED", "REFUND_COMPLETED",
            "ORDER_REFUNDED"} <= types  # fmt: skip
    audited = {entry["event_id"]: entry for entry in books.audit}
    for event in of_order:
        entry = audited[event["id"]]
        assert json.loads(entry["after"]) == event["data"], event["type"]
        assert (entry["resource"], entry["correlation_id"]) == (event["subject"], event["correlation_id"])

    # What the check is worth: it sees a change, a gap and a swap.
    assert _broken_chain(books) == []
    chain = books.audit
    middle = len(chain) // 2
    books.audit = [*chain[:middle], chain[middle] | {"severity": "critical", "action": "x"}, *chain[middle + 1 :]]
    assert _broken_chain(books)
    books.audit = [*chain[:middle], *chain[middle + 1 :]]
    assert _broken_chain(books)
    books.audit = [*chain[:middle], chain[middle + 1], chain[middle], *chain[middle + 2 :]]
    assert _broken_chain(books)
