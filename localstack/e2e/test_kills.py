"""The one process is killed where it stands, 200 times, while orders are under way, and started again each time."""

from __future__ import annotations

import os
import random
import secrets
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from .invariants import check_at_rest
from .process import OwnProcess, own_process
from .shop import Seller, Shop
from .test_chaos import DECLINED, UNITS, Market, check_answers, check_api

KILLS = 200
# How long it lives: so long at the most after it has come up. One in so many dies while it starts.
LIFE_MAX_S = 0.15
START_MAX_S = 0.08
DIES_STARTING_IN = 5
SELLERS = 2
SHOPPERS = 8
ORDERS_MIN = 10
# What buyers do. Nobody is refunded and no mail is waited for: what was begun before a kill is left alone for a minute.
HABITS = ("success",) * 6 + (*DECLINED, "cancel", "cancel")
REST_WITHIN_S = 60


@pytest.mark.alone
@pytest.mark.only_process
def test_200_kills_lose_nothing_that_was_answered(shop: Shop) -> None:
    seed = os.environ.get("SELLEASI_SEED") or secrets.token_hex(4)
    print(f"SELLEASI_SEED={seed}")
    with own_process(shop.stack, "kills") as process:
        process.start()
        process.wait_until_up()
        market = Market(Shop(process.stack), HABITS)
        sellers = [Seller.onboard(market.crowd) for _ in range(SELLERS)]
        market.stalls = [(seller, seller.product("A novel", UNITS)) for seller in sellers]
        with ThreadPoolExecutor(SHOPPERS) as pool:
            shoppers = [pool.submit(market.shop, random.Random(f"{seed} shopper {n}")) for n in range(SHOPPERS)]
            try:
                kill_again_and_again(process, random.Random(f"{seed} reaper"))
            finally:
                market.closed.set()
        for shopper in shoppers:
            shopper.result()
        books = check_at_rest(*sellers, within_s=REST_WITHIN_S)
        check_answers(market, books)
        check_api(sellers, books)
        assert not market.bad_answers, "\n".join(market.bad_answers)
        assert not market.crowd.cloud.dead_letters()
        assert len(market.orders) >= ORDERS_MIN, "a test of nothing"
        print(f"{KILLS} kills, {len(market.orders)} orders")
        process.stop()
        assert not process.broken_pages()


def kill_again_and_again(process: OwnProcess, chance: random.Random) -> None:
    """It runs when this ends."""
    for _ in range(KILLS):
        if chance.randrange(DIES_STARTING_IN) == 0:
            time.sleep(chance.uniform(0, START_MAX_S))
        else:
            process.wait_until_up()
            time.sleep(chance.uniform(0, LIFE_MAX_S))
        process.kill()
        process.start()
    process.wait_until_up()
