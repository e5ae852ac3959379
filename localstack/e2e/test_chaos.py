"""Two minutes in which everything fails at once: AWS, the provider, and the functions themselves."""

from __future__ import annotations

import os
import random
import secrets
import threading
import time
from collections import Counter
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest

from .failing_aws import STRUCK, failing_aws, weather
from .functions import kill_functions
from .invariants import Books, check_at_rest, check_now
from .paystack_sandbox import Paystack
from .shop import PATIENCE_S, Buyer, Order, Product, Refused, Seller, Shop, Variant
from .waiting import wait_for

CHAOS_S = 120.0
SELLERS = 3
SHOPPERS = 8
PRICE = 450_000
# The few are sold out soon, and come back with every order that is cancelled and whenever somebody was turned away.
UNITS = {"FEW": (PRICE, 12), "MANY": (PRICE, 2_000)}
SKUS = ("FEW", "MANY")
QUANTITY_MAX = 3
# Every so often the weather changes, and some functions are killed: of all that run, up to this share.
TURN_S = 4.0
KILLED_MAX = 0.4
STORM_IN = 4
# A killed function's messages come again after this long. On AWS it is minutes.
VISIBLE_AGAIN_S = 8
# A mail or a refund that may be under way is left alone for a minute (the local stack's clocks agree).
REST_WITHIN_S = 600
# Of ten orders: what the buyer does, and how that may end.
DECLINED = ("declined", "insufficient_funds")
HABITS = ("success",) * 5 + (*DECLINED, "cancel", "pay and cancel", "pay and cancel")
ENDS = {"success": {"confirmed"}, "pay and cancel": {"refunded", "cancelled"}}
# What the gateway says when a function died during the call, or the authorizer. AWS says the second for both.
FUNCTION_GONE = ("Runtime.ExitError", '{"message": "Internal Server Error"}')
# What the provider does wrong, and how much of it in a turn. Nothing that changes what is owed: that has its own tests.
MISDEEDS: tuple[dict[str, Any], ...] = (
    {"kind": "answer_lost"}, {"kind": "answer_lost", "on": "refund"},
    {"kind": "error_5xx", "status": 500}, {"kind": "error_5xx", "status": 502, "took_effect": True},
    {"kind": "error_5xx", "on": "refund", "took_effect": True}, {"kind": "rate_limited"},
    {"kind": "timeout", "seconds": 7, "took_effect": True}, {"kind": "stale_status"},
    {"kind": "webhook_missing"}, {"kind": "webhook_late", "seconds": 5}, {"kind": "webhook_duplicated", "copies": 3},
    {"kind": "webhook_reordered"},
)  # fmt: skip
MISDEEDS_IN_A_TURN = 8


@dataclass
class Market:
    """The shoppers: where they buy, what they did, and what they were answered."""

    crowd: Shop  # of their own: all that it is answered is heard
    habits: tuple[str, ...] = HABITS
    stalls: list[tuple[Seller, Product]] = field(default_factory=list)
    orders: list[tuple[Order, str]] = field(default_factory=list)  # each with its buyer's habit
    restocked: Counter[str] = field(default_factory=Counter)  # one unit each time, by variant
    answers: Counter[int] = field(default_factory=Counter)
    bad_answers: list[str] = field(default_factory=list)
    closed: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.crowd.http.event_hooks = {"response": [self.hear]}

    def hear(self, answer: httpx.Response) -> None:
        """A failure has to say in our own words to come again, or to be the gateway's, for a function that is gone."""
        if answer.url.port != self.crowd.stack.port:
            return  # the provider's, or the mailbox's
        answer.read()
        kind = answer.headers.get("content-type", "")
        ours = answer.status_code == 503 and kind == "application/problem+json"
        with self._lock:
            self.answers[answer.status_code] += 1
            if answer.status_code >= 500 and not ours and not any(words in answer.text for words in FUNCTION_GONE):
                what = f"{answer.request.method} {answer.request.url.path}"
                self.bad_answers.append(f"{what}: {answer.status_code} {kind} {answer.text[:300]}")

    def shop(self, chance: random.Random) -> None:
        """One buyer after the other, until it closes."""
        while not self.closed.is_set():
            seller, product = chance.choice(self.stalls)
            variant, quantity = product.variant(chance.choice(SKUS)), chance.randint(1, QUANTITY_MAX)
            habit = chance.choice(self.habits)
            buyer = Buyer.guest(seller, patient=True)
            try:
                buyer.add(variant, quantity)
                order = buyer.order()
            except Refused as refused:
                if refused.code not in ("out_of_stock", "lines_unavailable"):
                    raise
                self.restock(seller, variant)
                continue
            assert [line["quantity"] for line in order.placed["lines"]] == [quantity], order.placed
            if habit != "cancel" and not pay(order, "success" if habit == "pay and cancel" else habit):
                habit = "given up"
            # After a declined card an order waits until its window closes; nobody here has the time.
            if habit in ("cancel", "pay and cancel", *DECLINED):
                order.cancel()
            assert "ORDER_CREATED" in order.timeline()
            with self._lock:
                self.orders.append((order, habit))

    def restock(self, seller: Seller, variant: Variant) -> None:
        patient = replace(seller.api, patient=True)
        patient.call("POST", f"/inventory/{variant.id}/adjust", json={"delta": 1, "reason": "restock"})
        with self._lock:
            self.restocked[variant.id] += 1


def pay(order: Order, card: str) -> bool:
    """False if there is nowhere to pay: the provider failed so often that the order was given up."""
    opened = wait_for(f"a checkout for order {order.number}", order.payment,
                      lambda payment: payment and (payment["checkout_url"] or payment["status"] == "failed"),
                      within_s=PATIENCE_S)  # fmt: skip
    if not (opened or {})["checkout_url"]:
        return False
    order.pay(card)
    return True


@pytest.mark.alone
@pytest.mark.only_deployed
def test_two_minutes_of_everything_failing(shop: Shop) -> None:
    seed = os.environ.get("SELLEASI_SEED") or secrets.token_hex(4)
    print(f"SELLEASI_SEED={seed}")
    market, numbers = Market(Shop(shop.stack)), Counter[str]()
    sellers = [Seller.onboard(market.crowd) for _ in range(SELLERS)]
    market.stalls = [(seller, seller.product("A novel", UNITS)) for seller in sellers]

    hurry = shop.cloud.in_a_hurry(VISIBLE_AGAIN_S, quiet_within_s=REST_WITHIN_S)
    with hurry, failing_aws(shop.stack, shop.http, seed) as aws:
        # Apart from each other, for how often is drawn for the killing depends on how many run.
        skies, malice, reaper = (random.Random(f"{seed} {whose}") for whose in ("skies", "malice", "reaper"))
        ends = time.monotonic() + CHAOS_S
        with ThreadPoolExecutor(SHOPPERS) as pool:
            shoppers = [pool.submit(market.shop, random.Random(f"{seed} shopper {n}")) for n in range(SHOPPERS)]
            try:
                while time.monotonic() < ends and not any(shopper.done() for shopper in shoppers):
                    aws.arm(weather(skies, storm=skies.randrange(STORM_IN) == 0))
                    mistreat(shop.paystack, malice)
                    numbers["functions killed"] += kill_functions(shop.stack, reaper.uniform(0, KILLED_MAX), reaper)
                    check_now(malice.choice(sellers))
                    wait(shoppers, TURN_S, FIRST_EXCEPTION)
                    numbers["misdeeds of the provider"] += MISDEEDS_IN_A_TURN - len(shop.paystack.armed())
            finally:
                market.closed.set()
                aws.disarm()
                shop.paystack.disarm()
            calm = time.monotonic()
        for shopper in shoppers:
            shopper.result()
        check_at_rest(*sellers, within_s=REST_WITHIN_S)
        numbers["seconds until the tenants were at rest"] = round(time.monotonic() - calm)
        numbers["calls to AWS"], failures = aws.calls(), aws.failures()
    numbers["seconds until the queues were"] = round(time.monotonic() - calm)
    numbers["failures of AWS"] = failures.total()
    numbers["orders"], numbers["turned away"] = len(market.orders), market.restocked.total()
    numbers["given up"] = sum(habit == "given up" for _, habit in market.orders)
    tell(shop, seed, numbers, failures, market.answers)

    assert not market.bad_answers, "\n".join(market.bad_answers)
    books = check_at_rest(*sellers)
    check_answers(market, books)
    check_mails(market)
    check_api(sellers, books)
    assert {failure.rsplit(" ", 1)[0] for failure in failures} >= STRUCK, "a test of nothing"


def check_answers(market: Market, all_books: list[Books]) -> None:
    """I15: whatever was answered is there, once, and nothing else is."""
    statuses = {order: value["status"] for books in all_books for order, value in books.orders.items()}
    assert sorted(statuses) == sorted(order.id for order, _ in market.orders)
    for order, habit in market.orders:
        assert statuses[order.id] in ENDS.get(habit, {"cancelled"}), f"{habit}: {order.id} {statuses[order.id]}"
    movements = [move for books in all_books for moves in books.movements.values() for move in moves]
    restocked = Counter(move["variant_id"] for move in movements if move["reason"] == "restock")
    assert restocked == market.restocked


def check_mails(market: Market) -> None:
    """Buyer and seller were told of what was sold, once."""
    for order in (order for order, _ in market.orders if order.status() == "confirmed"):
        told = [(note["audience"], bool(note["sent_at"])) for note in order.notifications()]
        assert sorted(told) == [("buyer", True), ("seller", True)], f"{order.id}: {order.notifications()}"


def check_api(sellers: list[Seller], all_books: list[Books]) -> None:
    """What the sellers are told is what the tables hold."""
    for seller, books in zip(sellers, all_books, strict=True):
        told = {order["id"]: order["status"] for order in seller.orders()}
        assert told == {order: value["status"] for order, value in books.orders.items()}
        for variant, held in books.stock.items():
            stock = seller.api.call("GET", f"/inventory/{variant}")
            assert (stock["on_hand"], stock["reserved"]) == (held["on_hand"], 0)


def mistreat(paystack: Paystack, chance: random.Random) -> None:
    """Gives the provider new misdeeds, in place of those it has not done yet."""
    paystack.disarm()
    for misdeed in chance.sample(MISDEEDS, MISDEEDS_IN_A_TURN):
        paystack.fault(**misdeed)


def tell(shop: Shop, seed: str, numbers: Counter[str], failures: Counter[str], answers: Counter[int]) -> None:
    """What happened, where it can be read when all went well, too."""
    lines = [f"SELLEASI_SEED={seed}", *(f"{count:6} {what}" for what, count in numbers.items())]
    lines += ["", *(f"{count:6} {what}" for what, count in sorted(failures.items()))]
    lines += ["", *(f"{count:6} answers {status}" for status, count in sorted(answers.items()))]
    print("\n".join(lines))
    (shop.stack.state / "logs" / "chaos.txt").write_text("\n".join(lines) + "\n")
