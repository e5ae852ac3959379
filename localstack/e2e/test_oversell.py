"""More buyers than units, all at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx

from .invariants import check_at_rest, check_now
from .shop import Buyer, Order, Seller
from .waiting import wait_for

BUYERS = 64
UNITS = 10


def test_ten_units_are_sold_to_ten_of_64_buyers(seller: Seller) -> None:
    variant = seller.product("The last ones", {"ONLY": (99_900, UNITS)}).only
    start = threading.Barrier(BUYERS)

    def fill_cart(_: int) -> Buyer:
        buyer = Buyer.guest(seller, patient=True)
        buyer.add(variant)
        return buyer

    def order(buyer: Buyer) -> httpx.Response:
        start.wait()
        return buyer.shop.caller(buyer.tokens["access_token"], seller.slug).send("POST", "/orders", json=buyer.checkout())

    with ThreadPoolExecutor(BUYERS) as pool:
        buyers = list(pool.map(fill_cart, range(BUYERS)))
        answers = list(pool.map(order, buyers))

    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [201] * UNITS + [409] * (BUYERS - UNITS), [a.text for a in answers if a.status_code not in (201, 409)]
    for answer in answers:
        if answer.status_code == 409:
            problem = answer.json()
            (error,) = problem["errors"] or [{}]
            assert problem["code"] == "lines_unavailable", problem
            assert (error["pointer"], error["code"]) == (f"/lines/{variant.id}", "out_of_stock")
    assert seller.units(variant) == (UNITS, UNITS)
    check_now(seller)

    placed = [Order(b, a.json()) for b, a in zip(buyers, answers, strict=True) if a.status_code == 201]
    with ThreadPoolExecutor(UNITS) as pool:
        assert all(pool.map(Order.pay, placed))
        list(pool.map(lambda order: order.wait_until("confirmed"), placed))
    wait_for("all sold", lambda: seller.units(variant), lambda units: units == (0, 0))
    (books,) = check_at_rest(seller)
    assert len(books.orders) == UNITS and {o["status"] for o in books.orders.values()} == {"confirmed"}
