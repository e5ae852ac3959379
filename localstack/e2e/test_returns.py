"""What comes after the sale: the goods go to the buyer, and some of them come back."""

from __future__ import annotations

import pytest

from .invariants import check_at_rest
from .shop import Buyer, Refused, Seller
from .waiting import wait_for

pytestmark = pytest.mark.deployed

PRICE = 450_000


def test_sent_delivered_and_one_of_two_returned(seller: Seller) -> None:
    variant = seller.product("A novel", {"PB": (PRICE, 5)}).only
    buyer = Buyer.guest(seller)
    order = buyer.buy(variant, 2)
    order.wait_until("confirmed")
    assert seller.units(variant) == (3, 0)

    tracking = {"courier": "GIG Logistics", "number": "GIG-204-118"}
    sent = order.fulfil("dispatched", tracking=tracking)
    assert (sent["status"], sent["fulfilment"]["tracking"]) == ("fulfilled", tracking)
    with pytest.raises(Refused) as refused:
        order.cancel()
    assert (refused.value.status, refused.value.code) == (409, "invalid_state")
    assert order.fulfil("delivered")["status"] == "completed"
    assert order.now()["fulfilment"]["status"] == "delivered"

    asked = order.ask_return(variant)
    assert asked["status"] == "requested"
    accepted = order.decide_return(asked["id"], accept=True, restock=True)
    assert accepted["refund"] == {"amount_minor": PRICE, "currency": "NGN"}
    assert order.decide_return(asked["id"], accept=True, restock=True) == accepted, "the same decision, the same answer"
    with pytest.raises(Refused) as refused:
        order.decide_return(asked["id"], accept=False)
    assert (refused.value.status, refused.value.code) == (409, "already_decided")

    wait_for("the unit back", lambda: seller.units(variant), lambda units: units == (4, 0))
    payment = order.wait_for_payment("partially_refunded")
    assert payment["refunded"]["amount_minor"] == PRICE
    (book,) = order.book()
    assert (book["captured_minor"], book["refunded_minor"]) == (order.total_minor, PRICE)
    assert sorted(entry["kind"] for entry in order.ledger()) == ["capture", "refund"]

    with pytest.raises(Refused) as refused:
        order.ask_return(variant, 2)
    (error,) = refused.value.problem["errors"]
    assert (refused.value.status, error["pointer"], error["code"]) == (422, "/lines/0/quantity", "too_many")

    told = lambda: " ".join(f"{mail.subject} {mail.text}" for mail in buyer.mails())  # noqa: E731
    for part in ("is on its way", tracking["number"], "is delivered", "NGN 4,500.00 of what you paid"):
        wait_for(f"the buyer is told: {part}", told, lambda text, part=part: part in text)
    assert order.now()["status"] == "completed", "a part of the money is not all of it"
    assert order.now()["returns"] == [accepted]
    check_at_rest(seller)


def test_everything_returned_is_refunded(seller: Seller) -> None:
    """The store ships for nothing, so the goods' part is all of the money."""
    variant = seller.product("A novel", {"PB": (PRICE, 5)}).only
    order = Buyer.guest(seller).buy(variant, 2)
    order.wait_until("confirmed")
    order.fulfil("dispatched")
    order.fulfil("delivered")
    for _ in range(2):
        order.decide_return(order.ask_return(variant)["id"], accept=True)
    wait_for("all of it back", order.now, lambda now: now["status"] == "refunded")
    assert order.now()["cancel_reason"] == "refunded"
    assert seller.units(variant) == (3, 0), "what cannot be sold again is not on hand again"
    check_at_rest(seller)
