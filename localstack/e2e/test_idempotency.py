"""The same request again has one effect and one answer."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx

from .invariants import check_at_rest
from .shop import Buyer, Seller, new_key
from .waiting import wait_for

AT_ONCE = 50


def test_fifty_times_at_once_is_one_order(seller: Seller) -> None:
    variant = seller.product("A novel", {"PB": (450_000, 100)}).only
    buyer = Buyer.guest(seller)
    buyer.add(variant, 2)
    key, body, start = new_key(), buyer.checkout(), threading.Barrier(AT_ONCE)

    def order(_: int) -> httpx.Response:
        start.wait()
        return buyer.api.send("POST", "/orders", key=key, json=body)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(order, range(AT_ONCE)))
    assert {answer.status_code for answer in answers} == {201}, [a.text for a in answers if a.status_code != 201][:3]
    assert len({answer.content for answer in answers}) == 1
    assert [o["id"] for o in buyer.api.pages("/orders")] == [answers[0].json()["id"]]
    assert seller.units(variant) == (100, 2)

    written_otherwise = json.dumps(dict(reversed(body.items())), indent=2).encode()
    for rest in ({"json": body}, {"content": written_otherwise, "headers": {"Content-Type": "application/json"}}):
        again = buyer.api.send("POST", "/orders", key=key, **rest)
        assert (again.status_code, again.content) == (201, answers[0].content)
    other = buyer.api.send("POST", "/orders", key=key, json=body | {"note": "another one"})
    assert other.status_code == 422 and "idempotency" in other.json()["code"], other.text
    missing = buyer.api.send("POST", "/orders", key="", json=body)
    assert missing.status_code == 400 and "idempotency" in missing.json()["code"], missing.text


def test_a_key_is_the_callers_own(seller: Seller) -> None:
    """Another buyer's order under the same key is another order."""
    variant = seller.product("A novel", {"PB": (450_000, 100)}).only
    key = new_key()
    buyers = [Buyer.guest(seller), Buyer.guest(seller)]
    for buyer in buyers:
        buyer.add(variant)
    assert len({buyer.order(key=key).id for buyer in buyers}) == 2


def test_stock_is_adjusted_once_and_an_order_cancelled_once(seller: Seller) -> None:
    variant = seller.product("A novel", {"PB": (450_000, 10)}).only
    key, body = new_key(), {"delta": 5, "reason": "restock"}
    path = f"/inventory/{variant.id}/adjust"
    answers = [seller.api.send("POST", path, key=key, json=body) for _ in range(3)]
    assert {(a.status_code, a.content) for a in answers} == {(200, answers[0].content)}
    assert seller.units(variant) == (15, 0)

    order = Buyer.guest(seller).buy(variant)
    order.wait_until("confirmed")
    key, path = new_key(), f"/orders/{order.id}/cancel"
    cancels = [order.buyer.api.send("POST", path, key=key) for _ in range(3)]
    assert {(a.status_code, a.content) for a in cancels} == {(200, cancels[0].content)}
    order.wait_until("refunded")
    wait_for("the stock back", lambda: seller.units(variant), lambda units: units == (15, 0))
    check_at_rest(seller)
    assert order.timeline().count("ORDER_CANCELLED") == 1
