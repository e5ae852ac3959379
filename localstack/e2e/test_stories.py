"""The three stories that the demo tells: bought, declined, called off."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from .invariants import check_at_rest
from .shop import Buyer, Order, Seller, new_key
from .waiting import wait_for

pytestmark = pytest.mark.deployed

PRICE = 450_000


def test_paid_and_confirmed(seller: Seller) -> None:
    book = seller.product("Things Fall Apart", {"PB": (PRICE, 10), "HB": (2 * PRICE, 5)})
    buyer = Buyer.guest(seller)
    buyer.add(book.variant("PB"), 2)
    cart = buyer.add(book.variant("HB"))
    assert [line["state"] for line in cart["lines"]] == ["available"] * 2

    order = buyer.order()
    assert order.placed["status"] == "pending" and order.total_minor == 4 * PRICE
    assert seller.units(book.variant("PB")) == (10, 2), "reserved at once"
    assert buyer.cart()["lines"] == [], "what is ordered is no longer in the cart"

    assert order.pay("success")
    order.wait_until("confirmed")
    assert order.timeline() == ["ORDER_CREATED", "ORDER_PAYMENT_COMPLETED", "ORDER_CONFIRMED"]
    assert seller.units(book.variant("PB")) == (8, 0) and seller.units(book.variant("HB")) == (4, 0)

    payment = order.wait_for_payment("captured")
    assert payment["captured"] == {"amount_minor": order.total_minor, "currency": "NGN"}
    assert [entry["kind"] for entry in order.ledger()] == ["capture"]
    (mail,) = wait_for("the buyer's mail", buyer.mails)
    assert "is confirmed" in mail.subject and order.number in mail.text
    sellers = lambda: [m for m in seller.shop.cloud.mails(seller.email) if order.number in m.subject]  # noqa: E731
    assert len(wait_for("the seller's mail", sellers)) == 1
    check_at_rest(seller)
    assert [o["number"] for o in seller.orders(status="confirmed")] == [order.number]


def test_after_two_declined_cards_a_third_one_pays(seller: Seller) -> None:
    variant = seller.product("A novel", {"PB": (PRICE, 3)}).only
    seller.coupon("SAVE10", 1_000, cap=1)
    buyer = Buyer.guest(seller)
    buyer.add(variant, 2)
    buyer.apply("save10")
    order = buyer.order()
    assert not order.pay("declined")
    told = wait_for("the declined card", order.payment, lambda payment: payment and payment["last_error"])
    assert told and told["last_error"]["code"] == "declined" and told["status"] == "pending"
    assert not order.pay("insufficient_funds")
    assert order.status() == "pending" and seller.units(variant) == (3, 2), "the order waits"

    assert order.pay("success")
    order.wait_until("confirmed")
    assert order.timeline() == ["ORDER_CREATED", "ORDER_PAYMENT_COMPLETED", "ORDER_CONFIRMED"]
    assert order.wait_for_payment("captured")["last_error"] is None
    (mail,) = wait_for("the buyer's mail", buyer.mails)
    assert "is confirmed" in mail.subject
    assert buyer.cart()["lines"] == [] and order.book()[0]["refunded_minor"] == 0
    check_at_rest(seller)
    assert seller.units(variant) == (1, 0)


def test_a_buyer_whose_card_was_declined_cancels(seller: Seller) -> None:
    variant = seller.product("A novel", {"PB": (PRICE, 3)}).only
    buyer = Buyer.guest(seller)
    buyer.add(variant, 2)
    order = buyer.order()
    assert seller.units(variant) == (3, 2)
    assert not order.pay("declined")

    order.cancel()
    order.wait_until("cancelled")
    assert order.now()["cancel_reason"] == "buyer"
    wait_for("the stock back", lambda: seller.units(variant), lambda units: units == (3, 0))
    assert order.ledger() == [] and order.book()[0]["captures"] == 0
    assert [line["quantity"] for line in buyer.cart()["lines"]] == [2], "the cart is given back"
    assert "is cancelled" in wait_for("the buyer's mail", buyer.mails)[0].subject
    check_at_rest(seller)


def test_cancelled_while_it_waits_for_its_payment(seller: Seller) -> None:
    variant = seller.product("A novel", {"PB": (PRICE, 3)}).only
    buyer = Buyer.guest(seller)
    buyer.add(variant)
    order = buyer.order()
    order.checkout()
    assert order.cancel()["status"] in ("cancel_requested", "cancelled")
    order.wait_until("cancelled")
    assert order.now()["cancel_reason"] == "buyer"
    wait_for("the stock back", lambda: seller.units(variant), lambda units: units == (3, 0))
    check_at_rest(seller)


def test_cancelled_at_once(seller: Seller) -> None:
    """Before the payment has even been opened: the two must not miss each other, whichever comes first."""
    variant = seller.product("A novel", {"PB": (PRICE, 20)}).only

    def order_and_cancel(_: int) -> Order:
        buyer = Buyer.guest(seller)
        buyer.add(variant)
        order = buyer.order()
        order.cancel()
        return order

    with ThreadPoolExecutor(5) as pool:
        orders = list(pool.map(order_and_cancel, range(20)))
    for order in orders:
        order.wait_until("cancelled")
    wait_for("the stock back", lambda: seller.units(variant), lambda units: units == (20, 0))
    check_at_rest(seller)


def test_cancelled_after_it_was_paid_is_refunded(seller: Seller) -> None:
    variant = seller.product("A novel", {"PB": (PRICE, 3)}).only
    buyer = Buyer.guest(seller)
    order = buyer.buy(variant, 2)
    order.wait_until("confirmed")
    assert seller.units(variant) == (1, 0)
    order.cancel()
    order.wait_until("refunded")
    wait_for("the stock back", lambda: seller.units(variant), lambda units: units == (3, 0))
    (book,) = order.book()
    assert book["captured_minor"] == book["refunded_minor"] == order.total_minor
    assert sorted(entry["kind"] for entry in order.ledger()) == ["capture", "refund"]
    assert any("refund" in mail.subject.lower() for mail in wait_for("the buyer's mails", buyer.mails, lambda m: len(m) > 2))
    check_at_rest(seller)


def test_a_refund_that_paystack_never_tells_of_is_found(seller: Seller) -> None:
    variant = seller.product("A novel", {"PB": (PRICE, 3)}).only
    order = Buyer.guest(seller).buy(variant)
    order.wait_until("confirmed")
    seller.shop.paystack.fault("webhook_missing", reference=order.reference, times=None)
    order.cancel()
    order.wait_until("refunded")
    check_at_rest(seller)


def test_the_seller_gives_a_part_back(seller: Seller) -> None:
    variant = seller.product("A novel", {"PB": (PRICE, 3)}).only
    order = Buyer.guest(seller).buy(variant)
    order.wait_until("confirmed")
    path, part = f"/orders/{order.id}/payment/refunds", {"amount": {"amount_minor": 50_000, "currency": "NGN"}}
    key = new_key()
    refund = seller.api.call("POST", path, 201, key=key, json=part)
    assert seller.api.call("POST", path, 201, key=key, json=part) == refund, "asked twice, given once"
    assert seller.api.call("POST", path, 409, key=new_key(), json={})["code"] == "cancel_instead"
    payment = order.wait_for_payment("partially_refunded")
    assert payment["refunded"] == part["amount"] and order.status() == "confirmed"
    assert [entry["kind"] for entry in order.ledger()] == ["capture", "refund"]
    check_at_rest(seller, given_back={order.id: 50_000})

    order.cancel()
    order.wait_until("refunded")
    check_at_rest(seller)
