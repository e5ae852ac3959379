"""What operators do: look at dead letters, move them back, and publish events again."""

from __future__ import annotations

import datetime
import json
import secrets

import pytest

from .invariants import check_at_rest
from .shop import Buyer, Seller, Shop
from .waiting import wait_for

pytestmark = pytest.mark.deployed

QUEUE = "orders-expire"
REASON = "poison: the subject is no id of its kind"


def test_a_dead_letter_is_seen_with_its_reason_and_moved_back(shop: Shop, seller: Seller) -> None:
    """A timer about nothing. It is poison, so that it ends among the dead letters each time it is tried."""
    now, correlation_id = _text(_now()), f"req-{secrets.token_hex(6)}"
    poison = {"tenant_id": seller.tenant_id, "subject": "nothing", "due_at": now, "attempt": 0, "since": now,
              "correlation_id": correlation_id, "causation_id": None, "traceparent": None}  # fmt: skip

    def shown() -> list[dict]:
        queues = shop.cloud.invoke("platform-dead-letters", {"function": QUEUE, "max": 100})["queues"]
        return [letter for queue in queues for letter in queue["messages"] if letter["correlation_id"] == correlation_id]

    shop.cloud.send(QUEUE, json.dumps(poison))
    try:
        (letter,) = wait_for("the dead letter", shown)
        assert letter["reason"] == REASON
        assert (letter["tenant_id"], letter["subject"], letter["event_type"]) == (seller.tenant_id, "nothing", None)
        # Which the look hides for some seconds.
        redriven = {"function": QUEUE, "reason_prefix": "poison"}
        wait_for("the move", lambda: shop.cloud.invoke("platform-redrive", redriven)["moved"])
        (again,) = wait_for("the dead letter again", shown)
        assert again["reason"] == REASON and again["sent_at"] != letter["sent_at"]
    finally:
        wait_for("its end", lambda: shop.cloud.delete_dead_letters(QUEUE, correlation_id))


def test_events_that_are_published_again_change_nothing(shop: Shop, seller: Seller) -> None:
    start = _now() - datetime.timedelta(minutes=5)
    product = seller.product("A novel", {"PB": (450_000, 5)})
    order = Buyer.guest(seller).buy(product.only)
    order.wait_until("confirmed")
    (before,) = check_at_rest(seller)
    wanted = {"tenant_id": seller.tenant_id, "from": _text(start), "to": _text(_now())}
    answer = shop.cloud.invoke("platform-republish", wanted)
    assert answer == {"published": len(before.outbox), "next": None}
    (after,) = check_at_rest(seller)
    assert len(after.audit) == len(before.audit) and len(after.outbox) == len(before.outbox)
    assert seller.units(product.only) == (4, 0) and order.status() == "confirmed"


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _text(time: datetime.datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
