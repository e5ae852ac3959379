"""Coupons: used when an order is placed, given back when it is cancelled, and never more often than they may be."""

from __future__ import annotations

import pytest

from .invariants import check_at_rest
from .shop import Buyer, Order, Seller
from .waiting import wait_for

pytestmark = pytest.mark.deployed

PRICE = 450_000


def uses(seller: Seller, coupon: dict[str, object]) -> int:
    return seller.api.call("GET", f"/coupons/{coupon['id']}")["uses"]


def with_coupon(seller: Seller, variant, code: str = "save10") -> Buyer:  # noqa: ANN001
    """A new buyer, with one unit and the coupon in the cart."""
    buyer = Buyer.guest(seller)
    buyer.add(variant)
    buyer.apply(code)
    return buyer


def refusal(buyer: Buyer) -> tuple[int, str]:
    """How ordering is refused."""
    answer = buyer.api.send("POST", "/orders", json=buyer.checkout())
    return answer.status_code, answer.json()["code"]


def test_used_exhausted_given_back_and_used_again(seller: Seller) -> None:
    variant = seller.product("A novel", {"PB": (PRICE, 10)}).only
    coupon = seller.coupon("SAVE10", 1_000, cap=1)
    first, second = with_coupon(seller, variant), with_coupon(seller, variant)
    cart = first.cart()
    assert cart["coupon"] == {"code": "SAVE10", "discount": cart["totals"]["discount"], "problem": None}
    assert cart["totals"]["discount"]["amount_minor"] == PRICE // 10

    order = first.order()
    assert order.placed["coupon"]["coupon_id"] == coupon["id"]
    assert order.placed["totals"]["discount"]["amount_minor"] == PRICE // 10
    assert uses(seller, coupon) == 1
    assert second.cart()["coupon"]["problem"]["code"] == "coupon_exhausted", "the cart tells, and can still be seen"
    assert refusal(second) == (409, "coupon_exhausted")

    order.cancel()
    order.wait_until("cancelled")
    wait_for("the use back", lambda: uses(seller, coupon), lambda n: n == 0)
    again = second.order()
    assert again.pay()
    again.wait_until("confirmed")
    assert again.wait_for_payment("captured")["captured"]["amount_minor"] == again.total_minor
    (mail,) = wait_for("the buyer's mail", second.mails)
    assert "coupon SAVE10" in mail.text
    assert uses(seller, coupon) == 1
    check_at_rest(seller)


def test_a_refunded_order_gives_its_use_back(seller: Seller) -> None:
    variant = seller.product("A novel", {"PB": (PRICE, 10)}).only
    coupon = seller.coupon("SAVE10", 1_000, cap=1)
    order = with_coupon(seller, variant).order()
    assert order.pay()
    order.wait_until("confirmed")
    order.cancel()
    order.wait_until("refunded")
    wait_for("the use back", lambda: uses(seller, coupon), lambda n: n == 0)
    check_at_rest(seller)


def test_once_for_each_customer(seller: Seller) -> None:
    variant = seller.product("A novel", {"PB": (PRICE, 10)}).only
    coupon = seller.coupon("SAVE10", 1_000, cap_per_customer=1)
    first = with_coupon(seller, variant)
    first.order()
    again = with_coupon(seller, variant)
    again.email = first.email.upper()
    assert refusal(again) == (409, "coupon_used"), "another cart, the same person"
    assert again.api.call("DELETE", "/cart/coupon")["coupon"] is None
    assert again.order().placed["coupon"] is None
    assert uses(seller, coupon) == 1


def test_codes_that_cannot_be_used(seller: Seller) -> None:
    variant = seller.product("A novel", {"PB": (PRICE, 10)}).only
    coupon = seller.coupon("SAVE10", 1_000)
    buyer = with_coupon(seller, variant)
    answer = buyer.api.send("POST", "/cart/coupon", json={"code": "NONE"})
    assert answer.status_code == 422
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [("/code", "unknown")]

    seller.api.call("PATCH", f"/coupons/{coupon['id']}", json={"active": False})
    assert buyer.cart()["coupon"]["problem"]["code"] == "coupon_not_applicable"
    assert refusal(buyer) == (409, "coupon_not_applicable")
    answer = buyer.api.send("POST", "/cart/coupon", json={"code": "SAVE10"})
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [("/code", "coupon_not_applicable")]


def test_a_used_coupon_can_be_deleted_and_its_order_cancelled(seller: Seller) -> None:
    variant = seller.product("A novel", {"PB": (PRICE, 10)}).only
    coupon = seller.coupon("SAVE10", 1_000)
    order: Order = with_coupon(seller, variant).order()
    seller.api.call("DELETE", f"/coupons/{coupon['id']}")
    order.cancel()
    order.wait_until("cancelled")
    check_at_rest(seller)
