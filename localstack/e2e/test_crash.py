"""Every function process is killed where it stands, again and again, while orders are under way."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from .functions import kill_functions
from .invariants import check_at_rest, check_now
from .shop import Buyer, Order, Seller, Shop

ORDERS = 100
SHOPPERS = 8
PRICE = 450_000
# After so many orders have been placed. One less than the deliveries that a queue allows a message.
KILL_AFTER = (15, 35, 55, 75)
# A killed function's messages come again after this long. On AWS it is minutes.
VISIBLE_AGAIN_S = 8
# A mail or a refund that may be under way is left alone for a minute (the local stack's clocks agree).
REST_WITHIN_S = 600
# Of ten orders: what the buyer does.
HABITS = ("success",) * 6 + ("declined", "cancel", "pay and cancel", "insufficient_funds")


@pytest.mark.alone
@pytest.mark.only_deployed
def test_a_hundred_orders_survive_four_massacres(shop: Shop) -> None:
    sellers = [Seller.onboard(shop), Seller.onboard(shop)]
    variants = [seller.product("A novel", {"PB": (PRICE, 40), "HB": (PRICE, 200)}) for seller in sellers]
    counter, placed, killed = itertools.count(1), threading.Semaphore(0), []

    def shopper(number: int) -> Order | None:
        seller = sellers[number % 2]
        buyer = Buyer.guest(seller, patient=True)
        buyer.add(variants[number % 2].variant("PB" if number % 3 else "HB"))
        order = buyer.order()
        if next(counter) in KILL_AFTER:
            placed.release()
        habit = HABITS[number % len(HABITS)]
        if habit == "cancel":
            order.cancel()
            return order
        order.pay("success" if habit == "pay and cancel" else habit)
        # After a declined card an order waits until its window closes; nobody here has the time.
        if habit != "success":
            order.cancel()
        return order

    def killer() -> None:
        for _ in KILL_AFTER:
            placed.acquire()
            killed.append(kill_functions(shop.stack))

    with shop.cloud.in_a_hurry(VISIBLE_AGAIN_S, quiet_within_s=REST_WITHIN_S):
        reaper = threading.Thread(target=killer, daemon=True)
        reaper.start()
        with ThreadPoolExecutor(SHOPPERS) as pool:
            orders = list(pool.map(shopper, range(ORDERS)))
        reaper.join(10)
        assert len(killed) == len(KILL_AFTER) and all(killed), f"killed {killed}"
        for seller in sellers:
            check_now(seller)
        all_books = check_at_rest(*sellers, within_s=REST_WITHIN_S)

    statuses = {order: value["status"] for books in all_books for order, value in books.orders.items()}
    assert len(statuses) == ORDERS, "as many orders as were placed: a repeated request is one order"
    for number, order in enumerate(orders):
        expected = {"success": {"confirmed"}, "pay and cancel": {"refunded", "cancelled"}}
        habit = HABITS[number % len(HABITS)]
        assert statuses[order.id] in expected.get(habit, {"cancelled"}), f"{habit}: {order.id} {statuses[order.id]}"
