"""What the provider sends is a hint: however often, late or false it comes, money moves once and rightly."""

from __future__ import annotations

import pytest

from .invariants import check_at_rest
from .shop import Buyer, Order, Seller, Shop
from .waiting import wait_for

PRICE = 450_000
COPIES = 50


@pytest.fixture
def order(seller: Seller) -> Order:
    """An order that can be paid."""
    buyer = Buyer.guest(seller)
    buyer.add(seller.product("A novel", {"PB": (PRICE, 5)}).only)
    order = buyer.order()
    assert order.reference
    return order


def test_delivered_fifty_times_at_once_it_counts_once(shop: Shop, seller: Seller, order: Order) -> None:
    shop.paystack.fault("webhook_duplicated", copies=COPIES, reference=order.reference)
    order.pay()
    order.wait_until("confirmed")
    delivered = wait_for("all copies delivered", lambda: shop.paystack.webhooks(order.reference),
                         lambda found: len(found) == COPIES and all(d["state"] == "delivered" for d in found))  # fmt: skip
    again = shop.paystack.deliver_again(delivered[0]["id"], COPIES)
    assert again == [200] * COPIES

    check_at_rest(seller)
    assert [entry["kind"] for entry in order.ledger()] == ["capture"]
    assert order.book()[0]["captures"] == 1
    told = [(note["kind"], note["audience"]) for note in order.notifications()]
    assert sorted(told) == [("ORDER_CONFIRMATION", "buyer"), ("ORDER_CONFIRMATION", "seller")]
    assert len(order.buyer.mails()) == 1


def test_a_forged_one_is_refused_and_changes_nothing(shop: Shop, order: Order) -> None:
    before, payment = order.now(), order.payment()
    data = {"id": 1, "reference": order.reference, "status": "success", "amount": order.total_minor, "currency": "NGN"}
    assert shop.paystack.deliver_own("charge.success", data, forged=True) == [401]
    assert (order.now(), order.payment()) == (before, payment)
    assert shop.caller().send("POST", "/webhooks/paystack", json={"event": "charge.success"}).status_code == 401


def test_a_genuine_one_that_lies_moves_no_money(shop: Shop, order: Order) -> None:
    """Well signed, and still only a hint: the provider, asked, knows of no charge."""
    data = {"id": 1, "reference": order.reference, "status": "success", "amount": order.total_minor, "currency": "NGN"}
    assert shop.paystack.deliver_own("charge.success", data) == [200]
    processed = lambda: shop.cloud.all_of("requests", f"T#{order.buyer.seller.tenant_id}#INBOX#")  # noqa: E731
    wait_for("the webhook's audit", lambda: _audited(order, "WEBHOOK_RECEIVED"))
    assert order.status() == "pending" and order.ledger() == [], processed()
    order.pay()
    order.wait_until("confirmed")


def test_an_altered_one_is_refused_and_the_truth_found_anyway(shop: Shop, seller: Seller, order: Order) -> None:
    shop.paystack.fault("webhook_altered", reference=order.reference, event="charge.success")
    order.pay()
    order.wait_until("confirmed")
    (delivery,) = shop.paystack.webhooks(order.reference)
    assert delivery["attempts"][0]["status"] == 401
    assert order.payment()["captured"]["amount_minor"] == order.total_minor  # type: ignore[index]
    check_at_rest(seller)


@pytest.mark.parametrize("difference", [-1, 1, PRICE])
def test_another_amount_does_not_pay_and_goes_back(shop: Shop, seller: Seller, order: Order, difference: int) -> None:
    came = order.total_minor + difference
    shop.paystack.fault("wrong_amount", amount_minor=came, reference=order.reference)
    _goes_back(seller, order)
    assert order.book()[0]["refunded_minor"] == came


def test_another_currency_does_not_pay_and_goes_back(shop: Shop, seller: Seller, order: Order) -> None:
    shop.paystack.fault("wrong_currency", currency="USD", reference=order.reference)
    _goes_back(seller, order)
    assert {entry["currency"] for entry in order.ledger()} == {"USD"}


def _goes_back(seller: Seller, order: Order) -> None:
    order.pay()
    order.wait_until("cancelled")
    assert order.payment()["failure_reason"] == "amount_mismatch"  # type: ignore[index]
    check_at_rest(seller)
    assert sorted(entry["kind"] for entry in order.ledger()) == ["stray_capture", "stray_refund"]
    assert "ORDER_PAYMENT_COMPLETED" not in order.timeline()
    flagged = lambda: [m for m in seller.shop.cloud.mails(seller.email) if "check" in m.subject.lower()]  # noqa: E731
    assert len(wait_for("a mail that asks a person to look", flagged)) == 1


def _audited(order: Order, event: str) -> bool:
    seller = order.buyer.seller
    entries = seller.shop.cloud.partition("audit", f"T#{seller.tenant_id}#AUDIT", "ENTRY#")
    action = event.lower().replace("_", ".")
    return any(action in entry.data["action"].replace("_", ".") for entry in entries)
